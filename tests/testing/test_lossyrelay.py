"""
Tests for L{kcptwisted.testing.lossyrelay}, on a host of a simulated network.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.testing import Link, SimulatedNetwork
from kcptwisted.testing.bottleneck import HEADERS
from kcptwisted.testing.lossyrelay import LossyRelay
from tests.hosts import Recorder

#: A datagram of which ten take a second at L{RATE}.
DATAGRAM = bytes(100 - HEADERS)
RATE = 1000.0


class LossyRelayTests(SynchronousTestCase):
    """
    What a lossy relay does between two clients and a target.
    """

    def setUp(self) -> None:
        """
        Sets up clients, relay and target.
        """
        self.network = SimulatedNetwork()
        host = self.network.host("10.0.0.9")
        self.relay = LossyRelay(host, ("10.0.0.2", 9), Link(delay=1, rate=RATE, queue=250))
        self.target = Recorder(self.network)
        self.network.host("10.0.0.2").listenUDP(9, self.target)
        number = self.relay.start("10.0.0.9")
        self.clients: list[Any] = []
        for address in ("10.0.0.1", "10.0.0.3"):
            client = Recorder(self.network)
            self.network.host(address).listenUDP(0, client)
            client.transport.connect("10.0.0.9", number)
            self.clients.append(client)

    def times(self, recorder: Recorder) -> list[float]:
        """
        @return: when datagrams have arrived.
        """
        return [round(time, 6) for time, _, _ in recorder.received]

    def test_rate(self) -> None:
        """
        The clients share the rate and the queue of the way to the target; the way back has its
        own.
        """
        for client in self.clients:
            for _ in range(2):
                client.transport.write(DATAGRAM)
        self.network.run(3)
        self.assertEqual(self.times(self.target), [1.1, 1.2])
        outward = self.relay.outward
        self.assertEqual((outward.passed, outward.dropped), (2, 2))
        source = self.target.received[0][2]
        for _ in range(3):
            self.target.transport.write(DATAGRAM, source)
        self.network.run(3)
        self.assertEqual(self.times(self.clients[0]), [4.1, 4.2])
        self.assertEqual((self.relay.inward.passed, self.relay.inward.dropped), (2, 1))

    def test_change(self) -> None:
        """
        The rate can change in the middle.
        """
        line = self.relay.outward.bottleneck
        assert line is not None
        self.network.clock.callLater(1, setattr, line, "rate", RATE / 10)
        for _ in range(2):
            self.clients[0].transport.write(DATAGRAM)
            self.network.run(2)
        self.assertEqual(self.times(self.target), [1.1, 4.0])
        self.assertEqual(self.relay.stop().called, True)
