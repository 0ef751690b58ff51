"""
Which package may import which, and what the parts without I/O may import.

C{python -m tests.test_imports} draws the picture in docs/architecture.md anew from L{PACKAGES}.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import kcptwisted
from tests.importgraph import circles, importGraph, imports, sourcesOf
from tests.test_docs import DOCS, section

PACKAGE = Path(kcptwisted.__file__).parent

#: Each package and what it imports of the others, lowest first: a package imports only what stands
#: above it here.  The modules of the root are packages of one module.
PACKAGES = {
    "moved": "",
    "__init__": "moved",
    "wire": "",
    "native": "",
    "stats": "",
    "congestion": "",
    "arq": "congestion stats wire",
    "connection": "arq stats wire",
    "errors": "arq",
    "interfaces": "stats",
    "layer": "interfaces",
    "smux": "interfaces",
    "crypt": "errors interfaces layer native stats wire",
    "options": "arq congestion connection crypt wire",
    "timing": "options",
    "fec": "interfaces layer native stats timing wire",
    "udp": "interfaces layer options stats",
    "session": "arq connection errors interfaces layer options stats timing udp wire",
    "accounts": "interfaces session stats timing",
    "qlog": "__init__ arq congestion connection interfaces layer options session stats udp wire",
    "stack": "accounts crypt fec interfaces layer options qlog session stats timing udp wire",
    "server": "errors interfaces options session stack stats timing udp wire",
    "client": "connection errors interfaces options session stack timing udp wire",
    "siteservice": "",
    "logs": "",
    "metrics": "accounts session siteservice",
    "status": "accounts session siteservice udp",
    "workers": "accounts interfaces metrics options server stack stats status udp wire",
    "endpoints": "client interfaces options server stack timing udp workers",
    "endpointstrings": "endpoints options smux",
    "testing": "interfaces options stats udp",
    "services": "__init__ crypt endpoints errors interfaces logs metrics options server smux stats"
    " status udp workers",
    "commands": "__init__ crypt endpoints fec interfaces layer native options session smux stack"
    " stats status testing udp wire",
    "__main__": "__init__ commands native services",
}

#: No module may have more lines.
LONGEST = 400

#: Packages without I/O: bytes and the time go in, bytes and deadlines come out.
CORE = ["stats", "wire", "native", "arq", "congestion", "connection", "crypt", "fec"]

#: Modules in these packages that join them to Twisted.
JOINING = [
    "congestion.registry",
    "crypt.interfaces",
    "crypt.layer",
    "crypt.registry",
    "fec.flushing",
    "fec.layer",
]

#: Modules without I/O that may import L{CONTRACTS} as well, which build on Twisted's.
DECIDING = [
    "commands.dump.content",
    "commands.dump.direction",
    "commands.dump.document",
    "commands.dump.flows",
    "commands.dump.lines",
    "commands.dump.links",
    "commands.dump.names",
    "commands.dump.opening",
    "commands.dump.packets",
    "commands.dump.sequence",
    "commands.dump.streams",
    "commands.probe.advice",
    "commands.probe.document",
    "commands.probe.findings",
    "commands.probe.records",
    "commands.probe.report",
    "commands.probe.sizes",
    "commands.probe.statistics",
    "commands.probe.trains",
    "qlog.events",
    "server.admission",
    "server.cookies",
    "server.ended",
    "server.replays",
    "services.kcptun.addresses",
    "services.kcptun.commandline",
    "services.kcptun.flags",
    "services.kcptun.mismatch",
    "services.kcptun.snappy",
    "services.kcptun.snmp",
    "smux.counters",
    "smux.frames",
    "smux.options",
    "smux.session",
    "smux.stream",
    "workers.delays",
    "workers.messages",
    "workers.whereabouts",
    "udp.asked",
    "testing.bottleneck",
    "testing.link",
    "testing.nat",
]

CONTRACTS = ["errors", "interfaces"]

#: What reads a clock, does I/O, or knows who does.
FORBIDDEN = {
    "asyncio",
    "datetime",
    "multiprocessing",
    "select",
    "selectors",
    "signal",
    "socket",
    "socketserver",
    "ssl",
    "subprocess",
    "threading",
    "time",
    "twisted",
    "zope",
}

PICTURE = DOCS / "architecture.md"
HEADING = "Who may import whom"


def shortName(module: str) -> str:
    """
    Returns a module's name inside of kcptwisted: C{"udp.port"}, C{"__init__"}.
    """
    return module.removeprefix("kcptwisted").removeprefix(".") or "__init__"


def sources() -> dict[str, str]:
    """
    Returns the text of each module of kcptwisted by its short name.
    """
    return {shortName(name): text for name, text in sourcesOf(PACKAGE).items()}


def graph() -> dict[str, set[str]]:
    """
    Returns which modules of kcptwisted import which others of it, by their short names.
    """
    return {
        shortName(name): set(map(shortName, imported))
        for name, imported in importGraph(sourcesOf(PACKAGE)).items()
    }


def packageOf(module: str) -> str:
    """
    Returns the package of a module.
    """
    return module.partition(".")[0]


def isListed(module: str, listed: list[str]) -> bool:
    """
    Returns True if a list names the module or its package, but for those that join it to Twisted.
    """
    return module in listed or (packageOf(module) in listed and module not in JOINING)


def packageImports() -> dict[str, set[str]]:
    """
    Returns which packages import which others.
    """
    found: dict[str, set[str]] = {}
    for module, imported in graph().items():
        package = packageOf(module)
        found.setdefault(package, set()).update(set(map(packageOf, imported)) - {package})
    return found


def picture() -> str:
    """
    Draws L{PACKAGES} in floors, the highest first.  Each package stands as low as what it imports
    allows.
    """
    floors: dict[str, int] = {}
    for package, imported in PACKAGES.items():
        floors[package] = 1 + max([floors[name] for name in imported.split()], default=0)
    lines = [f"    {'package':15} imports"]
    for floor in range(max(floors.values()), 0, -1):
        lines.append("    " + "-" * 92)
        for package, imported in PACKAGES.items():
            if floors[package] == floor:
                lines.append(f"    {package:15} {imported or '(nothing)'}")
    return "\n".join(lines)


class PackageTests(SynchronousTestCase):
    """
    Packages import downwards, and modules in no circle.
    """

    def test_table(self) -> None:
        """
        Each package imports what L{PACKAGES} says, not more and not less.
        """
        table = {package: set(imported.split()) for package, imported in PACKAGES.items()}
        self.assertEqual(packageImports(), table)

    def test_lowestFirst(self) -> None:
        """
        In L{PACKAGES} each package stands below what it imports.
        """
        above: set[str] = set()
        for package, imported in PACKAGES.items():
            self.assertEqual(set(imported.split()) - above, set(), package)
            above.add(package)

    def test_circles(self) -> None:
        """
        No module imports itself through others, not even in a function or for types alone.
        """
        self.assertEqual(circles(graph()), [])

    def test_length(self) -> None:
        """
        No module is longer than L{LONGEST} lines.
        """
        found = {name for name, text in sources().items() if len(text.splitlines()) > LONGEST}
        self.assertEqual(found, set())

    def test_picture(self) -> None:
        """
        The picture in docs/architecture.md is that of L{PACKAGES}.
        """
        self.assertIn(f"\n\n{picture()}\n\n", section(PICTURE, HEADING))


class PurityTests(SynchronousTestCase):
    """
    The ARQ core, the codecs, the ciphers and what decides about connections are given data and
    time, and fetch neither.
    """

    def test_imports(self) -> None:
        """
        None of them imports Twisted, zope, a clock or a socket.
        """
        found = {
            name
            for name, text in sources().items()
            if isListed(name, CORE + DECIDING)
            and not FORBIDDEN.isdisjoint(map(packageOf, imports(text)))
        }
        self.assertEqual(found, set())

    def test_ownImports(self) -> None:
        """
        Of kcptwisted they import each other and, what only decides, the contracts.
        """
        for name, imported in graph().items():
            allowed = CORE
            if isListed(name, DECIDING):
                allowed = CORE + DECIDING + CONTRACTS
            elif not isListed(name, CORE):
                continue
            self.assertEqual(
                [other for other in imported if not isListed(other, allowed)], [], name
            )

    def test_named(self) -> None:
        """
        All modules and packages that the lists name exist.
        """
        modules = set(sources())
        for name in CORE + JOINING + DECIDING + CONTRACTS:
            self.assertIn(name, modules)

    def test_joining(self) -> None:
        """
        What joins them to Twisted imports it, or something of kcptwisted's that does.
        """
        imported = graph()
        for name in JOINING:
            outside = [other for other in imported[name] if not isListed(other, CORE)]
            twisted = not FORBIDDEN.isdisjoint(map(packageOf, imports(sources()[name])))
            self.assertTrue(outside or twisted, name)


class GraphTests(SynchronousTestCase):
    """
    The reading of imports.
    """

    def test_everywhere(self) -> None:
        """
        An import is found wherever it stands.
        """
        source = (
            "import a.b\n"
            "def f():\n"
            "    from c.d import e\n"
            "    import g as h\n"
            "if TYPE_CHECKING:\n"
            "    from i import j, k\n"
        )
        self.assertEqual(set(imports(source, {"i.j"})), {"a.b", "c.d", "g", "i.j", "i"})

    def test_relative(self) -> None:
        """
        A relative import is refused.
        """
        self.assertRaises(AssertionError, list, imports("from . import a"))

    def test_circle(self) -> None:
        """
        Modules that import each other are found, also over others, and no others.
        """
        found = circles(
            importGraph(
                {
                    "p.a": "from p import b",
                    "p.b": "def f():\n    import p.c",
                    "p.c": "from p.a import x",
                    "p.d": "import p.e, p.a",
                    "p.e": "from os import path",
                }
            )
        )
        self.assertEqual(found, [["p.a", "p.b", "p.c"]])


def main() -> None:
    """
    Draws the picture in docs/architecture.md anew.
    """
    text = PICTURE.read_text("utf-8")
    before, heading, rest = text.partition(f"\n## {HEADING}\n")
    _, *after = rest.partition("\n## ")
    introduction = rest.partition("\n    package ")[0].rstrip()
    PICTURE.write_text(f"{before}{heading}{introduction}\n\n{picture()}\n{''.join(after)}", "utf-8")


if __name__ == "__main__":
    main()
