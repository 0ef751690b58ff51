"""
Tests for L{kcptwisted.session.figures}: what a transport tells of congestion control and pacing.
"""

from __future__ import annotations

from kcptwisted.arq.limits import SHORT_PATH_START, SHORT_PATH_WINDOW
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from kcptwisted.wire.segment import OVERHEAD
from tests.connections import ConnectionTestCase, RecordingProtocol
from tests.inside import connectionOf

#: 8 Mbit/s, 40 ms there and back, 50 ms of queue.
SLOW = Link(delay=0.02, rate=1_000_000, queue=50_000)
NEAR = Link(delay=0.0005)

MTU = 1400
MSS = MTU - OVERHEAD


def options(**given: object) -> KCPOptions:
    """
    @return: options with segments of one size and prompt ACKs.
    """
    return KCPOptions(crypt="null", mtu=MTU, ackNoDelay=True, **given)  # type: ignore[arg-type]


class CongestionTests(ConnectionTestCase):
    """
    What limits the bytes in flight.
    """

    def writing(self, given: KCPOptions, link: Link, seconds: float) -> RecordingProtocol:
        """
        @return: a client that has been writing for so long, and has more.
        """
        self.bothWays(link)
        client, _ = self.connect(given)
        client.session.write(bytes(20_000_000))
        self.network.run(seconds)
        self.assertGreater(client.session.queuedBytes, 0)
        return client

    def test_names(self) -> None:
        """
        The name is that of the option, or what C{nc} means, and follows a change.
        """
        for given, name in (
            (options(), "bbr"),
            (options(mode="fast3"), "bbr"),
            (options(congestion="kcp"), "kcp"),
            (options(nc=False), "kcp"),
            (options(nc=True), "none"),
        ):
            self.setUp()
            client, server = self.connect(given)
            self.assertEqual(client.session.congestion, name)
            self.assertEqual(server.session.congestion, name)
            client.session.configure(congestion="none")
            self.assertEqual(client.session.congestion, "none")
            self.assertEqual(server.session.congestion, name)

    def test_none(self) -> None:
        """
        Without congestion control there is no window of it.
        """
        client = self.writing(options(nc=True), SLOW, 1)
        self.assertEqual(client.session.congestionWindow, 0)

    def test_kcp(self) -> None:
        """
        KCP's window begins with one segment and grows.
        """
        client, _ = self.connect(options(congestion="kcp"), Link(delay=0.05))
        self.assertEqual(client.session.congestionWindow, MTU)
        client.session.write(bytes(100 * MSS))
        self.network.run(0.35)
        self.assertGreaterEqual(client.session.congestionWindow, 4 * MTU)

    def test_path(self) -> None:
        """
        C{bbr} comes to know the path: the rate, and what is in flight without a long queue.
        """
        transport = self.writing(options(), SLOW, 5).session
        control = connectionOf(transport).conversation.sender.limits.governor
        assert control is not None
        self.assertEqual(transport.congestionWindow, control.control.window)
        self.assertTrue(700_000 <= transport.pacingRate <= 1_500_000, transport.pacingRate)
        self.assertTrue(0 < transport.bytesInFlight <= transport.congestionWindow)
        self.assertTrue(20_000 <= transport.congestionWindow <= 120_000)
        self.assertTrue(40 <= transport.minimumRTT <= 45, transport.minimumRTT)

    def test_shortPath(self) -> None:
        """
        Over a path too short for C{bbr} the window grows to a fixed size, and nothing is paced.
        """
        client, _ = self.connect(options(), NEAR)
        transport = client.session
        self.assertEqual(transport.congestionWindow, SHORT_PATH_START * MTU)
        transport.write(bytes(2_000_000))
        self.network.run(0.5)
        self.assertEqual(transport.congestionWindow, SHORT_PATH_WINDOW * MTU)
        self.assertEqual(transport.pacingRate, 0)

    def test_rateLimit(self) -> None:
        """
        A rate limit is a pacing rate.
        """
        client, _ = self.connect(options(rateLimit=50_000), NEAR)
        self.assertEqual(client.session.pacingRate, 50_000)
        client.session.configure(rateLimit=0)
        self.assertEqual(client.session.pacingRate, 0)


class FlightTests(ConnectionTestCase):
    """
    C{bytesInFlight} and C{minimumRTT}.
    """

    def test_bytes(self) -> None:
        """
        Headers count, and what is acknowledged does not.
        """
        for congestion in ("none", "kcp", "bbr"):
            self.setUp()
            given = options(congestion=congestion)
            client, _ = self.connect(given, Link(delay=0.05))
            transport = client.session
            self.assertEqual(transport.bytesInFlight, 0)
            transport.write(b"x" * 100)
            self.network.run(0.01)
            self.assertEqual(transport.bytesInFlight, 100 + OVERHEAD)
            self.network.run(0.2)
            self.assertEqual(transport.bytesInFlight, 0)

    def test_lost(self) -> None:
        """
        What is taken for lost, and has not been sent again, is not in flight.
        """
        client, _ = self.connect(options(), SLOW)
        client.session.write(bytes(1_000_000))
        self.network.run(1)
        self.bothWays(Link(loss=1))
        self.network.run(3)
        transport = client.session
        sender = connectionOf(transport).conversation.sender
        self.assertGreater(sender._recovery.lost, 0)
        size = sum(OVERHEAD + len(data) for _, data in sender.inFlight.values())
        self.assertEqual(transport.bytesInFlight, size - sender._recovery.lost)
        transport.abortConnection()
        self.network.run(0.1)
        self.assertEqual(transport.bytesInFlight, 0)

    def test_over(self) -> None:
        """
        After the end nothing is in flight.
        """
        client, _ = self.connect(options(), SLOW)
        client.session.write(bytes(1_000_000))
        self.network.run(0.5)
        transport = client.session
        self.assertGreater(transport.bytesInFlight, 0)
        transport.abortConnection()
        self.network.run(0.1)
        self.assertEqual(transport.bytesInFlight, 0)
        self.assertEqual(transport.congestion, "bbr")

    def test_minimum(self) -> None:
        """
        The shortest round trip is told, also when they become longer; 0 before the first sample.
        """
        given = KCPOptions(crypt="null", handshake=False, ackNoDelay=True)
        self.listen(given)
        self.successResultOf(self.begin(given))
        (client,) = self.clientFactory.made
        self.assertEqual(client.session.minimumRTT, 0)
        for delay in (0.03, 0.01, 0.04):
            self.bothWays(Link(delay=delay))
            client.session.write(b"x")
            self.network.run(1)
        self.assertEqual(client.session.minimumRTT, 20)
        self.assertGreater(client.session.smoothedRTT, 20)
