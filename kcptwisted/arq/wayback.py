"""
How long what the peer sends waits on its way: its own queue delays the ACKs as well.
"""

from __future__ import annotations

from kcptwisted.wire.segment import HALF, MASK

#: For how long the shortest way back is believed, milliseconds; up to twice as long.
MEMORY = 10_000

#: For how long a delay says something about ACKs that came without data, milliseconds.
FRESH = 20


class WayBack:
    """
    Compares the ts of the peer's segments, which is the peer's clock when they left, with the clock
    here.  How far the clocks are apart is not known, but the difference is least where nothing
    waited.  So the rest is a queue on the way back, which is not one of what this end sends.
    """

    __slots__ = ("_apart", "_before", "_delay", "_heard", "_last", "_least", "_turn")

    def __init__(self) -> None:
        # The first difference, modulo 2**32; others are counted from it.
        self._apart = -1
        # The least ones since the turn, and of the time before it.
        self._least = self._before = 0
        self._turn = 0
        self._delay = 0
        self._heard = -FRESH - 1
        self._last: tuple[int, int] | None = None

    def heard(self, now: int, last: tuple[int, int]) -> None:
        """
        A batch of datagrams came.

        @param now: milliseconds.
        @param last: sn and ts of the last PUSH; the same as before if there is none in it.
        """
        if last == self._last:
            return
        self._last = last
        apart = (now - last[1]) & MASK
        if self._apart < 0:
            self._apart = apart
            self._turn = now
        difference = (apart - self._apart) & MASK
        if difference >= HALF:
            difference -= MASK + 1
        if now - self._turn >= MEMORY:
            self._before, self._least, self._turn = self._least, difference, now
        elif difference < self._least:
            self._least = difference
        self._delay = difference - min(self._least, self._before)
        self._heard = now

    def delay(self, now: int) -> int:
        """
        Returns how much longer than it must an ACK was underway that came now, milliseconds; 0 if
        the peer sends no data that tell.
        """
        return self._delay if now - self._heard <= FRESH else 0
