"""
A seeded network in memory, on L{twisted.internet.task.Clock}: for the tests of programs that use
C{kcp:} endpoints, without sockets and without waiting.

Each L{SimulatedHost} is a reactor as far as endpoints need one::

    network = SimulatedNetwork(seed=1, link=Link(loss=0.1, delay=0.025))
    client, server = network.host("10.0.0.1"), network.host("10.0.0.2")
    KCPServerEndpoint(server, 4000, options).listen(serverFactory)
    connected = KCPClientEndpoint(client, "10.0.0.2", 4000, options).connect(clientFactory)
    network.run(5)
    protocol = self.successResultOf(connected)

L{SimulatedNetwork.translate} is a NAT that gives a client another address in the middle of a
connection, L{SimulatedHost.suspend} a laptop whose lid is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, cast
from weakref import WeakSet

from twisted.internet.abstract import isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.base import DelayedCall
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IDelayedCall,
    IHostnameResolver,
    IListeningPort,
    IReactorPluggableNameResolver,
    IReactorTime,
    IReactorUDP,
    IUDPTransport,
)
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock
from zope.interface import implementer

from kcptwisted.testing.link import Link, LinkModel
from kcptwisted.testing.names import KnownNames
from kcptwisted.testing.nat import Translations

__all__ = ["Link", "SimulatedHost", "SimulatedNetwork", "SimulatedPort"]

_FIRST_EPHEMERAL_PORT = 49152

#: Source, destination (each host and port) and datagram, before the link does anything to it.
Tap = Callable[[tuple[str, int], tuple[str, int], bytes], None]


class SimulatedNetwork:
    """
    Hosts, and the links between them.

    @ivar clock: the time of all hosts.
    @ivar taps: called with each datagram that is sent.
    """

    def __init__(self, seed: int = 0, link: Link | None = None) -> None:
        """
        @param seed: the same seed and the same program give the same run.
        @param link: every path's conditions, unless L{setLink} says otherwise.
        """
        self.clock = Clock()
        self.taps: list[Tap] = []
        self._random = Random(seed)
        self._link = link or Link()
        self._models: dict[tuple[str, str], LinkModel] = {}
        self._hosts: dict[str, SimulatedHost] = {}
        self._names: dict[str, list[str]] = {}
        self._translations = Translations()

    def host(self, address: str, *names: str) -> SimulatedHost:
        """
        @param address: IPv4 or IPv6.
        @param names: host names that resolve to it, besides those that it has.
        @return: the host at the address, made on first use.
        """
        if address not in self._hosts:
            self._hosts[address] = SimulatedHost(self, address)
        for name in names:
            self._names.setdefault(name, []).append(address)
        return self._hosts[address]

    def setLink(self, source: str, destination: str, link: Link) -> None:
        """
        Change one direction between two hosts, from now on.
        """
        self.model(source, destination).link = link

    def model(self, source: str, destination: str) -> LinkModel:
        """
        @return: what decides, and counts, the fates of datagrams in one direction.
        """
        key = source, destination
        if key not in self._models:
            self._models[key] = LinkModel(self._link, Random(self._random.random()))
        return self._models[key]

    def translate(self, source: tuple[str, int], public: tuple[str, int]) -> None:
        """
        Do as a NAT does when it binds anew: from now on datagrams from C{source} arrive as from
        C{public}, and what is sent there reaches C{source}.  The address that C{source} was seen as
        until now, at first its own, is dead: what is sent or under way to it is lost without a
        word.  Call it again for the next address.

        Links and taps know the hosts by their own addresses.

        @param source: host and port.
        @param public: host and port; the host need not be one of the network's.
        @raise ValueError: if C{public} stands for another source.
        """
        self._translations.add(source, public)

    def resolve(self, name: str) -> list[str]:
        """
        @return: the addresses of a host name.
        """
        return self._names.get(name, [])

    def run(self, seconds: float) -> None:
        """
        Let time pass, event by event.
        """
        clock = self.clock
        end = clock.seconds() + seconds
        while True:
            times = [call.getTime() for call in clock.getDelayedCalls()]
            upcoming = min(times, default=end)
            if upcoming >= end:
                break
            clock.advance(max(upcoming - clock.seconds(), 0))
        clock.advance(max(end - clock.seconds(), 0))

    def runUntil(self, done: Callable[[], bool], limit: float = 600.0) -> None:
        """
        Let time pass until C{done()} holds.

        @param limit: seconds.
        @raise AssertionError: if it does not by then, or nothing is left to happen.
        """
        clock = self.clock
        end = clock.seconds() + limit
        while not done():
            times = [call.getTime() for call in clock.getDelayedCalls()]
            if not times or min(times) > end:
                raise AssertionError(
                    f"not done at {clock.seconds():g} s, and "
                    + ("the limit is reached" if times else "nothing is left to happen")
                )
            clock.advance(max(min(times) - clock.seconds(), 0))

    def send(self, source: SimulatedPort, destination: tuple[str, int], datagram: bytes) -> None:
        """
        Carry a datagram, or lose it.
        """
        for tap in self.taps:
            tap(source.address, destination, datagram)
        origin = self._translations.outside(source.address)
        target = self._translations.inside(destination) or destination
        for delay, arrived in self.model(source.address[0], target[0]).arrivals(datagram):
            self.clock.callLater(delay, self._arrive, source, origin, destination, arrived)

    def _arrive(
        self,
        source: SimulatedPort,
        origin: tuple[str, int],
        destination: tuple[str, int],
        datagram: bytes,
    ) -> None:
        target = self._translations.inside(destination)
        host = self._hosts.get(target[0]) if target else None
        if target is None or host is None:
            return
        port = host.ports.get(target[1])
        if port is not None:
            port.receive(datagram, origin)
        else:
            delay = self.model(target[0], source.address[0]).link.delay
            self.clock.callLater(delay, source.refused, destination)


@implementer(IReactorTime, IReactorUDP, IReactorPluggableNameResolver)
class SimulatedHost:
    """
    One host, in the role of a reactor.

    @ivar address: the host's.
    @ivar ports: the open ports by number.
    @ivar nameResolver: knows the network's names.
    @ivar suspended: whether the process stands still.
    """

    def __init__(self, network: SimulatedNetwork, address: str) -> None:
        """
        See L{SimulatedNetwork.host}.
        """
        self._network = network
        self.address = address
        self.ports: dict[int, SimulatedPort] = {}
        self._ephemeral = _FIRST_EPHEMERAL_PORT
        self.nameResolver: IHostnameResolver = KnownNames(network.resolve)
        self.suspended = False
        self._calls: WeakSet[DelayedCall] = WeakSet()
        self._waiting: list[DelayedCall] = []

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """
        Replace the resolver.

        @return: the one before.
        """
        previous, self.nameResolver = self.nameResolver, resolver
        return previous

    def seconds(self) -> float:
        """
        @return: the network's time.
        """
        return self._network.clock.seconds()

    def callLater(
        self, delay: float, callable: Callable[..., Any], *args: object, **kw: object
    ) -> IDelayedCall:
        """
        As L{IReactorTime} says.
        """
        call = self._network.clock.callLater(delay, callable, *args, **kw)
        self._calls.add(cast(DelayedCall, call))
        if self.suspended:
            self.suspend()
        return call

    def getDelayedCalls(self) -> Any:
        """
        @return: the calls of the whole network, but those of suspended hosts.
        """
        return self._network.clock.getDelayedCalls()

    def suspend(self) -> None:
        """
        Stop the process: its delayed calls, and the datagrams that arrive, wait for L{resume}.
        Time goes on.
        """
        self.suspended = True
        calls = self._network.clock.calls
        for call in [call for call in calls if call in self._calls]:
            calls.remove(call)
            call.canceller = self._waiting.remove
            self._waiting.append(call)

    def resume(self) -> None:
        """
        Let the process go on: what should have happened meanwhile happens at once, in order.
        """
        self.suspended = False
        calls = self._network.clock.calls
        for call in self._waiting:
            call.canceller = calls.remove
        calls += self._waiting
        self._waiting.clear()

    def listenUDP(
        self,
        port: int,
        protocol: DatagramProtocol,
        interface: str = "",
        maxPacketSize: int = 8192,
    ) -> IListeningPort:
        """
        Open a port.

        @raise CannotListenError: if it is taken.
        """
        opened = SimulatedPort(self._network, self, port or self._freePort(), protocol)
        opened.startListening()
        return opened

    def _freePort(self) -> int:
        # Like a real host, no port again soon: the peer may still know its last user.
        while self._ephemeral in self.ports:
            self._ephemeral += 1
        self._ephemeral += 1
        return self._ephemeral - 1


@implementer(IListeningPort, IUDPTransport)
class SimulatedPort:
    """
    A UDP port of a simulated host.

    @ivar address: host and port.
    """

    def __init__(
        self,
        network: SimulatedNetwork,
        host: SimulatedHost,
        number: int,
        protocol: DatagramProtocol,
    ) -> None:
        """
        See L{SimulatedHost.listenUDP}.
        """
        self._network = network
        self._host = host
        self._protocol = protocol
        self._peer: tuple[str, int] | None = None
        self.address = (host.address, number)

    def startListening(self) -> None:
        """
        Begin to receive.
        """
        number = self.address[1]
        if number in self._host.ports:
            raise CannotListenError(self.address[0], number, "address in use")
        self._host.ports[number] = self
        self._protocol.makeConnection(self)

    def stopListening(self) -> Deferred[None]:
        """
        Close the port.
        """
        if self._host.ports.pop(self.address[1], None) is not None:
            self._protocol.doStop()
        return succeed(None)

    def loseConnection(self) -> None:
        """
        Close the port.
        """
        self.stopListening()

    @property
    def _isOpen(self) -> bool:
        return self._host.ports.get(self.address[1]) is self

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        @return: the port's address.
        """
        kind = IPv6Address if isIPv6Address(self.address[0]) else IPv4Address
        return kind("UDP", *self.address)

    def connect(self, host: str, port: int) -> None:
        """
        Fix the peer.
        """
        self._peer = (host, port)

    def write(self, packet: bytes, addr: tuple[str, int] | None = None) -> None:
        """
        Send.
        """
        destination = addr or self._peer
        assert destination is not None, "not connected and no address given"
        self._network.send(self, destination[:2], packet)

    def receive(self, datagram: bytes, source: tuple[str, int]) -> None:
        """
        A datagram arrived.
        """
        if self._host.suspended:
            self._host.callLater(0, self.receive, datagram, source)
        elif self._isOpen and self._peer in (None, source):
            self._protocol.datagramReceived(datagram, source)

    def refused(self, destination: tuple[str, int]) -> None:
        """
        The host at C{destination} says that the port is closed.
        """
        if self._host.suspended:
            self._host.callLater(0, self.refused, destination)
        elif self._isOpen and self._peer == destination:
            self._protocol.connectionRefused()

    def setBroadcastAllowed(self, enabled: bool) -> None:
        """
        There is no broadcast.
        """

    def getBroadcastAllowed(self) -> bool:
        """
        There is no broadcast.
        """
        return False
