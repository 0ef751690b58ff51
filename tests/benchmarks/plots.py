"""
Plots of what was found, as small SVG files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.benchmarks.contenders import KCP_GO, OURS
from tests.benchmarks.results import Record
from tests.benchmarks.scenarios import SCENARIOS
from tests.benchmarks.tables import Records

#: The same for each implementation in all plots.
COLOURS = {KCP_GO: "#8a8a8a", OURS: "#2f6fb3"}

RATES = ("oneway", "oneway-4096", "echo", "echo-fec", "echo-gcm")
LATENCIES = ("bad-pingpong", "bad-pingpong-fec", "bad-paced", "bad-paced-fec")

#: Makes the same figures the same file.
SETTINGS: Any = {"svg.fonttype": "none", "svg.hashsalt": "kcptwisted", "font.size": 9}


def whyNoPlots() -> str | None:
    """
    @return: why there can be none, or None.
    """
    return None if find_spec("matplotlib") else "matplotlib is not installed"


def rates(axes: Any, records: Records) -> None:
    """
    Draw the bulk rates.
    """
    labels = [SCENARIOS[name].about.replace(", ", ",\n", 1) for name in RATES]
    for place, name in enumerate((KCP_GO, OURS)):
        best = [records[scenario].best(name, "rate", True) for scenario in RATES]
        values = [one.median("rate") if one else 0 for one in best]
        positions = [index + (place - 0.5) * 0.38 for index in range(len(RATES))]
        axes.barh(positions, values, 0.36, label=name, color=COLOURS[name])
    axes.set_yticks(range(len(RATES)), labels)
    axes.invert_yaxis()
    axes.set_xlabel("MB/s")
    axes.legend()


def latencies(axes: Any, records: Records) -> None:
    """
    Draw the latencies through the bad path.
    """
    points = [
        (scenario, quantity, label)
        for scenario in LATENCIES
        for quantity, label in (("p50", "p50"), ("p99", "p99"), ("p999", "p99.9"))
    ]
    for place, name in enumerate((KCP_GO, OURS)):
        values = []
        for scenario, quantity, _ in points:
            best = records[scenario].best(name, quantity, False)
            values.append(best.median(quantity) / 1000 if best else 0)
        positions = [index + (place - 0.5) * 0.38 for index in range(len(points))]
        axes.bar(positions, values, 0.36, label=name, color=COLOURS[name])
    axes.set_xticks(range(len(points)), [label for _, _, label in points])
    heads = ["ping-pong", "ping-pong,\nFEC 10/3", "50 messages/s", "50 messages/s,\nFEC 10/3"]
    above = axes.get_xaxis_transform()
    for index, head in enumerate(heads):
        axes.text(3 * index + 1, 1.02, head, ha="center", va="bottom", transform=above)
    axes.set_ylabel("ms")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))


def windows(axes: Any, records: Records) -> None:
    """
    Draw the cost of a segment.
    """
    _sweep(axes, records["windows"], "window, segments")


def sessions(axes: Any, records: Records) -> None:
    """
    Draw the cost of a message.
    """
    _sweep(axes, records["crowds"], "sessions")


def _sweep(axes: Any, record: Record, what: str) -> None:
    for one in record.series:
        points = [quantity for quantity in one.values if quantity.isdigit()]
        values = [one.median(point) for point in points]
        colour = COLOURS.get(one.name)
        axes.plot([int(point) for point in points], values, "o-", label=one.name, color=colour)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel(what)
    axes.set_ylabel("µs")
    axes.legend()


#: By the file's name: how to draw it, and inches.
_PLOTS: dict[str, tuple[Callable[[Any, Records], None], tuple[float, float]]] = {
    "rates.svg": (rates, (7, 3.6)),
    "latencies.svg": (latencies, (8, 3.2)),
    "windows.svg": (windows, (6, 3)),
    "sessions.svg": (sessions, (6, 3)),
}


def draw(records: Records, directory: Path) -> Sequence[Path]:
    """
    Draw all.

    @param records: of all scenarios.
    @param directory: where the files go; it is made if it is not there.
    @return: the files.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    directory.mkdir(exist_ok=True)
    written = []
    with matplotlib.rc_context(SETTINGS):
        for name, (paint, size) in _PLOTS.items():
            figure = Figure(figsize=size, layout="constrained")
            FigureCanvasSVG(figure)
            axes = figure.add_subplot()
            axes.spines[["top", "right"]].set_visible(False)
            paint(axes, records)
            path = directory / name
            figure.savefig(path, metadata={"Date": None})
            written.append(path)
    return written
