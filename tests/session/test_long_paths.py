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

    def hasAll(self, receiver: RecordingProtocol) -> bool:
        """
        Whether all has arrived.
        """
        return len(receiver.received) == SIZE

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


class FirstTimeoutTests(PlainServerTestCase):
    """
    What the handshake tells of the round trip: how long the first segments wait.
    """

    def timeout(self, seconds: float, options: KCPOptions | None = None, lost: int = 0) -> int:
        """
        @param seconds: the path's delay, each way.
        @param lost: how many hellos are lost.
        @return: a client's before it has sent anything, in tens of milliseconds.
        """
        self.bothWays(Link(delay=seconds))
        self.tamper(CLIENT, loses(Hello, lost))
        self.listen(options)
        self.begin(options)
        self.network.run(3)
        rtt = connectionOf(self.clientFactory.made[0].session).conversation.sender.rtt
        # It is no sample.
        self.assertEqual((rtt.smoothed, rtt.least), (0, -1))
        return round(rtt.timeout / 10)

    def test_once(self) -> None:
        """
        Twice as long as the answer to the hello took.
        """
        self.assertEqual(self.timeout(0.12), 48)

    def test_short(self) -> None:
        """
        But not less long than otherwise.
        """
        self.assertEqual(self.timeout(0.02), INITIAL_RTO // 10)

    def test_retry(self) -> None:
        """
        If the server wanted a second hello, as the answer to that took.
        """
        self.assertEqual(self.timeout(0.06, KCPOptions(crypt="null", retry=True)), 24)

    def test_repeated(self) -> None:
        """
        If a hello was sent again, nobody knows which one is answered; three times as long as the
        answer to the last would have taken.
        """
        self.assertEqual(self.timeout(0.12, lost=1), 72)
        self.setUp()
        self.assertEqual(self.timeout(0.3), 105)

    def test_bounds(self) -> None:
        """
        It is a minute at most, and holds until the first sample.
        """
        rtt = RoundTripEstimator(10, True)
        rtt.expect(MAXIMUM_RTO + 1)
        self.assertEqual(rtt.timeout, MAXIMUM_RTO)
        rtt.sample(50)
        rtt.expect(MAXIMUM_RTO)
        self.assertEqual(rtt.timeout, 150)
