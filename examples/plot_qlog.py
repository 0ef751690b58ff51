"""
Draws what a connection did, from the file that C{qlog=} leaves (docs/qlog.md)::

    kcptwisted demo --loss 2 --mbit 20 --options qlog=/tmp
    python examples/plot_qlog.py /tmp/*-server.sqlog connection.svg

It needs matplotlib: C{pip install 'kcptwisted[plot]'}.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Event = dict[str, Any]


def read(path: str) -> Iterator[Event]:
    """
    Returns the records of a JSON text sequence, the header first.  A last one that is not complete,
    as of a program that was killed, is left out.
    """
    for text in Path(path).read_text("utf-8").split("\x1e")[1:]:
        if text.endswith("\n"):
            yield json.loads(text)


def segments(events: list[Event]) -> tuple[list[tuple[float, int]], list[tuple[float, int]]]:
    """
    Returns time in seconds and sn of the segments that were sent, and of those that were lost.
    """
    sent, lost = [], []
    for event in events:
        time, data = event["time"] / 1000, event["data"]
        if event["name"] == "kcp:packet_sent":
            sent += [(time, one["sn"]) for one in data["frames"] if one["frame_type"] == "push"]
        elif event["name"] == "kcp:packet_lost":
            lost.append((time, data["header"]["sn"]))
    return sent, lost


def course(events: list[Event], name: str) -> list[tuple[float, float]]:
    """
    Returns time in seconds and value of a measure, wherever it changed, and at the end.
    """
    found = [
        (event["time"] / 1000, event["data"][name])
        for event in events
        if event["name"] == "kcp:metrics_updated" and name in event["data"]
    ]
    return [*found, (events[-1]["time"] / 1000, found[-1][1])] if found else []


def draw(header: Event, events: list[Event], picture: str) -> None:
    """
    Writes a picture of three panels.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 8), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True)
    sent, lost = segments(events)
    for dots, color, label in ((sent, "#1f77b4", "sent"), (lost, "#d62728", "lost")):
        # As an image: there may be many.
        top.plot(
            [time for time, _ in dots],
            [sn for _, sn in dots],
            ".",
            color=color,
            markersize=2,
            rasterized=True,
            label=f"{label} ({len(dots)})",
        )
    top.set_ylabel("segment (sn)")
    for axes, names, unit, scale in (
        (middle, ("congestion_window", "bytes_in_flight"), "kB", 1000),
        (bottom, ("smoothed_rtt", "min_rtt"), "ms", 1),
    ):
        for name in names:
            points = course(events, name)
            times = [time for time, _ in points]
            values = [value / scale for _, value in points]
            axes.plot(times, values, drawstyle="steps-post", linewidth=1, label=name)
        axes.set_ylabel(unit)
        axes.set_ylim(bottom=0)
    bottom.set_xlabel("seconds")
    for axes in (top, middle, bottom):
        axes.legend(loc="best", fontsize=8, markerscale=4)
        axes.spines[["top", "right"]].set_visible(False)
    trace = header["trace"]
    group = trace["common_fields"]["group_id"]
    top.set_title(f"connection {group}, seen by the {trace['vantage_point']['type']}")
    figure.savefig(picture, dpi=150)


def main(arguments: list[str]) -> int:
    """
    Draws, and says how the connection ended.
    """
    if len(arguments) != 2:
        print("usage: plot_qlog.py FILE.sqlog PICTURE", file=sys.stderr)
        return 2
    path, picture = arguments
    header, *events = read(path)
    draw(header, events, picture)
    last = events[-1]
    seconds = last["time"] / 1000
    how = last["data"]["reason"] if last["name"] == "kcp:connection_closed" else "no end"
    print(f"{len(events)} events in {seconds:.3f} s: {how}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
