"""
A UDP port as a server's endpoint: each sender's datagrams are one flow, and a flow is what a
connection is to other endpoints.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.options import KCPOptions
from kcptwisted.services.relay.datagramtransport import DatagramTransport
from kcptwisted.services.relay.flows import Flows
from kcptwisted.services.relay.flowtable import FlowStats, Pauses
from kcptwisted.services.relay.udpsettings import LONGEST, LOOKUP_TIMEOUT, FlowLimits, ended
from kcptwisted.stats import PortStats
from kcptwisted.udp.addresses import ANY_IPV4, hostAsked, resolve, toAddress
from kcptwisted.udp.adopted import SocketInUse, adopt
from kcptwisted.udp.asked import ownAddressOf
from kcptwisted.udp.opening import UDPPort, openPort

#: Seconds after a failed flow in which its sender begins no other one.
FAILURE_PAUSE = 1.0

#: A sender, and which of this host's addresses it asked.
_Key = tuple[Address, str]


@implementer(IStreamServerEndpoint)
class UDPServerEndpoint:
    """
    Listens for datagrams.

    @ivar options: its C{socketBuffer} and C{dscp} are used.
    @ivar stats: counts.
    """

    def __init__(
        self,
        reactor: Any,
        port: int,
        limits: FlowLimits,
        interface: str = "",
        fd: int | None = None,
        options: KCPOptions | None = None,
    ) -> None:
        """
        @param reactor: as for L{kcptwisted.endpoints.server.KCPServerEndpoint}.
        @param port: UDP port; 0 for any that is free.
        @param interface: an address or a name; empty for all addresses of IPv4.
        @param fd: the descriptor of a bound UDP socket to use, instead of a new one.
        @param options: its C{socketBuffer} and C{dscp} are used.
        """
        self._reactor = reactor
        self._port = port
        self._limits = limits
        self._interface = interface
        self._fd = fd
        self.options = options or KCPOptions(crypt="null")
        self.stats = FlowStats()

    def __repr__(self) -> str:
        given = "" if self._fd is None else f" with fd={self._fd}"
        return f"<UDPServerEndpoint {self._interface}:{self._port}{given}>"

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Opens the port.

        @return: fires with an L{IListeningPort}, or fails with
            L{twisted.internet.error.CannotListenError},
            L{twisted.internet.error.DNSLookupError}, or C{ValueError} if the descriptor is of the
            wrong kind.
        """
        if self._fd is not None:
            looked: Deferred[list[Address]] = succeed([ANY_IPV4])
        else:
            interface = self._interface or ANY_IPV4[0]
            looked = resolve(self._reactor, interface, self._port, LOOKUP_TIMEOUT)
        return looked.addCallback(self._listen, protocolFactory)

    def _listen(self, addresses: list[Address], factory: IProtocolFactory) -> IListeningPort:
        port = UDPFlowPort(
            self._reactor, addresses[0], factory, self._limits, self.options, self.stats, self._fd
        )
        port.startListening()
        return port


