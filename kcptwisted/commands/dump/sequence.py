"""
Which segments of one direction a capture has shown.
"""

from __future__ import annotations

from enum import Enum

from kcptwisted.wire.segment import HALF, MASK

#: So many sns before the first may come after it: they were overtaken, or lost and sent again.
EARLIER = 32

#: Segments above a missing one that are remembered, at most: no window is larger.
MOST_AHEAD = 0xFFFF


class Copy(Enum):
    """
    What a PUSH is.
    """

    #: The first copy, in order or before others.
    NEW = "new"
    #: The capture has shown its sn before: it was sent again.
    AGAIN = "again"
    #: The first copy that the capture shows, and sent after segments with higher sns: an earlier
    #: one was lost on its way to the capture.
    REPLACED = "replaced"
    #: The first copy, overtaken by segments with higher sns.
    OVERTAKEN = "overtaken"


def after(one: int, other: int) -> int:
    """
    Returns how far a number is after another in the ring of 32 bits; negative if it is before it.
    """
    return ((one - other + HALF) & MASK) - HALF


class Sequence:
    """
    The sns of one direction, from the first that the capture shows.  At most L{MOST_AHEAD} are
    remembered.
    """

    __slots__ = ("_ahead", "_earlier", "_first", "_highest", "_highestTs", "_next", "_skipped")

    def __init__(self) -> None:
        # The first sn that is missing, and those beyond it that are there.
        self._next = -1
        self._ahead: set[int] = set()
        # Those before the first that came later.
        self._earlier: set[int] = set()
        self._first = self._highest = self._highestTs = 0
        self._skipped = 0

    @property
    def missing(self) -> int:
        """
        Segments that the capture has never shown, though later ones.
        """
        if self._next < 0:
            return 0
        beyond = after(self._highest, self._next) + 1
        return self._skipped + beyond - len(self._ahead)

    def take(self, sn: int, ts: int) -> Copy:
        """
        Takes a PUSH into account.

        @param ts: the sender's clock when this copy left.
        """
        if self._next < 0:
            self._first = self._next = sn
            self._highest, self._highestTs = (sn - 1) & MASK, ts
        ahead = self._ahead
        distance = after(sn, self._next)
        if sn in ahead:
            return Copy.AGAIN
        if distance < 0:
            return self._takeEarlier(sn, ts)
        isHighest = after(sn, self._highest) > 0
        if distance > MOST_AHEAD or len(ahead) >= MOST_AHEAD:
            # The capture has missed more than a window.
            self._giveUp(sn)
        elif distance == 0:
            self._advance(sn)
        else:
            ahead.add(sn)
        if isHighest:
            self._highest, self._highestTs = sn, ts
            return Copy.NEW
        return self._late(ts)

    def _late(self, ts: int) -> Copy:
        return Copy.REPLACED if after(ts, self._highestTs) > 0 else Copy.OVERTAKEN

    def _takeEarlier(self, sn: int, ts: int) -> Copy:
        if sn in self._earlier or not -EARLIER <= after(sn, self._first) < 0:
            return Copy.AGAIN
        self._earlier.add(sn)
        return self._late(ts)

    def _advance(self, sn: int) -> None:
        ahead = self._ahead
        sn = (sn + 1) & MASK
        while sn in ahead:
            ahead.remove(sn)
            sn = (sn + 1) & MASK
        self._next = sn

    def _giveUp(self, sn: int) -> None:
        end = sn if after(sn, self._highest) > 0 else self._highest
        self._skipped += after(end, self._next) - len(self._ahead)
        self._ahead.clear()
        self._next = (end + 1) & MASK
        self._highest = end
