"""
Segments that are sent again twice, because the loss of a copy would cost another round trip.
"""

from __future__ import annotations

from collections import deque

from kcptwisted.arq.copies import Cause, Copy
from kcptwisted.arq.rtt import RoundTripEstimator
from kcptwisted.arq.sendqueue import Fragment
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import OVERHEAD

#: Of a segment so many times smaller than a full one, needless copies cost little.
SMALL = 8

#: A copy is repeated after this part of the round trip.
PART = 8


def part(rtt: RoundTripEstimator) -> int:
    """
    Returns how long after a copy the repeated one leaves, milliseconds.  A burst of losses is over
    by then, as a rule.
    """
    return int(rtt.smoothed) // PART + 1


class Repeats:
    """
    Keeps which copies are to be repeated: those of small segments, and those of segments that keep
    the window shut while the path has room.

    @ivar due: when the next is due, milliseconds; None if none is.
    """

    __slots__ = ("_copies", "_inFlight", "_rtt", "_waiting")

    def __init__(
        self, rtt: RoundTripEstimator, inFlight: dict[int, Fragment], copies: dict[int, Copy]
    ) -> None:
        """
        @param rtt: the round-trip estimate, which the caller keeps, likewise the others.
        @param inFlight: the segments in flight by sn.
        @param copies: what is known of those that were sent again.
        """
        self._rtt = rtt
        self._inFlight = inFlight
        self._copies = copies
        # When copies left, and of what.
        self._waiting: deque[tuple[int, int]] = deque()

    @property
    def due(self) -> int | None:
        return self._waiting[0][0] + part(self._rtt) if self._waiting else None

    def note(self, sns: list[int], full: int, blocked: bool) -> None:
        """
        Segments leave again just now, and do so once more if that is worth it.

        @param full: bytes of a full segment.
        @param blocked: they keep the window shut, while the path has room.
        """
        isKnown = self._rtt.least >= 0
        for sn in sns:
            copy = self._copies[sn]
            isSmall = SMALL * (OVERHEAD + len(self._inFlight[sn][1])) <= full
            overtaken = copy.cause == Cause.OVERTAKEN
            if (blocked and overtaken) or (isSmall and isKnown and copy.cause <= Cause.PROBE):
                self._waiting.append((copy.sent, sn))

    def take(self, now: int, room: int, stats: SessionStats) -> list[int]:
        """
        Returns the sns of those that are due and have not been acknowledged; they leave now.  What
        there is no room for is not repeated.

        @param now: milliseconds.
        @param room: bytes for them.
        @param stats: counts them.
        """
        waiting, before = self._waiting, now - part(self._rtt)
        given: list[int] = []
        while waiting and waiting[0][0] <= before:
            sent, sn = waiting.popleft()
            copy = self._copies.get(sn)
            if copy is None or copy.sent != sent or copy.waiting:
                continue
            size = OVERHEAD + len(self._inFlight[sn][1])
            if size <= room:
                room -= size
                copy.sent = now
                given.append(sn)
        stats.RetransSegs += len(given)
        stats.EarlyRetransSegs += len(given)
        return given
