"""
Writes the figures of the links into docs/benchmarks.md and the plots into docs/congestion.md, each
between two lines that say so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from tests.benchmarks.contenders import KCP_GO, OURS
from tests.benchmarks.linkruns import STEP
from tests.benchmarks.linkscenarios import FLOODS, LINKS
from tests.benchmarks.plots import COLOURS, SETTINGS
from tests.benchmarks.results import Record, Series
from tests.benchmarks.rows import MILLISECONDS, PERCENT, outcome
from tests.benchmarks.tables import NOTHING, Records, table
from tests.benchmarks.where import merged

BEGIN = "<!-- figures: written by tests/benchmarks/compare.py --links --write -->"
END = "<!-- end of figures -->"

#: kcp-go's settings, and what the table calls them.
SETTINGS_OF_KCP_GO = {"1024": "window 1024", "fitted": "window made for it"}

#: Colours of several flows of ours.
_FLOWS = [COLOURS[OURS], "#d1802f", "#3a9a5b", "#a14fa1", "#c0392b"]


#: More flows than this are drawn coarsely.
FEW_FLOWS = 2


def linkTable(records: Records) -> str:
    """
    @return: a row for each target.
    """
    header = [
        "link",
        *[f"kcp-go, {words}" for words in SETTINGS_OF_KCP_GO.values()],
        OURS,
        "target",
        "met",
    ]
    lines = []
    for name, scenario in LINKS.items():
        for row in scenario.rows:
            found = outcome(row, records[name])
            theirs = {one.setting: one for one in records[name].series if one.name == KCP_GO}
            cells = [
                row.unit.show(theirs[setting].median(row.quantity))
                if setting in theirs
                else NOTHING
                for setting in SETTINGS_OF_KCP_GO
            ]
            met = {None: "", True: "yes", False: "**no**"}[found.met]
            own = row.unit.show(found.ours.median(row.quantity))
            lines.append([row.title, *cells, own, row.target, met])
    return table(header, lines)


def relayTable(record: Record) -> str:
    """
    @return: what the relay does to plain datagrams.
    """
    rates = {one.setting: one for one in record.series}
    lines = [
        [
            f"{rate} Mbit/s",
            PERCENT.show(rates[str(rate)].median("rate")),
            *[MILLISECONDS.show(rates[str(rate)].median(q)) for q in ("wait", "shown", "late")],
            PERCENT.show(rates[str(rate)].median("share")),
        ]
        for rate in FLOODS
    ]
    header = [
        "rate",
        "passes, of it",
        "queueing delay, told",
        "queueing delay, seen",
        "late, p99",
        "of a core",
    ]
    return table(header, lines)


def tables(records: Records) -> str:
    """
    @param records: of all links.
    @return: what docs/benchmarks.md has of them.
    """
    places = merged(record.where for record in records.values())
    overflowed = sum(
        sum(one.values["overflowed"]) for record in records.values() for one in record.series
    )
    parts = [
        linkTable(records),
        "The relay itself, flooded with 1.2 times the rate in plain datagrams, 50 ms of queue. Its"
        f" sockets dropped {overflowed:g} datagrams in all measurements.",
        relayTable(records["link-relay"]),
        "\n".join(f"- {name}: {value}" for name, value in places.items()),
    ]
    return "\n\n".join(parts)


def images(records: Records) -> str:
    """
    @return: what docs/congestion.md has: the plots.
    """
    return "\n\n".join(f"![{LINKS[name].about}](plots/{name}.svg)" for name in plotted(records))


def plotted(records: Records) -> list[str]:
    """
    @return: the links that have a plot: those over which ours was compared.
    """
    return [
        name
        for name in LINKS
        if name in records and records[name].best(OURS, "goodput", True) is not None
    ]


def between(document: str) -> str:
    """
    @return: what stands between L{BEGIN} and L{END}.
    @raise ValueError: if these lines are not there.
    """
    _, begin, rest = document.partition(BEGIN)
    part, end, _ = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"there must be a line {BEGIN!r}, and then a line {END!r}")
    return part.strip()


def replaced(document: str, part: str) -> str:
    """
    @param part: what is to stand between L{BEGIN} and L{END}.
    @return: the document.
    @raise ValueError: if these lines are not there.
    """
    between(document)
    before, after = document.split(BEGIN, 1)[0], document.split(END, 1)[1]
    return f"{before}{BEGIN}\n\n{part}\n\n{END}{after}"


def paint(axes: Sequence[Any], record: Record) -> None:
    """
    Draw the time-lines of a link.

    @param axes: of rates, of times and of segments.
    """
    rates, times, segments = axes
    theirs = record.best(KCP_GO, "goodput", True)
    ours = record.best(OURS, "goodput", True)
    for one in (theirs, ours):
        if one is not None:
            _paintSeries(rates, times, one)
    if ours is not None:
        _line(times, ours, "rtt", color=COLOURS[OURS], linestyle=":", label=f"{OURS}, smoothed RTT")
        _line(segments, ours, "inFlight", color=COLOURS[OURS], label="in flight")
        if any(ours.lines["window"]):
            _line(segments, ours, "window", color=_FLOWS[1], label="congestion window")
    rates.set_ylabel("Mbit/s")
    times.set_ylabel("ms")
    segments.set_ylabel("segments")
    segments.set_xlabel("s")
    for one in axes:
        one.set_ylim(bottom=0)
        one.legend(loc="upper left", bbox_to_anchor=(1, 1))


def _paintSeries(rates: Any, times: Any, one: Series) -> None:
    flows = [name for name in one.lines if name.startswith("rate")]
    # Many lines with all their points make a large file, and cannot be read.
    together = 1 if len(flows) <= FEW_FLOWS else 2
    for number, name in enumerate(flows):
        colour = _FLOWS[number] if one.name == OURS else COLOURS[KCP_GO]
        label = f"{one.name}, {number + 1}" if len(flows) > 1 else one.name
        _line(rates, one, name, together, color=colour, label=label, linewidth=1)
    label = f"{one.name}, queueing"
    _line(times, one, "wait", color=COLOURS[one.name], label=label, linewidth=1)


def _line(axes: Any, one: Series, name: str, together: int = 1, **style: Any) -> None:
    """
    @param together: of so many values the mean is drawn.
    """
    values = one.lines[name]
    means = [mean(values[at : at + together]) for at in range(0, len(values), together)]
    axes.plot([STEP * together * (at + 1) for at in range(len(means))], means, **style)


def shortened(svg: str) -> str:
    """
    @return: with a tenth of a point as the finest step of lines.
    """
    return re.sub(r"(?m)^([ML] \d+(?:\.\d)?)\d* (\d+(?:\.\d)?)\d*", r"\1 \2", svg)


def draw(records: Records, directory: Path) -> list[Path]:
    """
    Draw links.

    @param directory: where the files go; it is made if it is not there.
    @return: the files.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    directory.mkdir(exist_ok=True)
    written = []
    with matplotlib.rc_context(SETTINGS):
        for name in plotted(records):
            figure = Figure(figsize=(8, 5), layout="constrained")
            FigureCanvasSVG(figure)
            axes = figure.subplots(3, 1, sharex=True)
            for one in axes:
                one.spines[["top", "right"]].set_visible(False)
            figure.suptitle(LINKS[name].about, fontsize=10)
            paint(axes, records[name])
            path = directory / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None})
            path.write_text(shortened(path.read_text(encoding="utf-8")), encoding="utf-8")
            written.append(path)
    return written
