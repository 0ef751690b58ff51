"""
When segments in flight were first sent.
"""

from __future__ import annotations

from bisect import bisect_left


class Launches:
    """
    One entry for each flush that sent new segments.
    """

    __slots__ = ("_firsts", "_times")

    def __init__(self) -> None:
        # The first sn of each flush, ascending, and its time.
        self._firsts: list[int] = []
        self._times: list[int] = []

    def __len__(self) -> int:
        return len(self._firsts)

    def add(self, first: int, now: int) -> None:
        """
        Segments leave for the first time.

        @param first: the first sn of them, not wrapped.
        @param now: milliseconds.
        """
        self._firsts.append(first)
        self._times.append(now)

    def timeOf(self, sn: int) -> int:
        """
        @param sn: of a segment in flight, not wrapped.
        @return: when it first left, milliseconds.
        """
        return self._times[bisect_left(self._firsts, sn + 1) - 1]

    def forget(self, una: int) -> None:
        """
        All before C{una} is acknowledged.  What goes is at least as much as what stays, so that the
        cost is spread.
        """
        firsts = self._firsts
        half = len(firsts) // 2
        if half and firsts[half] <= una:
            gone = bisect_left(firsts, una + 1) - 1
            del firsts[:gone]
            del self._times[:gone]

    def clear(self) -> None:
        """
        Nothing is in flight any more.
        """
        self._firsts.clear()
        self._times.clear()
