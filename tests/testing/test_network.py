"""
Tests for L{kcptwisted.testing}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IHostnameResolver,
    IListeningPort,
    IReactorPluggableNameResolver,
    IReactorTime,
    IReactorUDP,
    IUDPTransport,
)
from zope.interface.verify import verifyObject

from kcptwisted.testing import Bottleneck, Link, SimulatedNetwork
from kcptwisted.testing.bottleneck import HEADERS
from tests.hosts import NetworkTestCase, Recorder


class NetworkTests(NetworkTestCase):
    """
    Datagrams between simulated hosts.
    """

    def test_interfaces(self) -> None:
        """
        A host is what endpoints need of a reactor, a port what protocols need of one.
        """
        for interface in (IReactorTime, IReactorUDP, IReactorPluggableNameResolver):
            verifyObject(interface, self.one)
        verifyObject(IListeningPort, self.port)
        verifyObject(IUDPTransport, self.port)
        verifyObject(IHostnameResolver, self.one.nameResolver)

    def test_delivery(self) -> None:
        """
        A datagram arrives after the delay, with its sender's address.
        """
        self.here.transport.write(b"hello", ("10.0.0.2", 9))
        self.network.run(2)
        self.assertEqual(self.there.received, [(0.5, b"hello", ("10.0.0.1", 49152))])
        self.assertEqual(self.network.clock.seconds(), 2)

    def test_time(self) -> None:
        """
        Events happen at their own times, one after the other.
        """
        seen: list[float] = []
        for delay in (0.3, 0.1, 0.2):
            self.one.callLater(delay, lambda: seen.append(self.two.seconds()))
        self.network.run(1)
        self.assertEqual([round(time, 6) for time in seen], [0.1, 0.2, 0.3])

    def test_connected(self) -> None:
        """
        A connected port hears its peer only, and of its refusal.
        """
        self.here.transport.connect("10.0.0.2", 7)
        self.there.transport.write(b"not the peer", ("10.0.0.1", 49152))
        self.here.transport.write(b"anybody?")
        self.network.run(2)
        self.assertEqual((self.here.received, self.here.refusals), ([], [1.0]))

    def test_nobody(self) -> None:
        """
        What goes to a host that is not there is lost without a word.
        """
        self.here.transport.connect("10.0.0.3", 7)
        self.here.transport.write(b"anybody?")
        self.network.run(2)
        self.assertEqual(self.here.refusals, [])

    def test_setLink(self) -> None:
        """
        Each direction has its own conditions.
        """
        self.network.setLink("10.0.0.1", "10.0.0.2", Link(loss=1))
        self.here.transport.write(b"lost", ("10.0.0.2", 9))
        self.there.transport.write(b"found", ("10.0.0.1", 49152))
        self.network.run(2)
        self.assertEqual((len(self.there.received), len(self.here.received)), (0, 1))
        self.assertEqual(self.network.model("10.0.0.1", "10.0.0.2").lost, 1)

    def times(self, recorder: Recorder) -> list[float]:
        """
        @return: when datagrams have arrived.
        """
        return [round(time, 6) for time, _, _ in recorder.received]

    def test_rate(self) -> None:
        """
        A direction can have a rate of its own, which may change at any time.
        """
        datagram = bytes(100 - HEADERS)
        self.network.setLink("10.0.0.1", "10.0.0.2", Link(rate=1000))
        line = self.network.model("10.0.0.1", "10.0.0.2").bottleneck
        self.network.clock.callLater(1, setattr, line, "rate", 100)
        for _ in range(2):
            for _ in range(2):
                self.here.transport.write(datagram, ("10.0.0.2", 9))
                self.there.transport.write(datagram, ("10.0.0.1", 49152))
            self.network.run(4)
        self.assertEqual(self.times(self.there), [0.1, 0.2, 5, 6])
        self.assertEqual(self.times(self.here), [0.5, 0.5, 4.5, 4.5])

    def test_bottleneck(self) -> None:
        """
        Several hosts can share a line.
        """
        line = Bottleneck(1000, 250)
        third = Recorder(self.network)
        self.network.host("10.0.0.3").listenUDP(0, third)
        for address, delay in (("10.0.0.1", 1), ("10.0.0.3", 2)):
            self.network.setLink(address, "10.0.0.2", Link(delay=delay, bottleneck=line))
        for sender in (third, self.here, third):
            sender.transport.write(bytes(100 - HEADERS), ("10.0.0.2", 9))
        self.network.run(4)
        self.assertEqual(self.times(self.there), [1.2, 2.1])
        self.assertEqual(self.network.model("10.0.0.3", "10.0.0.2").dropped, 1)

    def test_taps(self) -> None:
        """
        A tap sees all that is sent, lost or not.
        """
        seen: list[object] = []
        self.network.taps.append(lambda *what: seen.append(what))
        self.network.setLink("10.0.0.1", "10.0.0.2", Link(loss=1))
        self.here.transport.write(b"lost", ("10.0.0.2", 9))
        self.assertEqual(seen, [(("10.0.0.1", 49152), ("10.0.0.2", 9), b"lost")])

    def test_ports(self) -> None:
        """
        A port can be taken once; a closed one is free again.
        """
        other = Recorder(self.network)
        self.assertRaises(CannotListenError, self.two.listenUDP, 9, other)
        port = self.there.transport
        port.stopListening()
        port.stopListening()
        self.assertEqual(self.there.stopped, 1)
        self.two.listenUDP(9, other)

    def test_ephemeralPorts(self) -> None:
        """
        A port that the host chooses is not the one that was closed just before.
        """
        self.port.stopListening()
        again: Any = self.one.listenUDP(0, self.here)
        self.assertEqual((again.getHost().port, self.port.getHost().port), (49153, 49152))

    def test_runUntil(self) -> None:
        """
        Waiting ends as soon as the condition holds, and fails if it cannot.
        """
        self.here.transport.write(b"hello", ("10.0.0.2", 9))
        self.network.runUntil(lambda: bool(self.there.received))
        self.assertEqual(self.network.clock.seconds(), 0.5)
        self.assertRaises(AssertionError, self.network.runUntil, lambda: False)
        self.one.callLater(10, lambda: None)
        self.assertRaises(AssertionError, self.network.runUntil, lambda: False, 5)

    def test_repeatable(self) -> None:
        """
        The same seed gives the same run.
        """

        def run(seed: int) -> list[Any]:
            network = SimulatedNetwork(seed, Link(loss=0.3, delay=0.1, jitter=0.1))
            receiver, sender = Recorder(network), Recorder(network)
            network.host("10.0.0.2").listenUDP(9, receiver)
            network.host("10.0.0.1").listenUDP(0, sender)
            for i in range(50):
                sender.transport.write(bytes([i]), ("10.0.0.2", 9))
            network.run(1)
            return receiver.received

        self.assertEqual(run(1), run(1))
        self.assertNotEqual(run(1), run(2))
