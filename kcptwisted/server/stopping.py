"""
How a listener stops: what becomes of its sessions, and how long that may take.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall


class Ending(Enum):
    """
    What becomes of the sessions of a listener that stops.
    """

    FINISH = "finish"
    CLOSE = "close"
    ABORT = "abort"

    @classmethod
    def parse(cls, sessions: str) -> Ending:
        """
        @param sessions: as C{stopListening} is given it.
        @raise ValueError: if it is none of these.
        """
        allowed = [ending.value for ending in cls]
        if sessions not in allowed:
            raise ValueError(f"sessions must be one of {', '.join(allowed)}, not {sessions!r}")
        return cls(sessions)


class Stop:
    """
    A stop of one listener, from when it is asked for until the socket is closed.
    """

    def __init__(
        self,
        reactor: Any,
        limit: float,
        hurry: Callable[[], object],
        close: Callable[[], Deferred[None]],
    ) -> None:
        """
        @param reactor: calls later.
        @param limit: seconds that sessions may take to close.
        @param hurry: called when they took longer.
        @param close: closes the socket.
        """
        self._reactor = reactor
        self._limit = limit
        self._hurry = hurry
        self._close = close
        # Fires when there is no session any more, and then the socket is closed.
        self._stopped: Deferred[None] | None = None
        self._timer: IDelayedCall | None = None

    def begin(self, ending: Ending) -> Ending:
        """
        It is asked for, perhaps not for the first time.

        @return: how the sessions are to end.
        """
        if self._stopped is None:
            self._stopped = Deferred()
            self._stopped.addCallback(lambda _: self._close())
        if ending is not Ending.CLOSE:
            return ending
        if not self._limit:
            return Ending.ABORT
        if self._timer is None and not self._stopped.called:
            self._timer = self._reactor.callLater(self._limit, self._hurry)
        return ending

    def emptied(self) -> None:
        """
        There is no session.
        """
        if self._stopped is None or self._stopped.called:
            return
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._stopped.callback(None)

    def whenClosed(self) -> Deferred[None]:
        """
        @return: fires when the socket is closed.  Only after L{begin}.
        """
        assert self._stopped is not None
        closed: Deferred[None] = Deferred()
        self._stopped.chainDeferred(closed)
        return closed
