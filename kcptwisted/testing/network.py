"""
A seeded network in memory, based on L{twisted.internet.task.Clock}.  It is for the tests of
programs that use C{kcp:} endpoints, and takes no sockets and no waiting.

Each L{SimulatedHost} provides what endpoints need of a reactor::

    network = SimulatedNetwork(seed=1, link=Link(loss=0.1, delay=0.025))
    client, server = network.host("10.0.0.1"), network.host("10.0.0.2")
    KCPServerEndpoint(server, 4000, options).listen(serverFactory)
    connected = KCPClientEndpoint(client, "10.0.0.2", 4000, options).connect(clientFactory)
    network.run(5)
    protocol = self.successResultOf(connected)

L{SimulatedNetwork.translate} gives a client another address in the middle of a connection, as a NAT
does.  L{SimulatedHost.suspend} suspends a host, as when the lid of a laptop is closed.  A
L{Bottleneck} is a line that several paths share.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, cast
from weakref import WeakSet

from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import (
    IDelayedCall,
    IHostnameResolver,
    IListeningPort,
    IReactorPluggableNameResolver,
    IReactorTime,
    IReactorUDP,
)
from twisted.internet.protocol import DatagramProtocol
from zope.interface import implementer

from kcptwisted.testing.bottleneck import Bottleneck
from kcptwisted.testing.clock import SimulatedClock
from kcptwisted.testing.link import Link, LinkModel
from kcptwisted.testing.names import KnownNames
from kcptwisted.testing.nat import Translations
from kcptwisted.testing.port import SimulatedPort

__all__ = ["Bottleneck", "Link", "SimulatedHost", "SimulatedNetwork", "SimulatedPort"]

_FIRST_EPHEMERAL_PORT = 49152

#: Takes the source, the destination (each host and port) and the datagram as it was sent.
Tap = Callable[[tuple[str, int], tuple[str, int], bytes], None]


class SimulatedNetwork:
    """
    A network of hosts and links.

    @ivar clock: the clock of all hosts.
    @ivar taps: functions that are called with each datagram that is sent.
    """

    def __init__(self, seed: int = 0, link: Link | None = None) -> None:
        """
        @param seed: the same seed and the same program give the same run.
        @param link: the conditions of all paths that L{setLink} does not change.
        """
        self.clock = SimulatedClock()
        self.taps: list[Tap] = []
        self._random = Random(seed)
        self._link = link or Link()
        self._models: dict[tuple[str, str], LinkModel] = {}
        self._hosts: dict[str, SimulatedHost] = {}
        self._names: dict[str, list[str]] = {}
        self._translations = Translations()

    def host(self, address: str, *names: str) -> SimulatedHost:
        """
        Returns the host at an address.  Makes it on first use.

        @param address: IPv4 or IPv6.
        @param names: host names that also resolve to the address from now on.
        """
        if address not in self._hosts:
            self._hosts[address] = SimulatedHost(self, address)
        for name in names:
            self._names.setdefault(name, []).append(address)
        return self._hosts[address]

    def setLink(self, source: str, destination: str, link: Link) -> None:
        """
        Changes the conditions of one direction between two hosts from now on.
        """
        self.model(source, destination).link = link

    def model(self, source: str, destination: str) -> LinkModel:
        """
        Returns the model that decides what happens to datagrams in one direction, and counts them.
        """
        key = source, destination
        if key not in self._models:
            self._models[key] = LinkModel(
                self._link, Random(self._random.random()), self.clock.seconds
            )
        return self._models[key]

    def translate(self, source: tuple[str, int], public: tuple[str, int]) -> None:
        """
        Gives C{source} another public address, as a NAT does when it binds anew.  From now on
        datagrams from C{source} arrive as from C{public}, and datagrams to C{public} reach
        C{source}.  The public address before, at first the host's own, is no longer in use:
        datagrams that are sent or under way to it are lost, without an ICMP error.  May be called
        again for the next address.

        Links and taps still use the hosts' own addresses.

        @param source: host and port.
        @param public: host and port; the host need not be one of the network's.
        @raise ValueError: if C{public} is the address of another source.
        """
        self._translations.add(source, public)

    def resolve(self, name: str) -> list[str]:
        """
        Returns the addresses of a host name.
        """
        return self._names.get(name, [])

    def run(self, seconds: float) -> None:
        """
        Lets time pass, from event to event.
        """
        self.clock.run(seconds)

    def runUntil(self, done: Callable[[], bool], limit: float = 600.0) -> None:
        """
        Lets time pass until C{done()} returns True.

        @param limit: seconds.
        @raise AssertionError: if it does not return True within C{limit}, or before the last
            delayed call.
        """
        self.clock.runUntil(done, limit)

    def send(self, source: SimulatedPort, destination: tuple[str, int], datagram: bytes) -> None:
        """
        Sends a datagram over the link to its destination.
        """
        for tap in self.taps:
            tap(source.address, destination, datagram)
        origin = self._translations.outside(source.address)
        target = self._translations.inside(destination) or destination
        model = self.model(source.address[0], target[0])
        link = model.link
        if source.whole and model.isTooBig(datagram, True):
            model.lost += 1
            if link.reportsMtu:
                self.clock.callLater(link.delay, source.limits.__setitem__, destination, link.mtu)
            return
        for delay, arrived in model.arrivals(datagram):
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
    One host.  Programs use it as their reactor.

    @ivar address: the host's address.
    @ivar ports: the open ports by number.
    @ivar nameResolver: resolves the network's host names.
    @ivar suspended: True while the process is suspended.
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
        Replaces the resolver.

        @return: the previous resolver.
        """
        previous, self.nameResolver = self.nameResolver, resolver
        return previous

    def seconds(self) -> float:
        """
        Returns the network's time in seconds.
        """
        return self._network.clock.seconds()

    def callLater(
        self, delay: float, callable: Callable[..., Any], *args: object, **kw: object
    ) -> IDelayedCall:
        """
        Schedules a call.  See L{IReactorTime}.
        """
        call = self._network.clock.callLater(delay, callable, *args, **kw)
        self._calls.add(cast(DelayedCall, call))
        if self.suspended:
            self.suspend()
        return call

    def getDelayedCalls(self) -> Any:
        """
        Returns the delayed calls of all hosts that are not suspended.
        """
        return self._network.clock.getDelayedCalls()

    def suspend(self) -> None:
        """
        Suspends the process: its delayed calls and the datagrams that arrive wait for L{resume},
        while time goes on.
        """
        self.suspended = True
        clock = self._network.clock
        for call in [call for call in clock.calls if call in self._calls]:
            clock.withdraw(call)
            call.canceller = self._waiting.remove
            self._waiting.append(call)

    def resume(self) -> None:
        """
        Resumes the process: all that has waited happens at once, in order.
        """
        self.suspended = False
        clock = self._network.clock
        for call in self._waiting:
            call.canceller = clock.withdraw
            clock.restore(call)
        self._waiting.clear()

    def listenUDP(
        self,
        port: int,
        protocol: DatagramProtocol,
        interface: str = "",
        maxPacketSize: int = 8192,
    ) -> IListeningPort:
        """
        Opens a port.

        @raise CannotListenError: if the port is in use.
        """
        opened = SimulatedPort(self._network, self, port or self._freePort(), protocol)
        opened.startListening()
        return opened

    def _freePort(self) -> int:
        # As on a real host, no port is used again soon: a peer may still know its last user.
        while self._ephemeral in self.ports:
            self._ephemeral += 1
        self._ephemeral += 1
        return self._ephemeral - 1
