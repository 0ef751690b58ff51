"""
The segments in flight that were taken for lost, or sent again.
"""

from __future__ import annotations

from heapq import heappop, heappush

from kcptwisted.arq.copies import Cause, Copy
from kcptwisted.arq.repeating import Repeats
from kcptwisted.arq.rtt import RoundTripEstimator
from kcptwisted.arq.sendqueue import Fragment
from kcptwisted.arq.tailtimer import TailTimer
from kcptwisted.stats import SessionStats


class Losses:
    """
    Keeps what is known of each such segment.

    @ivar copies: a L{Copy} for each, by sn.
    @ivar blamed: how many segments were taken for lost because later ones arrived, since recovery
        last began, and are not known to have arrived.
    @ivar until: recovery is over when una is beyond this sn.
    @ivar timer: sees to segments of which no ACK of a later one tells.
    @ivar repeats: the copies that are to be repeated.
    @ivar suspects: what the last timeout took for lost: when copies left, milliseconds, and their
        sns; None if the timeout was right, or is undone.
    """

    __slots__ = ("_heap", "blamed", "copies", "repeats", "suspects", "timer", "until")

    def __init__(self, rtt: RoundTripEstimator, inFlight: dict[int, Fragment]) -> None:
        """
        @param rtt: the round-trip estimate, which the caller keeps.
        @param inFlight: the segments in flight by sn, likewise.
        """
        self.copies: dict[int, Copy] = {}
        self._heap: list[int] = []
        self.blamed = 0
        self.until = -1
        self.timer = TailTimer()
        self.repeats = Repeats(rtt, inFlight, self.copies)
        self.suspects: list[tuple[int, list[int]]] | None = None

    def of(self, sn: int, sent: int) -> Copy:
        """
        Returns what is known of a segment.

        @param sent: when it left, if it did so once.
        """
        copy = self.copies.get(sn)
        if copy is None:
            copy = self.copies[sn] = Copy(sent)
        return copy

    def wait(self, sn: int, copy: Copy, size: int, cause: Cause) -> None:
        """
        A segment is taken for lost.

        @param size: bytes, header included.
        """
        copy.waiting = size
        copy.cause = cause
        heappush(self._heap, sn)

    def give(self, room: int, full: int) -> tuple[list[int], int]:
        """
        Returns the first of the segments that wait, and their bytes; they do not wait any more.

        @param room: bytes for them.
        @param full: bytes of a full segment.  A larger one may leave where this may.
        """
        heap, copies = self._heap, self.copies
        given: list[int] = []
        size = 0
        while heap:
            copy = copies.get(heap[0])
            if copy is not None and copy.waiting:
                if room < copy.waiting and room < full:
                    break
                room -= copy.waiting
                size += copy.waiting
                copy.waiting = 0
                given.append(heap[0])
            heappop(heap)
        return given, size

    def sentAgain(self, sns: list[int], now: int, stats: SessionStats) -> int:
        """
        Segments leave again.

        @param now: milliseconds.
        @param stats: counts them.
        @return: how often the one was sent that was sent most often.
        """
        most = 0
        for sn in sns:
            copy = self.copies[sn]
            copy.sent = copy.since = now
            copy.transmissions += 1
            if copy.transmissions > most:
                most = copy.transmissions
            if copy.cause == Cause.OVERTAKEN:
                stats.FastRetransSegs += 1
            elif copy.cause == Cause.PROBE:
                stats.EarlyRetransSegs += 1
            else:
                stats.LostSegs += 1
        stats.RetransSegs += len(sns)
        return most

    def passed(self, before: int, una: int) -> list[Copy]:
        """
        Returns what was known of the segments from C{before} up to C{una}, and forgets it.
        """
        copies = self.copies
        gone: list[Copy] = []
        sns = range(before, una) if una - before < len(copies) else list(copies)
        for sn in sns:
            if sn < una:
                copy = copies.pop(sn, None)
                if copy is not None:
                    gone.append(copy)
        return gone

    def release(self) -> tuple[list[tuple[int, list[int]]], int]:
        """
        Takes back the last timeout: what it took for lost, and was not sent again, waits no more.

        @return: when copies left, in that order, and their sns; and their bytes.
        """
        copies = self.copies
        released: list[tuple[int, list[int]]] = []
        size = 0
        for sent, sns in self.suspects or []:
            again = []
            for sn in sns:
                copy = copies.get(sn)
                if copy is None or not copy.waiting or copy.sent != sent:
                    continue
                if copy.cause == Cause.TIMEOUT:
                    again.append(sn)
                    size += copy.waiting
                    copy.waiting = 0
                    if copy.transmissions == 1:
                        del copies[sn]
            if again:
                released.append((sent, again))
        self.suspects = None
        return released, size
