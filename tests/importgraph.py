"""
Who imports whom in a source tree, read from the sources: nothing is imported.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator, Mapping
from pathlib import Path


def sourcesOf(package: Path) -> dict[str, str]:
    """
    Reads the sources of a package.

    @return: the text of each module by its full name.
    """
    return {
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path.read_text("utf-8")
        for path in sorted(package.rglob("*.py"))
    }


def imports(source: str, modules: Container[str] = ()) -> Iterator[str]:
    """
    Finds what a module imports, also in functions and under C{TYPE_CHECKING}.

    @param source: the module's text.
    @param modules: names of modules, to tell in C{from a import b} the module C{a.b} from a name in
        C{a}.
    @return: the full name of each imported module, as often as it is imported.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, "relative imports are not used here"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules else node.module


def importGraph(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """
    Finds which modules import which others of the same tree.

    @param sources: the text of each module by its full name.
    @return: what each imports, itself left out.
    """
    return {
        name: {found for found in imports(source, sources) if found in sources} - {name}
        for name, source in sources.items()
    }


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """
    Finds the modules that import each other, directly or through others.

    @return: the strongly connected components of more than one module, each sorted.
    """
    reached = {name: _reachable(graph, name) for name in graph}
    found = {
        tuple(sorted(other for other in reached[name] if name in reached[other]))
        for name in graph
        if name in reached[name]
    }
    return [list(circle) for circle in sorted(found)]


def _reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += graph[name]
    return found
