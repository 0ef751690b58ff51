"""
What was measured, and what that says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from kcptwisted.commands.probe.records import Ledger, Probe
from kcptwisted.commands.probe.sizes import SizeSearch
from kcptwisted.commands.probe.statistics import (
    Loss,
    RoundTrips,
    intervalOf,
    lossOf,
    roundTripsOf,
)
from kcptwisted.commands.probe.trains import Train, rateOf

#: Seconds that an answer may take: at least, and at most.
LEAST_PATIENCE, MOST_PATIENCE = 0.1, 3.0


@dataclass
class Records:
    """
    What was done so far.

    @ivar connected: seconds until the server had answered; None before.
    @ivar isOurs: whether the server knows kcptwisted's control frames.
    @ivar groups: probes that left together, for round trips and losses.
    @ivar run: probes close together, for the peer's interval.
    @ivar search: of the path's MTU; None before it began, or without it.
    @ivar sizesWhy: why there is none, or it did not end.
    @ivar trains: for the rate.
    @ivar trainsWhy: why there is no further one.
    @ivar isLimit: whether that is because the path has no higher rate, or this host.
    """

    connected: float | None = None
    isOurs: bool = False
    groups: list[list[Probe]] = field(default_factory=list)
    run: list[Probe] = field(default_factory=list)
    search: SizeSearch | None = None
    sizesWhy: str = ""
    trains: list[Train] = field(default_factory=list)
    trainsWhy: str = ""
    isLimit: bool = False

    def longest(self) -> float:
        """
        Returns the longest round trip so far, seconds; 0 without one.
        """
        probes = [probe for group in self.groups for probe in group]
        return max(_roundTrips(probes), default=0.0)

    def patience(self) -> float:
        """
        Returns how long to wait for an answer, seconds.
        """
        longest = self.longest()
        if not longest:
            return MOST_PATIENCE
        return min(max(LEAST_PATIENCE, 1.5 * longest + 0.05), MOST_PATIENCE)


@dataclass(frozen=True)
class Findings:
    """
    What there is to tell.  Times are seconds; None is what is not known.

    @ivar interval: how long the peer gathers ACKs.
    @ivar mtu: the largest UDP payload that the path carries, bytes.
    @ivar mtuWhy: what there is to say of it.
    @ivar rate: bits a second of UDP payload, to the peer.
    @ivar rateWhy: what there is to say of it.
    @ivar isLimit: whether C{rate} is as much as can be had; else it is at least that.
    @ivar window: that the peer announced last, segments.
    @ivar spent: bytes sent, the headers of IP and UDP included.
    @ivar received: bytes of the answers, likewise.
    """

    connected: float | None
    isOurs: bool
    roundTrips: RoundTrips | None
    loss: Loss | None
    interval: float | None
    mtu: int | None
    mtuWhy: str
    rate: float | None
    rateWhy: str
    isLimit: bool
    window: int | None
    spent: int
    received: int


def findingsOf(records: Records, ledger: Ledger, now: float) -> Findings:
    """
    Says what is known now.  A probe that may still be answered counts neither as answered nor as
    lost.

    @param now: seconds.
    """
    end = now - records.patience()
    groups = [
        group
        for group in records.groups
        if group[0].sent <= end or all(probe.answered is not None for probe in group)
    ]
    # The first of each group: the others may have waited for it.
    trips = roundTripsOf(_roundTrips(group[0] for group in groups))
    search = records.search
    mtu = None
    why = records.sizesWhy
    if search is not None and search.passes:
        mtu = search.passes
        if not search.isDone:
            why = why or "the search for it did not end: it may be more"
        elif search.isLargest:
            why = "no more was tried"
    rate = rateOf(records.trains)
    return Findings(
        records.connected,
        records.isOurs,
        trips,
        lossOf(groups),
        intervalOf(records.run),
        mtu,
        why,
        rate,
        records.trainsWhy,
        records.isLimit,
        ledger.window,
        ledger.spent,
        ledger.received,
    )


def _roundTrips(probes: Iterable[Probe]) -> list[float]:
    return [trip for trip in (probe.roundTrip for probe in probes) if trip is not None]
