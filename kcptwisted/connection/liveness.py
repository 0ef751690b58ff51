"""
Whether the peer is still there, and whether the connection is of use (the options C{keepAlive},
C{deadAfter} and C{idleTimeout}).
"""

from __future__ import annotations

from enum import Enum

#: How often the peer is asked within C{deadAfter}.
ASKS = 6

#: Asks that must have gone unanswered before the peer is taken for dead, whatever the clock says.
LEAST_ASKS = 3

#: The end that was called waits longer by this part before it asks.
DEFERENCE = 10

#: A question waits up to this part of its time longer, so that it leaves together with those of
#: other connections: one call for many costs a fraction of one for each.
PATIENCE = 20

#: Milliseconds that it waits longer at most.
LONGEST_PATIENCE = 1000

#: Milliseconds of silence after which a newcomer is asked whether it is there, and a doubtful peer
#: anew.
NEWCOMER_SILENCE = 1000


class Finding(Enum):
    """
    What a look at a connection found.
    """

    #: Nothing is to be done.
    WELL = "well"
    #: The peer should be asked for a sign of life.
    SILENT = "silent"
    #: It has been asked, and has not answered in time.
    DEAD = "dead"
    #: There was no data of the application for too long.
    IDLE = "idle"


class Liveness:
    """
    The watch over one connection.  Without clock and I/O; all times are milliseconds.

    Whoever hears from the peer sets C{heard}, and whoever moves data of the application sets
    C{active}.  Both move L{deadline}, which a caller that waits for it need not know at once.

    @ivar heard: when the peer was last heard.
    @ivar active: when data of the application was last written or delivered.
    @ivar unanswered: how often the peer has been asked since it was last heard.
    """

    __slots__ = (
        "_deadAfter",
        "_firstAsk",
        "_idleTimeout",
        "_keepAlive",
        "_nextAsk",
        "_silence",
        "_watching",
        "active",
        "heard",
        "unanswered",
    )

    def __init__(self, keepAlive: float, deadAfter: float, idleTimeout: float) -> None:
        """
        @param keepAlive: seconds of silence after which to ask; 0 for never.
        @param deadAfter: seconds without an answer after which the peer is dead.
        @param idleTimeout: seconds without data of the application; 0 for no limit.
        """
        self._keepAlive = self._silence = int(keepAlive * 1000)
        self._deadAfter = int(deadAfter * 1000)
        self._idleTimeout = int(idleTimeout * 1000)
        self.heard = self.active = 0
        self.unanswered = 0
        self._firstAsk = self._nextAsk = 0
        self._watching = False

    @property
    def deadline(self) -> int | None:
        """
        When to look next; None if never.
        """
        if not self._watching:
            return None
        due = None
        if self._keepAlive:
            silence = self._silence
            due = self._nextAsk if self.unanswered else _together(self.heard + silence, silence)
        if self._idleTimeout:
            idle = self.active + self._idleTimeout
            if due is None or idle < due:
                return idle
        return due

    def yieldTo(self, unproven: bool) -> None:
        """
        The peer called, so let it ask first: the answer tells either end that the other is there.

        @param unproven: whether to ask early the first time all the same.
        """
        self._keepAlive += self._keepAlive // DEFERENCE
        self._silence = min(self._keepAlive, NEWCOMER_SILENCE) if unproven else self._keepAlive

    def askAfter(self, keepAlive: float) -> None:
        """
        Ask after so much silence from now on.

        @param keepAlive: seconds; 0 for never.
        """
        self._keepAlive = self._silence = int(keepAlive * 1000)
        self.unanswered = 0

    def start(self, now: int) -> None:
        """
        The connection is up: begin to watch.
        """
        self.heard = self.active = now
        self._watching = True

    def look(self, now: int) -> Finding:
        """
        Say what is due at C{now}.
        """
        if self._idleTimeout and now - self.active >= self._idleTimeout:
            return Finding.IDLE
        if self.heard > self._firstAsk:
            self.revived()
        if not self._keepAlive:
            return Finding.WELL
        return self._silent(now) if self.unanswered else self._quiet(now)

    def hasten(self) -> None:
        """
        Ask again soon: what the peer says is doubtful.
        """
        if self._keepAlive:
            self._silence = min(self._keepAlive, NEWCOMER_SILENCE)

    def _quiet(self, now: int) -> Finding:
        if now - self.heard < self._silence:
            return Finding.WELL
        self._firstAsk = now
        return self._ask(now)

    def _silent(self, now: int) -> Finding:
        if now < self._nextAsk:
            return Finding.WELL
        if self.unanswered >= LEAST_ASKS and now - self._firstAsk >= self._deadAfter:
            return Finding.DEAD
        return self._ask(now)

    def _ask(self, now: int) -> Finding:
        self.unanswered += 1
        pause = max(self._deadAfter // ASKS, 1)
        self._nextAsk = _together(now + pause, pause)
        return Finding.SILENT

    def revived(self) -> None:
        """
        The peer has been heard since it was asked.
        """
        if self.unanswered:
            self.unanswered = 0
            self._silence = self._keepAlive

    def stop(self) -> None:
        """
        There is nothing to watch over any more.
        """
        self._watching = False
        self._keepAlive = self._idleTimeout = 0


def _together(due: int, wait: int) -> int:
    """
    @param due: milliseconds.
    @param wait: how long C{due} is waited for.
    @return: the next time from C{due} on at which other connections' deadlines are as well.
    """
    grid = min(wait // PATIENCE, LONGEST_PATIENCE) or 1
    return -(-due // grid) * grid
