"""
A UDP port for reactors without file descriptors, on their C{listenUDP}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.abstract import isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IListeningPort, IReactorUDP
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.stats import PortStats


@implementer(IDatagramTransport)
class ListenUDPPort(DatagramProtocol):
    """
    Hands datagrams on one at a time.

    @ivar stats: counts.
    """

    overhead = 0
    _log = Logger()
    _reactor: Any
    # Kept longer than Twisted keeps C{self.transport}: until the protocol has taken its leave.
    _sending: Any = None

    def __init__(
        self, protocol: IDatagramProtocol, stats: PortStats, peer: Address | None = None
    ) -> None:
        """
        @param protocol: is given what arrives.
        @param peer: the only address to talk with, or None.
        """
        self._protocol = protocol
        self._peer = peer
        self._port: IListeningPort | None = None
        self.stats = stats

    def start(self, reactor: IReactorUDP, interface: str, port: int) -> None:
        """
        Open the port.

        @raise twisted.internet.error.CannotListenError: if that fails.
        """
        self._protocol.makeConnection(self)
        self._reactor = reactor
        self._port = reactor.listenUDP(port, self, interface=interface, maxPacketSize=65535)
        self._host: IPv4Address | IPv6Address = self._sending.getHost()

    def startProtocol(self) -> None:
        """
        Fix the peer.
        """
        self._sending = self.transport
        if self._peer is not None:
            self._sending.connect(*self._peer[:2])

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        @return: the local address.
        """
        return self._host

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Send.
        """
        if self._sending is None:
            return
        destination = () if self._peer is not None else (address[:2],)
        for datagram in datagrams:
            try:
                self._sending.write(datagram, *destination)
            except OSError:
                self.stats.OutErrs += 1
            else:
                self.stats.OutPkts += 1
                self.stats.OutBytes += len(datagram)

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """
        Hand one datagram on.
        """
        self.stats.InPkts += 1
        self.stats.InBytes += len(datagram)
        # Twisted leaves out what is particular to IPv6.
        address: Address = (*addr, 0, 0) if isIPv6Address(addr[0]) else addr
        try:
            self._protocol.datagramsReceived([datagram], address)
        finally:
            self._protocol.batchFinished()

    def connectionRefused(self) -> None:
        """
        Nobody listens at the peer's.
        """
        # It may be a write that found out, in the middle of a flush.
        if self._port is not None:
            self._reactor.callLater(0, self._reportRefusal)

    def _reportRefusal(self) -> None:
        if self._port is not None:
            self._protocol.connectionRefused()
            self._protocol.batchFinished()

    def stopProtocol(self) -> None:
        """
        The port closes: its socket is closed as soon as the protocol has taken its leave.
        """
        self._port = None
        try:
            self._protocol.connectionLost(Failure(ConnectionDone("Port closed.")))
        except Exception:
            self._log.failure("connectionLost of {protocol!r} failed", protocol=self._protocol)
        self._sending = None

    def stopListening(self) -> Deferred[None]:
        """
        Close the port.

        @return: fires when it is closed.
        """
        port, self._port = self._port, None
        if port is None:
            return succeed(None)
        return maybeDeferred(port.stopListening).addCallback(lambda _: None)
