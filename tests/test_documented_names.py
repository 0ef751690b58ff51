"""
Checks that the modules, classes and files that are named in documentation and docstrings exist.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface

from tests.importgraph import sourcesOf
from tests.test_docs import DOCS, IN_CHECKOUT, PACKAGE, ROOT
from tests.tlscases import skipTLS

#: C{kcptwisted.a.b.C}, and C{kcptwisted.a.b:c} as plugins name functions; C{kcptwisted.lua} is a
#: file.
_DOTTED = re.compile(r"\bkcptwisted(?!\.lua\b)(?:\.\w+)+(?::\w+)?")
_FROM = re.compile(r"^\s*from (kcptwisted[\w.]*) import \(?([\w, ]+)", re.MULTILINE)
_LINK = re.compile(r"L\{(?:[^<}]*<)?([\w.]+)>?\}")
_FILE = re.compile(r"`([\w/]+(?:\.py|/))`")

#: What can be imported only with Twisted[tls].
_TLS = ("OpenSSL.", "twisted.internet.ssl.", "twisted.protocols.tls.")

#: What is only there if it was built.
BUILT = {"kcptwisted.native._accelerator", "kcptwisted.native._aead"}

#: What a page invents.
INVENTED = {"twisted/plugins/anything.py"}


def texts() -> dict[str, str]:
    """
    Returns all that is documentation by the name of its file: pages, examples, sources.
    """
    files = [ROOT / "README.md", *DOCS.glob("*.md"), *PACKAGE.rglob("*.py")]
    if IN_CHECKOUT:
        files += [*(ROOT / "examples").glob("*.py"), *(ROOT / "twisted").rglob("*.py")]
    return {str(path.relative_to(path.parents[1])): path.read_text("utf-8") for path in files}


def resolve(dotted: str) -> object:
    """
    Imports what a dotted name names: a module, or something in one.

    @raise AttributeError: if there is no such thing.
    @raise ImportError: if the module that is named first cannot be imported.
    """
    parts = dotted.replace(":", ".").split(".")
    found: object = importlib.import_module(parts[0])
    for count, part in enumerate(parts[1:], 2):
        if inspect.ismodule(found) and not hasattr(found, part):
            try:
                importlib.import_module(".".join(parts[:count]))
            except ModuleNotFoundError as problem:
                raise AttributeError(f"there is no {dotted}") from problem
        found = member(found, part)
    return found


def member(thing: object, name: str) -> object:
    """
    Returns an attribute of a module, a class, or an interface, which has no attributes for
    C{getattr}.

    @raise AttributeError: if there is no such thing.
    """
    if isinstance(thing, type(Interface)) and name in thing:
        return thing[name]
    return getattr(thing, name)


def exists(dotted: str) -> bool:
    """
    Returns True if a dotted name names something.
    """
    try:
        resolve(dotted)
    except (AttributeError, ImportError):
        return False
    return True


def isKnownIn(module: str, source: str, name: str) -> bool:
    """
    Returns True if a name that a docstring of a module links to is of something that the module
    defines or imports, or an attribute of one of its classes.
    """
    if skipTLS is not None and name.startswith(_TLS):
        return True
    if f"@ivar {name}:" in source or exists(name) or exists(f"{module}.{name}"):
        return True
    return any(name == found or found.endswith(f".{name}") for found in _definitions(source))


def _definitions(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from [alias.asname or alias.name for alias in node.names]
        elif isinstance(node, ast.ClassDef):
            yield from [
                f"{node.name}.{child.name}"
                for child in node.body
                if isinstance(child, (ast.FunctionDef, ast.ClassDef))
            ]


class NameTests(SynchronousTestCase):
    """
    What is named can be found.
    """

    def test_dotted(self) -> None:
        """
        Each C{kcptwisted.x.y.Z} can be imported.
        """
        named = [(name, found) for name, text in texts().items() for found in _DOTTED.findall(text)]
        self.assertGreater(len(named), 100)
        broken = [
            f"{name}: {found}" for name, found in named if found not in BUILT and not exists(found)
        ]
        self.assertEqual(broken, [])

    def test_imported(self) -> None:
        """
        Each name that an example imports from kcptwisted is there.
        """
        named = [
            (name, f"{module}.{imported.split()[0]}")
            for name, text in texts().items()
            for module, names in _FROM.findall(text)
            for imported in names.split(",")
            if imported.strip() and module not in BUILT
        ]
        self.assertGreater(len(named), 100)
        broken = [f"{name}: {found}" for name, found in named if not exists(found)]
        self.assertEqual(broken, [])

    def test_links(self) -> None:
        """
        Each C{L{}} in a docstring is of something that its module knows.
        """
        broken = []
        found = 0
        for module, source in sourcesOf(PACKAGE).items():
            for name in _LINK.findall(source):
                found += 1
                if not isKnownIn(module, source, name):
                    broken.append(f"{module}: {name}")
        self.assertGreater(found, 100)
        self.assertEqual(broken, [])

    def test_files(self) -> None:
        """
        Each source file or directory that a page names exists.
        """
        broken = []
        for page in DOCS.glob("*.md"):
            for name in _FILE.findall(page.read_text("utf-8")):
                if name.count("/") and name not in INVENTED:
                    places = [PACKAGE, PACKAGE.parent, ROOT]
                    if not any((place / name).exists() for place in places):
                        broken.append(f"{page.name}: {name}")
        self.assertEqual(broken, [])


class ResolveTests(SynchronousTestCase):
    """
    The search for names.
    """

    def test_found(self) -> None:
        """
        Modules, classes, methods, and attributes of interfaces are found.
        """
        for name in (
            "kcptwisted.udp.port",
            "kcptwisted.options.KCPOptions.mtu",
            "kcptwisted.crypt.aes:aes",
            "kcptwisted.interfaces.IKCPTransport.conv",
            "kcptwisted.interfaces.IKCPTransport.write",
        ):
            self.assertTrue(exists(name), name)

    def test_missing(self) -> None:
        """
        What is not there is not found.
        """
        for name in (
            "kcptwisted.udp.harbour",
            "kcptwisted.harbour.port",
            "kcptwisted.options.KCPOptions.harbour",
            "kcptwisted.interfaces.IKCPTransport.harbour",
            "harbour",
        ):
            self.assertFalse(exists(name), name)
