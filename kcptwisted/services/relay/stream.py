"""
Serves a route of connections: it listens, and stops in good order within a limited time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.interfaces import (
    IDelayedCall,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.interfaces import IGracefulPort
from kcptwisted.services.relay.factory import RelayFactory
from kcptwisted.services.relay.flowtable import FlowStats
from kcptwisted.services.relay.interfaces import IRelay
from kcptwisted.services.relay.report import showAddress, withoutSecrets
from kcptwisted.services.relay.routes import Route
from kcptwisted.services.relay.sides import UDP_ENDPOINTS
from kcptwisted.services.relay.udpserver import UDPFlowPort
from kcptwisted.services.relay.udpsettings import FlowLimits
from kcptwisted.workers.ports import MasterPort


@implementer(IRelay)
class StreamRelay:
    """
    Listens at one endpoint, and joins each connection to one of another endpoint.

    @ivar route: what is served.
    @ivar factory: has the connections.
    """

    _log = Logger(namespace="kcptwisted.services.relay")

    def __init__(
        self,
        reactor: Any,
        serverOf: Callable[[Route], IStreamServerEndpoint],
        clientOf: Callable[[Route], IStreamClientEndpoint],
        route: Route,
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param serverOf: returns where a route listens.
        @param clientOf: returns what makes the outgoing connections of a route.
        @param route: what is served.
        """
        self.route = route
        self._reactor = reactor
        self._serverOf = serverOf
        self._server = serverOf(route)
        self._clientOf = clientOf
        self.factory = RelayFactory(clientOf(route), reactor, route)
        self._listening: Deferred[Any] | None = None
        # Fires when a stop that has begun is complete.
        self._over: Deferred[None] | None = None
        self._port: Any = None
        self._portCloses: Deferred[Any] | None = None
        self._stopsPort = False
        self._timer: IDelayedCall | None = None

    def __repr__(self) -> str:
        return f"<StreamRelay {withoutSecrets(self.route.source)}>"

    def start(self) -> Deferred[object]:
        """
        Begins to listen.
        """
        self._over = None
        listening = self._listening = maybeDeferred(self._server.listen, self.factory)
        return listening.addCallback(self._listens)

    def _listens(self, port: Any) -> None:
        if not hasattr(port, "stopListening"):
            # Standard input: it is the connection.
            return
        self._port = port
        if self._over is not None:
            # It was too late to cancel this.
            self._closePort("abort")
            raise CancelledError
        if hasattr(port, "onStop"):
            port.onStop(self._portStops)
        self._log.info(
            "Listening at {host} ({source}) for {target}",
            host=showAddress(port.getHost()),
            source=withoutSecrets(self.route.source),
            target=withoutSecrets(self.route.target),
        )

    def change(self, route: Route) -> None:
        """
        Takes other options, for the connections that come from now on.
        """
        if isinstance(self._port, MasterPort):
            # They read the same file.
            self._port.signalWorkers("HUP")
        elif route.source != self.route.source:
            self._changePort(route)
        if isinstance(self._port, UDPFlowPort):
            self._port.configure(FlowLimits(route.flowIdle, route.maxFlows))
        client = self.factory.endpoint
        if route.dialled != self.route.dialled:
            client = self._clientOf(route)
        self.route = route
        self.factory.change(client, route)

    def _changePort(self, route: Route) -> None:
        """
        Changes what can be changed of an open KCP port.
        """
        former, server = self._server, self._serverOf(route)
        if not isinstance(former, UDP_ENDPOINTS) or not isinstance(server, UDP_ENDPOINTS):
            return
        left = server.options
        with suppress(ValueError, AttributeError, TypeError):
            # Workers' ports take none, and there may be no port yet.
            self._port.configure(portRateLimit=left.portRateLimit)
            left = replace(left, portRateLimit=former.options.portRateLimit)
        if left != former.options:
            self._log.warn(
                "Options of the open port stay as they are until a restart: {source}",
                source=withoutSecrets(route.source),
            )

    # The end.

    def stopListening(self) -> Deferred[object]:
        """
        Takes nothing new; connections go on.
        """
        if self._listening is not None:
            self._listening.cancel()
        if self._port is None:
            return succeed(None)
        closed = self._closePort("finish")
        # Such a port is closed with its last connection.
        isLast = self._isGraceful or isinstance(self._port, UDPFlowPort)
        return succeed(None) if isLast else closed

    def whenOver(self) -> Deferred[None]:
        """
        Fires when there is no connection any more.
        """
        return self.factory.whenEmpty()

    def stop(self) -> Deferred[None]:
        """
        Delivers what was read, and ends all connections within the limit.
        """
        stopped: Deferred[None] = Deferred()
        if self._over is None:
            self._over = Deferred()
            self._over.chainDeferred(stopped)
            self._end(self._over)
        else:
            self._over.chainDeferred(stopped)
        return stopped

    def _end(self, over: Deferred[None]) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.cancel()
        parts: list[Deferred[Any]] = [self.factory.stop()]
        if self._port is not None:
            parts.append(self._closePort("finish"))
        ended: Deferred[Any] = gatherResults(parts, consumeErrors=True)
        limit = self.route.stopTimeout
        if limit == 0:
            self.abort()
        elif not ended.called:
            if not self.factory.isEmpty:
                self._log.info(
                    "Stopping: connections have {seconds:g} s to deliver what was read",
                    seconds=limit,
                )
            self._timer = self._reactor.callLater(limit, self._tooLate, limit)
        ended.addBoth(self._stopped).chainDeferred(over)

    @property
    def _isGraceful(self) -> bool:
        return IGracefulPort.providedBy(self._port)

    def _closePort(self, sessions: str) -> Deferred[Any]:
        """
        Stops the port.

        @param sessions: the argument of C{stopListening} of a graceful port.  Other ports do
            not touch the connections.
        """
        if self._isGraceful:
            before, self._stopsPort = self._stopsPort, True
            try:
                return maybeDeferred(self._port.stopListening, sessions=sessions)
            finally:
                self._stopsPort = before
        if self._portCloses is None:
            self._portCloses = maybeDeferred(self._port.stopListening)
        closed: Deferred[Any] = Deferred()
        self._portCloses.chainDeferred(closed)
        return closed

    def _portStops(self, sessions: str) -> Deferred[None] | None:
        """
        Stops the relay because its port is stopped, perhaps by a worker's master, which ends the
        program afterwards.

        @param sessions: the argument of C{stopListening}.
        @return: fires when the connections to the other side have ended as well; None if it is the
            relay itself that stops the port.
        """
        if self._stopsPort:
            return None
        stopped = None if self._over is not None else self.stop()
        if sessions == "abort":
            self.factory.abort()
        return stopped

    def _tooLate(self, limit: float) -> None:
        self._timer = None
        self._log.warn(
            "Not all was delivered within {seconds:g} s: aborting the rest", seconds=limit
        )
        self.abort()

    def abort(self) -> None:
        """
        Ends all connections now.
        """
        self.factory.abort()
        if self._isGraceful:
            self._closePort("abort").addErrback(lambda _: None)

    def _reportFlows(self, name: str, endpoint: Any) -> None:
        stats = getattr(endpoint, "stats", None)
        if isinstance(stats, FlowStats):
            self._log.info("At {name}: {stats}", name=withoutSecrets(name), stats=stats)

    def _stopped(self, result: Any) -> Any:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        if self._port is not None:
            counts = self.factory.counts
            self._log.info(
                "Stopped at {source}: {counts.taken} connections, {counts.refused} refused,"
                " {counts.failed} without target; {counts.there} bytes there, {counts.back} back",
                source=withoutSecrets(self.route.source),
                counts=counts,
            )
            self._reportFlows(self.route.source, self._server)
            self._reportFlows(self.route.target, self.factory.endpoint)
        self._port = None
        return result if isinstance(result, Failure) else None
