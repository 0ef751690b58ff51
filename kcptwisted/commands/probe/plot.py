"""
Draws what was measured.  It needs matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kcptwisted.commands.probe.findings import Records
from kcptwisted.commands.probe.records import Probe

#: Inches of the picture.
_SIZE = (12.0, 3.4)

_DARK, _LIGHT, _LOST = "#1f3f66", "#8fb3d9", "#b3262e"


def draw(records: Records, path: str) -> None:
    """
    Writes a picture: round trips over time, their distribution, trains.

    @param path: the file; its extension is the format.
    """
    from matplotlib.figure import Figure as Picture

    picture = Picture(figsize=_SIZE, layout="constrained")
    firsts = [group[0] for group in records.groups]
    _drawTime(picture.add_subplot(1, 3, 1), firsts)
    _drawShares(picture.add_subplot(1, 3, 2), firsts)
    _drawTrains(picture.add_subplot(1, 3, 3), records)
    for axes in picture.axes:
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    picture.savefig(path, dpi=100)


def _answered(probes: Sequence[Probe]) -> list[tuple[float, float]]:
    return [(probe.sent, trip) for probe in probes if (trip := probe.roundTrip) is not None]


def _drawTime(axes: Any, probes: Sequence[Probe]) -> None:
    began = probes[0].sent if probes else 0.0
    answered = _answered(probes)
    axes.plot(
        [sent - began for sent, _ in answered],
        [1000 * trip for _, trip in answered],
        ".",
        color=_DARK,
        markersize=4,
    )
    for probe in probes:
        if probe.roundTrip is None:
            axes.axvline(probe.sent - began, color=_LOST, linewidth=0.6, alpha=0.6)
    axes.set_ylim(bottom=0)
    axes.set_title("round trip, ms (red: not answered)", fontsize=10)
    axes.set_xlabel("seconds", fontsize=8)


def _drawShares(axes: Any, probes: Sequence[Probe]) -> None:
    trips = sorted(1000 * trip for _, trip in _answered(probes))
    shares = [100 * (place + 1) / len(trips) for place in range(len(trips))]
    axes.step(trips, shares, where="post", color=_DARK)
    axes.set_ylim(0, 102)
    axes.set_title("percent of round trips within", fontsize=10)
    axes.set_xlabel("ms", fontsize=8)


def _drawTrains(axes: Any, records: Records) -> None:
    places = range(len(records.trains))
    sent = [(train.sent or 0) / 1e6 for train in records.trains]
    delivered = [(train.delivered or 0) / 1e6 for train in records.trains]
    axes.bar([place - 0.2 for place in places], sent, 0.4, color=_LIGHT, label="sent")
    axes.bar([place + 0.2 for place in places], delivered, 0.4, color=_DARK, label="delivered")
    axes.set_xticks(list(places), [f"{train.rate / 1e6:g}" for train in records.trains])
    axes.set_title("trains, Mbit/s", fontsize=10)
    axes.set_xlabel("planned", fontsize=8)
    if records.trains:
        axes.legend(fontsize=8, frameon=False)
