"""
NOP frames so that the peer hears of us, and the end when we do not hear of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from kcptwisted.smux.options import SmuxOptions

#: A call that comes so many seconds late says that the process did not run meanwhile.
LATE = 1.0


class _Tick:
    """
    A call that is repeated at fixed times.
    """

    __slots__ = ("_call", "_due", "_function", "_interval", "_reactor")

    def __init__(self, reactor: Any, interval: float, function: Callable[[bool], None]) -> None:
        """
        @param function: is told whether the process ran all the time.
        """
        self._reactor = reactor
        self._interval = interval
        self._function = function
        self._due: float = reactor.seconds() + interval
        self._call: IDelayedCall = reactor.callLater(interval, self._tick)

    def _tick(self) -> None:
        now = self._reactor.seconds()
        ran = now - self._due < LATE
        self._due = (self._due if ran else now) + self._interval
        self._call = self._reactor.callLater(max(self._due - now, 0), self._tick)
        self._function(ran)

    def stop(self) -> None:
        """
        Makes no more calls.
        """
        if self._call.active():
            self._call.cancel()


class KeepAlive:
    """
    Two calls that repeat from when it was made: each C{keepAliveInterval}, and each
    C{keepAliveTimeout}.
    """

    __slots__ = ("_ticks",)

    def __init__(
        self,
        reactor: Any,
        options: SmuxOptions,
        ping: Callable[[], None],
        look: Callable[[], None],
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param ping: sends a NOP.
        @param look: ends the session if nothing came since the last call.  Not called where the
            process did not run meanwhile, and so could hear nothing.
        """
        self._ticks: list[_Tick] = []
        if options.keepAliveInterval:
            self._ticks = [
                _Tick(reactor, options.keepAliveInterval, lambda ran: ping()),
                _Tick(reactor, options.keepAliveTimeout, lambda ran: look() if ran else None),
            ]

    def stop(self) -> None:
        """
        Makes no more calls.
        """
        for tick in self._ticks:
            tick.stop()
