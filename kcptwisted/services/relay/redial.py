"""
Dials a target again while it cannot be reached.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.internet import backoffPolicy
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import TimeoutError
from twisted.internet.interfaces import (
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import implementer

#: Seconds before the second attempt; each pause is twice the one before, up to the longest.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0


@implementer(IStreamClientEndpoint)
class RedialledEndpoint:
    """
    Connects to another endpoint, again and again until it succeeds or the time is over.
    """

    def __init__(
        self,
        reactor: Any,
        endpoint: IStreamClientEndpoint,
        patience: float,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param endpoint: what is dialled.
        @param patience: seconds after which no attempt is under way any more.
        @param jitter: gives a part of a second to add to a pause, so that not all clients dial at
            the same time; None means a random one.
        """
        self._reactor = reactor
        self._endpoint = endpoint
        self._patience = patience
        more = {} if jitter is None else {"jitter": jitter}
        self._pauses = backoffPolicy(FIRST_PAUSE, LONGEST_PAUSE, 2.0, **more)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connects.

        @return: fires with the protocol; fails with the reason of the last attempt.
        """
        return _Redialling(
            self._reactor, self._endpoint, protocolFactory, self._patience, self._pauses
        ).begin()


class _Redialling:
    """
    The attempts to make one connection.
    """

    def __init__(
        self,
        reactor: Any,
        endpoint: IStreamClientEndpoint,
        factory: IProtocolFactory,
        patience: float,
        pauses: Callable[[int], float],
    ) -> None:
        self._reactor = reactor
        self._endpoint = endpoint
        self._factory = factory
        self._pauses = pauses
        self._failures = 0
        self._why: Failure | None = None
        self._next: IDelayedCall | None = None
        self._attempt: Deferred[Any] | None = None
        self._result: Deferred[IProtocol] = Deferred(lambda _: self._end())
        self._limit = reactor.callLater(patience, self._tooLate)

    def begin(self) -> Deferred[IProtocol]:
        self._dial()
        return self._result

    def _dial(self) -> None:
        self._next = None
        attempt = self._attempt = maybeDeferred(self._endpoint.connect, self._factory)
        attempt.addCallbacks(self._connected, self._failed)

    def _connected(self, protocol: IProtocol) -> None:
        self._attempt = None
        self._end()
        self._result.callback(protocol)

    def _failed(self, why: Failure) -> None:
        self._attempt = None
        if not self._limit.active():
            # This attempt was cancelled.
            return
        self._why = why
        self._next = self._reactor.callLater(self._pauses(self._failures), self._dial)
        self._failures += 1

    def _tooLate(self) -> None:
        self._end()
        self._result.errback(self._why or Failure(TimeoutError()))

    def _end(self) -> None:
        for call in (self._limit, self._next):
            if call is not None and call.active():
                call.cancel()
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel()
