"""
What trains of probes at known rates say about a path's rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from kcptwisted.commands.probe.records import Probe
from kcptwisted.commands.probe.statistics import eventsOf, percentile

#: Bits a second of the first train; each further one has twice the rate of the one before.
FIRST_RATE = 1e6

#: How long a train is, seconds: at least, and at most.
SHORTEST, LONGEST = 0.1, 0.8

#: Probes of a train, at least.
FEWEST = 20

#: The share of what was sent that is to be delivered, or the rate has reached its limit.
DELIVERED = 0.85

#: How much more may be lost than before, likewise.
LOST = 0.08


@dataclass
class Train:
    """
    Probes that leave at a rate.

    @ivar rate: as planned; bits a second of UDP payload, as all rates here.
    @ivar duration: seconds, as planned.
    """

    rate: float
    duration: float
    probes: list[Probe] = field(default_factory=list)

    @property
    def sent(self) -> float | None:
        """
        The rate at which they left; None with fewer than two.
        """
        probes = self.probes
        if len(probes) < 2 or probes[-1].sent <= probes[0].sent:
            return None
        return 8 * sum(probe.size for probe in probes[1:]) / (probes[-1].sent - probes[0].sent)

    @property
    def delivered(self) -> float | None:
        """
        The rate at which they arrived; None if there were too few answers to tell.
        """
        events = eventsOf(self.probes)
        # What the last one acknowledges may have been complete before the peer's interval was over.
        last = len(events) - (2 if len(events) > 3 else 1)
        if last < 1:
            return None
        size = sum(size for _, size in events[1 : last + 1])
        return 8 * size / (events[last][0] - events[0][0])

    @property
    def loss(self) -> float:
        """
        The share that was not answered.
        """
        lost = sum(probe.answered is None for probe in self.probes)
        return lost / len(self.probes) if self.probes else 0.0

    @property
    def growth(self) -> float:
        """
        How much longer the last quarter's round trips were than the first quarter's, seconds.
        """
        trips = [probe.roundTrip for probe in self.probes if probe.roundTrip is not None]
        quarter = len(trips) // 4
        if not quarter:
            return 0.0
        return percentile(trips[-quarter:], 0.5) - percentile(trips[:quarter], 0.5)


def durationOf(interval: float, roundTrip: float) -> float:
    """
    Returns how long trains are to be, seconds: several of the peer's answers each.

    @param interval: how long the peer gathers ACKs, seconds.
    @param roundTrip: seconds.
    """
    return min(max(SHORTEST, 6 * interval, roundTrip), LONGEST)


def limitOf(train: Train, loss: float, noise: float) -> str:
    """
    Returns why a train was as fast as the path is, or this host; empty if it was not.

    @param loss: the share of probes that is lost at low rates.
    @param noise: by how much round trips differ at low rates, seconds.
    """
    sent, delivered = train.sent, train.delivered
    deviation = math.sqrt(loss * (1 - loss) / len(train.probes))
    if train.loss > loss + LOST + 2 * deviation:
        return f"{train.loss:.0%} of the train at {mbit(train.rate)} was lost"
    if train.growth > max(0.01, noise, 0.1 * train.duration):
        return f"a queue of {1000 * train.growth:.0f} ms built up at {mbit(train.rate)}"
    if sent is None:
        return ""
    if sent < DELIVERED * train.rate:
        return f"this host sent no faster than {mbit(sent)}"
    if delivered is not None and delivered < DELIVERED * (1 - train.loss) * sent:
        return f"less arrived of the train at {mbit(train.rate)}"
    return ""


def mbit(rate: float) -> str:
    """
    Returns a rate for people.

    @param rate: bits a second.
    """
    return f"{rate / 1e6:.{0 if rate >= 99.5e6 else 1}f} Mbit/s"


def rateOf(trains: Sequence[Train]) -> float | None:
    """
    Returns the rate that the path has shown; None if no train tells.
    """
    rates = [train.delivered for train in trains]
    # A burst of ACKs that waited on their way cannot have been faster than what they answer.
    found = [
        min(rate, train.sent or rate)
        for rate, train in zip(rates, trains, strict=True)
        if rate is not None
    ]
    return max(found, default=None)
