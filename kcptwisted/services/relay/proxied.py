"""
Taking connections that begin with a header of the PROXY protocol.

Twisted's C{haproxy:} makes the protocol of a connection before the header has arrived.  A relay
tells its target who the client is, and must know it before it connects there.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
    ITransport,
)
from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from twisted.protocols.haproxy._wrapper import HAProxyProtocolWrapper, HAProxyWrappingFactory
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

PREFIX = "haproxy:"

#: Seconds that a header may take.
TIMEOUT = 10.0

#: The shortest header, which Twisted's parser does not take, and the same as it does.
_UNKNOWN, _UNKNOWN_PARSED = b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN \r\n"

#: How the first bytes begin, and how many of them Twisted's parsers want to see at once.
_STARTS = ((b"PROXY ", 15), (b"\r\n\r\n\x00\r\nQUIT\n", 16))


class _Rest(Protocol):
    """
    Keeps what comes in one piece with the header.
    """

    def __init__(self) -> None:
        self.data: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        self.data.append(data)


@implementer(IHalfCloseableProtocol)
class ProxiedProtocol(HAProxyProtocolWrapper):
    """
    Takes the header, then makes the protocol of the connection.
    """

    _log = Logger()

    def __init__(self, factory: Any, wrapped: _Rest) -> None:
        """
        @param wrapped: stands in for the protocol until the header has arrived.
        """
        super().__init__(factory, wrapped)
        self._rest = wrapped
        self._start = b""
        self._opened = False
        self._timer: IDelayedCall | None = None

    def makeConnection(self, transport: ITransport) -> None:
        """
        Waits for the header.
        """
        directlyProvides(self, providedBy(transport))
        Protocol.makeConnection(self, transport)
        self.factory.registerProtocol(self)
        self._timer = self.factory.reactor.callLater(TIMEOUT, self._tooLate)

    def dataReceived(self, data: bytes) -> None:
        """
        Takes the header, or passes on what follows.
        """
        if self._opened:
            self.wrappedProtocol.dataReceived(data)
            return
        if self.disconnecting:
            return
        if self._parser is None:
            self._start += data
            if any(_mayBecome(self._start, *start) for start in _STARTS):
                return
            data, self._start = self._start, b""
            if data.startswith(_UNKNOWN):
                data = _UNKNOWN_PARSED + data[len(_UNKNOWN) :]
        try:
            super().dataReceived(data)
        except Exception:
            # Twisted's parsers raise several of these for numbers and texts that are none.
            self.loseConnection()  # type: ignore[no-untyped-call]
        if self._proxyInfo is not None and not _isPossible(self._proxyInfo):
            self._proxyInfo = None
            self.loseConnection()  # type: ignore[no-untyped-call]
        if self._proxyInfo is not None:
            self._open()
        elif self.disconnecting:
            self._log.info(
                "No header of the PROXY protocol from {peer}: closed", peer=self.getPeer()
            )

    def _open(self) -> None:
        self._opened = True
        self._cancel()
        protocol = self.factory.wrappedFactory.buildProtocol(self.getPeer())
        if protocol is None:
            transport: Any = self.transport
            transport.abortConnection()
            return
        self.wrappedProtocol = protocol
        protocol.makeConnection(self)
        for data in self._rest.data:
            protocol.dataReceived(data)

    def _tooLate(self) -> None:
        self._timer = None
        self._log.info(
            "No header of the PROXY protocol from {peer} within {seconds:g} s: closed",
            peer=self.getPeer(),
            seconds=TIMEOUT,
        )
        transport: Any = self.transport
        transport.abortConnection()

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    @property
    def passesTo(self) -> Any:
        """
        The transport, whose half closes are those of the connection: nothing is put between.
        """
        return self.transport

    def readConnectionLost(self) -> None:
        """
        Tells the protocol, if there is one, that the peer has ended its data.
        """
        inner = IHalfCloseableProtocol(self.wrappedProtocol, None)
        if inner is None:
            self.loseConnection()
        else:
            inner.readConnectionLost()

    def writeConnectionLost(self) -> None:
        """
        Tells the protocol that all that was written and the end of the data have left.
        """
        inner = IHalfCloseableProtocol(self.wrappedProtocol, None)
        if inner is not None:
            inner.writeConnectionLost()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """
        Tells the protocol, if there is one.
        """
        self._cancel()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


def _isPossible(info: Any) -> bool:
    """
    Returns whether there can be such addresses: Twisted's parsers do not look.
    """
    for address in (info.source, info.destination):
        if hasattr(address, "host"):
            try:
                ip_address(address.host)
            except ValueError:
                return False
            if not 0 <= address.port <= 65535:
                return False
    return True


def _mayBecome(data: bytes, start: bytes, least: int) -> bool:
    """
    Returns True if C{data} may be the beginning of a header, and too little for its parser.
    """
    return len(data) < least and start.startswith(data[: len(start)])


class ProxiedFactory(HAProxyWrappingFactory):
    """
    Makes L{ProxiedProtocol}s.
    """

    protocol = ProxiedProtocol  # type: ignore[assignment]
    noisy = logsEnds = False

    def __init__(self, reactor: Any, wrapped: IProtocolFactory) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param wrapped: makes the protocols.
        """
        super().__init__(wrapped)  # type: ignore[no-untyped-call]
        self.reactor = reactor

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """
        Makes what waits for the header.
        """
        return self.protocol(self, _Rest())


@implementer(IStreamServerEndpoint)
class ProxiedServerEndpoint:
    """
    Listens for connections that begin with a header of the PROXY protocol.
    """

    def __init__(self, reactor: Any, endpoint: IStreamServerEndpoint) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param endpoint: where they come from.
        """
        self._reactor = reactor
        self._endpoint = endpoint

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Opens the port.

        @return: fires as C{endpoint} does.
        """
        return self._endpoint.listen(ProxiedFactory(self._reactor, protocolFactory))