@implementer(IListeningPort, IDatagramProtocol)
class UDPFlowPort:
    """
    A UDP port, and the flows of its senders.

    @ivar stats: counts of flows and their datagrams.
    @ivar portStats: counts of the socket.
    """

    def __init__(
        self,
        reactor: Any,
        bind: Address,
        factory: IProtocolFactory,
        limits: FlowLimits,
        options: KCPOptions,
        stats: FlowStats,
        fd: int | None = None,
    ) -> None:
        """
        @param bind: where to listen.
        @param stats: counts.
        @param fd: see L{UDPServerEndpoint}.
        """
        self.reactor = reactor
        self._bind = bind
        self._factory = factory
        self._options = options
        self._fd = fd
        self._flows: Flows[_Key, ServerFlow] = Flows(
            reactor, limits.idle, limits.most, stats, lambda flow, reason: flow.over(reason)
        )
        self._pauses: Pauses[_Key] = Pauses(FAILURE_PAUSE, limits.most)
        self.stats = stats
        self.portStats = PortStats()
        self._port: UDPPort | None = None
        self._takes = True
        self._stopped: Deferred[None] | None = None

    def startListening(self) -> None:
        """
        Opens the socket.

        @raise CannotListenError: if the address cannot be had.
        """
        sock = None
        if self._fd is not None:
            try:
                sock = adopt(self._fd, f"fd={self._fd}")
            except SocketInUse as problem:
                raise CannotListenError("fd", self._fd, problem) from None
        self._port = openPort(
            self.reactor,
            self,
            self._bind if sock is None else sock.getsockname(),
            self._options,
            self.portStats,
            sock=sock,
            longest=LONGEST,
        )
        self._factory.doStart()

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Returns the local address.
        """
        return toAddress(self._bind) if self._port is None else self._port.getHost()

    def stopListening(self) -> Deferred[None]:
        """
        Takes no more flows, and closes the socket when the last one has ended.

        @return: fires when it is closed.
        """
        self._takes = False
        stopped: Deferred[None] = Deferred()
        if self._stopped is None:
            self._stopped = Deferred()
            self._stopped.chainDeferred(stopped)
            self._closeIfDone()
        else:
            self._stopped.chainDeferred(stopped)
        return stopped

    def configure(self, limits: FlowLimits) -> None:
        """
        Changes the limits from now on.
        """
        self._flows.configure(limits.idle, limits.most)

    def _closeIfDone(self) -> None:
        if self._stopped is None or self._flows or self._stopped.called:
            return
        if self._port is None:
            self._stopped.callback(None)
        else:
            self._port.stopListening().addErrback(lambda _: None)

    # What a flow asks.

    def write(self, data: bytes, flow: ServerFlow) -> None:
        """
        Sends a datagram to a flow's peer.
        """
        if self._port is not None:
            self._flows.get(flow.key)
            self.stats.sent += 1
            self._port.writeDatagrams((data,), flow.address)

    def failed(self, flow: ServerFlow) -> None:
        """
        Takes note that a flow is aborted.  Its sender may begin another one, but not with each
        datagram: that would be an attempt to connect for each.
        """
        self._pauses.add(flow.key, self.reactor.seconds())

    def forget(self, flow: ServerFlow) -> None:
        """
        Takes note that a flow has ended.
        """
        self._flows.remove(flow.key, flow)
        self._closeIfDone()

    # IDatagramProtocol.

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        Does nothing: the port itself is kept.
        """

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Passes datagrams to their flow, which the first one begins.
        """
        own = ownAddressOf(address)
        key = (address, "" if own is None else own.host)
        flow = self._flows.get(key)
        if flow is None:
            flow = self._begin(key)
            if flow is None:
                self.stats.overflowed += len(datagrams)
                return
        self.stats.received += len(datagrams)
        flow.transport.received(datagrams)

    def _begin(self, key: _Key) -> ServerFlow | None:
        if not self._takes or self._pauses.holds(key, self.reactor.seconds()):
            return None
        protocol = self._factory.buildProtocol(toAddress(key[0]))
        if protocol is None:
            return None
        flow = ServerFlow(self, key)
        self._flows.add(key, flow)
        flow.transport.open(protocol)
        return flow

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
        Counts it: it does not say which flow it concerns.
        """
        self.stats.refused += 1

    def peerUnreachable(self, problem: OSError) -> None:
        """
        Counts it: it does not say which flow it concerns.
        """
        self.stats.refused += 1

    sendingFailed = peerUnreachable

    def connectionLost(self, reason: Failure) -> None:
        """
        Ends all flows: the socket is closed.
        """
        self._takes = False
        self._port = None
        for flow in self._flows.values():
            flow.over(reason)
        self._factory.doStop()
        if self._stopped is None:
            self._stopped = Deferred()
        if not self._stopped.called:
            self._stopped.callback(None)


class ServerFlow:
    """
    The datagrams of one sender; see L{kcptwisted.services.relay.datagramtransport.Carrier}.

    @ivar transport: what its protocol has.
    """

    unacknowledged = 0

    def __init__(self, port: UDPFlowPort, key: _Key) -> None:
        self._port = port
        self._ending = False
        self.key = key
        self.address = key[0]
        self.transport = DatagramTransport(self, port.stats)

    def send(self, data: bytes) -> None:
        """
        Sends a datagram, from the address that the peer asked.
        """
        self._port.write(data, self)

    def end(self, aborts: bool) -> None:
        """
        Ends the flow, at the end of the turn.  A UDP peer does not learn of it.
        """
        if not self._ending:
            self._ending = True
            if aborts:
                self._port.failed(self)
            self._port.reactor.callLater(0, self.over, ended(aborts))

    def over(self, reason: Failure) -> None:
        """
        Ends the flow now.
        """
        self._ending = True
        self._port.forget(self)
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
        Returns the sender's address.
        """
        return toAddress(self.address)

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Returns the address that the sender asked.
        """
        return hostAsked(self._port.getHost(), self.address)
