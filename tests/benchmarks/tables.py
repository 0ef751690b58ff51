"""
Tables in Markdown of what was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from tests.benchmarks.contenders import KCP_GO, ONE_PROCESS, OURS, PLAIN, PURE
from tests.benchmarks.results import Record, Series, compare
from tests.benchmarks.rows import (
    MESSAGES,
    MICROSECONDS,
    MILLISECONDS,
    PERCENT,
    RATE,
    SECONDS,
    Outcome,
    Unit,
    digits,
    outcome,
)
from tests.benchmarks.scenarios import SCENARIOS
from tests.benchmarks.tunnels import KCPTUN

Records = Mapping[str, Record]

#: Where a value was not measured.
NOTHING = "–"

#: Bulk loads.
BULK = ("oneway", "oneway-4096", "echo", "echo-fec", "echo-gcm", "bad-bulk", "bad-bulk-fec")

#: What is shown by setting: a quantity of each scenario.
SETTINGS = {
    **dict.fromkeys(BULK, ("rate", RATE)),
    "pingpong": ("p50", MICROSECONDS),
    "many-100": ("messages", MESSAGES),
    "many-1000": ("messages", MESSAGES),
    "connects": ("messages", MESSAGES),
}

_EAGER = ("", "ackNoDelay")
_COLUMNS = {
    KCP_GO: (*_EAGER, ONE_PROCESS, f"ackNoDelay, {ONE_PROCESS}"),
    OURS: _EAGER,
    PLAIN: _EAGER,
}

MESSAGE_SCENARIOS = ("pingpong", "many-100", "many-1000", "connects")
BAD = ("bad-pingpong", "bad-pingpong-fec", "bad-paced", "bad-paced-fec")

#: Ciphers that Python computes itself where there is no accelerator, and the code.
ACCELERATED = ("tea ", "xtea ", "twofish ", "salsa20 ", "xor ", "Reed-Solomon")


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """
    @return: a table.
    """
    rule = ["---"] * len(header)
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, rule, *lines))


def outcomes(records: Records) -> list[Outcome]:
    """
    @return: of all rows that were measured, in the order of the scenarios.
    """
    return [
        outcome(row, records[name])
        for name, scenario in SCENARIOS.items()
        if name in records
        for row in scenario.rows
    ]


def missedTable(found: Iterable[Outcome]) -> str:
    """
    @return: the rows whose target was missed, and what the time goes to.
    """
    lines = [
        [
            one.row.title,
            digits(one.ratio.median) if one.ratio is not None else NOTHING,
            one.row.unit.show(one.ours.median(one.row.quantity)),
            one.row.target,
            one.row.why,
        ]
        for one in found
        if one.met is False
    ]
    return table(["missed", "ratio", "kcptwisted", "target", "where it goes"], lines)


def mainTable(found: Iterable[Outcome]) -> str:
    """
    @return: what each row came to, and whether its target was met.
    """
    header = ["scenario", "kcp-go", "kcptwisted", "ratio", "of single rounds", "target", "met"]
    return table(header, [_mainLine(one) for one in found])


def _mainLine(one: Outcome) -> list[str]:
    row = one.row
    theirs = row.unit.show(one.theirs.median(row.quantity)) if one.theirs else NOTHING
    ratio, rounds = NOTHING, NOTHING
    if one.ratio is not None:
        ratio = digits(one.ratio.median)
        rounds = f"{digits(one.ratio.least)}–{digits(one.ratio.most)}"
    met = {None: "", True: "yes", False: "**no**"}[one.met]
    own = row.unit.show(one.ours.median(row.quantity))
    return [row.title, theirs, own, ratio, rounds, row.target, met]


def settingsTable(records: Records) -> str:
    """
    @return: the rates of each setting.
    """
    lines = []
    for name, (quantity, unit) in SETTINGS.items():
        if name not in records:
            continue
        cells = [
            _median(records[name], implementation, setting, quantity, unit)
            for implementation, settings in _COLUMNS.items()
            for setting in settings
        ]
        lines.append([SCENARIOS[name].about, *cells])
    columns = [
        f"{name}, {setting}" if setting else name
        for name, settings in _COLUMNS.items()
        for setting in settings
    ]
    return table(["what", *columns], lines)


def _median(record: Record, name: str, setting: str, quantity: str, unit: Unit) -> str:
    for one in record.series:
        if (one.name, one.setting) == (name, setting) and one.values.get(quantity):
            return unit.show(one.median(quantity))
    return NOTHING


def cpuTable(records: Records) -> str:
    """
    @return: CPU time of both ends, of the setting with the better rate.
    """
    lines = []
    for names, by, quantity, unit in (
        (BULK, "rate", "cpuPerGigabyte", SECONDS),
        (MESSAGE_SCENARIOS, "messages", "cpuPerMessage", MICROSECONDS),
    ):
        for name in names:
            if name not in records:
                continue
            best = [records[name].best(one, by, True) for one in (KCP_GO, OURS, PLAIN)]
            per = "a GB" if unit is SECONDS else "a message"
            lines.append([f"{SCENARIOS[name].about}: {per}", *_cells(best, quantity, unit)])
    return table(["CPU time, both ends", KCP_GO, OURS, PLAIN], lines)


def _cells(series: Iterable[Series | None], quantity: str, unit: Unit) -> list[str]:
    return [unit.show(one.median(quantity)) if one else NOTHING for one in series]


def badTable(records: Records) -> str:
    """
    @return: latencies through the bad path.
    """
    lines = []
    for name in BAD:
        for one in records[name].series if name in records else ():
            times = [MILLISECONDS.show(one.median(q)) for q in ("p50", "p99", "p999", "max")]
            lines.append([SCENARIOS[name].about, one.name, *times, f"{sum(one.values['lost']):g}"])
    return table(["what", "who", "p50", "p99", "p99.9", "longest", "lost"], lines)


def pathLoss(records: Records) -> tuple[float, float, int]:
    """
    @return: the least and the largest share that the bad path lost in a measurement, and how many
        datagrams it dropped for want of room in all.
    """
    shares: list[float] = []
    dropped = 0.0
    for record in records.values():
        for one in record.series:
            shares += one.values.get("pathLoss", [])
            dropped += sum(one.values.get("pathOverflow", []))
    return min(shares, default=0), max(shares, default=0), int(dropped)


def sweepTable(record: Record, first: str, unit: Unit) -> str:
    """
    @param first: the head of the column with the points of the sweep.
    @return: a column for each series.
    """
    points = [quantity for quantity in record.series[0].values if quantity.isdigit()]
    lines = [
        [f"{int(point):,}", *[unit.show(one.median(point)) for one in record.series]]
        for point in points
    ]
    return table([first, *map(_label, record.series)], lines)


def _label(one: Series) -> str:
    return f"{one.name}, {one.setting}" if one.setting else one.name


def idleTable(record: Record) -> str:
    """
    @return: what idle sessions cost each end.
    """
    lines = [
        [
            _label(one),
            PERCENT.show(one.median("share")),
            PERCENT.show(one.median("clientShare")),
            f"{digits(one.median('memory') / 1024)} KiB",
        ]
        for one in record.series
    ]
    return table(["who", "server, of a core", "client", "memory of the server, a session"], lines)


def neighbourTable(record: Record) -> str:
    """
    @return: the round trips of a TCP echo, and how late timers are, by what a session beside does.
    """
    times = ("p50", "p99", "timer50", "timer99")
    lines = [
        [
            one.name,
            RATE.show(one.median("rate")),
            *[MILLISECONDS.show(one.median(quantity)) for quantity in times],
        ]
        for one in record.series
    ]
    header = ["session", "its rate", "TCP echo, p50", "p99", "timer late, p50", "p99"]
    return table(header, lines)


def rivalTable(record: Record) -> str:
    """
    @return: other ways to carry a stream.
    """
    lines = [
        [
            one.name,
            RATE.show(one.median("sink")),
            RATE.show(one.median("echo")),
            MICROSECONDS.show(one.median("pingpong")),
        ]
        for one in record.series
    ]
    return table(["what", "one way", "echo", "ping-pong, p50"], lines)


#: What is measured of a tunnel, and how it is shown.
_TUNNEL = (
    ("one download", "download", RATE),
    ("ten downloads", "downloads", RATE),
    ("ping-pong, p50", "p50", MILLISECONDS),
    ("ping-pong, p99", "p99", MILLISECONDS),
)


def tunnelTable(record: Record) -> str:
    """
    @return: kcptun's tunnel with its own ends and with ours.
    """
    found = {(one.name, one.setting): one for one in record.series}
    lines = []
    for path in dict.fromkeys(one.setting for one in record.series):
        theirs, own = found[KCPTUN, path], found[OURS, path]
        for what, quantity, unit in _TUNNEL:
            pair = theirs.values[quantity], own.values[quantity]
            ratio = compare(*pair, more=unit.more).median
            shown = [unit.show(median(values)) for values in pair]
            lines.append([path, what, *shown, f"{ratio:.2f}"])
    return table(["through", "what", KCPTUN, OURS, "ratio"], lines)


def primitiveTable(record: Record) -> str:
    """
    @return: what is computed for each packet, ours with the accelerator, in nanoseconds.
    """
    theirs, own = record.best(KCP_GO, "CRC-32", False), record.best(OURS, "CRC-32", False)
    if theirs is None or own is None:
        raise KeyError("kcp-go or ours was not measured")
    lines = []
    for name in own.values:
        if not _isShown(name, own.values):
            continue
        pair = theirs.values[name], own.values[name]
        medians = [f"{median(values):,.0f}" for values in pair]
        lines.append([name, *medians, f"{compare(*pair, more=False).median:.2f}"])
    return table(["what", KCP_GO, OURS, "ratio"], lines)


def _isShown(name: str, names: Mapping[str, object]) -> bool:
    """
    @return: whether a row stands for others: of the sizes of AES two, of CFB the cipher alone.
    """
    cipher, _, what = name.partition(" ")
    if cipher in ("none", "aes-192", "aes-192-gcm"):
        return False
    isPacket = what.endswith("packet") and any(one.startswith(f"{cipher} ") for one in names)
    hasAlone = any(one.startswith(f"{cipher} ") and one.endswith("alone") for one in names)
    return not (isPacket and hasAlone) or cipher == "aes-128"


def pureTable(record: Record) -> str:
    """
    @return: the same without the accelerator, in microseconds, where that makes a difference.
    """
    own, pure = record.best(OURS, "CRC-32", False), record.best(PURE, "CRC-32", False)
    if own is None or pure is None:
        raise KeyError("ours was not measured with and without the accelerator")
    lines = [
        [name, *[digits(one.median(name) / 1000) for one in (own, pure)]]
        for name in own.values
        if name.startswith(ACCELERATED) and not name.endswith("packet")
    ]
    return table(["what, µs", "with", "without"], lines)
