"""
What the parts without I/O may import.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import kcptwisted

ROOT = Path(kcptwisted.__file__).parent

PURE = [
    *(
        path.relative_to(ROOT).as_posix()
        for package in ("arq", "connection", "wire")
        for path in sorted((ROOT / package).glob("*.py"))
    ),
    *(
        f"fec/{name}.py"
        for name in (
            "galois",
            "arithmetic",
            "reedsolomon",
            "encoder",
            "autotune",
            "decoder",
        )
    ),
    *(
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "crypt").glob("*.py"))
        # What wraps protocols, and what looks for Twisted's plugins.
        if path.name not in ("layer.py", "registry.py")
    ),
    "native/__init__.py",
    # A listener's newcomers.
    *(f"server/{name}.py" for name in ("admission", "cookies", "ended", "replays")),
    # What workers tell each other, and when they are replaced.
    "workers/delays.py",
    "workers/messages.py",
    "workers/whereabouts.py",
    # Which of the host's addresses a peer has asked.
    "udp/asked.py",
    # A bad network.
    "testing/link.py",
    "testing/nat.py",
    "stats.py",
]

#: Whatever reads a clock or does I/O.
FORBIDDEN = {"asyncio", "datetime", "select", "selectors", "socket", "threading", "time", "twisted"}

#: What of this package they may import beside each other: the exceptions and the contracts, some of
#: which build on Twisted's, as names of what is raised and of what an address is.
ALLOWED = {"errors", "interfaces"}

#: What is no Python.
COMPILED = {"kcptwisted.native._accelerator"}


def _imports(source: str) -> Iterator[str]:
    """
    @return: the modules that a module imports anywhere in it.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports are not used here"
            yield node.module or ""


#: What else needs no zope.interface, so that it can be compiled, and used without it.
PLAIN = ("arq/", "connection/", "fec/", "native/", "stats.py", "wire/")


class PurityTests(SynchronousTestCase):
    """
    The ARQ core, the FEC codecs, the ciphers and what decides about connections are given data and
    time, and fetch neither.
    """

    def test_imports(self) -> None:
        """
        None of them imports Twisted, a clock or a socket.
        """
        for name in PURE:
            modules = set(_imports((ROOT / name).read_text("utf-8")))
            packages = {module.partition(".")[0] for module in modules}
            self.assertEqual(packages & FORBIDDEN, set(), name)

    def test_plain(self) -> None:
        """
        The core and the codecs need no zope.interface either.
        """
        for name in PURE:
            if name.startswith(PLAIN):
                modules = _imports((ROOT / name).read_text("utf-8"))
                self.assertNotIn("zope", {module.partition(".")[0] for module in modules}, name)

    def test_ownImports(self) -> None:
        """
        Of this package they import each other, the exceptions and the contracts.
        """
        names = [path.removesuffix(".py").replace("/", ".") for path in PURE]
        pure = {name.removesuffix(".__init__") for name in names} | ALLOWED
        for name in PURE:
            for module in _imports((ROOT / name).read_text("utf-8")):
                if module.startswith("kcptwisted.") and module not in COMPILED:
                    self.assertIn(module.removeprefix("kcptwisted."), pure, name)

    def test_finds(self) -> None:
        """
        An import is found wherever it stands.
        """
        source = "import a.b\ndef f():\n    from c.d import e\n    import g as h\n"
        self.assertEqual(set(_imports(source)), {"a.b", "c.d", "g"})
        self.assertGreater(len(PURE), 52)
        for path in PURE:
            self.assertTrue((ROOT / path).exists(), path)
        for name in ("cfb", "aead", "twofish", "salsa20", "openssl", "joined", "keys"):
            self.assertIn(f"crypt/{name}.py", PURE)
        for name in ("channel", "connection", "liveness", "shutdown"):
            self.assertIn(f"connection/{name}.py", PURE)
        for name in ("control", "fec", "opening", "segment"):
            self.assertIn(f"wire/{name}.py", PURE)
