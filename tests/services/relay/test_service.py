"""
Tests for L{kcptwisted.services.relay.service}, with KCP and TCP in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.services.relay.routes import Route
from kcptwisted.services.relay.service import RelayService
from kcptwisted.services.relay.stream import StreamRelay
from kcptwisted.testing import SimulatedNetwork
from tests.connections import CLIENT, PORT, SERVER, RecordingFactory
from tests.machines.relays import Talker
from tests.machines.streams import StreamClient

#: All leaves at once.
OPTIONS = KCPOptions(crypt="null", congestion="none")
LIMIT = 60.0


class PortStopsTests(SynchronousTestCase):
    """
    A port that a worker's master stops, and a server that takes nothing.
    """

    def setUp(self) -> None:
        """
        Have something under way.
        """
        network = self.network = SimulatedNetwork(seed=1)
        host = network.host(SERVER)
        self.server = Talker()
        target = StreamClient(network.clock, lambda: self.server)
        ports: list[Any] = []

        class Endpoint(KCPServerEndpoint):
            def listen(self, protocolFactory: Any) -> Any:
                return super().listen(protocolFactory).addCallback(self.opened)

            @staticmethod
            def opened(port: Any) -> Any:
                ports.append(port)
                return port

        server = Endpoint(host, PORT, OPTIONS)
        self.service = RelayService(
            host,
            [Route("kcp:", "tcp:", stopTimeout=LIMIT)],
            lambda route: StreamRelay(host, lambda _: server, lambda _: target, route),
        )
        self.service.privilegedStartService()
        self.service.startService()
        (self.port,) = ports
        factory = RecordingFactory()
        KCPClientEndpoint(network.host(CLIENT), SERVER, PORT, OPTIONS).connect(factory)
        network.run(1)
        self.server.transport.pauseProducing()
        (client,) = factory.made
        client.session.write(bytes(500_000))
        network.run(5)

    def stop(self, sessions: str) -> Deferred[None]:
        """
        Stop the port, and let time pass in which nothing is taken.
        """
        stopped: Deferred[None] = self.port.stopListening(sessions)
        self.network.run(20)
        return stopped

    def test_finish(self) -> None:
        """
        The stop is not complete before what was read is delivered to the other side.
        """
        stopped = self.stop("finish")
        self.assertNoResult(stopped)
        self.server.transport.resumeProducing()
        self.network.run(5)
        self.successResultOf(stopped)
        self.assertEqual(len(self.server.received), 500_000)
        self.assertFalse(self.server.sawEnd)
        self.successResultOf(self.service.stopService())

    def test_limit(self) -> None:
        """
        What is not delivered within the limit is aborted.
        """
        stopped = self.stop("finish")
        self.assertNoResult(stopped)
        self.network.run(LIMIT)
        self.successResultOf(stopped)
        self.assertFalse(self.server.sawEnd)

    def test_abort(self) -> None:
        """
        An abort waits for nothing, be it asked for at first or later.
        """
        self.successResultOf(self.stop("abort"))
        self.setUp()
        stopped = self.stop("finish")
        self.assertNoResult(stopped)
        self.successResultOf(self.stop("abort"))
        self.successResultOf(stopped)

    def test_ownStop(self) -> None:
        """
        A stop of the service, which stops the port, is complete when both are.
        """
        stopped = self.service.stopService()
        self.network.run(20)
        self.assertNoResult(stopped)
        self.server.transport.resumeProducing()
        self.network.run(5)
        self.successResultOf(stopped)
