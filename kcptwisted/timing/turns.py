"""
How much each session sends in a reactor turn.
"""

from __future__ import annotations

#: Segments that leave in a turn, about.  More would keep small messages waiting: this many take
#: less than a millisecond.
TURN = 256

#: Segments that a session with company may send: those of one run (UDP_SEGMENT).
SHARE = 64

#: Segments that a session may send in a turn that is used up.  It is asked only for a session that
#: has not waited: whoever has little to send is not delayed.
LEAST_BURST = 8


class Turn:
    """
    Divides a turn among the sessions that are flushed in it.

    @ivar burst: new segments that a session may send now.
    @ivar isOver: the turn is used up.
    """

    def __init__(self) -> None:
        self._left = 0
        self.isOver = False
        self.burst = TURN

    def begin(self, sessions: int) -> None:
        """
        Begins a turn.

        @param sessions: how many want to be flushed.
        """
        self._left = TURN
        self.isOver = False
        self.share(sessions)

    def share(self, sessions: int) -> None:
        """
        Divides what is left.

        @param sessions: how many still want to be flushed.
        """
        self.burst = LEAST_BURST if self.isOver else max(SHARE, self._left // (sessions or 1))

    def spend(self, count: int) -> None:
        """
        Takes note that a session sent C{count} datagrams, more than L{LEAST_BURST}.
        """
        self._left -= count
        if self._left <= 0:
            self.isOver = True
            self.burst = LEAST_BURST
