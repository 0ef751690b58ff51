"""
Draws the results of a benchmark.  It needs matplotlib.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from kcptwisted.commands.bench.report import number
from kcptwisted.commands.bench.results import Figure, Result

#: Inches of one panel.
_PANEL_WIDTH, _PANEL_HEIGHT = 4.0, 2.8

_COLUMNS = 3


def checkPlot(path: str) -> None:
    """
    Checks that a picture can be written.

    @param path: the file.
    @raise ValueError: if the file's name is wrong, or matplotlib is missing.
    """
    if find_spec("matplotlib") is None:
        raise ValueError("--plot needs matplotlib: pip install 'kcptwisted[plot]'")
    if Path(path).suffix not in (".png", ".svg", ".pdf"):
        raise ValueError(f"--plot must be the name of a .png, .svg or .pdf file, not {path!r}")
    if not Path(path).absolute().parent.is_dir():
        raise ValueError(f"--plot: there is no directory for {path!r}")


def panels(results: Iterable[Result]) -> dict[str, list[tuple[str, Figure]]]:
    """
    Groups figures by their units.

    @return: for each unit the names and figures of that unit.
    """
    found: dict[str, list[tuple[str, Figure]]] = {}
    for result in results:
        for figure in result.figures:
            name = f"{result.title}\n{figure.metric.title}"
            found.setdefault(figure.metric.unit, []).append((name, figure))
    return found


def draw(results: Iterable[Result], path: str) -> None:
    """
    Writes a picture with a panel for each unit: a bar for each median, a point for each round.

    @param results: the results.
    @param path: the file; its extension is the format.
    """
    from matplotlib.figure import Figure as Picture

    units = panels(results)
    rows = -(-len(units) // _COLUMNS)
    picture = Picture(
        figsize=(_PANEL_WIDTH * _COLUMNS, _PANEL_HEIGHT * max(rows, 1)), layout="constrained"
    )
    for place, (unit, figures) in enumerate(units.items(), 1):
        axes = picture.add_subplot(rows, _COLUMNS, place)
        names = [name for name, _ in figures]
        medians = [figure.median for _, figure in figures]
        bars = axes.barh(names, medians, color="#8fb3d9", height=0.6)
        axes.bar_label(bars, [number(value) for value in medians], label_type="center")
        for name, figure in figures:
            values = list(figure.rounds)
            axes.plot(values, [name] * len(values), ".", color="#1f3f66", markersize=4)
        # The first bar at the top, and no bar thicker than in a panel of two.
        axes.set_ylim(max(len(names), 2) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.set_title(unit, fontsize=10)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    picture.savefig(path, dpi=100)
