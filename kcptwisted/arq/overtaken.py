"""
Which segments in flight were overtaken by later ones: they are sent again before their timeout.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Container
from heapq import heapify, heappop, heappush

from kcptwisted.arq.deadlines import Resend

#: ACKs that could count for a copy and do not, after which the copy waits for its timeout.  Only a
#: peer that invents ts values causes so many.
MAXIMUM_MISSES = 3

#: Entries of acknowledged segments that may be left, beside as many as there are of others.
SPARE_ENTRIES = 64


class Overtaken:
    """
    Counts, for each segment in flight, the ACKs of segments with a larger sn ("fastack").

    It looks only at gaps below the largest acknowledged sn.  A gap is dropped when its count
    reaches the threshold.  A segment that was sent again waits, until the ACK of a copy arrives
    that did not leave before its own last copy.  So the cost of a segment depends neither on the
    window nor on what the ACKs say.

    @ivar threshold: ACKs after which a segment is to be sent again; 0 means never.
    @ivar due: when to send again what was overtaken less often than the threshold says, if nothing
        new can be sent then, milliseconds; set by the caller.
    """

    __slots__ = (
        "_counts",
        "_countsRoom",
        "_fast",
        "_frontier",
        "_gaps",
        "_inFlight",
        "_parked",
        "_parkedRoom",
        "_resends",
        "_watched",
        "due",
        "threshold",
    )

    def __init__(
        self, threshold: int, inFlight: Container[int], resends: dict[int, Resend]
    ) -> None:
        """
        @param threshold: see the attribute.
        @param inFlight: the sns in flight, kept by the caller.
        @param resends: what is known of segments that were sent again, kept by the caller.
        """
        self.threshold = threshold
        self._inFlight = inFlight
        self._resends = resends
        # Every sn below this has been looked at once.
        self._frontier = 0
        # Heap of sns that later ACKs may count, and the same as a set.
        self._gaps: list[int] = []
        self._watched: set[int] = set()
        # Heap of (sent, sn) of segments that timed out and left again, awaiting ACKs of what left
        # after, and how many there may be before those are taken out that have been acknowledged.
        self._parked: list[tuple[int, int]] = []
        self._parkedRoom = SPARE_ENTRIES
        self._counts: dict[int, int] = {}
        self._countsRoom = SPARE_ENTRIES
        self._fast: list[int] = []
        self.due: int | None = None

    @property
    def pending(self) -> bool:
        """
        Whether segments have reached the threshold.
        """
        return bool(self._fast)

    @property
    def early(self) -> bool:
        """
        Whether segments were overtaken less often than the threshold says.
        """
        return bool(self._counts)

    def count(self, acks: list[tuple[int, int]], una: int) -> None:
        """
        Takes the segments that a batch newly acknowledged.

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
        latest = max([sent for _, sent in acks]) if resends else 0
        if self._parked:
            self._release(latest)
        overtaken = []
        while gaps and gaps[0] < highest:
            sn = heappop(gaps)
            self._watched.discard(sn)
            overtaken.append(sn)
        if overtaken:
            self._judgeAll(overtaken, acks, latest)

    def _watch(self, sn: int) -> None:
        if sn not in self._watched:
            self._watched.add(sn)
            heappush(self._gaps, sn)

    def _release(self, latest: int) -> None:
        parked = self._parked
        while parked and parked[0][0] <= latest:
            sent, sn = heappop(parked)
            if self._isCurrent(sent, sn):
                self._watch(sn)

    def _isCurrent(self, sent: int, sn: int) -> bool:
        resend = self._resends.get(sn)
        return resend is not None and resend.sent == sent and not resend.beforeTimeout

    def _judgeAll(self, overtaken: list[int], acks: list[tuple[int, int]], latest: int) -> None:
        """
        @param overtaken: sns, ascending.
        @param acks: descending.
        @param latest: when the latest of the acknowledged copies left.
        """
        most = max(self.threshold, 1)
        # When the copies left that the ACKs beyond an sn are of, ascending, the latest only.
        best: list[int] = []
        position = 0
        for sn in reversed(overtaken):
            while position < len(acks) and acks[position][0] > sn:
                insort(best, acks[position][1])
                if len(best) > most:
                    del best[0]
                position += 1
            self._judge(sn, best, latest)

    def _judge(self, sn: int, best: list[int], latest: int) -> None:
        """
        Counts for C{sn} the ACKs whose copies left at the times in C{best}.  Later ACKs count as
        well if the segment is not to be sent again by then.
        """
        resend = self._resends.get(sn)
        if sn not in self._inFlight or (resend is not None and resend.beforeTimeout):
            self._counts.pop(sn, None)
            return
        counted = len(best)
        if resend is not None:
            if resend.sent > latest:
                # Still parked.
                return
            counted -= bisect_left(best, resend.sent)
        count = self._counts.get(sn, 0) + counted
        if count >= self.threshold > 0:
            self._counts.pop(sn, None)
            self._fast.append(sn)
            return
        if count:
            self._note(sn, count)
            if not self.threshold:
                # One count is all that "early" asks for.
                return
        if resend is None:
            self._watch(sn)
            return
        if not counted:
            resend.misses += 1
        if resend.misses < MAXIMUM_MISSES:
            self._park(resend.sent, sn)

    def _note(self, sn: int, count: int) -> None:
        counts = self._counts
        counts[sn] = count
        if len(counts) > self._countsRoom:
            for gone in [each for each in counts if each not in self._inFlight]:
                del counts[gone]
            self._countsRoom = 2 * len(counts) + SPARE_ENTRIES

    def _park(self, sent: int, sn: int) -> None:
        parked = self._parked
        heappush(parked, (sent, sn))
        if len(parked) > self._parkedRoom:
            self._parked = [entry for entry in parked if self._isCurrent(*entry)]
            heapify(self._parked)
            self._parkedRoom = 2 * len(self._parked) + SPARE_ENTRIES

    def resent(self, sn: int, now: int) -> None:
        """
        The segment C{sn} timed out and was sent again: its count begins anew.

        @param now: milliseconds.
        """
        self._counts.pop(sn, None)
        self._resends[sn].misses = 0
        self._park(now, sn)

    def takeFast(self) -> list[int]:
        """
        Returns the segments that reached the threshold since the last call and are in flight.
        """
        fast = [sn for sn in self._fast if sn in self._inFlight]
        self._fast.clear()
        return fast

    def takeEarly(self) -> list[int]:
        """
        Returns the segments that were overtaken, but not as often as the threshold says.
        """
        early = [sn for sn in self._counts if sn in self._inFlight]
        self._counts.clear()
        return early
