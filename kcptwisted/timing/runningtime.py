"""
The time for which the process has been running.
"""

from __future__ import annotations

from math import inf
from typing import ClassVar

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

#: Seconds that a planned call may be late.  If it is later, the process did not run meanwhile.
LATENESS_TOLERANCE = 1.0


class RunningTime:
    """
    Counts the milliseconds in which the process ran.

    While the process is suspended, or a long call blocks it, the count stands still.  So no peer is
    taken for silent while nobody listened.

    @ivar stoodStill: whether the count has stood still; the reader resets it.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, reactor: IReactorTime) -> None:
        """
        @param reactor: tells the wall clock's time.
        """
        self._reactor = reactor
        self._lastSeconds = reactor.seconds()
        self._elapsed = 0.0
        # The reactor's time up to which the process has been running; inf if no call is planned.
        self._limit = inf
        self.stoodStill = False

    def now(self) -> int:
        """
        Returns milliseconds since this was made.  Never goes back, even if the wall clock does.
        Goes at most L{LATENESS_TOLERANCE} past a planned call that has not come.
        """
        seconds = self._reactor.seconds()
        if seconds > self._lastSeconds:
            if seconds > self._limit:
                self._standStill(seconds)
            self._elapsed += seconds - self._lastSeconds
        else:
            # The wall clock may have been set back.  Then the planned call comes later by that.
            self._limit += seconds - self._lastSeconds
        self._lastSeconds = seconds
        return int(self._elapsed * 1000)

    def expectCall(self, at: float) -> None:
        """
        A call is planned, which comes in time if the process runs.

        @param at: the reactor's time, seconds.
        """
        self._limit = at + LATENESS_TOLERANCE

    def expectCallIn(self, seconds: float) -> None:
        """
        A call is planned so many seconds after C{now} was last called.
        """
        self._limit = self._lastSeconds + (seconds + LATENESS_TOLERANCE)

    def expectNothing(self) -> None:
        """
        No call is planned: all time counts.
        """
        self._limit = inf

    def _standStill(self, seconds: float) -> None:
        """
        Leaves out the time between the limit and C{seconds}.
        """
        limit = self._limit
        self._lastSeconds = seconds - (limit - self._lastSeconds)
        # The planned call has yet to come.
        self._limit = seconds + LATENESS_TOLERANCE
        self.stoodStill = True
        self._log.debug("The process stood still for {seconds} s", seconds=seconds - limit)
