"""
What round trips and losses say about a path.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from kcptwisted.commands.probe.records import Probe

#: Answers that are less apart than this came at once, seconds.
AT_ONCE = 0.001

#: The share of groups whose answers must share a datagram, for losses to be told apart.
JOINED = 0.85

#: The fewest groups that tell losses apart.
FEWEST_GROUPS = 10


def percentile(values: Sequence[float], share: float) -> float:
    """
    Returns the smallest of the values that so many are not above (nearest rank).

    @param values: at least one.
    @param share: 0 to 1.
    """
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


@dataclass(frozen=True)
class RoundTrips:
    """
    All times are seconds.

    @ivar count: of how many.
    """

    count: int
    minimum: float
    median: float
    p90: float
    p99: float
    jitter: float


def roundTripsOf(values: Sequence[float]) -> RoundTrips | None:
    """
    Sums up round trips; None if there are none.

    @param values: seconds, in the order in which they began.
    """
    if not values:
        return None
    return RoundTrips(
        len(values),
        min(values),
        percentile(values, 0.5),
        percentile(values, 0.9),
        percentile(values, 0.99),
        jitterOf(values),
    )


def jitterOf(transits: Sequence[float]) -> float:
    """
    Returns the interarrival jitter (RFC 3550, section 6.4.1) after the last of some packets.

    @param transits: how long each took.
    """
    jitter = 0.0
    for before, now in pairwise(transits):
        jitter += (abs(now - before) - jitter) / 16
    return jitter


class Loss(NamedTuple):
    """
    Shares, 0 to 1.

    @ivar sent: how many probes.
    @ivar both: of these, not answered: lost there, or the ACK on the way back.
    @ivar there: lost on the way to the peer; None if that cannot be told.
    @ivar back: datagrams of the peer that were lost; None if that cannot be told.
    @ivar why: why it cannot be told.
    """

    sent: int
    both: float
    there: float | None
    back: float | None
    why: str = ""

    @property
    def worst(self) -> float:
        """
        That of the worse way; if it cannot be told, as if all were lost on one way.
        """
        if self.there is None or self.back is None:
            return self.both
        return max(self.there, self.back)


def lossOf(groups: Sequence[Sequence[Probe]]) -> Loss | None:
    """
    Tells losses apart.  The probes of a group leave together, so their ACKs share a datagram.  If
    that is lost nothing comes of a group; what is missing of the others was lost on its way there.

    @param groups: of equal size.
    @return: None if there are none.
    """
    sent = sum(map(len, groups))
    if not sent:
        return None
    answers = [[probe for probe in group if probe.roundTrip is not None] for group in groups]
    answered = [group for group in answers if group]
    both = (sent - sum(map(len, answers))) / sent
    several = [group for group in answered if len(group) > 1]
    if len(several) < FEWEST_GROUPS:
        return Loss(sent, both, None, None, "too few were answered")
    joined = sum(len({probe.answer for probe in group}) == 1 for group in several)
    if joined < JOINED * len(several):
        return Loss(sent, both, None, None, "the peer does not answer several at once")
    size = len(groups[0])
    there = _missing(sum(map(len, answered)) / len(answered), size)
    back = 1 - len(answered) / len(groups) / (1 - there**size)
    return Loss(sent, both, there, min(max(back, 0.0), 1.0))


def _missing(mean: float, size: int) -> float:
    """
    Returns the share that is lost, if so many of a group arrive in the mean where any do.
    """
    low, high = 0.0, 1.0
    for _ in range(50):
        share = (low + high) / 2
        expected = size * (1 - share) / (1 - share**size)
        low, high = (share, high) if expected > mean else (low, share)
    return low


def eventsOf(probes: Sequence[Probe]) -> list[tuple[float, int]]:
    """
    Returns when ACKs came, and the bytes of the probes that they acknowledge.  What came at once is
    one event.
    """
    found: list[tuple[float, int]] = []
    times = sorted((probe.answered, probe.size) for probe in probes if probe.answered is not None)
    for time, size in times:
        if found and time - found[-1][0] <= AT_ONCE:
            found[-1] = found[-1][0], found[-1][1] + size
        else:
            found.append((time, size))
    return found


def intervalOf(probes: Sequence[Probe]) -> float | None:
    """
    Returns how long the peer gathers ACKs, seconds: the median from one of its answers to the next.
    None if there are too few answers.

    @param probes: sent one after the other, closer together than that.
    """
    times = [time for time, _ in eventsOf(probes)]
    gaps = [after - before for before, after in pairwise(times)]
    return percentile(gaps, 0.5) if len(gaps) > 1 else None
