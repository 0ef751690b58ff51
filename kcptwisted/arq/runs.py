"""
The copies of segments that left, in the order of time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kcptwisted.arq.copies import Copy
from kcptwisted.arq.sendqueue import Fragment

#: Runs at the front that are of no use any more before they are removed.
SPARE_RUNS = 64

#: Before any time.
NEVER = -1


class Runs:
    """
    Keeps copies in runs: the time, milliseconds, at which all copies of a run left, and their sns.
    They are gone through from the oldest on, and none is looked at twice.  So a flush costs one
    run, and the cost of a copy does not depend on the window.

    @ivar sn: the sn of the copy that L{oldest} found.
    """

    __slots__ = ("_at", "_first", "_runs", "sn")

    def __init__(self, now: int, first: int, stop: int) -> None:
        """
        @param now: see L{add}, likewise the others.
        """
        self._runs: list[tuple[int, Sequence[int]]] = [(now, range(first, stop))]
        # The first run that is of use, and where in it.
        self._first = 0
        self._at = 0
        self.sn = first

    def add(self, now: int, first: int, stop: int) -> None:
        """
        New segments left.

        @param now: milliseconds.
        @param first: the first sn.
        @param stop: one beyond the last.
        """
        runs = self._runs
        if runs:
            sent, last = runs[-1]
            if sent == now and isinstance(last, range) and last.stop == first:
                runs[-1] = (now, range(last.start, stop))
                return
        runs.append((now, range(first, stop)))

    def addAgain(self, now: int, sns: list[int]) -> None:
        """
        Segments left again.

        @param now: milliseconds.
        """
        self._runs.append((now, sns))

    def leaveOut(self, now: int, sns: list[int]) -> None:
        """
        Takes out copies that left just now: others will, in the same millisecond.

        @param now: milliseconds.
        @param sns: whose they may be.
        """
        runs = self._runs
        at = len(runs)
        while at > self._first and runs[at - 1][0] == now:
            at -= 1
        if at == len(runs):
            return
        gone = set(sns)
        rest = [(now, [sn for sn in sns if sn not in gone]) for _, sns in runs[at:]]
        runs[at:] = [run for run in rest if run[1]]
        if at == self._first:
            self._at = 0

    def oldest(
        self, una: int, inFlight: Mapping[int, Fragment], copies: Mapping[int, Copy] | None
    ) -> int:
        """
        Goes on to the oldest copy that is its segment's last, and is not taken for lost.

        @param una: the first sn in flight.
        @param inFlight: the segments in flight.
        @param copies: of those that were sent again, or taken for lost.
        @return: when it left, milliseconds; L{NEVER} if there is none.
        """
        runs = self._runs
        while self._first < len(runs):
            sent, sns = runs[self._first]
            at, count = self._at, len(sns)
            if isinstance(sns, range) and una - sns.start > at:
                at = una - sns.start
            while at < count:
                sn = sns[at]
                if sn in inFlight:
                    copy = copies.get(sn) if copies else None
                    if copy is None or (copy.sent == sent and not copy.waiting):
                        self._at = at
                        self.sn = sn
                        return sent
                at += 1
            self._at = 0
            self._first += 1
            if self._first > SPARE_RUNS:
                del runs[: self._first]
                self._first = 0
        runs.clear()
        self._first = 0
        return NEVER

    def skip(self) -> None:
        """
        Leaves out the copy that L{oldest} found.
        """
        self._at += 1

    def since(self, una: int) -> int:
        """
        Returns when the oldest copy left, milliseconds, if none of those in flight was sent again
        or taken for lost; L{NEVER} if there is none.

        @param una: the first sn in flight.
        """
        runs, first = self._runs, self._first
        if first >= len(runs):
            return NEVER
        while runs[first][1][-1] < una:
            first += 1
            self._at = 0
            if first == len(runs):
                runs.clear()
                self._first = 0
                return NEVER
        if first > SPARE_RUNS:
            del runs[:first]
            first = 0
        self._first = first
        return runs[first][0]

    def has(self, sn: int, sent: int) -> bool:
        """
        Returns True if a segment left for the first time at a time that is not long ago.

        @param sent: milliseconds.
        """
        runs = self._runs
        low, high = self._first, len(runs)
        while low < high:
            middle = (low + high) // 2
            if runs[middle][0] < sent:
                low = middle + 1
            else:
                high = middle
        while low < len(runs) and runs[low][0] == sent:
            sns = runs[low][1]
            if isinstance(sns, range) and sn in sns:
                return True
            low += 1
        return False

    def putBack(self, copies: list[tuple[int, list[int]]]) -> None:
        """
        Takes copies that had been left out, and are older than all others, into account again.

        @param copies: when they left, milliseconds, in that order, and the sns.
        """
        runs = self._runs
        if self._at and self._first < len(runs):
            sent, rest = runs[self._first]
            runs[self._first] = (sent, rest[self._at :])
            self._at = 0
        runs[self._first : self._first] = copies
