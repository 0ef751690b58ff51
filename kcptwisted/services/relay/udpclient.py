"""
A UDP target as a client's endpoint: each flow has a socket of its own.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, NoProtocol
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.options import KCPOptions
from kcptwisted.services.relay.datagramtransport import DatagramTransport
from kcptwisted.services.relay.flows import Flows
from kcptwisted.services.relay.flowtable import FlowStats
from kcptwisted.services.relay.udpsettings import LONGEST, LOOKUP_TIMEOUT, FlowLimits, ended
from kcptwisted.stats import PortStats
from kcptwisted.udp.addresses import ANY_IPV4, ANY_IPV6, isIPv6, resolve, toAddress
from kcptwisted.udp.opening import UDPPort, openPort


@implementer(IStreamClientEndpoint)
class UDPClientEndpoint:
    """
    Makes flows to one target.

    @ivar stats: counts.
    """

    def __init__(
        self,
        reactor: Any,
        host: str,
        port: int,
        limits: FlowLimits,
        options: KCPOptions | None = None,
    ) -> None:
        """
        @param reactor: as for L{kcptwisted.endpoints.client.KCPClientEndpoint}.
        @param host: a name, which is looked up for each flow, or an address.
        @param port: UDP port, 1 to 65535.
        @param options: its C{socketBuffer}, C{dscp} and C{bindAddress}, an address, are used.
        """
        self._reactor = reactor
        self._host = host
        self._port = port
        self._options = options or KCPOptions(crypt="null")
        self.stats = FlowStats()
        self.flows: Flows[ClientFlow, ClientFlow] = Flows(
            reactor, limits.idle, limits.most, self.stats, lambda flow, reason: flow.over(reason)
        )

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Opens a socket.  Nobody is asked whether there is anybody at the target.

        @return: fires with the protocol, or fails with
            L{twisted.internet.error.DNSLookupError}, L{twisted.internet.error.ConnectError} or
            L{twisted.internet.error.CannotListenError}.
        """
        looked = resolve(self._reactor, self._host, self._port, LOOKUP_TIMEOUT)
        return looked.addCallback(self._connect, protocolFactory)

    def _connect(self, addresses: list[Address], factory: IProtocolFactory) -> IProtocol:
        problem: Exception = ConnectError(string="no address of the right kind")
        for address in addresses:
            bind = self._bind(address)
            if bind is None:
                continue
            flow = ClientFlow(self._reactor, self.flows, address)
            try:
                flow.start(bind, self._options)
            except OSError as error:
                problem = ConnectError(error.errno, str(error))
                continue
            protocol = factory.buildProtocol(toAddress(address))
            if protocol is None:
                flow.end(True)
                raise NoProtocol
            flow.transport.open(protocol)
            return protocol
        raise problem

    def _bind(self, address: Address) -> Address | None:
        given = self._options.bindAddress
        if not given:
            return ANY_IPV6 if isIPv6(address) else ANY_IPV4
        if (":" in given) != isIPv6(address):
            return None
        return (given, 0, 0, 0) if isIPv6(address) else (given, 0)


@implementer(IDatagramProtocol)
class ClientFlow:
    """
    One socket; see L{kcptwisted.services.relay.datagramtransport.Carrier}.

    @ivar transport: what its protocol has.
    """

    unacknowledged = 0
    _log = Logger()

    def __init__(
        self, reactor: Any, flows: Flows[ClientFlow, ClientFlow], address: Address
    ) -> None:
        """
        @param address: of the target.
        """
        self._reactor = reactor
        self._flows = flows
        self._address = address
        self._port: UDPPort | None = None
        self._ending = False
        self.transport = DatagramTransport(self, flows.stats)

    def start(self, bind: Address, options: KCPOptions) -> None:
        """
        Opens the socket.

        @raise OSError: if the target cannot be reached, or there is no socket left.
        @raise CannotListenError: if C{bind} cannot be had.
        """
        self._port = openPort(
            self._reactor,
            self,
            bind,
            options,
            PortStats(),
            peer=self._address,
            longest=LONGEST,
        )
        self._flows.add(self, self)

    # Carrier.

    def send(self, data: bytes) -> None:
        """
        Sends a datagram.
        """
        if self._port is not None:
            self._flows.get(self)
            self._flows.stats.sent += 1
            self._port.writeDatagrams((data,), self._address)

    def end(self, aborts: bool) -> None:
        """
        Closes the socket, at the end of the turn.
        """
        if not self._ending:
            self._ending = True
            self._reactor.callLater(0, self.over, ended(aborts))

    def over(self, reason: Failure) -> None:
        """
        Ends the flow now, and closes the socket.
        """
        self._ending = True
        port, self._port = self._port, None
        self._flows.remove(self, self)
        if port is not None:
            port.stopListening().addErrback(lambda _: None)
        self.transport.connectionLost(reason)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Does nothing: what there is no room for is dropped.
        """

    def unregisterProducer(self) -> None:
        """
        Does nothing.
        """

    def getPeer(self) -> IPv4Address | IPv6Address:
        """
        Returns the target's address.
        """
        return toAddress(self._address)

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Returns the address of the socket.
        """
        return toAddress(ANY_IPV4) if self._port is None else self._port.getHost()

    # IDatagramProtocol.

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        Does nothing: the port itself is kept.
        """

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Passes datagrams on.
        """
        if self._flows.get(self) is not None:
            self._flows.stats.received += len(datagrams)
            self.transport.received(datagrams)

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Does nothing: there is no FEC below.
        """

    def batchFinished(self) -> None:
        """
        Does nothing: everything was passed on at once.
        """

    def connectionRefused(self) -> None:
        """
        Counts it: the target may be about to start, and UDP's clients try again.
        """
        self._flows.stats.refused += 1

    def peerUnreachable(self, problem: OSError) -> None:
        """
        Counts it, as L{connectionRefused} does.
        """
        self._flows.stats.refused += 1

    sendingFailed = peerUnreachable

    def connectionLost(self, reason: Failure) -> None:
        """
        Ends the flow: the socket is closed.
        """
        self._port = None
        self.over(reason)
