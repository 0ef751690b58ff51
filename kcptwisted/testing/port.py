"""
A UDP port of a host in the simulated network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.abstract import isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError, MessageLengthError
from twisted.internet.interfaces import IDelayedCall, IListeningPort, IUDPTransport
from twisted.internet.protocol import DatagramProtocol
from zope.interface import implementer


class PortNetwork(Protocol):
    """
    The network, as far as it concerns a port.
    """

    def send(self, source: SimulatedPort, destination: tuple[str, int], datagram: bytes) -> None:
        """
        Sends a datagram over the link to its destination.
        """


class PortHost(Protocol):
    """
    The host, as far as it concerns a port.

    @ivar address: the host's address.
    @ivar ports: the open ports by number.
    @ivar suspended: True while the process is suspended.
    """

    address: str
    ports: dict[int, SimulatedPort]
    suspended: bool

    def callLater(
        self, delay: float, callable: Callable[..., Any], *args: object, **kw: object
    ) -> IDelayedCall:
        """
        Schedules a call.
        """


@implementer(IListeningPort, IUDPTransport)
class SimulatedPort:
    """
    A UDP port of a simulated host.

    @ivar address: host and port.
    @ivar whole: whether its datagrams are not to be fragmented.
    @ivar limits: the largest datagrams for destinations that routers have told of.
    """

    def __init__(
        self,
        network: PortNetwork,
        host: PortHost,
        number: int,
        protocol: DatagramProtocol,
    ) -> None:
        """
        See L{kcptwisted.testing.network.SimulatedHost.listenUDP}.
        """
        self._network = network
        self._host = host
        self._protocol = protocol
        self._peer: tuple[str, int] | None = None
        self.address = (host.address, number)
        self.whole = False
        self.limits: dict[tuple[str, int], int] = {}

    def startListening(self) -> None:
        """
        Begins to receive.

        @raise CannotListenError: if the port is in use.
        """
        number = self.address[1]
        if number in self._host.ports:
            raise CannotListenError(self.address[0], number, "address in use")
        self._host.ports[number] = self
        self._protocol.makeConnection(self)

    def stopListening(self) -> Deferred[None]:
        """
        Closes the port.
        """
        if self._host.ports.pop(self.address[1], None) is not None:
            self._protocol.doStop()
        return succeed(None)

    def loseConnection(self) -> None:
        """
        Closes the port.
        """
        self.stopListening()

    @property
    def _isOpen(self) -> bool:
        return self._host.ports.get(self.address[1]) is self

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Returns the port's address.
        """
        kind = IPv6Address if isIPv6Address(self.address[0]) else IPv4Address
        return kind("UDP", *self.address)

    def connect(self, host: str, port: int) -> None:
        """
        Sets the only peer to exchange datagrams with.
        """
        self._peer = (host, port)

    def write(self, packet: bytes, addr: tuple[str, int] | None = None) -> None:
        """
        Sends a datagram.

        @raise MessageLengthError: if it is too large for the path, as far as is known.
        """
        destination = addr or self._peer
        assert destination is not None, "not connected and no address given"
        if self.whole and len(packet) > self.limits.get(destination[:2], len(packet)):
            raise MessageLengthError("message too long")
        self._network.send(self, destination[:2], packet)

    def forbid(self) -> bool:
        """
        Has datagrams arrive whole or not at all.

        @return: True: that can be done here.
        """
        self.whole = True
        return True

    def allow(self) -> None:
        """
        Lets datagrams be fragmented.
        """
        self.whole = False

    def receive(self, datagram: bytes, source: tuple[str, int]) -> None:
        """
        Takes a datagram that arrived.
        """
        if self._host.suspended:
            self._host.callLater(0, self.receive, datagram, source)
        elif self._isOpen and self._peer in (None, source):
            self._protocol.datagramReceived(datagram, source)

    def refused(self, destination: tuple[str, int]) -> None:
        """
        Takes the ICMP error that the port at C{destination} is closed.
        """
        if self._host.suspended:
            self._host.callLater(0, self.refused, destination)
        elif self._isOpen and self._peer == destination:
            self._protocol.connectionRefused()

    def setBroadcastAllowed(self, enabled: bool) -> None:
        """
        Does nothing: there is no broadcast.
        """

    def getBroadcastAllowed(self) -> bool:
        """
        Returns False: there is no broadcast.
        """
        return False
