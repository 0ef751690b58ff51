"""
Configuration files, in TOML.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from kcptwisted.services.relay.options import OPTIONS, parseOptions
from kcptwisted.services.relay.routes import Route

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: The table of a route, and its ends.
_ROUTE, _ENDS = "route", ("from", "to")

Check = Callable[[Route], object]


def readConfig(path: str, check: Check) -> tuple[Route, ...]:
    """
    Reads a file.

    @param check: raises C{ValueError} for a route that cannot be served.
    @return: the routes in it, at least one.
    @raise ValueError: if it cannot be read, or something in it is wrong.  The message names the
        file.
    """
    try:
        with open(path, "rb") as file:
            tables = tomllib.load(file)
        return parseConfig(tables, check)
    except OSError as problem:
        raise ValueError(f"{path}: {problem.strerror or problem}") from None
    except ValueError as problem:
        raise ValueError(f"{path}: {problem}") from None
    except RecursionError:
        raise ValueError(f"{path}: it is too deep") from None


def parseConfig(tables: dict[str, Any], check: Check) -> tuple[Route, ...]:
    """
    Returns the routes of a file that has been parsed.

    @raise ValueError: if something is wrong.  The message names the key.
    """
    names = [option.name for option in OPTIONS]
    _known(tables, [_ROUTE, *names])
    given = tables.pop(_ROUTE, [])
    if not isinstance(given, list) or not all(isinstance(table, dict) for table in given):
        raise ValueError(f"{_ROUTE} must be tables that begin with [[{_ROUTE}]]")
    if not given:
        raise ValueError(f"there is no [[{_ROUTE}]]")
    parseOptions(tables)
    routes = []
    for number, table in enumerate(given, 1):
        try:
            _known(table, [*_ENDS, *names])
            source, target = (_end(table, name) for name in _ENDS)
            route = Route(source, target, **parseOptions(tables | table))
            check(route)
        except ValueError as problem:
            raise ValueError(f"{_ROUTE} {number}: {problem}") from None
        routes.append(route)
    return tuple(routes)


def _known(table: dict[str, Any], allowed: list[str]) -> None:
    for key in table:
        if key not in allowed:
            raise ValueError(f"unknown key {key!r}; allowed are {', '.join(allowed)}")


def _end(table: dict[str, Any], name: str) -> str:
    text = table.get(name)
    if not isinstance(text, str) or not text:
        raise ValueError(f"{name} is needed: an endpoint string")
    return text
