"""
One look at several processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kcptwisted.status.columns import COLUMNS
from kcptwisted.status.query import Query
from kcptwisted.status.view import ENDS

#: What of a port is not added up.
_NAME = "name"


def wide(query: Query) -> Query:
    """
    Returns what each process is to show, for one page to be cut out of all.
    """
    return query._replace(page=0, rows=(query.page + 1) * query.rows)


def mergedLooks(looks: Sequence[dict[str, Any]], query: Query) -> dict[str, Any]:
    """
    Returns what several processes show as one.

    @param looks: what each shows when it is asked for L{wide}; the first is of the program itself.
    @param query: what is to be seen of all.
    """
    rows = [row for look in looks for row in look["rows"]]
    at = 1 + [column.key for column in COLUMNS].index(query.sort)
    rows.sort(key=lambda row: (row[at] is not None, row[at]), reverse=query.descending)
    first = query.page * query.rows
    ends = [end for look in looks for end in look["ends"]]
    ends.sort(key=lambda end: end["ago"])
    return {
        "time": looks[0]["time"],
        "ports": _ports(looks),
        "live": sum(look["live"] for look in looks),
        "found": sum(look["found"] for look in looks),
        "page": query.page,
        "rows": rows[first : first + query.rows],
        "watch": next((look["watch"] for look in looks if look["watch"]), None),
        "ends": ends[:ENDS],
    }


def _ports(looks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    ports: dict[str, dict[str, Any]] = {}
    for look in looks:
        for port in look["ports"]:
            former = ports.setdefault(port[_NAME], {})
            for key, value in port.items():
                known = former.get(key)
                isSum = key != _NAME and known is not None and value is not None
                former[key] = known + value if isSum else value if known is None else known
    return list(ports.values())
