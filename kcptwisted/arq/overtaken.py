"""
Which segments in flight were overtaken by later ones, so that they need not wait for a timeout.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from heapq import heappop, heappush

from kcptwisted.arq.deadlines import Resend


class Overtaken:
    """
    Counts, for each segment in flight, the ACKs of segments with a larger sn ("fastack").

    Only gaps below the largest acknowledged sn are ever looked at, and each leaves as soon as it
    has been counted to the threshold, so the cost does not depend on the window.
    """

    __slots__ = (
        "_counts",
        "_frontier",
        "_gaps",
        "_hurried",
        "_inFlight",
        "_latest",
        "_resends",
        "_resent",
        "_threshold",
        "_watched",
    )

    def __init__(
        self, threshold: int, inFlight: Container[int], resends: dict[int, Resend]
    ) -> None:
        """
        @param threshold: ACKs after which a segment is to be sent again; 0 means never.
        @param inFlight: the sns in flight, kept by the caller.
        @param resends: what is known of segments that were sent again, kept by the caller.
        """
        self._threshold = threshold
        self._inFlight = inFlight
        self._resends = resends
        # Every sn below this has been looked at once.
        self._frontier = 0
        # Heap of sns that later ACKs may count, and the same as a set.
        self._gaps: list[int] = []
        self._watched: set[int] = set()
        # (sent, sn) of segments that timed out and left again, awaiting ACKs of what left after.
        self._resent: deque[tuple[int, int]] = deque()
        # When the latest copy left that is known to have arrived.
        self._latest = 0
        self._counts: dict[int, int] = {}
        self._hurried: list[int] = []

    @property
    def pending(self) -> bool:
        """
        Whether segments have reached the threshold.
        """
        return bool(self._hurried)

    def count(self, acks: list[tuple[int, int]], una: int) -> None:
        """
        Take the segments that a batch newly acknowledged.

        @param acks: (sn, when the acknowledged copy left) pairs, at least one; sorted in place.
        @param una: the first sn in flight.
        """
        acks.sort(reverse=True)
        highest = acks[0][0]
        gaps = self._gaps
        resends = self._resends
        for sn in range(max(self._frontier, una), highest):
            if sn in self._inFlight and sn not in resends:
                self._watch(sn)
        self._frontier = max(self._frontier, highest)
        if self._resent:
            self._release(max([sent for _, sent in acks]))
        again = []
        while gaps and gaps[0] < highest:
            sn = heappop(gaps)
            self._watched.discard(sn)
            if self._judge(sn, acks):
                again.append(sn)
        for sn in again:
            self._watch(sn)

    def _watch(self, sn: int) -> None:
        if sn not in self._watched:
            self._watched.add(sn)
            heappush(self._gaps, sn)

    def _release(self, latest: int) -> None:
        resent = self._resent
        self._latest = max(self._latest, latest)
        while resent and resent[0][0] <= self._latest:
            sent, sn = resent.popleft()
            resend = self._resends.get(sn)
            if resend is not None and resend.sent == sent and not resend.hurried:
                self._watch(sn)

    def _judge(self, sn: int, acks: list[tuple[int, int]]) -> bool:
        """
        @return: whether later ACKs may still count for C{sn}.
        """
        resend = self._resends.get(sn)
        if sn not in self._inFlight or (resend is not None and resend.hurried):
            self._counts.pop(sn, None)
            return False
        if resend is not None and resend.sent > self._latest:
            # Still among those that await ACKs of what left after it.
            return False
        count = self._counts.get(sn, 0)
        for later, sent in acks:
            if later <= sn:
                break
            if resend is None or sent >= resend.sent:
                count += 1
                if count >= self._threshold:
                    break
        if count >= self._threshold > 0:
            self._counts.pop(sn, None)
            self._hurried.append(sn)
            return False
        if count:
            self._counts[sn] = count
        # Without a threshold one count is all that "early" asks for.
        return self._threshold > 0 or not count

    def resent(self, sn: int, now: int) -> None:
        """
        C{sn} timed out and left again: it counts afresh.

        @param now: milliseconds.
        """
        self._counts.pop(sn, None)
        self._resent.append((now, sn))

    def takeHurried(self) -> list[int]:
        """
        @return: the segments that reached the threshold since the last call and are in flight.
        """
        hurried = [sn for sn in self._hurried if sn in self._inFlight]
        self._hurried.clear()
        return hurried

    def takeEarly(self) -> list[int]:
        """
        @return: the segments that were overtaken, but not as often as the threshold says.
        """
        early = [sn for sn in self._counts if sn in self._inFlight]
        self._counts.clear()
        return early
