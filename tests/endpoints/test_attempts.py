"""
Tests for L{kcptwisted.endpoints.attempts}.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, cast

from twisted.application.internet import ClientService
from twisted.internet import error
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.endpoints.attempts import interleave, mostTelling, routes
from kcptwisted.errors import PeerRefused, PeerReset
from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.server.listening import KCPListeningPort
from kcptwisted.testing.link import Link
from tests.connections import CLIENT, PORT, SERVER, ConnectionTestCase, RecordingFactory

NAME = "server.example"

#: Nobody is there.
HOLE = "2001:db8::1"


class OrderTests(SynchronousTestCase):
    """
    Tests for L{interleave} and L{routes}.
    """

    FOUR: list[Address] = [("10.0.0.1", 1), ("10.0.0.2", 1), ("10.0.0.3", 1)]
    SIX: list[Address] = [("fd00::1", 1, 0, 0), ("fd00::2", 1, 0, 0)]

    def test_turns(self) -> None:
        """
        The families take turns, and the resolver's first address comes first.
        """
        (a, b, c), (x, y) = self.FOUR, self.SIX
        self.assertEqual(interleave([x, y, a, b, c]), [x, a, y, b, c])
        self.assertEqual(interleave([a, b, c, x, y]), [a, x, b, y, c])
        self.assertEqual(interleave([a, b]), [a, b])
        self.assertEqual(interleave([]), [])

    def test_binds(self) -> None:
        """
        Each peer is reached from an address of its family; those without one are left out.
        """
        (a, b, _), (x, _) = self.FOUR, self.SIX
        four, six = cast(Address, ("0.0.0.0", 0)), cast(Address, ("::", 0, 0, 0))
        self.assertEqual(routes([four, six], [x, a]), [(six, x), (four, a)])
        self.assertEqual(routes([four], [x, a, b]), [(four, a), (four, b)])
        self.assertEqual(routes([six], [a]), [])


class FailureTests(SynchronousTestCase):
    """
    Tests for L{mostTelling}.
    """

    def test_rank(self) -> None:
        """
        What the server said comes before what its host said, that before silence, and that before
        what this host cannot do; of equals the first counts.
        """
        ranked = [
            PeerReset("failed"),
            PeerRefused(),
            error.TimeoutError(),
            error.ConnectError(101, "no route"),
            error.CannotListenError("10.0.0.1", 0, "not here"),
        ]
        for first, more in pairwise(ranked):
            for pair in ([first, more], [more, first]):
                self.assertIs(mostTelling([Failure(one) for one in pair]).value, first)
        equals = [Failure(error.TimeoutError()) for _ in range(3)]
        self.assertIs(mostTelling(equals), equals[0])


class AttemptTestCase(ConnectionTestCase):
    """
    A server that has a name.
    """

    def addresses(self, *addresses: str) -> None:
        """
        Give the name these addresses.  At those that are no hosts of the network nobody is.
        """
        self.network._names[NAME] = list(addresses)

    def listenAt(self, address: str) -> RecordingFactory:
        """
        @return: the factory of a server there.
        """
        factory = RecordingFactory()
        options = KCPOptions(crypt="null", interface=address)
        endpoint = KCPServerEndpoint(self.network.host(address), PORT, options)
        self.ports.append(cast(KCPListeningPort, self.successResultOf(endpoint.listen(factory))))
        return factory

    def setUp(self) -> None:
        """
        Note what is sent to whom.
        """
        super().setUp()
        self.ports: list[KCPListeningPort] = []
        self.sent: list[tuple[float, str]] = []
        self.network.taps.append(self.note)

    def note(self, source: tuple[str, int], to: tuple[str, int], datagram: bytes) -> None:
        """
        Remember when a client first sent to an address.
        """
        if source[0] == CLIENT and to[0] not in [known for _, known in self.sent]:
            self.sent.append((round(self.network.clock.seconds(), 3), to[0]))

    def connectTo(self, **options: Any) -> Deferred[IProtocol]:
        """
        @return: a client's connect to the name.
        """
        checked = KCPOptions(crypt="null", **options)
        endpoint = KCPClientEndpoint(self.network.host(CLIENT), NAME, PORT, checked)
        return endpoint.connect(self.clientFactory)

    def assertNothingLeft(self) -> None:
        """
        The client has no socket and no delayed call, and its factory is stopped.
        """
        self.network.run(0.01)
        self.assertEqual(self.network.host(CLIENT).ports, {})
        self.assertEqual(self.network.clock.getDelayedCalls(), [])
        self.assertEqual((self.clientFactory.starts, self.clientFactory.stops), (1, 1))


class WinnerTests(AttemptTestCase):
    """
    Somebody answers.
    """

    def test_blackHole(self) -> None:
        """
        If nobody is at the first address the next one is tried after 0.3 s.
        """
        self.addresses(HOLE, SERVER)
        self.listenAt(SERVER)
        connecting = self.connectTo()
        self.network.run(0.29)
        self.assertEqual(self.sent, [(0.0, HOLE)])
        self.network.run(0.02)
        self.successResultOf(connecting)
        self.assertEqual(self.sent, [(0.0, HOLE), (0.3, SERVER)])
        self.assertEqual(self.clientFactory.peers, [IPv4Address("UDP", SERVER, PORT)])

    def test_service(self) -> None:
        """
        So a ClientService gets through.
        """
        self.addresses(HOLE, SERVER)
        self.listenAt(SERVER)
        host = self.network.host(CLIENT)
        endpoint = KCPClientEndpoint(host, NAME, PORT, KCPOptions(crypt="null"))
        service = ClientService(endpoint, self.clientFactory, clock=cast(Any, host))
        service.startService()
        connected = service.whenConnected()
        self.network.run(1)
        self.successResultOf(connected)
        stopped = service.stopService()
        self.network.run(5)
        self.successResultOf(stopped)

    def test_firstIsSlow(self) -> None:
        """
        The first address goes on being tried, and wins if it answers first.
        """
        self.addresses(SERVER, HOLE)
        self.bothWays(Link(delay=0.4))
        self.listenAt(SERVER)
        connecting = self.connectTo()
        self.network.run(1)
        self.successResultOf(connecting)
        self.assertEqual(self.sent, [(0.0, SERVER), (0.3, HOLE)])
        self.assertEqual(len(self.network.host(CLIENT).ports), 1)

    def test_families(self) -> None:
        """
        The families take turns.
        """
        self.addresses("fd00::1", "fd00::2", "10.1.0.1", "10.1.0.2")
        self.connectTo()
        self.network.run(2)
        self.assertEqual(
            self.sent,
            [(0.0, "fd00::1"), (0.3, "10.1.0.1"), (0.6, "fd00::2"), (0.9, "10.1.0.2")],
        )

    def test_refusedGoesOn(self) -> None:
        """
        One that refuses does not keep the next one waiting.
        """
        self.network.host("10.0.0.8")
        self.addresses("10.0.0.8", SERVER)
        self.listenAt(SERVER)
        connecting = self.connectTo()
        self.network.run(0.01)
        self.successResultOf(connecting)

    def withoutIPv6(self) -> None:
        """
        Have the client's host refuse to send by IPv6.
        """
        host = self.network.host(CLIENT)
        listen = host.listenUDP

        def refuse(port: int, protocol: Any, interface: str = "", **more: Any) -> Any:
            if ":" in interface:
                raise OSError(101, "Network is unreachable")
            return listen(port, protocol, interface, **more)

        self.patch(host, "listenUDP", refuse)

    def test_noRouteGoesOn(self) -> None:
        """
        Nor does one that cannot be sent to.
        """
        self.withoutIPv6()
        self.addresses(HOLE, "2001:db8::2", SERVER)
        self.listenAt(SERVER)
        connecting = self.connectTo()
        self.network.run(0.01)
        self.successResultOf(connecting)
        self.assertEqual((self.clientFactory.starts, self.clientFactory.stops), (1, 0))

    def test_losersEnd(self) -> None:
        """
        If two answer, one protocol is built, the other's socket is closed, and its server's session
        ends at once, though no answer of that has come.
        """
        other = "10.0.0.8"
        self.addresses(other, SERVER)
        for to in ((CLIENT, other), (other, CLIENT)):
            self.network.setLink(*to, Link(delay=0.2))
        slow, fast = self.listenAt(other), self.listenAt(SERVER)
        connecting = self.connectTo()
        self.network.run(0.31)
        self.successResultOf(connecting)
        self.network.run(0.3)
        self.assertEqual((len(slow.made), len(fast.made)), (1, 1))
        self.assertEqual(len(self.clientFactory.made), 1)
        self.assertEqual(len(self.network.host(CLIENT).ports), 1)
        self.assertIsInstance(self.reasonOf(slow.made[0]), PeerReset)
        self.assertEqual([len(port.sessions) for port in self.ports], [0, 1])
        self.assertEqual(fast.made[0].reasons, [])
        self.clientFactory.made[0].session.loseConnection()
        self.network.run(1)
        self.assertEqual((self.clientFactory.starts, self.clientFactory.stops), (1, 1))

    def test_sameTurn(self) -> None:
        """
        If two answer at the same moment, one protocol is built.
        """
        other = "10.0.0.8"
        self.addresses(other, SERVER)
        for to in ((CLIENT, other), (other, CLIENT)):
            self.network.setLink(*to, Link(delay=0.25))
        for to in ((CLIENT, SERVER), (SERVER, CLIENT)):
            self.network.setLink(*to, Link(delay=0.1))
        servers = self.listenAt(other), self.listenAt(SERVER)
        connecting = self.connectTo()
        self.network.run(1)
        self.successResultOf(connecting)
        self.assertEqual(sorted(len(server.made[0].reasons) for server in servers), [0, 1])
        self.assertEqual(len(self.clientFactory.made), 1)
        self.assertEqual(len(self.network.host(CLIENT).ports), 1)

    def test_many(self) -> None:
        """
        Of ten addresses the last one has its turn too, within half of a short timeout.
        """
        self.addresses(*[f"10.1.0.{number}" for number in range(9)], SERVER)
        self.listenAt(SERVER)
        connecting = self.connectTo(timeout=1)
        self.network.run(0.51)
        self.successResultOf(connecting)
        self.assertEqual([round(when, 2) for when, _ in self.sent[:3]], [0.0, 0.05, 0.1])
        self.assertEqual(len(self.network.host(CLIENT).ports), 1)

    def test_twice(self) -> None:
        """
        An address that the resolver names twice is tried once.
        """
        self.addresses(HOLE, HOLE, SERVER)
        self.listenAt(SERVER)
        connecting = self.connectTo()
        self.network.run(0.31)
        self.successResultOf(connecting)

    def test_noHandshake(self) -> None:
        """
        With handshake=no there is no answer to wait for: the first address is taken.
        """
        self.addresses(HOLE, SERVER)
        protocol = self.successResultOf(self.connectTo(handshake=False))
        self.assertEqual(self.clientFactory.peers, [IPv6Address("UDP", HOLE, PORT)])
        self.assertEqual(len(self.network.host(CLIENT).ports), 1)
        cast(Any, protocol).session.abortConnection()
        self.assertNothingLeft()

    def test_noHandshakeNoRoute(self) -> None:
        """
        If that one cannot be sent to, it is the next.
        """
        self.withoutIPv6()
        self.addresses(HOLE, SERVER)
        self.successResultOf(self.connectTo(handshake=False))
        self.assertEqual(self.clientFactory.peers, [IPv4Address("UDP", SERVER, PORT)])

    def test_bindAddress(self) -> None:
        """
        With a bindAddress only its family is tried.
        """
        self.addresses(HOLE, SERVER)
        self.listenAt(SERVER)
        connecting = self.connectTo(bindAddress=CLIENT)
        self.network.run(0.01)
        self.successResultOf(connecting)
        self.assertEqual(self.sent, [(0.0, SERVER)])


class LoserTests(AttemptTestCase):
    """
    Nobody answers.
    """

    def test_timeout(self) -> None:
        """
        The timeout is for all attempts together, and the error tells it.
        """
        self.addresses(HOLE, "10.1.0.1", "10.1.0.2")
        connecting = self.connectTo(timeout=2)
        self.network.run(1.99)
        self.assertNoResult(connecting)
        self.network.run(0.02)
        failure = self.failureResultOf(connecting, error.TimeoutError)
        self.assertIn("timeout=2 seconds", str(failure.value))
        self.assertEqual(len(self.sent), 3)
        self.assertNothingLeft()

    def test_refusedAndSilent(self) -> None:
        """
        If one refuses and the others are silent, the refusal is told, when all have had their time.
        """
        self.network.host("10.0.0.8")
        self.addresses("10.0.0.8", HOLE)
        connecting = self.connectTo(timeout=2)
        self.network.run(1)
        self.assertNoResult(connecting)
        self.network.run(1.1)
        self.failureResultOf(connecting, PeerRefused)
        self.assertNothingLeft()

    def test_allRefuse(self) -> None:
        """
        If all refuse, that is told at once.
        """
        for address in ("10.0.0.8", "10.0.0.9"):
            self.network.host(address)
        self.addresses("10.0.0.8", "10.0.0.9")
        connecting = self.connectTo()
        self.network.run(0.01)
        self.failureResultOf(connecting, PeerRefused)
        self.assertNothingLeft()

    def test_cancel(self) -> None:
        """
        Cancelling ends all attempts.
        """
        self.addresses(HOLE, "10.1.0.1", "10.1.0.2")
        connecting = self.connectTo()
        self.network.run(0.4)
        self.assertEqual(len(self.network.host(CLIENT).ports), 2)
        connecting.cancel()
        self.failureResultOf(connecting, error.ConnectingCancelledError)
        self.assertNothingLeft()
        self.assertEqual(len(self.sent), 2)

    def test_buildProtocolRaises(self) -> None:
        """
        What buildProtocol raises ends it: it is called for nobody else.
        """
        self.addresses(SERVER, HOLE, "10.0.0.8")
        self.bothWays(Link(delay=0.2))
        self.listenAt(SERVER)
        self.listenAt("10.0.0.8")
        calls: list[object] = []

        def build(addr: object) -> None:
            calls.append(addr)
            raise ZeroDivisionError

        self.patch(self.clientFactory, "buildProtocol", build)
        connecting = self.connectTo()
        self.network.run(5)
        self.failureResultOf(connecting, ZeroDivisionError)
        self.assertEqual(len(calls), 1)
        self.assertEqual(self.network.host(CLIENT).ports, {})
        self.assertEqual((self.clientFactory.starts, self.clientFactory.stops), (1, 1))

    def test_cancelInBuildProtocol(self) -> None:
        """
        Cancelling in buildProtocol ends it, too.
        """
        self.addresses(SERVER, HOLE)
        self.bothWays(Link(delay=0.2))
        self.listenAt(SERVER)
        connecting = self.connectTo()
        self.patch(self.clientFactory, "buildProtocol", lambda addr: connecting.cancel())
        self.network.run(5)
        self.failureResultOf(connecting, error.ConnectingCancelledError)
        self.assertEqual(self.network.host(CLIENT).ports, {})
        self.assertEqual((self.clientFactory.starts, self.clientFactory.stops), (1, 1))


class WithdrawalTests(AttemptTestCase):
    """
    What a server hears of a client that gives up before its answer has come.
    """

    def withdrawn(self, loss: float, **options: Any) -> KCPListeningPort:
        """
        @param loss: of what the server sends.
        @return: a server's port whose client has given up.
        """
        self.addresses(SERVER)
        self.network.setLink(SERVER, CLIENT, Link(loss=loss))
        self.factory = self.listenAt(SERVER)
        connecting = self.connectTo(**options)
        connecting.addErrback(lambda _: None)
        self.network.run(1)
        self.connecting = connecting
        return self.ports[0]

    def test_cancelled(self) -> None:
        """
        Its session ends.
        """
        port = self.withdrawn(loss=1)
        self.assertEqual(len(port.sessions), 1)
        self.connecting.cancel()
        self.network.run(0.01)
        self.assertEqual(port.sessions, [])
        self.assertIsInstance(self.reasonOf(self.factory.made[0]), PeerReset)

    def test_timedOut(self) -> None:
        """
        So it does when the client waits no longer.
        """
        port = self.withdrawn(loss=1, timeout=1.5)
        self.network.run(0.6)
        self.assertEqual(port.sessions, [])

    def test_inDisguise(self) -> None:
        """
        Behind a cipher and FEC as well.
        """
        self.addresses(SERVER)
        self.network.setLink(SERVER, CLIENT, Link(loss=1))
        options = KCPOptions(key="k", dataShards=3, parityShards=1)
        port = self.listen(options)
        endpoint = KCPClientEndpoint(self.network.host(CLIENT), NAME, PORT, options)
        connecting = endpoint.connect(self.clientFactory)
        self.network.run(1)
        self.assertEqual(len(port.sessions), 1)
        connecting.cancel()
        self.failureResultOf(connecting, error.ConnectingCancelledError)
        self.network.run(0.01)
        self.assertEqual(port.sessions, [])

    def test_opensNone(self) -> None:
        """
        Where there is no session none begins by it.
        """
        self.network.setLink(CLIENT, SERVER, Link(loss=1))
        port = self.withdrawn(loss=0)
        self.network.setLink(CLIENT, SERVER, Link())
        self.connecting.cancel()
        self.network.run(0.1)
        self.assertEqual((port.sessions, self.factory.made), ([], []))
        self.assertEqual(port.stats.InErrs, 2)

    def test_nothingSaid(self) -> None:
        """
        Who has said nothing takes nothing back.
        """
        self.addresses(SERVER)
        protocol = self.successResultOf(self.connectTo(handshake=False))
        cast(Any, protocol).session.abortConnection()
        self.network.run(0.1)
        self.assertEqual(self.sent, [])
