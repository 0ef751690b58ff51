"""
Makes a pair of connections for each incoming connection of a route.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol

from kcptwisted.services.relay.pairs import Pair
from kcptwisted.services.relay.proxyprotocol import preface
from kcptwisted.services.relay.redial import RedialledEndpoint
from kcptwisted.services.relay.report import (
    Counts,
    Refusals,
    reportConnection,
    withoutSecrets,
)
from kcptwisted.services.relay.routes import Route
from kcptwisted.services.relay.transports import abort, resetOnClose


class Refused(Protocol):
    """
    An incoming connection of which there are too many: it is reset.
    """

    def connectionMade(self) -> None:
        """
        Aborts.
        """
        resetOnClose(self.transport, True)
        abort(self.transport)


class RelayFactory(Factory):
    """
    Makes a pair of connections for each incoming connection.

    @ivar route: the options.
    @ivar counts: what was seen.
    @ivar ended: called with each pair that has ended.
    """

    noisy = False

    #: The relay has a line of its own.
    logsEnds = False

    def __init__(
        self, endpoint: IStreamClientEndpoint, reactor: Any = None, route: Route | None = None
    ) -> None:
        """
        @param endpoint: makes the outgoing connections.
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}; None means the
            installed reactor.
        @param route: the options; None means all defaults.
        """
        if reactor is None:
            from twisted.internet import reactor
        self._reactor = reactor
        self._pairs: set[Pair] = set()
        self._stopped: Deferred[None] | None = None
        self._refusals = Refusals(reactor)
        self.counts = Counts()
        self.ended: Callable[[Pair], object] | None = None
        self.change(endpoint, route or Route("", ""))

    def change(self, endpoint: IStreamClientEndpoint, route: Route) -> None:
        """
        Takes another endpoint and other options, for the connections that come from now on.
        """
        self.route = route
        self.endpoint = endpoint
        self._dialled = endpoint
        if route.reconnect:
            self._dialled = RedialledEndpoint(self._reactor, endpoint, route.reconnect)

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """
        Makes a pair, and returns the half of its incoming connection.  One connection too many is
        reset.
        """
        limit = self.route.maxConnections
        if limit and len(self._pairs) >= limit:
            self.counts.refused += 1
            self._refusals.add(self.route.source, limit)
            refused = Refused()
            refused.factory = self
            return refused
        version = self.route.proxyProtocol
        first = preface(version) if version else None
        pair = Pair(self._dialled, self._reactor, self._over, first)
        pair.incoming.factory = self
        self._pairs.add(pair)
        self.counts.taken += 1
        return pair.incoming

    def _over(self, pair: Pair) -> None:
        self._pairs.discard(pair)
        counts = self.counts
        counts.failed += pair.failed
        counts.there += pair.there
        counts.back += pair.back
        if not self.route.quiet:
            target = pair.target or withoutSecrets(self.route.target)
            reportConnection(pair.source, target, pair.seconds, pair.why, pair.there, pair.back)
        if self.ended is not None:
            self.ended(pair)
        if self._stopped is not None and not self._pairs and not self._stopped.called:
            self._stopped.callback(None)

    @property
    def isEmpty(self) -> bool:
        """
        True if there is no pair.
        """
        return not self._pairs

    def whenEmpty(self) -> Deferred[None]:
        """
        @return: fires when there is no pair any more.
        """
        if not self._pairs:
            return succeed(None)
        if self._stopped is None or self._stopped.called:
            self._stopped = Deferred()
        empty: Deferred[None] = Deferred()
        self._stopped.chainDeferred(empty)
        return empty

    def stop(self) -> Deferred[None]:
        """
        Makes all connections deliver what was read, and end.

        @return: fires when all have ended.
        """
        empty = self.whenEmpty()
        for pair in list(self._pairs):
            pair.stop()
        return empty

    def abort(self) -> None:
        """
        Aborts all connections.
        """
        for pair in list(self._pairs):
            pair.abort()
