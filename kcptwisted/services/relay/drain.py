"""
Waits until what was written to a connection has been delivered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from kcptwisted.services.relay.transports import inKernel, undelivered

#: Seconds from one poll to the next.  They double, up to the longest, as long as nothing changes.
FIRST_POLL = 0.01
LONGEST_POLL = 0.5

#: Seconds that the operating system gets to deliver the rest, if it does not say how much is left.
GRACE = 1.0


class Drain:
    """
    Polls a connection until the peer's host has everything.
    """

    def __init__(
        self,
        reactor: Any,
        transport: Any,
        timeout: float | None,
        drained: Callable[[], object],
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param transport: the connection.
        @param timeout: seconds without any delivery after which the wait ends; None for no limit.
        @param drained: is called once, when everything is delivered or the wait ends.  It is called
            from L{start} if there is nothing to wait for.
        """
        self._reactor = reactor
        self._transport = transport
        self._timeout = timeout
        self._drained = drained
        self._call: IDelayedCall | None = None
        self._left = -1
        self._lastChange = 0.0
        self._pause = FIRST_POLL

    def start(self) -> None:
        """
        Polls for the first time.
        """
        self._poll()

    def stop(self) -> None:
        """
        Stops polling.
        """
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def _poll(self) -> None:
        self._call = None
        left, now = undelivered(self._transport), self._reactor.seconds()
        if left != self._left:
            self._left, self._lastChange, self._pause = left, now, FIRST_POLL
        if left == 0:
            if inKernel(self._transport) is None:
                self._call = self._reactor.callLater(GRACE, self._drained)
            else:
                self._drained()
        elif self._timeout is not None and now - self._lastChange >= self._timeout:
            self._drained()
        else:
            self._call = self._reactor.callLater(self._pause, self._poll)
            self._pause = min(self._pause * 2, LONGEST_POLL)
