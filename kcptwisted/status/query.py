"""
What somebody who looks wants to see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from kcptwisted.status.columns import BY_KEY

#: Rows of a page: usual and at most.
ROWS: Final = 100
MOST_ROWS: Final = 500

#: Characters of the longest text to look for.
LONGEST_TEXT: Final = 100


class Query(NamedTuple):
    """
    Which sessions, in which order.

    @ivar sort: the key of a column.
    @ivar descending: the largest first.
    @ivar find: only sessions of which a text has this in it, in small letters; all if it is
        empty.
    @ivar page: from 0 on.
    @ivar rows: of a page.
    @ivar watch: the key of the session that is watched more closely; empty if none is.
    """

    sort: str = "age"
    descending: bool = True
    find: str = ""
    page: int = 0
    rows: int = ROWS
    watch: str = ""


def parseQuery(arguments: Mapping[bytes, Sequence[bytes]]) -> Query:
    """
    Returns the query that a request's arguments make.

    @raise ValueError: if one is wrong; the message names it and says what is allowed.
    """
    given = {name.decode("ascii", "replace"): values[-1] for name, values in arguments.items()}
    text = {
        name: given.pop(name, b"").decode("utf-8", "replace")
        for name in ("sort", "order", "find", "page", "rows", "watch")
    }
    if given:
        raise ValueError(f"no such argument: {', '.join(sorted(given))}")
    sort, order = text["sort"] or "age", text["order"] or "down"
    if sort not in BY_KEY:
        raise ValueError(f"sort must be one of {', '.join(BY_KEY)}, not {sort!r}")
    if order not in ("up", "down"):
        raise ValueError(f"order must be up or down, not {order!r}")
    for name in ("find", "watch"):
        if len(text[name]) > LONGEST_TEXT:
            raise ValueError(f"{name} must have at most {LONGEST_TEXT} characters")
    page = _number("page", text["page"], 0, 0, 1_000_000)
    rows = _number("rows", text["rows"], ROWS, 1, MOST_ROWS)
    return Query(sort, order == "down", text["find"].lower(), page, rows, text["watch"])


def _number(name: str, text: str, usual: int, least: int, most: int) -> int:
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and least <= int(text[:20]) <= most):
        raise ValueError(f"{name} must be a number from {least} to {most}, not {text!r}")
    return int(text)
