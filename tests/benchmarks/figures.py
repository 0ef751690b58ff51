"""
Figures made up for the tests of tables, plots and the document: nothing was measured.
"""

from __future__ import annotations

from tests.benchmarks.arqcost import LINKS, QUEUED, WINDOWS
from tests.benchmarks.contenders import KCP_GO, ONE_PROCESS, OURS, PLAIN, PURE
from tests.benchmarks.fairness import LOADS
from tests.benchmarks.primitives import allRows
from tests.benchmarks.results import Record, Series
from tests.benchmarks.scenarios import SCENARIOS
from tests.benchmarks.smux import ALONE
from tests.benchmarks.subjects import SENDERS, SESSIONS, TUNNELLED
from tests.benchmarks.tunnels import KCPTUN, PATHS

_MESSAGES = [
    *["p50", "p99", "p999", "max"],
    *["messages", "cpuPerMessage", "serverPerMessage", "lost"],
]
_BAD = ("pathLoss", "pathOverflow")


def _points(points: tuple[int, ...]) -> list[str]:
    return [*map(str, points), "growth"]


def _series(scenario: str) -> tuple[list[tuple[str, str]], list[str]]:
    """
    @return: the names and settings of a scenario's subjects, and its quantities.
    """
    both = [(KCP_GO, ""), (OURS, "")]
    all_ = [(KCP_GO, ""), (KCP_GO, "ackNoDelay"), (OURS, ""), (PLAIN, "")]
    eager = [(name, setting) for name in (KCP_GO, OURS) for setting in ("", "ackNoDelay")]
    if scenario.startswith("bad-bulk"):
        return eager, ["rate", "cpuPerGigabyte", *_BAD]
    if scenario.startswith("bad-"):
        return both, [*_MESSAGES, *_BAD]
    together = [(KCP_GO, ONE_PROCESS), (KCP_GO, f"ackNoDelay, {ONE_PROCESS}")]
    if scenario.startswith(("oneway", "echo")):
        plain = [(PLAIN, ""), (PLAIN, "ackNoDelay")]
        pure = [(PURE, "")] if scenario == "echo-fec" else []
        return [*eager, *together, *plain, *pure], ["rate", "cpuPerGigabyte"]
    return {
        "go-benchmark": (
            [(KCP_GO, ""), *[(name, one) for name in (OURS, PLAIN) for one in ("", ONE_PROCESS)]],
            ["echo", "sink"],
        ),
        "idle": (all_, ["share", "clientShare", "memory"]),
        "beside": (
            [*both, *[(name, "") for name in SENDERS]],
            ["alone50", "alone99", "p50", "p99", "growth"],
        ),
        "smux": ([*both, (ALONE, "")], ["rate", "cpuPerGigabyte"]),
        "tunnel": ([(name, "") for name in TUNNELLED], ["rate", "fragmented"]),
        "crowds": (all_, [*_points(SESSIONS), "growthOfBoth"]),
        "windows": ([(name, "") for name in LINKS], _points(WINDOWS)),
        "queues": ([(OURS, "")], _points(QUEUED)),
        "neighbours": (
            [(name, "") for name in LOADS],
            ["rate", "p50", "p99", "timer50", "timer99"],
        ),
        "kcptun": (
            [(name, path) for path in PATHS for name in (KCPTUN, OURS)],
            ["download", "downloads", "p50", "p99"],
        ),
        "rivals": ([(OURS, ""), ("aioquic", "")], ["sink", "echo", "pingpong"]),
        "primitives": ([*both, (PURE, "")], [row.name for row in allRows()]),
    }.get(scenario, ([*all_, *together], _MESSAGES))


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
