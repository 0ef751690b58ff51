"""
Tests for how little is sent twice over paths that take long.
"""

from __future__ import annotations

from kcptwisted.arq.rtt import INITIAL_RTO, MAXIMUM_RTO, RoundTripEstimator
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from kcptwisted.wire.control import Hello
from tests.connections import CLIENT, RecordingProtocol
from tests.controlling import PlainServerTestCase, loses
from tests.inside import connectionOf

SIZE = 100_000

#: Seconds each way.
DELAYS = (0.3, 1.5)

OPTIONS = (
    KCPOptions(crypt="null"),
    KCPOptions(crypt="null", mode="fast3"),
    KCPOptions(crypt="null", dataShards=10, parityShards=3),
)


class LongPathTests(PlainServerTestCase):
    """
    A hundred kilobytes, which are a few round trips, over a path that loses nothing: each copy is
    one too many.
    """

    def setUp(self) -> None:
        """
        Note nothing: it could not be read with FEC.
        """
        super().setUp()
        self.network.taps.clear()

    def copies(self, sender: RecordingProtocol) -> float:
        """
        @return: the segments that left, for each that was needed.
        """
        needed = connectionOf(sender.session).conversation.sender.next
        return (needed + sender.session.stats.RetransSegs) / needed

    def runUntilReceived(self, receiver: RecordingProtocol) -> None:
        """
        Run until all has arrived.
        """
        self.network.runUntil(lambda: len(receiver.received) == SIZE, 60)

    def lengthen(self, seconds: float) -> None:
        """
        The path takes so long each way, from the first datagram on.
        """
        self.bothWays(Link(delay=seconds, rate=2_500_000, queue=125_000))

    def test_client(self) -> None:
        """
        The handshake has told a client the round trip.
        """
        for options in OPTIONS:
            for seconds in DELAYS:
                with self.subTest(options=options, seconds=seconds):
                    self.setUp()
                    self.lengthen(seconds)
                    self.listen(options)
                    self.begin(options)
                    self.network.run(5 * seconds)
                    client, server = self.clientFactory.made[0], self.serverFactory.made[0]
                    client.session.write(bytes(SIZE))
                    self.runUntilReceived(server)
                    self.network.run(10 * seconds)
                    self.assertEqual(self.copies(client), 1)

    def test_server(self) -> None:
        """
        A server knows nothing of the path before its first segments are acknowledged.
        """
        for options in OPTIONS:
            for seconds in DELAYS:
                with self.subTest(options=options, seconds=seconds):
                    self.setUp()
                    self.lengthen(seconds)
                    self.serverFactory.prepare = lambda protocol: setattr(
                        protocol, "onMade", lambda made: made.session.write(bytes(SIZE))
                    )
                    self.listen(options)
                    self.begin(options)
                    self.network.run(5 * seconds)
                    client, server = self.clientFactory.made[0], self.serverFactory.made[0]
                    self.runUntilReceived(client)
                    self.network.run(10 * seconds)
                    self.assertLess(self.copies(server), 1.1)

    def test_plainServer(self) -> None:
        """
        So it is towards a peer without control frames, which answers the hello nevertheless.
        """
        for options in OPTIONS[:2]:
            for seconds in DELAYS:
                with self.subTest(options=options, seconds=seconds):
                    self.setUp()
                    self.lengthen(seconds)
                    self.meet(options, 5 * seconds)
                    client = self.clientFactory.made[0]
                    client.session.write(bytes(SIZE))
                    self.network.runUntil(lambda: len(self.peer.received) == SIZE, 60)
                    self.network.run(10 * seconds)
                    self.assertEqual(self.copies(client), 1)


class FirstRoundTripTests(PlainServerTestCase):
    """
    What the handshake tells of the round trip.
    """

    def roundTrip(self, options: KCPOptions, hellosLost: int = 0) -> tuple[float, int]:
        """
        @return: what a client takes the round trip and the timeout to be before it has sent
            anything, milliseconds.
        """
        self.bothWays(Link(delay=0.05))
        self.tamper(CLIENT, loses(Hello, hellosLost))
        self.listen(options)
        self.begin(options)
        self.network.run(2)
        rtt = connectionOf(self.clientFactory.made[0].session).conversation.sender.rtt
        return rtt.smoothed, rtt.timeout

    def test_sample(self) -> None:
        """
        It is the first sample.
        """
        roundTrip, timeout = self.roundTrip(KCPOptions(crypt="null"))
        self.assertEqual((round(roundTrip, -1), round(timeout, -1)), (100, 300))

    def test_retry(self) -> None:
        """
        So it is, and not twice as much, if the server wanted a second hello.
        """
        roundTrip, _ = self.roundTrip(KCPOptions(crypt="null", retry=True))
        self.assertEqual(round(roundTrip, -1), 100)

    def test_repeated(self) -> None:
        """
        It is not if a hello was sent again, because nobody knows which one is answered.  But it is
        no shorter than the last hello says, nor is the timeout.
        """
        self.assertEqual(self.roundTrip(KCPOptions(crypt="null"), 1), (0, 300))

    def test_repeatedNeedlessly(self) -> None:
        """
        So over a path that takes long not all is sent twice.
        """
        self.bothWays(Link(delay=0.3))
        self.listen()
        self.begin()
        self.network.run(1)
        rtt = connectionOf(self.clientFactory.made[0].session).conversation.sender.rtt
        self.assertEqual((rtt.smoothed, rtt.least), (0, -1))
        self.assertEqual(round(rtt.timeout, -1), 3 * 350)

    def test_short(self) -> None:
        """
        It is not shorter for that than the first timeout, either.
        """
        rtt = RoundTripEstimator(10, True)
        rtt.expect(10)
        self.assertEqual(rtt.timeout, INITIAL_RTO)
        rtt.expect(MAXIMUM_RTO)
        self.assertEqual(rtt.timeout, MAXIMUM_RTO)
