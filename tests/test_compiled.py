"""
Checks of what C{setup.py} has mypyc compile.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from tests.importgraph import sourcesOf
from tests.test_docs import IN_CHECKOUT, PACKAGE, ROOT


def compiled() -> set[str]:
    """
    Returns the names of the modules in C{HOT} of C{setup.py}, as it computes them.
    """
    names: dict[str, object] = {**vars(builtins), "Path": lambda *parts: ROOT.joinpath(*parts)}
    wanted = {"COMPILED", "AS_THEY_ARE", "HOT"}
    for node in ast.parse((ROOT / "setup.py").read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in wanted:
            exec(ast.unparse(node), names)
    files = names["HOT"]
    assert isinstance(files, list)
    return {".".join((ROOT / file).relative_to(ROOT).with_suffix("").parts) for file in files}


def derived(sources: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """
    Returns module and name of each class with a base in the same package, and those of the base.
    """
    for module, source in sources.items():
        tree = ast.parse(source)
        origins = {
            alias.asname or alias.name: (node.module or "", alias.name)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                for base in node.bases:
                    if isinstance(base, ast.Name):
                        origin, name = origins.get(base.id, (module, base.id))
                        if origin in sources:
                            yield module, node.name, origin, name


class CompiledTests(SynchronousTestCase):
    """
    The modules that are compiled fit together with those that are not.
    """

    def test_known(self) -> None:
        """
        The modules are found.
        """
        modules = compiled()
        self.assertIn("kcptwisted.arq.sender", modules)
        self.assertNotIn("kcptwisted.congestion.bbr", modules)
        self.assertEqual(modules - set(sourcesOf(PACKAGE)), set())

    def test_classes(self) -> None:
        """
        A compiled class has no interpreted ones above or below it, which mypyc refuses, or Python
        does when it imports them, unless it says that it may.
        """
        modules, sources = compiled(), sourcesOf(PACKAGE)
        extensible = {
            (module, node.name)
            for module, node in self.classes()
            if any(
                "allow_interpreted_subclasses=True" in ast.unparse(decorator)
                for decorator in node.decorator_list
            )
        }
        self.assertEqual(extensible, {("kcptwisted.layer", "DatagramLayer")})
        found = list(derived(sources))
        names = {(module, base) for module, _, origin, base in found if module != origin}
        self.assertIn(("kcptwisted.congestion.bbr", "CongestionControl"), names)
        mixed = [
            f"{module}.{name}({origin}.{base})"
            for module, name, origin, base in found
            if base not in vars(builtins)
            and (module in modules) != (origin in modules)
            and (origin, base) not in extensible
        ]
        self.assertEqual(mixed, [])

    def classes(self) -> Iterator[tuple[str, ast.ClassDef]]:
        """
        Returns the classes that are compiled, with the names of their modules.
        """
        sources = sourcesOf(PACKAGE)
        for module in sorted(compiled()):
            for node in ast.walk(ast.parse(sources[module])):
                if isinstance(node, ast.ClassDef):
                    yield module, node

    def test_decorators(self) -> None:
        """
        A compiled class has no decorator, but for those that mypyc knows: with another it would be
        an ordinary class.
        """
        known = ("dataclass", "mypyc_attr")
        others = [
            f"{module}.{node.name}"
            for module, node in self.classes()
            for decorator in node.decorator_list
            if not ast.unparse(decorator).startswith(known)
        ]
        self.assertEqual(others, [])

    def test_protocols(self) -> None:
        """
        A compiled class is no explicit subclass of a C{Protocol}: it could be referred to weakly,
        and mypyc's classes do not clear such references when they end.
        """
        bases = {
            f"{module}.{node.name}": [ast.unparse(base).partition("[")[0] for base in node.bases]
            for module, node in self.classes()
        }
        protocols = {
            name.rpartition(".")[2] for name, found in bases.items() if "Protocol" in found
        }
        self.assertIn("IFlushed", protocols)
        explicit = [
            name
            for name, found in bases.items()
            if "Protocol" not in found and protocols.union(["Generic"]).intersection(found)
        ]
        self.assertEqual(explicit, [])

    def test_attributes(self) -> None:
        """
        What a compiled class assigns to itself is a plain value, or annotated as C{ClassVar}: of
        the rest mypyc makes attributes of each object, and computes them in the module.
        """
        wrong = [
            f"{module}.{node.name}: {ast.unparse(statement)}"
            for module, node in self.classes()
            if "dataclass" not in "".join(map(ast.unparse, node.decorator_list))
            for statement in node.body
            if isinstance(statement, (ast.Assign, ast.AnnAssign))
            and statement.value is not None
            and "ClassVar" not in ast.unparse(statement)
            and not _isPlain(statement.value)
        ]
        self.assertEqual(wrong, [])

    def test_slices(self) -> None:
        """
        The bounds of a slice call nothing: mypyc may compute them twice.
        """
        sources = sourcesOf(PACKAGE)
        calling = [
            f"{module}: {ast.unparse(node)}"
            for module in sorted(compiled())
            for node in ast.walk(ast.parse(sources[module]))
            if isinstance(node, ast.Slice)
            for call in ast.walk(node)
            if isinstance(call, ast.Call) and ast.unparse(call.func) != "len"
        ]
        self.assertEqual(calling, [])


def _isPlain(value: ast.expr) -> bool:
    """
    Returns True if a value is a constant, or the name of one.
    """
    try:
        ast.literal_eval(value)
    except ValueError:
        return ast.unparse(value).rpartition(".")[2].isupper()
    return True


if not IN_CHECKOUT:
    # There is no setup.py beside an installed package.
    del CompiledTests
