"""
Whether the peer is still there, and whether the connection is of use (the options C{keepAlive},
C{deadAfter} and C{idleTimeout}).
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

from kcptwisted.connection.timers import NEVER, Timer, TimerTable

#: How often the peer is asked within C{deadAfter}.
QUESTIONS = 6

#: Questions that must have gone unanswered before the peer is taken for dead, whatever the clock
#: says.
LEAST_QUESTIONS = 3

#: The end that was called waits longer by this part before it asks.
DEFERENCE = 10

#: A question waits up to this part of its time longer, so that it leaves together with those of
#: other connections: one call for many costs a fraction of one for each.
TOLERANCE = 20

#: Milliseconds that it waits longer at most.
LONGEST_TOLERANCE = 1000

#: Milliseconds of silence after which a newcomer is asked whether it is there, and a doubtful peer
#: anew.
NEWCOMER_SILENCE = 1000


#: A flush that comes up to so many milliseconds before the timer sets it anew.  So traffic puts it
#: off, and a look that is not due any more makes no flush, which would send waiting ACKs early.
AHEAD = 1000


class Finding(Enum):
    """
    What a look at a connection found.
    """

    #: Nothing is to be done.
    WELL = "well"
    #: The peer should be asked for a sign of life.
    SILENT = "silent"
    #: The peer was asked, and did not answer in time.
    DEAD = "dead"
    #: There was no data of the application for too long.
    IDLE = "idle"


class Liveness:
    """
    The watch over one connection.  All times are milliseconds.

    C{heard} is set when the peer is heard, and C{active} when data of the application moves.  Both
    only delay the next L{look}, so the timer need not be set then: a look that comes too early
    sets it.  L{setTimer} is called when the peer is heard at C{refreshAt} or later, and by a flush
    shortly before the timer, so that a peer that is heard now and then causes no such look.

    @ivar heard: when the peer was last heard.
    @ivar active: when data of the application was last written or delivered.
    @ivar refreshAt: when a sign of life puts the timer off; L{NEVER} if it is not waited for.
    @ivar timesIdleness: C{active} is looked at.
    @ivar unanswered: how often the peer has been asked since it was last heard.
    """

    __slots__ = (
        "_deadAfter",
        "_firstQuestion",
        "_idleTimeout",
        "_keepAlive",
        "_moved",
        "_nextQuestion",
        "_silence",
        "_timers",
        "_watching",
        "active",
        "heard",
        "refreshAt",
        "timesIdleness",
        "unanswered",
    )

    def __init__(
        self, keepAlive: float, deadAfter: float, idleTimeout: float, timers: TimerTable
    ) -> None:
        """
        @param keepAlive: seconds of silence after which to ask; 0 for never.
        @param deadAfter: seconds without an answer after which the peer is dead.
        @param idleTimeout: seconds without data of the application; 0 for no limit.
        @param timers: where the time of the next look is written.
        """
        self._keepAlive = self._silence = _milliseconds(keepAlive)
        self._deadAfter = _milliseconds(deadAfter)
        self._idleTimeout = _milliseconds(idleTimeout)
        self.timesIdleness = self._idleTimeout > 0
        self._timers = timers
        self.heard = self.active = 0
        self.unanswered = 0
        self._firstQuestion = self._nextQuestion = 0
        self._watching = False
        self._moved = 0
        self.refreshAt = NEVER

    def setTimer(self) -> None:
        """
        Sets the timer by what is known now.
        """
        due = self.refreshAt = NEVER
        if self._watching:
            if self._keepAlive:
                silence = self._silence
                due = self._nextQuestion
                if not self.unanswered:
                    due = _together(self.heard + silence, silence)
                    self.refreshAt = self.heard + silence // 2
            if self._idleTimeout:
                due = min(due, self.active + self._idleTimeout)
        self._timers.set(Timer.LIVENESS, due)

    def noteActivity(self, moved: int, now: int) -> None:
        """
        Takes note of data of the application, if there has been any.

        @param moved: grows with each.
        """
        if moved != self._moved:
            self._moved = moved
            self.active = now

    def letPeerAsk(self, unproven: bool) -> None:
        """
        Waits a little longer than the peer, which called: its question and the answer tell either
        end that the other is there.

        @param unproven: whether to ask early the first time all the same.
        """
        self._keepAlive = _deferring(self._keepAlive)
        self._silence = min(self._keepAlive, NEWCOMER_SILENCE) if unproven else self._keepAlive

    def setKeepAlive(self, keepAlive: float) -> None:
        """
        Asks after so much silence from now on.

        @param keepAlive: seconds; 0 for never.
        """
        self._keepAlive = self._silence = _milliseconds(keepAlive)
        self.unanswered = 0
        self.setTimer()

    def start(self, now: int) -> None:
        """
        Begins to watch: the connection is up.
        """
        self.heard = self.active = now
        self._watching = True
        self.setTimer()

    def look(self, now: int) -> Finding:
        """
        Says what is due, and sets the timer.
        """
        finding = self._look(now)
        self.setTimer()
        return finding

    def _look(self, now: int) -> Finding:
        if self._idleTimeout and now - self.active >= self._idleTimeout:
            return Finding.IDLE
        if self.heard > self._firstQuestion:
            self._forgetQuestions()
        if not self._keepAlive:
            return Finding.WELL
        return self._silent(now) if self.unanswered else self._quiet(now)

    def askSoon(self) -> None:
        """
        Asks again soon: what the peer says is doubtful.
        """
        if self._keepAlive:
            self._silence = min(self._keepAlive, NEWCOMER_SILENCE)
            self.setTimer()

    def _quiet(self, now: int) -> Finding:
        if now - self.heard < self._silence:
            return Finding.WELL
        self._firstQuestion = now
        return self._ask(now)

    def _silent(self, now: int) -> Finding:
        if now < self._nextQuestion:
            return Finding.WELL
        if self.unanswered >= LEAST_QUESTIONS and now - self._firstQuestion >= self._deadAfter:
            return Finding.DEAD
        return self._ask(now)

    def _ask(self, now: int) -> Finding:
        self.unanswered += 1
        pause = max(self._deadAfter // QUESTIONS, 1)
        self._nextQuestion = _together(now + pause, pause)
        return Finding.SILENT

    def revived(self) -> None:
        """
        Takes note that the peer has been heard since it was asked.
        """
        self._forgetQuestions()
        self.setTimer()

    def _forgetQuestions(self) -> None:
        if self.unanswered:
            self.unanswered = 0
            self._silence = self._keepAlive

    def stop(self) -> None:
        """
        Watches no more.
        """
        self._watching = False
        self._keepAlive = self._idleTimeout = 0
        self.setTimer()


@lru_cache
def _milliseconds(seconds: float) -> int:
    """
    Returns one object for all connections with the same option.
    """
    return int(seconds * 1000)


@lru_cache
def _deferring(keepAlive: int) -> int:
    """
    Returns the time after which the end that was called asks, milliseconds; one object for all.
    """
    return keepAlive + keepAlive // DEFERENCE


def _together(due: int, wait: int) -> int:
    """
    Returns the next time from C{due} on at which other connections' timers are set as well.

    @param due: milliseconds.
    @param wait: how long C{due} is waited for.
    """
    grid = min(wait // TOLERANCE, LONGEST_TOLERANCE) or 1
    return -(-due // grid) * grid
