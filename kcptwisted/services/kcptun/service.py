"""
The service of either end: it listens, writes the counters, and stops in good order.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IListeningPort,
    IProtocolFactory,
    IReactorCore,
    IStreamServerEndpoint,
)
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.interfaces import IKCPListeningPort
from kcptwisted.server.secondsignal import onSecondSignal
from kcptwisted.services.exiting import CannotStart, stopWithFailure
from kcptwisted.services.kcptun.configuration import Configuration
from kcptwisted.services.kcptun.flags import CLIENT
from kcptwisted.services.kcptun.joining import Joining
from kcptwisted.services.kcptun.pool import SessionPool
from kcptwisted.services.kcptun.sessions import SessionFactory
from kcptwisted.services.kcptun.showing import showPeer
from kcptwisted.services.kcptun.snmp import HEADER, line, timeLayout

#: Seconds that a stop may take to deliver what was read.
STOP_TIMEOUT = 30.0


class TunnelService(Service):
    """
    Listens, and joins.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        configuration: Configuration,
        servers: Sequence[tuple[IStreamServerEndpoint, IProtocolFactory]],
        joining: Joining,
        sessions: SessionFactory,
        pool: SessionPool | None = None,
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}; and
            L{twisted.internet.interfaces.IReactorCore}, to end the program if it cannot listen.
        @param servers: where to listen, and for what.
        @param joining: the connections that are joined.
        @param sessions: the sessions.
        @param pool: at the client, who dials them.
        """
        self._reactor = reactor
        self._configuration = configuration
        self._servers = servers
        self._joining = joining
        self._sessions = sessions
        self._pool = pool
        self._listening: list[Deferred[Any]] = []
        self._ports: list[IListeningPort] = []
        self._problem: Failure | None = None
        self._allListen: Deferred[None] = Deferred()
        self._isStarting = False
        self._snmp: LoopingCall | None = None
        self._previous: Any = None
        self._timer: IDelayedCall | None = None
        self._forget: Callable[[], None] = lambda: None

    @property
    def ports(self) -> list[IListeningPort]:
        """
        The ports that listen.
        """
        return list(self._ports)

    def whenListening(self) -> Deferred[None]:
        """
        Returns what fires, or has fired, when all ports listen.
        """
        return self._allListen

    # Starting.

    def privilegedStartService(self) -> None:
        """
        Listens.

        @raise CannotStart: if that fails at once.  If it fails later, the reactor stops and the
            program ends with status 1.
        """
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        self._listen()

    def startService(self) -> None:
        """
        Listens, unless L{privilegedStartService} has done so, and begins to write the counters.
        """
        super().startService()  # type: ignore[no-untyped-call]
        if not self._listening:
            self._listen()
        self._forget = onSecondSignal(self._reactor, self.abort)
        for warning in self._configuration.warnings:
            self._log.warn("{warning}", warning=warning)
        if self._configuration.text("snmplog"):
            self._snmp = LoopingCall(self._writeCounters)
            self._snmp.clock = self._reactor
            self._snmp.start(self._configuration.number("snmpperiod"), now=False)
        if hasattr(signal, "SIGUSR1") and IReactorCore.providedBy(self._reactor):
            # Only the main thread may.
            with suppress(ValueError):
                self._previous = signal.signal(signal.SIGUSR1, self._signalled)

    def _listen(self) -> None:
        self._isStarting = True
        for endpoint, factory in self._servers:
            listening: Deferred[Any] = endpoint.listen(factory)
            self._listening.append(listening.addCallbacks(self._listens, self._failed))
        self._isStarting = False
        if self._problem is not None:
            raise CannotStart(self._problem.getErrorMessage())

    def _listens(self, port: IListeningPort) -> None:
        self._ports.append(port)
        if len(self._ports) == len(self._servers):
            self._sayWhere(port)
            self._allListen.callback(None)

    def _sayWhere(self, port: IListeningPort) -> None:
        configuration = self._configuration
        near = configuration.stream or configuration.path
        isClient = configuration.end == CLIENT
        place: object = configuration.udp
        if isClient and configuration.path:
            place = configuration.path
        elif len(self._ports) == 1:
            place = showPeer(port.getHost())
        self._log.info(
            "Listening at {place} for {target}: crypt {crypt}, smux {smux}, {compression}",
            place=place,
            target=configuration.udp if isClient else near,
            crypt=configuration.text("crypt"),
            smux=configuration.number("smuxver"),
            compression="not compressed" if configuration.number("nocomp") else "compressed",
        )

    def _failed(self, reason: Failure) -> None:
        if reason.check(CancelledError):
            return
        self._log.critical("Cannot listen: {why}", why=reason.getErrorMessage())
        if self._isStarting:
            self._problem = reason
        else:
            stopWithFailure(self._reactor)

    # Counters.

    def _signalled(self, *_: object) -> None:
        self._reactor.callFromThread(self.logCounters)

    def logCounters(self) -> None:
        """
        Logs the counters.
        """
        counters = self._counters()
        self._log.info(
            "Counters: {counters}",
            counters=" ".join(f"{name}={value}" for name, value in counters.items()),
        )

    def _counters(self) -> dict[str, int]:
        total = self._sessions.counters()
        ports = [port.stats.asDict() for port in self._ports if IKCPListeningPort.providedBy(port)]
        for name in total:
            if ports and name in ports[0] and name not in ("MaxConn", "CurrEstab"):
                total[name] = sum(port[name] for port in ports)
        return total

    def _writeCounters(self) -> None:
        path = time.strftime(timeLayout(self._configuration.text("snmplog")))
        try:
            with open(path, "a", encoding="ascii") as file:
                if not os.fstat(file.fileno()).st_size:
                    file.write(HEADER)
                file.write(line(time.time(), self._counters()))
        except OSError as problem:
            self._log.warn("The counters cannot be written: {problem}", problem=problem)

    # Stopping.

    def stopService(self) -> Deferred[None]:
        """
        Stops listening, delivers what was read, and ends all connections and sessions.

        @return: fires when all have ended.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        if self._snmp is not None and self._snmp.running:
            self._snmp.stop()
            self._writeCounters()
        if self._previous is not None:
            previous, self._previous = self._previous, None
            signal.signal(signal.SIGUSR1, previous)
        for listening in self._listening:
            listening.cancel()
        self._listening.clear()
        stopping = [maybeDeferred(self._stopListening, port, "finish") for port in self._ports]
        stopping.append(self._joining.stop().addCallback(lambda _: self._close()))
        self._timer = self._reactor.callLater(STOP_TIMEOUT, self._tooLate)
        ended: Deferred[Any] = DeferredList(stopping, consumeErrors=True)
        return ended.addCallback(lambda _: self._stopped())

    def _close(self) -> Deferred[Any]:
        if self._pool is not None:
            self._pool.stop()
        return self._sessions.close()

    def _stopListening(self, port: IListeningPort, sessions: str) -> Any:
        # Ports of other kinds do not touch the connections.
        arguments = {"sessions": sessions} if IKCPListeningPort.providedBy(port) else {}
        return port.stopListening(**arguments)

    def _tooLate(self) -> None:
        self._log.warn(
            "Not all was delivered within {seconds:g} s: aborting the rest", seconds=STOP_TIMEOUT
        )
        self.abort()

    def abort(self) -> None:
        """
        Ends all connections and sessions now, also in the middle of a stop.
        """
        self._joining.abort()
        self._sessions.abort()
        for port in self._ports:
            if IKCPListeningPort.providedBy(port):
                self._stopListening(port, "abort")

    def _stopped(self) -> None:
        self._ports.clear()
        self._allListen = Deferred()
        self._forget()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
