"""
The greatest of what was measured lately, in a few numbers.
"""

from __future__ import annotations


class WindowedMaximum:
    """
    The greatest of the values of a sliding window.

    It keeps three: the greatest, the greatest of those that came after it, and the greatest of
    those that came after that one (Kathleen Nichols' windowed filter).  When the first grows too
    old, the second takes its place.  So it needs no list, and while values fall it may forget one
    up to a quarter of the window early.

    @ivar value: the greatest; 0 if nothing was ever noted.
    """

    __slots__ = ("_first", "_second", "_secondAt", "_third", "_thirdAt", "value")

    def __init__(self) -> None:
        self.value = self._first = 0
        self._second = self._secondAt = 0
        self._third = self._thirdAt = 0

    def reset(self, at: int, value: int) -> None:
        """
        Forgets all values but one.

        @param at: where that one is, in the unit of the window.
        @param value: at least 0.
        """
        self.value = self._second = self._third = value
        self._first = self._secondAt = self._thirdAt = at

    def update(self, at: int, value: int, length: int) -> None:
        """
        Notes a value.

        @param at: where it is, in the unit of the window; never less than before.
        @param value: at least 0.
        @param length: how far back the window reaches.
        """
        if value >= self.value or at - self._thirdAt > length:
            self.reset(at, value)
            return
        if value >= self._second:
            self._second = self._third = value
            self._secondAt = self._thirdAt = at
        elif value >= self._third:
            self._third = value
            self._thirdAt = at
        if at - self._first > length:
            self.value, self._first = self._second, self._secondAt
            self._second, self._secondAt = self._third, self._thirdAt
            self._third, self._thirdAt = value, at
            if at - self._first > length:
                self.value, self._first = self._second, self._secondAt
                self._second, self._secondAt = value, at
        elif self._secondAt == self._first and at - self._first > length // 4:
            self._second = self._third = value
            self._secondAt = self._thirdAt = at
        elif self._thirdAt == self._secondAt and at - self._first > length // 2:
            self._third = value
            self._thirdAt = at
