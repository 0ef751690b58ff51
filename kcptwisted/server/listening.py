"""
What C{listen} gives: a listener as a port.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from zope.interface import implementer

from kcptwisted.interfaces import Address, IKCPListeningPort
from kcptwisted.server.listener import KCPListener
from kcptwisted.server.stopping import Ending
from kcptwisted.session import KCPTransport
from kcptwisted.stack.socketstack import SocketLayer
from kcptwisted.stats import PortStats
from kcptwisted.udp.addresses import showAddress, toAddress


@implementer(IKCPListeningPort)
class KCPListeningPort:
    """
    The listener, as L{twisted.internet.interfaces.IListeningPort} wants it.
    """

    _log: ClassVar[Logger] = Logger()
    _onStop: Callable[[str], Deferred[None] | None] | None = None

    def __init__(
        self,
        listener: KCPListener,
        bind: Address,
        layers: tuple[SocketLayer, ...] = (),
        sock: socket.socket | None = None,
    ) -> None:
        """
        @param bind: where to listen.
        @param layers: the user's own, outside the cipher.
        @param sock: one that is bound there, instead of a new one.
        """
        self._listener = listener
        self._bind = bind
        self._layers = layers
        self._socket = sock
        self._listening = False
        self._stopping = False
        self._over = False
        listener.onClosed = self._closed

    @property
    def stats(self) -> PortStats:
        """
        Counts of the socket and all its sessions.
        """
        return self._listener.stack.stats

    @property
    def sessions(self) -> list[KCPTransport]:
        """
        The transports of the live sessions.
        """
        return self._listener.sessions.transports()

    def configure(self, **changes: Any) -> None:
        """
        See L{IKCPListeningPort.configure}.
        """
        self._listener.configure(**changes)

    def networkChanged(self) -> None:
        """
        See L{IKCPListeningPort.networkChanged}.
        """
        for transport in self.sessions:
            transport.networkChanged()

    def onStop(self, callback: Callable[[str], Deferred[None] | None]) -> None:
        """
        Has C{callback} called by each call of L{stopListening}, before the sessions end, but for
        calls that it makes itself.

        @param callback: is given the argument of L{stopListening}.  If it returns a Deferred, the
            stop is complete only when that has fired.
        """
        self._onStop = callback

    def startListening(self) -> None:
        """
        Opens the port.

        @raise CannotListenError: if it is open already, or the address cannot be had.
        """
        if self._listening:
            problem = "stopped for good" if self._stopping else "already listening"
            raise CannotListenError(*self._bind[:2], problem)
        self._listener.openPort(self._bind, self._layers, self._socket)
        self._listening = True
        self._logState("starting")
        self._listener.factory.doStart()

    def stopListening(self, sessions: str = "close") -> Deferred[None]:
        """
        See L{IKCPListeningPort.stopListening}.
        """
        ending = Ending.parse(sessions)
        if not self._listening:
            return succeed(None)
        waiting: Deferred[None] | None = None
        callback, self._onStop = self._onStop, None
        if callback is not None:
            waiting = callback(sessions)
            self._onStop = callback
        stopped = self._listener.stop(ending)
        if not self._stopping:
            self._stopping = True
            stopped.addCallback(lambda _: self._stopFactory())
        if waiting is None:
            return stopped
        return gatherResults([stopped, waiting], consumeErrors=True).addCallback(lambda _: None)

    def _closed(self) -> None:
        """
        Closes with the socket, because the port or the reactor stops.
        """
        if not self._stopping:
            self._stopping = True
            self._stopFactory()

    def _stopFactory(self) -> None:
        if not self._over:
            self._over = True
            self._logState("stopped")
            self._listener.factory.doStop()

    def _logState(self, state: str) -> None:
        listener = self._listener
        if listener.noisy:
            self._log.info(
                "{factory} {state} on {host}",
                factory=listener.factory,
                state=state,
                host=self.getHost(),
            )

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Returns the address listened on.
        """
        return self._listener.stack.getHost()

    def __repr__(self) -> str:
        count = len(self._listener.sessions)
        state, where = "not listening", toAddress(self._bind)
        if self._listening:
            state, where = "listening", self.getHost()
        if self._stopping:
            state = "stopping" if count else "stopped"
        return (
            f"<KCPListeningPort {showAddress(where)} {state}, {count} sessions,"
            f" {self._listener.factory!r}>"
        )
