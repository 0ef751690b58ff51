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
    wanted = {"PURE", "AS_THEY_ARE", "HOT"}
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
        does when it imports them.
        """
        modules, sources = compiled(), sourcesOf(PACKAGE)
        found = list(derived(sources))
        names = {(module, base) for module, _, origin, base in found if module != origin}
        self.assertIn(("kcptwisted.congestion.bbr", "CongestionControl"), names)
        mixed = [
            f"{module}.{name}({origin}.{base})"
            for module, name, origin, base in found
            if base not in vars(builtins) and (module in modules) != (origin in modules)
        ]
        self.assertEqual(mixed, [])


if not IN_CHECKOUT:
    # There is no setup.py beside an installed package.
    del CompiledTests
