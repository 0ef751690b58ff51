"""
The times at which a connection has to act by itself.
"""

from __future__ import annotations

from enum import Enum

#: No time, milliseconds: later than any.
NEVER = 1 << 62


class Timer(Enum):
    """
    What a connection waits for.
    """

    #: The hello is sent again.
    HELLO = "hello"
    #: A close gives up, or asks a peer whose window is shut.
    LINGER = "linger"
    #: The FIN is sent again.
    FIN = "fin"
    #: The peer is asked for a sign of life, or taken for dead; or the connection for idle.
    LIVENESS = "liveness"
    #: A probe of the path's MTU has not been answered, or is sent again.
    PATH_MTU = "pathMtu"


class TimerTable:
    """
    One time for each L{Timer}.  A part of the connection writes its own when it changes.

    @ivar earliest: the first of all, milliseconds; L{NEVER} if none is set.
    """

    # A place each instead of a list: most connections are idle, and there may be many.
    __slots__ = ("earliest", "fin", "hello", "linger", "liveness", "pathMtu")

    earliest: int
    hello: int
    linger: int
    fin: int
    liveness: int
    pathMtu: int

    def __init__(self) -> None:
        self.clearAll()

    def set(self, timer: Timer, time: int) -> None:
        """
        Sets a timer.

        @param time: milliseconds.
        """
        before = getattr(self, timer.value)
        setattr(self, timer.value, time)
        if time < self.earliest:
            self.earliest = time
        elif before == self.earliest:
            self.earliest = min(self.hello, self.linger, self.fin, self.liveness, self.pathMtu)

    def clear(self, timer: Timer) -> None:
        """
        Stops a timer.
        """
        self.set(timer, NEVER)

    def clearAll(self) -> None:
        """
        Stops all.
        """
        self.hello = self.linger = self.fin = self.liveness = self.pathMtu = NEVER
        self.earliest = NEVER

    def isDue(self, timer: Timer, now: int) -> bool:
        """
        Returns True if the time of a timer has come.

        @param now: milliseconds.
        """
        due: int = getattr(self, timer.value)
        return due <= now
