"""
Figures made up for the tests of tables, plots and the document: nothing was measured.
"""

from __future__ import annotations

from tests.benchmarks.arqcost import LINKS, QUEUED, WINDOWS
from tests.benchmarks.contenders import KCP_GO, OURS, PURE
from tests.benchmarks.fairness import LOADS
from tests.benchmarks.primitives import allRows
from tests.benchmarks.results import Record, Series
from tests.benchmarks.scenarios import SCENARIOS
from tests.benchmarks.smux import ALONE
from tests.benchmarks.subjects import SENDERS, SESSIONS

_MESSAGES = ("p50", "p99", "p999", "max", "messages", "cpuPerMessage", "lost")
_BAD = ("pathLoss", "pathOverflow")


def _points(points: tuple[int, ...]) -> list[str]:
    return [*map(str, points), "growth"]


def _series(scenario: str) -> tuple[list[tuple[str, str]], list[str]]:
    """
    @return: the names and settings of a scenario's subjects, and its quantities.
    """
    both = [(KCP_GO, ""), (OURS, "")]
    eager = [(name, setting) for name in (KCP_GO, OURS) for setting in ("", "ackNoDelay")]
    bad = list(_BAD) if scenario.startswith("bad-") else []
    if scenario.startswith(("oneway", "echo", "bad-bulk")):
        pure = [(PURE, "")] if scenario == "echo-fec" else []
        return eager + pure, ["rate", "cpuPerGigabyte", *bad]
    return {
        "idle": (both, ["share", "clientShare", "memory"]),
        "beside": (
            [*both, *[(name, "") for name in SENDERS]],
            ["alone50", "alone99", "p50", "p99", "growth"],
        ),
        "smux": ([*both, (ALONE, "")], ["rate", "cpuPerGigabyte"]),
        "crowds": (both, _points(SESSIONS)),
        "windows": ([(name, "") for name in LINKS], _points(WINDOWS)),
        "queues": ([(OURS, "")], _points(QUEUED)),
        "neighbours": (
            [(name, "") for name in LOADS],
            ["rate", "p50", "p99", "timer50", "timer99"],
        ),
        "rivals": ([(OURS, ""), ("aioquic", "")], ["sink", "echo", "pingpong"]),
        "primitives": ([*both, (PURE, "")], [row.name for row in allRows()]),
    }.get(scenario, (both, [*_MESSAGES, *bad]))


def madeUp() -> dict[str, Record]:
    """
    @return: a record of each scenario; every value of kcp-go is 4, every other one 1.
    """
    records = {}
    for scenario in SCENARIOS:
        names, quantities = _series(scenario)
        series = [
            Series(name, setting, {one: [4.0 if name == KCP_GO else 1.0] * 3 for one in quantities})
            for name, setting in names
        ]
        records[scenario] = Record(False, {"system": "made up"}, series)
    return records
