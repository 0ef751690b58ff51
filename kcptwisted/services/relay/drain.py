"""
Waiting until what was written to a connection has been delivered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from kcptwisted.services.relay.transports import inKernel, undelivered

#: Seconds from one look to the next: doubled as long as nothing has changed.
FIRST_PAUSE = 0.01
LAST_PAUSE = 0.5

#: Seconds that a system which does not tell is given to deliver the rest.
GRACE = 1.0


class Drain:
    """
    Looks at a connection until its peer's host has everything.
    """

    def __init__(
        self,
        reactor: Any,
        transport: Any,
        patience: float | None,
        drained: Callable[[], object],
    ) -> None:
        """
        @param patience: seconds after which it is given up if nothing more is delivered; None if
            it never is.
        @param drained: called once, at once if there is nothing to wait for.
        """
        self._reactor = reactor
        self._transport = transport
        self._patience = patience
        self._drained = drained
        self._call: IDelayedCall | None = None
        self._left = -1
        self._moved = 0.0
        self._pause = FIRST_PAUSE

    def start(self) -> None:
        """
        Look for the first time.
        """
        self._look()

    def stop(self) -> None:
        """
        Look no more.
        """
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def _look(self) -> None:
        self._call = None
        left, now = undelivered(self._transport), self._reactor.seconds()
        if left != self._left:
            self._left, self._moved, self._pause = left, now, FIRST_PAUSE
        if left == 0:
            if inKernel(self._transport) is None:
                self._call = self._reactor.callLater(GRACE, self._drained)
            else:
                self._drained()
        elif self._patience is not None and now - self._moved >= self._patience:
            self._drained()
        else:
            self._call = self._reactor.callLater(self._pause, self._look)
            self._pause = min(self._pause * 2, LAST_PAUSE)
