"""
The state of a program as a table for a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

#: What each step of a thousand is called.
_STEPS = ("", "k", "M", "G", "T")


def scaled(value: float, unit: str) -> str:
    """
    Returns a number with three digits and its unit.
    """
    step = 0
    while abs(value) >= 1000 and step < len(_STEPS) - 1:
        value /= 1000
        step += 1
    digits = 0 if not step or value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {_STEPS[step]}{unit}"


def lasting(seconds: float) -> str:
    """
    Returns a time in its largest unit.
    """
    for limit, length, unit in ((60, 1, "s"), (3600, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{max(0, int(seconds / length))} {unit}"
    return f"{int(seconds / 86_400)} d"


def shown(value: Any, unit: str) -> str:
    """
    Returns a cell.

    @param unit: see L{kcptwisted.status.columns.Column}.
    """
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if unit == "s":
        return lasting(value)
    if unit in ("B", "B/s"):
        return scaled(value, unit)
    if unit == "ms":
        return f"{value:.{1 if value < 10 else 0}f} ms"
    if unit == "share":
        return f"{100 * value:.{2 if value < 0.1 else 1}f} %"
    return f"{value:,.0f}"


def screen(
    state: Mapping[str, Any], columns: Sequence[Mapping[str, str]], sort: str, isDown: bool
) -> RenderableType:
    """
    Returns what the terminal shows.

    @param state: as the page's C{/events} tells it.
    @param columns: likewise.
    @param sort: the key of the column that rows are sorted by.
    @param isDown: the largest first.
    """
    ports = Table(box=None, pad_edge=False, header_style="bold")
    for label in ("Port", "Sessions", "In", "Out", "Unreadable", "Refused", "Dropped"):
        ports.add_column(label, justify="left" if label == "Port" else "right", no_wrap=True)
    for port in state["ports"]:
        rates = [shown(port[key], "B/s") for key in ("rateIn", "rateOut")]
        counts = [shown(port[key], "") for key in ("unreadable", "refused", "dropped")]
        ports.add_row(port["name"], shown(port["live"], ""), *rates, *counts)
    sessions = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        mark = ("▼" if isDown else "▲") if column["key"] == sort else ""
        sessions.add_column(
            f"{column['label']}{mark}",
            justify="right" if column["unit"] else "left",
            no_wrap=True,
        )
    for row in state["rows"]:
        cells = zip(columns, row[1:], strict=False)
        sessions.add_row(*(Text(shown(value, column["unit"])) for column, value in cells))
    found, live = state["found"], state["live"]
    count = f"{live:,} sessions" if found == live else f"{found:,} of {live:,} sessions"
    return Group(ports, Text(""), Text(count), sessions)
