"""
How a listener stops: what becomes of its sessions, and how long that may take.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from kcptwisted.stack.sessions import SessionTable


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
        Returns the ending that an argument of C{stopListening} names.

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

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        reactor: Any,
        limit: float,
        sessions: SessionTable,
        factory: object,
        close: Callable[[], Deferred[None]],
    ) -> None:
        """
        @param reactor: calls later.
        @param limit: seconds that sessions may take to close.
        @param sessions: the listener's.
        @param factory: for the log.
        @param close: closes the socket.
        """
        self._reactor = reactor
        self._limit = limit
        self._sessions = sessions
        self._factory = factory
        self._close = close
        # Fires when there is no session any more, and then the socket is closed.
        self._stopped: Deferred[None] | None = None
        self._timer: IDelayedCall | None = None

    def begin(self, ending: Ending) -> Deferred[None]:
        """
        Has the sessions end, and then closes the socket.  May be called again to end the sessions
        sooner.  Those that have not closed when the limit has passed are aborted.

        @return: fires when the socket is closed.
        """
        if self._stopped is None:
            self._stopped = Deferred()
            self._stopped.addCallback(lambda _: self._close())
        if ending is Ending.CLOSE and not self._limit:
            ending = Ending.ABORT
        if ending is Ending.CLOSE and self._timer is None and not self._stopped.called:
            self._timer = self._reactor.callLater(self._limit, self._tooLong)
        for session in self._sessions.everyone():
            # As the application would: through TLS, if there is any.
            transport = session.transport
            if transport is not None and ending is Ending.CLOSE:
                transport.loseConnection()
            elif transport is not None and ending is Ending.ABORT:
                transport.abortConnection()
        self.check()
        closed: Deferred[None] = Deferred()
        self._stopped.chainDeferred(closed)
        return closed

    def _tooLong(self) -> None:
        self._log.warn(
            "{factory}: {count} connections did not close within stopTimeout={limit:g} seconds:"
            " aborting them",
            factory=self._factory,
            count=len(self._sessions.everyone()),
            limit=self._limit,
        )
        self.begin(Ending.ABORT)

    def check(self) -> None:
        """
        Closes the socket if the listener is to stop, and no session is left.
        """
        if self._stopped is None or self._stopped.called or not self._sessions.isEmpty:
            return
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._stopped.callback(None)
