"""
The times at which a connection has to act by itself.
"""

from __future__ import annotations

from enum import IntEnum

#: No time, milliseconds: later than any.
NEVER = 1 << 62


class Timer(IntEnum):
    """
    What a connection waits for.
    """

    #: The hello is sent again.
    HELLO = 0
    #: A close gives up, or asks a peer whose window is shut.
    LINGER = 1
    #: The FIN is sent again.
    FIN = 2
    #: The peer is asked for a sign of life, or taken for dead; or the connection for idle.
    LIVENESS = 3


class TimerTable:
    """
    One time for each L{Timer}.  A part of the connection writes its own when it changes.

    @ivar earliest: the first of all, milliseconds; L{NEVER} if none is set.
    """

    __slots__ = ("_times", "earliest")

    def __init__(self) -> None:
        self._times = [NEVER] * len(Timer)
        self.earliest = NEVER

    def set(self, timer: Timer, time: int) -> None:
        """
        Sets a timer.

        @param time: milliseconds.
        """
        times = self._times
        before = times[timer]
        times[timer] = time
        if time < self.earliest:
            self.earliest = time
        elif before == self.earliest:
            self.earliest = min(times)

    def clear(self, timer: Timer) -> None:
        """
        Stops a timer.
        """
        self.set(timer, NEVER)

    def clearAll(self) -> None:
        """
        Stops all.
        """
        self._times = [NEVER] * len(Timer)
        self.earliest = NEVER

    def isDue(self, timer: Timer, now: int) -> bool:
        """
        Returns True if the time of a timer has come.

        @param now: milliseconds.
        """
        return self._times[timer] <= now
