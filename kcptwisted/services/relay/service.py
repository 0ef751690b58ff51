"""
The relay as a service: it listens, and stops in good order within a limited time.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IListeningPort,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.interfaces import IKCPListeningPort
from kcptwisted.server.secondsignal import onSecondSignal
from kcptwisted.services.relay.exiting import stopWithFailure
from kcptwisted.services.relay.half import Half
from kcptwisted.services.relay.pairs import Pair


class RelayFactory(Factory):
    """
    Makes a pair of connections for each incoming connection.
    """

    def __init__(self, endpoint: IStreamClientEndpoint, reactor: Any = None) -> None:
        """
        @param endpoint: makes the outgoing connections.
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}; None means the
            installed reactor.
        """
        if reactor is None:
            from twisted.internet import reactor
        self._endpoint = endpoint
        self._reactor = reactor
        self._pairs: set[Pair] = set()
        self._stopped: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> Half:
        """
        Makes a pair, and returns the half of its incoming connection.
        """
        pair = Pair(self._endpoint, self._reactor, self._over)
        self._pairs.add(pair)
        return pair.incoming

    def _over(self, pair: Pair) -> None:
        self._pairs.discard(pair)
        if self._stopped is not None and not self._pairs and not self._stopped.called:
            self._stopped.callback(None)

    def stop(self) -> Deferred[None]:
        """
        Makes all connections deliver what was read, and end.

        @return: fires when all have ended.
        """
        self._stopped = Deferred()
        if not self._pairs:
            return succeed(None)
        for pair in list(self._pairs):
            pair.stop()
        return self._stopped

    def abort(self) -> None:
        """
        Aborts all connections.
        """
        for pair in list(self._pairs):
            pair.abort()


class RelayService(Service):
    """
    Listens at one endpoint, and joins each connection to one of another endpoint.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        server: IStreamServerEndpoint,
        client: IStreamClientEndpoint,
        stopTimeout: float,
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime} and
            L{twisted.internet.interfaces.IReactorCore}.
        @param server: where to listen.
        @param client: makes the outgoing connections.
        @param stopTimeout: seconds that a stop may take to deliver what was read; after that the
            connections are aborted.
        """
        self._reactor = reactor
        self._server = server
        self._stopTimeout = stopTimeout
        self.factory = RelayFactory(client, reactor)
        self._listening: Deferred[Any] | None = None
        self._starting = False
        # Fires when a stop that has begun is complete.
        self._over: Deferred[None] | None = None
        self._problem: Failure | None = None
        self._port: IListeningPort | None = None
        self._timer: IDelayedCall | None = None
        self._forget: Any = None

    # Starting.

    def privilegedStartService(self) -> None:
        """
        Listens.

        @raise twisted.internet.error.CannotListenError: if listening fails at once.  If it fails
            later, the reactor stops and the program ends with status 1.
        """
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        self._listen()

    def startService(self) -> None:
        """
        Listens, unless L{privilegedStartService} has done so.
        """
        super().startService()  # type: ignore[no-untyped-call]
        if self._listening is None:
            self._listen()
        self._forget = onSecondSignal(self._reactor, self._abort)

    def _listen(self) -> None:
        self._starting, self._over, self._problem = True, None, None
        listening: Deferred[Any] = self._server.listen(self.factory)
        self._listening = listening.addCallbacks(self._listens, self._failed)
        self._starting = False
        if self._problem is not None:
            self._problem.raiseException()

    def _listens(self, port: IListeningPort) -> None:
        self._port = port
        if self._over is not None:
            # It was too late to cancel this.
            self._stopListening("abort")
        elif hasattr(port, "onStop"):
            port.onStop(self._portStops)

    def _failed(self, reason: Failure) -> None:
        if reason.check(CancelledError):
            return
        self._log.critical("Cannot listen: {why}", why=reason.getErrorMessage())
        if self._starting:
            self._problem = reason
        else:
            stopWithFailure(self._reactor)

    # Stopping.

    def stopService(self) -> Deferred[None]:
        """
        Stops listening, delivers what was read, and ends all connections.

        @return: fires when all have ended.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        return self._stop()

    def _portStops(self, sessions: str) -> Deferred[None] | None:
        """
        Stops the service because its port is stopped, perhaps by a worker's master, which ends the
        program afterwards.

        @param sessions: the argument of C{stopListening}.
        @return: fires when the connections to the other side have ended as well; None if a stop has
            begun before.
        """
        stopped = None if self._over is not None else self._stop()
        if sessions == "abort":
            self.factory.abort()
        return stopped

    def _stop(self) -> Deferred[None]:
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
        parts = [self.factory.stop()]
        if self._port is not None:
            parts.append(self._stopListening("finish"))
        ended: Deferred[Any] = gatherResults(parts, consumeErrors=True)
        if self._stopTimeout == 0:
            self._abort()
        elif not ended.called:
            self._log.info(
                "Stopping: connections have {seconds:g} s to deliver what was read",
                seconds=self._stopTimeout,
            )
            self._timer = self._reactor.callLater(self._stopTimeout, self._tooLate)
        ended.addBoth(self._stopped).chainDeferred(over)

    def _stopListening(self, sessions: str) -> Deferred[Any]:
        port = self._port
        # Ports of other kinds do not touch the connections.
        arguments = {"sessions": sessions} if IKCPListeningPort.providedBy(port) else {}
        return maybeDeferred(port.stopListening, **arguments)  # type: ignore[union-attr]

    def _tooLate(self) -> None:
        self._timer = None
        self._log.warn(
            "Not all was delivered within {seconds:g} s: aborting the rest",
            seconds=self._stopTimeout,
        )
        self._abort()

    def _abort(self) -> None:
        self.factory.abort()
        if IKCPListeningPort.providedBy(self._port):
            self._stopListening("abort").addErrback(lambda _: None)

    def _stopped(self, result: Any) -> Any:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        forget, self._forget = self._forget, None
        if forget is not None:
            with suppress(Exception):
                forget()
        self._port = None
        return result if isinstance(result, Failure) else None
