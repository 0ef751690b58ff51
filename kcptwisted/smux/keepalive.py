"""
NOP frames so that the peer hears of us, and the end when we do not hear of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from kcptwisted.smux.options import SmuxOptions


class KeepAlive:
    """
    Two calls that repeat from when it was made: each C{keepAliveInterval}, and each
    C{keepAliveTimeout}.
    """

    __slots__ = ("_calls", "_reactor")

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
        @param look: ends the session if nothing came since the last call.
        """
        self._reactor = reactor
        self._calls: dict[Callable[[], None], IDelayedCall] = {}
        if options.keepAliveInterval:
            self._repeat(options.keepAliveInterval, ping)
            self._repeat(options.keepAliveTimeout, look)

    def _repeat(self, interval: float, function: Callable[[], None]) -> None:
        self._calls[function] = self._reactor.callLater(interval, self._due, interval, function)

    def _due(self, interval: float, function: Callable[[], None]) -> None:
        self._repeat(interval, function)
        function()

    def stop(self) -> None:
        """
        Makes no more calls.
        """
        calls, self._calls = self._calls, {}
        for call in calls.values():
            if call.active():
                call.cancel()
