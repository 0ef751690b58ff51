"""
Reports results as a table and as JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kcptwisted.commands.bench.results import Result

_HEADINGS = ("scenario", "figure", "median", "least", "most", "unit")


def number(value: float) -> str:
    """
    Formats a value with three significant digits, or as a whole number if it has more.
    """
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(results: Iterable[Result]) -> str:
    """
    Formats results as a table: a line for each figure and for each scenario that failed.
    """
    rows: list[Sequence[str]] = [_HEADINGS]
    problems = []
    for result in results:
        title = result.title
        for figure in result.figures:
            values = (figure.median, min(figure.rounds), max(figure.rounds))
            rows.append((title, figure.metric.title, *map(number, values), figure.metric.unit))
            # Only in the first of its lines.
            title = ""
        if result.failed:
            problems.append(f"{result.title} FAILED: {result.failed}")
    return "\n".join([*_aligned(rows), *problems])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        # Text is aligned to the left, numbers to the right.
        cells = [
            cell.rjust(width) if 2 <= place <= 4 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def document(
    results: Iterable[Result], machine: Mapping[str, str], settings: Mapping[str, object]
) -> dict[str, Any]:
    """
    Collects everything for JSON.

    @param results: the results.
    @param machine: the machine and its software.
    @param settings: the settings of the run.
    @return: a value for C{json.dumps}.
    """
    return {
        "machine": dict(machine),
        "settings": dict(settings),
        "scenarios": {result.scenario.name: _scenario(result) for result in results},
    }


def _scenario(result: Result) -> dict[str, Any]:
    figures = {
        figure.metric.key: {
            "title": figure.metric.title,
            "unit": figure.metric.unit,
            "median": figure.median,
            "rounds": list(figure.rounds),
        }
        for figure in result.figures
    }
    return {"title": result.title, "figures": figures, "failed": result.failed or None}
