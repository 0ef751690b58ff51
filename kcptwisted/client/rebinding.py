"""
Opening new sockets for a client whose own address is gone, and having the server follow.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Errors of sending from an address that the host no longer has.
ADDRESS_GONE = frozenset({errno.EINVAL, errno.EADDRNOTAVAIL, errno.ENETUNREACH, errno.ENETDOWN})

#: Seconds until the second attempt, and the longest pause; each pause is twice as long as the one
#: before.
FIRST_REBIND_DELAY = 1.0
LONGEST_REBIND_DELAY = 15.0

#: Seconds from one question through a new socket to the next.
QUESTION_DELAYS = (0.25, 0.5, 1.0, 2.0, 4.0)


class Rebinding:
    """
    Tries at once, and then after longer and longer pauses, until the peer is heard.
    """

    def __init__(
        self, reactor: IReactorTime, attempt: Callable[[], object], heard: Callable[[], int]
    ) -> None:
        """
        @param reactor: calls later.
        @param attempt: opens a new socket, if it can.
        @param heard: returns when the peer was last heard.
        """
        self._reactor = reactor
        self._attempt = attempt
        self._heard = heard
        self._since = 0
        self._pause = FIRST_REBIND_DELAY
        self._call: IDelayedCall | None = None

    @property
    def running(self) -> bool:
        """
        Whether more attempts are to come.
        """
        return self._call is not None

    def begin(self) -> None:
        """
        Begins the attempts: the address is gone.  Does nothing while attempts are under way.
        """
        if self._call is None:
            self._since = self._heard()
            self._pause = FIRST_REBIND_DELAY
            self._try()

    def _look(self) -> None:
        self._call = None
        if self._heard() == self._since:
            self._try()

    def _try(self) -> None:
        self._call = self._reactor.callLater(self._pause, self._look)
        self._pause = min(2 * self._pause, LONGEST_REBIND_DELAY)
        self._attempt()

    def stop(self) -> None:
        """
        Makes no more attempts: the connection is over.
        """
        if self._call is not None:
            self._call.cancel()
            self._call = None


class Questions:
    """
    Asks the server several times through a new socket.  It does not follow the client before it has
    the answer to its challenge; of these three datagrams any may be lost, and whoever has heard the
    challenge takes the server for well.
    """

    def __init__(self, reactor: IReactorTime, ask: Callable[[], object]) -> None:
        """
        @param reactor: calls later.
        @param ask: asks the server for a sign of life.
        """
        self._reactor = reactor
        self._ask = ask
        self._call: IDelayedCall | None = None

    def begin(self) -> None:
        """
        Asks at once, and then some times more.
        """
        self.stop()
        self._next(0)

    def _next(self, asked: int) -> None:
        self._call = None
        if asked < len(QUESTION_DELAYS):
            self._call = self._reactor.callLater(QUESTION_DELAYS[asked], self._next, asked + 1)
        self._ask()

    def stop(self) -> None:
        """
        Asks no more: the connection is over.
        """
        if self._call is not None:
            self._call.cancel()
            self._call = None
