"""
Two hosts of a simulated network with a UDP port on each, for the tests.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import DatagramProtocol
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.testing import Link, SimulatedNetwork


class Recorder(DatagramProtocol):
    """
    Notes what it is told, and when.
    """

    transport: Any

    def __init__(self, network: SimulatedNetwork) -> None:
        self.network = network
        self.received: list[tuple[float, bytes, tuple[str, int]]] = []
        self.refusals: list[float] = []
        self.stopped = 0

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """
        Note.
        """
        self.received.append((self.network.clock.seconds(), datagram, addr))

    def connectionRefused(self) -> None:
        """
        Note.
        """
        self.refusals.append(self.network.clock.seconds())

    def stopProtocol(self) -> None:
        """
        Note.
        """
        self.stopped += 1


class NetworkTestCase(SynchronousTestCase):
    """
    Holds a network.
    """

    def setUp(self) -> None:
        """
        Two hosts, a port on each.
        """
        self.network = SimulatedNetwork(link=Link(delay=0.5))
        self.one, self.two = self.network.host("10.0.0.1"), self.network.host("10.0.0.2")
        self.here, self.there = Recorder(self.network), Recorder(self.network)
        self.port: Any = self.one.listenUDP(0, self.here)
        self.two.listenUDP(9, self.there)
