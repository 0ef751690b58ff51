"""
Tests for L{kcptwisted.services.relay.stream}, with KCP in memory on one side and TCP on the other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.services.relay.interfaces import IRelay
from kcptwisted.services.relay.routes import Route
from kcptwisted.services.relay.stream import StreamRelay
from kcptwisted.testing import SimulatedNetwork
from tests.connections import CLIENT, PORT, SERVER, RecordingFactory
from tests.machines.relays import Talker
from tests.machines.streams import StreamClient

OPTIONS = KCPOptions(crypt="null", congestion="none")
ROUTE = Route("old", "here", quiet=True)


class StreamRelayTests(SynchronousTestCase):
    """
    One KCP port.
    """

    def setUp(self) -> None:
        """
        Listen.
        """
        network = self.network = SimulatedNetwork(seed=1)
        self.host = network.host(SERVER)
        self.clients = network.host(CLIENT)
        self.options = {"old": OPTIONS}
        self.servers: dict[str, list[Talker]] = {"here": [], "there": []}
        self.lines: list[str] = []
        observer: Any = self.note
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.relay = StreamRelay(self.host, self.serverOf, self.clientOf, ROUTE)
        self.successResultOf(self.relay.start())

    def note(self, event: Any) -> None:
        """
        Note a line.
        """
        self.lines.append(formatEvent(event))

    def serverOf(self, route: Route) -> KCPServerEndpoint:
        """
        @return: listens with the options that the source stands for.
        """
        return KCPServerEndpoint(self.host, PORT, self.options[route.source])

    def clientOf(self, route: Route) -> StreamClient:
        """
        @return: connects to the server that the target stands for.
        """
        made = self.servers[route.target]

        def accept() -> Talker:
            made.append(Talker())
            return made[-1]

        return StreamClient(self.network.clock, accept)

    def connect(self) -> Any:
        """
        @return: another client, connected.
        """
        factory = RecordingFactory()
        factory.logsEnds = False
        connecting = KCPClientEndpoint(self.clients, SERVER, PORT, OPTIONS).connect(factory)
        connecting.addErrback(lambda _: None)
        self.network.run(1)
        return factory.made[0] if factory.made else None

    def counts(self) -> tuple[int, int]:
        """
        @return: how many connections each server has got.
        """
        return len(self.servers["here"]), len(self.servers["there"])

    def test_interface(self) -> None:
        """
        It serves a route.
        """
        verifyObject(IRelay, self.relay)

    def test_lines(self) -> None:
        """
        With C{quiet}, the log has where it listens, and of a connection nothing.
        """
        client = self.connect()
        client.session.write(b"hello")
        self.network.run(1)
        client.session.loseConnection()
        self.servers["here"][0].transport.loseConnection()
        self.network.run(60)
        self.assertEqual(self.relay.factory.counts.there, 5)
        self.assertTrue(self.relay.factory.isEmpty)
        ours = [line for line in self.lines if "KCP connection" not in line or CLIENT in line]
        self.assertEqual(
            [line for line in ours if "Listening at" not in line and CLIENT in line], []
        )
        self.assertEqual(len([line for line in self.lines if "Listening at" in line]), 1)

    def test_target(self) -> None:
        """
        Another target is for new connections; the former ones stay with theirs.
        """
        client = self.connect()
        self.relay.change(replace(ROUTE, target="there"))
        self.connect()
        self.assertEqual(self.counts(), (1, 1))
        client.session.write(b"still")
        self.network.run(1)
        self.assertEqual(self.servers["here"][0].received, b"still")

    def test_sameTarget(self) -> None:
        """
        With other options of the same target the endpoint stays, which may have limits of its own.
        """
        endpoint = self.relay.factory.endpoint
        self.relay.change(replace(ROUTE, maxConnections=1))
        self.assertIs(self.relay.factory.endpoint, endpoint)
        self.assertEqual(self.relay.factory.route.maxConnections, 1)

    def test_portRateLimit(self) -> None:
        """
        The rate of the open port changes at once.
        """
        client = self.connect()
        self.options["new"] = replace(OPTIONS, portRateLimit=20_000)
        self.relay.change(replace(ROUTE, source="new"))
        self.servers["here"][0].transport.protocol.write(bytes(200_000))
        self.network.run(5)
        self.assertLess(len(client.received), 110_000)
        self.assertGreater(len(client.received), 50_000)
        self.assertFalse([line for line in self.lines if "stay as they are" in line])

    def test_otherOptions(self) -> None:
        """
        Other options of the open port cannot be changed, which the log says.
        """
        self.connect()
        self.options["new"] = replace(OPTIONS, mode="fast3")
        self.relay.change(replace(ROUTE, source="new", target="there"))
        (line,) = [line for line in self.lines if "stay as they are" in line]
        self.assertIn("until a restart: new", line)
        self.connect()
        self.assertEqual(self.counts(), (1, 1))

    def test_maxConnections(self) -> None:
        """
        One connection too many is reset; the target sees nothing of it.
        """
        self.relay.change(replace(ROUTE, maxConnections=1))
        first = self.connect()
        # It is reset before the handshake is over.
        self.assertIsNone(self.connect())
        self.assertEqual(first.reasons, [])
        self.assertEqual((self.counts(), self.relay.factory.counts.refused), ((1, 0), 1))

    def test_maxSessions(self) -> None:
        """
        Limits in the endpoint string hold: here the one of connections.
        """
        self.successResultOf(self.relay.stop())
        self.options["few"] = replace(OPTIONS, maxSessions=1)
        relay = StreamRelay(self.host, self.serverOf, self.clientOf, replace(ROUTE, source="few"))
        self.successResultOf(relay.start())
        self.assertIsNotNone(self.connect())
        self.assertIsNone(self.connect())
        self.assertEqual(relay.factory.counts.taken, 1)
        self.assertEqual(self.counts(), (1, 0))

    def test_removed(self) -> None:
        """
        After a removal connections go on, and no new ones come; it is over with the last one.
        """
        client = self.connect()
        self.successResultOf(self.relay.stopListening())
        over = self.relay.whenOver()
        self.assertIsNone(self.connect())
        self.network.run(100)
        self.assertNoResult(over)
        client.session.write(b"still")
        self.network.run(1)
        (server,) = self.servers["here"]
        self.assertEqual(server.received, b"still")
        client.session.loseConnection()
        server.transport.loseConnection()
        self.network.run(60)
        self.successResultOf(over)
        self.successResultOf(self.relay.stop())

    def test_removedAndStopped(self) -> None:
        """
        A stop ends what a removal has left.
        """
        self.connect()
        self.relay.stopListening()
        stopped = self.relay.stop()
        self.network.run(5)
        self.successResultOf(stopped)
        self.assertEqual(self.servers["here"][0].sawEnd, False)
