"""
A UDP client, two relays and a UDP server in a simulated network, for the tests.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import DatagramProtocol
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.services.relay.factory import RelayFactory
from kcptwisted.services.relay.routes import Route
from kcptwisted.services.relay.sides import sourceOf, targetOf
from kcptwisted.testing import SimulatedHost, SimulatedNetwork
from kcptwisted.testing.link import Link

CLIENT, NEAR, FAR, SERVER = "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"

#: Where the near relay and the server listen.
ENTRY, TARGET = 5353, 53


class Peer(DatagramProtocol):
    """
    A UDP program.

    @ivar got: what has come, with its sender.
    @ivar answers: whether it sends all back, in capital letters.
    """

    transport: Any

    def __init__(self, answers: bool = False) -> None:
        self.got: list[tuple[bytes, tuple[str, int]]] = []
        self.answers = answers

    @property
    def data(self) -> list[bytes]:
        """
        What has come.
        """
        return [data for data, _ in self.got]

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """
        Note, and answer.
        """
        self.got.append((datagram, addr))
        if self.answers:
            self.transport.write(datagram.upper(), addr)

    def send(self, data: bytes, host: str = NEAR, port: int = ENTRY) -> None:
        """
        Send to the near relay.
        """
        self.transport.write(data, (host, port))


class RelayedUDPCase(SynchronousTestCase):
    """
    A server that answers, and as many clients as wanted.
    """

    link = Link(delay=0.02)

    def setUp(self) -> None:
        """
        A network.
        """
        self.network = SimulatedNetwork(seed=1, link=self.link)
        self.server = Peer(True)
        self.host(SERVER).listenUDP(TARGET, self.server)
        self.ports: dict[str, Any] = {}
        self.factories: dict[str, RelayFactory] = {}
        self.targets: dict[str, Any] = {}

    def listen(self) -> list[Any]:
        """
        @return: what is logged from now on.
        """
        events: list[Any] = []
        observer: Any = events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        return events

    def host(self, address: str) -> SimulatedHost:
        """
        The host of that address.
        """
        return self.network.host(address)

    def relay(self, address: str, route: Route) -> None:
        """
        Start a relay.
        """
        reactor = self.host(address)
        self.targets[address] = targetOf(reactor, route)
        factory = self.factories[address] = RelayFactory(self.targets[address], reactor, route)
        source = sourceOf(reactor, route)
        self.ports[address] = self.successResultOf(source.listen(factory))

    def relays(self, *, options: str = "crypt=null", farOptions: str = "", **given: Any) -> None:
        """
        Start two relays with KCP between them.
        """
        far = farOptions or options
        self.relay(FAR, Route(f"kcp:4000:{far}", f"udp:{SERVER}:{TARGET}", **given))
        self.relay(NEAR, Route(f"udp:{ENTRY}", f"kcp:{FAR}:4000:{options}", **given))

    def client(self, port: int = 0, address: str = CLIENT) -> Peer:
        """
        A UDP client.
        """
        peer = Peer()
        self.host(address).listenUDP(port, peer)
        return peer

    def run_(self, seconds: float = 1.0) -> None:
        """
        Let time pass.
        """
        self.network.run(seconds)
