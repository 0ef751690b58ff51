"""
The counts of ports at one time, as plain values that can be added and sent.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from kcptwisted.accounts import Account
from kcptwisted.session.figures import Figures


class Measure(NamedTuple):
    """
    What is told of live sessions as a histogram.

    @ivar metric: its name.
    @ivar help: what it is.
    @ivar bounds: the upper bounds of the buckets.
    @ivar of: gives it, of one session; None if there is nothing to say of it yet.
    """

    metric: str
    help: str
    bounds: tuple[float, ...]
    of: Callable[[Figures], float | None]


def _rtt(session: Figures) -> float | None:
    return session.smoothedRTT / 1000 or None


def _retransmitted(session: Figures) -> float | None:
    stats = session.stats
    return stats.RetransSegs / stats.OutSegs if stats.OutSegs else None


def _recovered(session: Figures) -> float | None:
    stats = session.stats
    arrived = stats.FECDataShards + stats.FECRecovered
    return stats.FECRecovered / arrived if arrived else None


def _queued(session: Figures) -> float | None:
    return session.queuedBytes


_SHARES: Final = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)

MEASURES: Final = [
    Measure(
        "kcp_live_rtt_seconds",
        "Smoothed round-trip time of the live sessions.",
        (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
        _rtt,
    ),
    Measure(
        "kcp_live_retransmitted_ratio",
        "Share of the live sessions' segments that were sent again.",
        _SHARES,
        _retransmitted,
    ),
    Measure(
        "kcp_live_queued_bytes",
        "What the live sessions' applications wrote and was not sent yet.",
        (0, 1_000, 10_000, 100_000, 1_000_000, 10_000_000),
        _queued,
    ),
    Measure(
        "kcp_live_fec_recovered_ratio",
        "Share of the live sessions' datagrams that FEC rebuilt.",
        _SHARES,
        _recovered,
    ),
]


@dataclass
class Distribution:
    """
    How many sessions there are in each bucket of a L{Measure}; those beyond the last bound are in
    one more.
    """

    counts: list[int]
    total: float = 0.0

    def add(self, other: Distribution) -> None:
        """
        Adds another one of the same measure.
        """
        self.counts = [one + more for one, more in zip(self.counts, other.counts, strict=True)]
        self.total += other.total


def measure(kind: Measure, sessions: Iterable[Figures]) -> Distribution:
    """
    Returns how a measure is distributed over sessions.
    """
    counts = [0] * (len(kind.bounds) + 1)
    total = 0.0
    of, bounds = kind.of, kind.bounds
    for session in sessions:
        value = of(session)
        if value is not None:
            counts[bisect_left(bounds, value)] += 1
            total += value
    return Distribution(counts, total)


def nothing() -> dict[str, Distribution]:
    """
    Returns the measures of no sessions.
    """
    return {kind.metric: measure(kind, []) for kind in MEASURES}


@dataclass
class Snapshot:
    """
    The counts of one account.

    @ivar name: of the account.
    @ivar live: how many sessions there are.
    @ivar port: sums of L{kcptwisted.stats.PortStats} by counter.
    @ivar session: sums of L{kcptwisted.stats.SessionStats} by counter.
    @ivar ends: how many sessions ended, by reason.
    @ivar measures: the L{MEASURES} of the live sessions, by metric.
    """

    name: str
    live: int = 0
    port: Counter[str] = field(default_factory=Counter)
    session: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    measures: dict[str, Distribution] = field(default_factory=nothing)

    def add(self, other: Snapshot) -> None:
        """
        Adds the counts of another process that serves the same port.
        """
        self.live += other.live
        self.port.update(other.port)
        self.session.update(other.session)
        self.ends.update(other.ends)
        for name, distribution in other.measures.items():
            self.measures[name].add(distribution)

    def past(self) -> Snapshot:
        """
        Returns what stays of it when the process that it is of has ended.
        """
        port = self.port - Counter({"CurrEstab": self.live})
        return Snapshot(self.name, 0, port, self.session, self.ends)

    def encode(self) -> str:
        """
        Returns it as text, for L{decode}.
        """
        return json.dumps(
            [
                self.name,
                self.live,
                self.port,
                self.session,
                self.ends,
                {name: [each.counts, each.total] for name, each in self.measures.items()},
            ]
        )


def merged(snapshots: Iterable[Snapshot]) -> list[Snapshot]:
    """
    Returns the sums by name, in the order of the names' first appearance.
    """
    found: dict[str, Snapshot] = {}
    for each in snapshots:
        found.setdefault(each.name, Snapshot(each.name)).add(each)
    return list(found.values())


def decode(text: str) -> Snapshot:
    """
    Returns what L{Snapshot.encode} wrote.

    @raise ValueError: if C{text} is something else.
    """
    try:
        name, live, port, session, ends, measures = json.loads(text)
        found = {measure.metric: Distribution(*measures[measure.metric]) for measure in MEASURES}
        return Snapshot(str(name), int(live), Counter(port), Counter(session), Counter(ends), found)
    except (TypeError, KeyError, ValueError):
        raise ValueError("not a snapshot of this version") from None


def snapshotOf(account: Account) -> Snapshot:
    """
    Returns the counts of an account now.
    """
    sessions = account.sessions()
    figures = [Figures(session) for session in sessions]
    return Snapshot(
        account.name,
        len(sessions),
        Counter(account.portTotals().asDict()),
        Counter(account.sessionTotals().asDict()),
        Counter(account.ends),
        {kind.metric: measure(kind, figures) for kind in MEASURES},
    )
