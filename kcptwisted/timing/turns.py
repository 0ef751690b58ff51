"""
How much each session sends in a reactor turn.
"""

from __future__ import annotations

from typing import Final

#: Segments that a session with company may send: one run (UDP_SEGMENT) of full datagrams.
SHARE: Final = 44

#: Segments that leave in a turn, about, of several sessions.  More would keep small messages
#: waiting: this many take about a millisecond.
TURN: Final = 2 * SHARE

#: Segments that leave in a turn of one session alone, which costs a third less for each.
ALONE: Final = 6 * SHARE

#: A session with no more segments to send does not wait for its turn, and none for it.
FEW: Final = 8


class Turn:
    """
    Divides a turn among the sessions that are flushed in it.

    @ivar burst: new segments that a session may send.
    @ivar isUsed: it must begin anew.
    @ivar isOver: all is used up: who has more than L{FEW} segments to send waits for the next.
    """

    def __init__(self) -> None:
        self._most = ALONE
        self.begin()

    def begin(self) -> None:
        """
        Begins a turn.  The first session may send all.
        """
        self._left = self.burst = self._most
        self.isUsed = self.isOver = False

    def goOn(self, sessions: int) -> None:
        """
        Divides what is left, which is one share at least, among those that have waited.

        @param sessions: how many they are.
        """
        self.isUsed = True
        self.isOver = False
        # The next turn is likely to have as many.
        self._most = ALONE if sessions == 1 else TURN
        self._left = min(self._left, self._most)
        self.burst = max(SHARE, self._left // sessions)

    def spend(self, count: int) -> None:
        """
        Takes note that a session sent C{count} datagrams, more than L{FEW}.
        """
        self._left -= count
        self.isUsed = True
        self.isOver = self._left <= 0
        self.burst = min(self.burst, max(SHARE, self._left))
