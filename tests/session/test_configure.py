"""
Tests for L{IKCPTransport.configure}: options that are changed on a live connection.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from kcptwisted.errors import MessageTooLong
from kcptwisted.options import KCPOptions
from kcptwisted.options.checks import LIVE
from kcptwisted.session import KCPTransport
from kcptwisted.testing.link import Link
from kcptwisted.wire.control import LONGEST_BLOCK
from kcptwisted.wire.segment import ACK, OVERHEAD, PUSH, decodeSegments
from tests.connections import CLIENT, SERVER, ConnectionTestCase, RecordingProtocol
from tests.inside import connectionOf, sessionOf
from tests.session.test_session_producers import Producer
from tests.tlscases import clientContext, serverContext, skipTLS

#: 50 ms one way.
FAR = Link(delay=0.05)
DEAD = Link(loss=1)
BAD = Link(delay=0.02, jitter=0.01, loss=0.05, duplicate=0.02, reorder=0.05)

PLAIN = KCPOptions(crypt="null", congestion="none", mtu=1400)
PROMPT = KCPOptions(crypt="null", congestion="none", ackNoDelay=True, mtu=1400)
CODED = KCPOptions(crypt="aes-128", key="sesame", dataShards=3, parityShards=1, mtu=1400)
MESSAGES = KCPOptions(crypt="null", stream=False, mtu=1400)

#: What an option may become during a transfer.
CHOICES: dict[str, list[Any]] = {
    "mode": ["normal", "fast", "fast2", "fast3"],
    "nodelay": [False, True, None],
    "interval": [10, 40, 100, None],
    "resend": [0, 1, 2, 5, None],
    "congestion": ["bbr", "kcp", "none", None],
    "nc": [False, True, None],
    "mtu": [150, 600, 1400, 1500],
    "sendWindow": [1, 8, 512],
    "receiveWindow": [1, 8, 1024],
    "ackNoDelay": [False, True],
    "writeDelay": [False, True],
    "rateLimit": [0, 50_000, 10**7],
    "pacing": [False, True],
}


class ConfigureTestCase(ConnectionTestCase):
    """
    A connection whose datagrams are noted.

    @ivar sent: when each datagram left, the host it is from, and its bytes.
    """

    options = PLAIN

    def setUp(self) -> None:
        """
        Listen in on the network.
        """
        super().setUp()
        self.sent: list[tuple[float, str, bytes]] = []
        self.network.taps.append(
            lambda source, to, data: self.sent.append(
                (self.network.clock.seconds(), source[0], data)
            )
        )

    def sentBy(self, host: str) -> list[bytes]:
        """
        @return: the datagrams that a host has sent.
        """
        return [data for _, source, data in self.sent if source == host]

    def arrived(self, protocol: RecordingProtocol, data: bytes) -> None:
        """
        Let time pass until as much has been received, then a while, and see that it is C{data}.
        """
        self.network.runUntil(lambda: len(protocol.received) >= len(data))
        self.network.run(1)
        self.assertTrue(protocol.received == data)

    def assertClean(self, *transports: KCPTransport) -> None:
        """
        Neither end has dropped anything as wrong.
        """
        for transport in transports:
            stats = transport.stats
            self.assertEqual((stats.KCPInErrors, stats.FECErrs, stats.ControlErrs), (0, 0, 0))
            self.assertEqual(transport.portStats.InErrs, 0)


class TransferTests(ConfigureTestCase):
    """
    Whatever is changed, nothing is lost or repeated.
    """

    def transfer(self, seed: int, options: KCPOptions, names: list[str], tls: bool = False) -> None:
        """
        Send both ways over a bad path while options change at both ends.
        """
        self.setUp()
        random = Random(seed)
        client, server = self.connect(options, BAD)
        if tls:
            server.session.startTLS(serverContext())
            client.session.startTLS(clientContext())
        data = random.randbytes(80_000)
        pieces = [data[at : at + 2000] for at in range(0, len(data), 2000)]
        ends = (client, server)
        clock = self.network.clock
        for number, piece in enumerate(pieces):
            for end in ends:
                end.session.write(piece)
            clock.callLater(0.03 * number, self.change, random, ends, names)
        for end in ends:
            self.arrived(end, data)
            if not options.stream:
                self.assertEqual(end.pieces, pieces)
        self.assertEqual([end.reasons for end in ends], [[], []])
        self.assertClean(client.session, server.session)

    def change(self, random: Random, ends: tuple[RecordingProtocol, ...], names: list[str]) -> None:
        """
        Change some of the options at one of the ends.
        """
        chosen = random.sample(names, random.randint(1, len(names)))
        changes = {name: random.choice(CHOICES[name]) for name in chosen}
        if changes.get("congestion") is not None:
            # What it says of congestion control is to be the same.
            changes.pop("nc", None)
        random.choice(ends).session.configure(**changes)

    def test_each(self) -> None:
        """
        Each option by itself.
        """
        self.assertEqual(set(CHOICES), set(LIVE))
        for seed, name in enumerate(CHOICES):
            with self.subTest(name=name):
                self.transfer(seed, PLAIN, [name])

    def test_all(self) -> None:
        """
        All of them together, with a cipher and FEC.
        """
        for seed in range(4):
            self.transfer(seed, CODED, list(CHOICES))

    def test_messages(self) -> None:
        """
        Messages stay whole.
        """
        for seed in range(4):
            self.transfer(seed, MESSAGES, list(CHOICES))

    def test_tls(self) -> None:
        """
        With TLS on top.
        """
        for seed in range(2):
            self.transfer(seed, PLAIN, list(CHOICES), tls=True)

    test_tls.skip = skipTLS  # type: ignore[attr-defined]


class MtuTests(ConfigureTestCase):
    """
    The size of datagrams.
    """

    def longest(self, transport: KCPTransport, host: str) -> int:
        """
        Send something.

        @return: the longest datagram.
        """
        self.sent.clear()
        transport.write(self.data(20_000))
        self.network.run(2)
        self.assertEqual(transport.unacknowledged, 0)
        return max(map(len, self.sentBy(host)))

    def test_changed(self) -> None:
        """
        From now on no datagram is longer, and the longest is as long; the peer's are what they
        were.
        """
        for options in (PLAIN, CODED):
            self.setUp()
            client, server = self.connect(options)
            for mtu in (600, 1500, 150, 1400):
                client.session.configure(mtu=mtu)
                self.assertEqual(self.longest(client.session, CLIENT), mtu)
                self.assertEqual(self.longest(server.session, SERVER), 1400)
            self.assertClean(client.session, server.session)

    def test_segmentsThatWait(self) -> None:
        """
        Segments that wait keep their size, and later ones are smaller: all get through FEC, which
        rebuilds them, too, and the cipher.
        """
        for options in (PLAIN, CODED, MESSAGES):
            self.setUp()
            client, server = self.connect(options, FAR)
            data = self.data(60_000)
            client.session.configure(sendWindow=4)
            client.session.write(data[:30_000])
            self.network.run(0.01)
            client.session.configure(mtu=500)
            self.sent.clear()
            self.bothWays(Link(delay=0.05, loss=0.1))
            client.session.write(data[30_000:])
            self.arrived(server, data)
            lengths = [len(datagram) for datagram in self.sentBy(CLIENT)]
            self.assertEqual(max(lengths), 1400)
            # With FEC the parity of a mixed group is as long as its longest datagram.
            self.assertTrue({1400, 500} <= set(lengths) or not options.stream, set(lengths))
            alone = [length for length in lengths if length > 500]
            self.assertLess(len(alone), 60)
            if options is PLAIN:
                for datagram in self.sentBy(CLIENT):
                    self.assertTrue(len(datagram) <= 500 or len(decodeSegments(datagram)) == 1)
            if options is CODED:
                self.assertGreater(server.session.stats.FECRecovered, 0)
            self.assertClean(client.session, server.session)

    def test_messages(self) -> None:
        """
        A message is cut into as many fragments as the mtu asks for; the longest that is taken
        follows.
        """
        client, server = self.connect(MESSAGES)
        for mtu in (1400, 424, 1500):
            client.session.configure(mtu=mtu)
            self.sent.clear()
            message = self.data(4000, mtu)
            client.session.write(message)
            self.network.run(1)
            self.assertEqual(server.pieces[-1], message)
            segments = [part for each in self.sentBy(CLIENT) for part in decodeSegments(each)]
            fragments = [part.frg for part in segments if part.cmd == PUSH]
            count = -(-4000 // (mtu - OVERHEAD))
            self.assertEqual(fragments, list(range(count - 1, -1, -1)))
            most = 255 * (mtu - OVERHEAD)
            error = self.assertRaises(MessageTooLong, client.session.write, bytes(most + 1))
            self.assertEqual(error.limit, most)

    def test_tooSmallForLayers(self) -> None:
        """
        An mtu that leaves no room beside the layers is refused.
        """
        client, _ = self.connect(CODED)
        error = self.assertRaises(ValueError, client.session.configure, mtu=50)
        self.assertIn("mtu must be", str(error))

    def test_tooSmallForControlFrames(self) -> None:
        """
        So is one that leaves no room for a control frame, which is not cut, on a connection that
        has them; with the least that is taken no datagram is longer, from the first to the last.
        """
        for options in (PLAIN, CODED):
            self.setUp()
            client, server = self.connect(options)
            least = options.overhead + OVERHEAD + LONGEST_BLOCK
            for protocol in (client, server):
                error = self.assertRaises(ValueError, protocol.session.configure, mtu=least - 1)
                self.assertIn(f"mtu must be {least} to 1500", str(error))
                protocol.session.configure(mtu=least)
            self.sent.clear()
            client.session.write(self.data(1000))
            client.session.loseConnection()
            self.network.run(5)
            self.assertEqual(server.received, self.data(1000))
            self.assertEqual([len(each.reasons) for each in (client, server)], [1, 1])
            self.assertLessEqual(max(len(datagram) for _, _, datagram in self.sent), least)

    def test_beforeHello(self) -> None:
        """
        A server that makes its mtu too small for control frames before the client has said hello
        has none, and its datagrams keep to it.
        """

        def prepare(protocol: RecordingProtocol) -> None:
            protocol.onMade = lambda protocol: protocol.session.configure(mtu=OVERHEAD + 10)

        self.serverFactory.prepare = prepare
        client, server = self.connect()
        server.session.write(self.data(1000))
        self.network.run(5)
        self.assertEqual(client.received, self.data(1000))
        self.assertFalse(client.session.greeted or server.session.greeted)
        self.assertEqual(max(map(len, self.sentBy(SERVER))), OVERHEAD + 10)


class SendingTests(ConfigureTestCase):
    """
    What leaves, and when.
    """

    def test_sendWindow(self) -> None:
        """
        No more than the window is in flight; a larger one is made use of at once.
        """
        client, server = self.connect(PROMPT, FAR)
        transport = client.session
        transport.configure(sendWindow=4)
        data = self.data(100 * 1376)
        transport.write(data)
        self.network.run(0.01)
        self.assertEqual((transport.segmentsInFlight, transport.sendWindow), (4, 4))
        transport.configure(sendWindow=20)
        self.network.run(0.01)
        self.assertEqual((transport.segmentsInFlight, transport.sendWindow), (20, 20))
        transport.configure(sendWindow=2)
        self.network.run(0.11)
        while transport.unacknowledged:
            self.assertLessEqual(transport.segmentsInFlight, 2)
            self.network.run(0.05)
        self.assertTrue(server.received == data)

    def perSecond(self, seconds: int) -> float:
        """
        Let time pass.

        @return: bytes that the client has sent a second.
        """
        self.sent.clear()
        self.network.run(seconds)
        return sum(map(len, self.sentBy(CLIENT))) / seconds

    def test_rateLimit(self) -> None:
        """
        The rate is kept from now on, parity included, however often it is changed; without a limit
        the rest leaves at once.
        """
        coded = KCPOptions(crypt="null", congestion="none", dataShards=3, parityShards=1)
        for options in (PLAIN, coded):
            self.setUp()
            client, server = self.connect(options)
            client.session.configure(rateLimit=20_000)
            data = self.data(2_000_000)
            client.session.write(data)
            self.network.run(1)
            for rate in (20_000, 50_000, 10_000, 40_000):
                client.session.configure(rateLimit=rate)
                measured = self.perSecond(10)
                self.assertTrue(0.9 * rate < measured < 1.05 * rate, (rate, measured))
            client.session.configure(rateLimit=0)
            self.network.run(1)
            self.assertTrue(server.received == data)

    def test_rateLimitRepeated(self) -> None:
        """
        To set the same limit again and again gives no more than it.
        """
        client, _ = self.connect()
        client.session.write(self.data(500_000))
        client.session.configure(rateLimit=20_000)
        self.network.run(1)
        self.sent.clear()
        for number in range(1000):
            client.session.configure(rateLimit=20_000 + number % 2)
            self.network.run(0.01)
        self.assertLess(sum(map(len, self.sentBy(CLIENT))), 210_000)

    def test_pacing(self) -> None:
        """
        With pacing a window is spread over the round trip; without it leaves at once.
        """
        for pacing in (True, False):
            self.setUp()
            client, _ = self.connect(
                KCPOptions(crypt="null", congestion="none", ackNoDelay=True, pacing=not pacing), FAR
            )
            client.session.write(b"to know the round trip")
            self.network.run(1)
            client.session.configure(pacing=pacing)
            client.session.write(bytes(400 * 1376))
            self.network.run(0.001)
            self.assertEqual(client.session.segmentsInFlight < 300, pacing)

    def test_congestion(self) -> None:
        """
        A congestion window begins with one segment, and is gone at once.
        """
        client, server = self.connect(PROMPT, FAR)
        client.session.configure(nc=False)
        data = self.data(50 * 1376)
        client.session.write(data)
        self.network.run(0.01)
        self.assertEqual(client.session.segmentsInFlight, 1)
        client.session.configure(nc=True)
        self.network.run(0.01)
        self.assertEqual(client.session.segmentsInFlight, 50)
        self.arrived(server, data)

    def test_congestionKept(self) -> None:
        """
        Other changes leave the congestion window as it is.
        """
        client, _ = self.connect(KCPOptions(crypt="null", nc=False, ackNoDelay=True), FAR)
        client.session.write(bytes(100 * 1376))
        self.network.run(3)
        self.assertEqual(client.session.unacknowledged, 0)
        client.session.configure(mtu=1000, sendWindow=300, rateLimit=10**9)
        client.session.write(bytes(100 * 1376))
        self.network.run(0.01)
        self.assertGreater(client.session.segmentsInFlight, 1)

    def lost(self, resend: int) -> int:
        """
        Lose the first of ten segments that leave one by one.

        @param resend: what is set.
        @return: how many segments the ACKs of later ones have had sent again, when all is there.
        """
        self.setUp()
        client, server = self.connect(KCPOptions(crypt="null", ackNoDelay=True, resend=9 - resend))
        client.session.configure(resend=resend)
        for number in range(10):
            self.bothWays(Link(delay=0.01, loss=0 if number else 1))
            client.session.write(b"%d" % number)
            self.network.run(0.001)
        self.network.run(1)
        self.assertEqual(server.received, b"0123456789")
        return client.session.stats.FastRetransSegs

    def test_resend(self) -> None:
        """
        A segment is sent again after so many ACKs of later ones; or only by its timeout, or early.
        """
        self.assertEqual(self.lost(2), 1)
        self.assertEqual(self.lost(0), 0)

    def test_nodelay(self) -> None:
        """
        The timeout may be shorter from the next sample on, and is longer again.
        """
        client, _ = self.connect(KCPOptions(crypt="null", ackNoDelay=True, interval=10))
        for nodelay, least in ((False, 100), (True, 30), (False, 100)):
            client.session.configure(nodelay=nodelay)
            for _ in range(30):
                client.session.write(b"data")
                self.network.run(0.1)
            self.assertEqual(client.session.retransmissionTimeout, least)

    def test_mode(self) -> None:
        """
        A mode is its four options, but for those that were given.
        """
        client, _ = self.connect(KCPOptions(crypt="null", resend=7))
        client.session.configure(mode="fast3")
        arq = connectionOf(client.session).settings.arq
        self.assertEqual((arq.nodelay, arq.interval, arq.resend), (True, 10, 7))

    def test_writeDelay(self) -> None:
        """
        Writes wait for the interval; what waits when that is over leaves at once.
        """
        client, server = self.connect()
        client.session.configure(writeDelay=True, interval=100)
        self.network.run(1)
        client.session.write(b"later")
        self.network.run(0.08)
        self.assertEqual(server.received, b"")
        self.network.run(0.02)
        self.assertEqual(server.received, b"later")
        self.network.run(1)
        client.session.write(b", now")
        self.network.run(0.01)
        client.session.configure(writeDelay=False)
        self.network.run(0)
        self.assertEqual(server.received, b"later, now")
        client.session.write(b" and here")
        self.network.run(0)
        self.assertEqual(server.received, b"later, now and here")


class AnsweringTests(ConfigureTestCase):
    """
    What the receiving end does.
    """

    def ackAfter(self, client: RecordingProtocol) -> int:
        """
        Send something.

        @return: milliseconds until the server has acknowledged it.
        """
        self.network.run(1)
        self.sent.clear()
        began = self.network.clock.seconds()
        client.session.write(b"data")
        self.network.run(1)
        return next(
            round((at - began) * 1000)
            for at, source, datagram in self.sent
            if source == SERVER and any(part.cmd == ACK for part in decodeSegments(datagram))
        )

    def test_ackNoDelay(self) -> None:
        """
        ACKs are sent at once, and wait again.
        """
        client, server = self.connect()
        self.assertGreater(self.ackAfter(client), 10)
        server.session.configure(ackNoDelay=True)
        self.assertEqual(self.ackAfter(client), 0)
        server.session.configure(ackNoDelay=False)
        self.assertGreater(self.ackAfter(client), 10)

    def test_waitingAck(self) -> None:
        """
        An ACK that waits then leaves at once.
        """
        client, server = self.connect(KCPOptions(crypt="null", interval=1000))
        client.session.write(b"data")
        self.network.run(0.1)
        self.assertEqual(client.session.unacknowledged, 1)
        server.session.configure(ackNoDelay=True)
        self.network.run(0)
        self.assertEqual(client.session.unacknowledged, 0)

    def test_interval(self) -> None:
        """
        ACKs wait for the interval.
        """
        client, server = self.connect()
        for interval in (100, 20, 300):
            server.session.configure(interval=interval)
            waited = self.ackAfter(client)
            self.assertTrue(interval - 10 <= waited <= interval, (interval, waited))

    def test_smallerReceiveWindow(self) -> None:
        """
        A smaller window, while the application has paused and more has arrived than it holds: what
        the peer was allowed is taken, then no more, and all is read when the application does.
        """
        client, server = self.connect(PROMPT, FAR)
        server.session.pauseProducing()
        data = self.data(50 * 1376)
        client.session.write(data[: 20 * 1376])
        self.network.run(1)
        server.session.configure(receiveWindow=4)
        self.assertEqual(server.session.receiveWindow, 0)
        # The peer is told with the next ACK.
        client.session.write(data[20 * 1376 : 30 * 1376])
        self.network.run(1)
        client.session.write(data[30 * 1376 :])
        self.network.run(20)
        self.assertEqual((client.session.peerWindow, client.session.unacknowledged), (0, 20))
        server.session.resumeProducing()
        self.arrived(server, data)
        self.assertEqual((server.session.receiveWindow, client.session.peerWindow), (4, 4))
        self.assertClean(client.session, server.session)

    def test_largerReceiveWindow(self) -> None:
        """
        A larger window is told at once, though the application has paused.
        """
        client, server = self.connect(
            KCPOptions(crypt="null", receiveWindow=2, ackNoDelay=True, mtu=1400)
        )
        server.session.pauseProducing()
        client.session.write(self.data(10 * 1376))
        self.network.run(5)
        self.assertEqual((server.session.receiveWindow, client.session.peerWindow), (0, 0))
        server.session.configure(receiveWindow=20)
        self.network.run(0.5)
        self.assertEqual((server.session.receiveWindow, client.session.peerWindow), (10, 10))
        server.session.resumeProducing()
        self.network.run(1)
        self.assertEqual(server.received, self.data(10 * 1376))

    def test_messageLargerThanWindow(self) -> None:
        """
        A message that was sent before arrives though it has more segments than the window now.
        """
        client, server = self.connect(MESSAGES, FAR)
        message = self.data(100 * 1376)
        client.session.write(message)
        self.network.run(0.01)
        server.session.configure(receiveWindow=5)
        self.network.runUntil(lambda: bool(server.pieces))
        self.assertEqual(server.pieces, [message])


class NotingProducer(Producer):
    """
    @ivar queued: bytes that waited each time that it was paused.
    """

    def __init__(self, consumer: KCPTransport, chunk: bytes, count: int) -> None:
        super().__init__(consumer, chunk, count)
        self.queued: list[int] = []

    def pauseProducing(self) -> None:
        """
        Note.
        """
        super().pauseProducing()
        self.queued.append(self.consumer.queuedBytes)


class ProducerTests(ConfigureTestCase):
    """
    Producers follow.
    """

    def test_push(self) -> None:
        """
        A push producer is paused at one window's worth of bytes, whatever that is now, but not
        below 64 KiB; when the mark moves up, one that is paused goes on.
        """
        client, server = self.connect(PLAIN, FAR)
        producer = NotingProducer(client.session, bytes(1000), 9000)
        client.session.registerProducer(producer, True)
        producer.resumeProducing()
        for window, mtu in ((512, 1400), (2000, 1400), (200, 600), (8, 600)):
            client.session.configure(sendWindow=window, mtu=mtu)
            # Down to half of the mark, and up to it again.
            producer.queued.clear()
            self.network.runUntil(lambda: len(producer.queued) == 1)
            high = max(window * (mtu - OVERHEAD), 64 * 1024)
            self.assertTrue(high <= producer.queued[0] < high + 1000, (window, producer.queued))
        client.session.configure(sendWindow=1000, mtu=1400)
        self.arrived(server, bytes(9_000_000))

    def test_pull(self) -> None:
        """
        A pull producer is asked up to half of that.
        """
        client, server = self.connect(PLAIN)
        self.bothWays(DEAD)
        producer = Producer(client.session, bytes(5000), 500)
        producer.streaming = False
        client.session.configure(sendWindow=100)
        client.session.registerProducer(producer, False)
        self.network.run(1)
        low = client.session.queuedBytes
        self.assertTrue(50 * 1376 < low <= 50 * 1376 + 5000, low)
        client.session.configure(sendWindow=200)
        self.network.run(1)
        self.assertGreater(client.session.queuedBytes + 100 * 1376, low + 40 * 1376)
        self.bothWays(Link())
        self.arrived(server, bytes(500 * 5000))


class MomentTests(ConfigureTestCase):
    """
    When options may be changed: whenever the application has its transport.
    """

    new: dict[str, Any] = {"mtu": 500, "sendWindow": 8, "mode": "fast3", "rateLimit": 10**6}

    def check(self, arrange: Callable[[RecordingProtocol], object], options: KCPOptions) -> None:
        """
        Both ends change their options at a certain moment, send, and close.

        @param arrange: given each protocol before it is connected.
        """
        self.clientFactory.prepare = self.serverFactory.prepare = arrange
        self.listen(options)
        connecting = self.begin(options)
        self.network.run(0.5)
        client: Any = self.successResultOf(connecting)
        data = self.data(30_000)
        client.session.write(data)
        self.network.runUntil(lambda: bool(self.serverFactory.made))
        (server,) = self.serverFactory.made
        self.network.run(1)
        server.session.write(data)
        self.network.run(5)
        self.assertEqual((client.received == data, server.received == data), (True, True))
        for protocol in (client, server):
            self.assertEqual(protocol.session.sendWindow, 8)
        client.session.loseConnection()
        self.network.run(1)
        self.assertEqual([len(each.reasons) for each in (client, server)], [1, 1])

    def change(self, protocol: RecordingProtocol) -> None:
        """
        Change several options, and again.
        """
        protocol.session.configure(**self.new)
        protocol.session.configure(mtu=600)

    def test_connectionMade(self) -> None:
        """
        In connectionMade: the first datagram with data keeps to them.  A server's client has not
        shown then that it is at its address, nor a client without a handshake been greeted.
        """

        def arrange(protocol: RecordingProtocol) -> None:
            protocol.onMade = self.change

        for options in (PLAIN, CODED, MESSAGES, KCPOptions(crypt="null", handshake=False)):
            self.setUp()
            self.check(arrange, options)
            self.assertLessEqual(max(len(datagram) for _, _, datagram in self.sent), 600)

    def test_dataReceived(self) -> None:
        """
        In dataReceived, each time.
        """

        def arrange(protocol: RecordingProtocol) -> None:
            protocol.onData = lambda data: self.change(protocol)

        for options in (PLAIN, CODED, MESSAGES):
            self.setUp()
            self.check(arrange, options)

    def test_windowInDataReceived(self) -> None:
        """
        A window that grows in dataReceived, so that what waited for room is in order at once, loses
        nothing.
        """
        client, server = self.connect(KCPOptions(crypt="null", receiveWindow=2), BAD)
        sizes = iter(range(2, 500))
        server.onData = lambda data: server.session.configure(receiveWindow=next(sizes))
        data = self.data(100_000)
        client.session.write(data)
        self.arrived(server, data)

    def test_unproven(self) -> None:
        """
        A server whose client has not shown that it is at its address sends no more than three times
        what came, whatever is changed; afterwards it does as was set.
        """
        options = KCPOptions(crypt="null", mode="fast", congestion="none")
        for changes in ({"nc": False}, {"mtu": 1500}, {"sendWindow": 1000, "rateLimit": 10**9}):
            self.setUp()
            self.network.setLink(SERVER, CLIENT, DEAD)

            def made(protocol: RecordingProtocol, changes: dict[str, Any] = changes) -> None:
                self.assertIsNotNone(connectionOf(protocol.session).controls.unproven)
                protocol.session.write(bytes(100_000))
                protocol.session.configure(**changes)

            def prepare(protocol: RecordingProtocol, made: Any = made) -> None:
                protocol.onMade = made

            self.serverFactory.prepare = prepare
            self.listen(options)
            connecting = self.begin(options)
            for _ in range(50):
                self.network.run(0.1)
                came, left = (sum(map(len, self.sentBy(host))) for host in (CLIENT, SERVER))
                self.assertLessEqual(left, 3 * came)
            self.bothWays(FAR)
            self.network.run(20)
            client: Any = self.successResultOf(connecting)
            self.assertEqual(client.received, bytes(100_000))
            (server,) = self.serverFactory.made
            limited = connectionOf(server.session).conversation.sender.limits.governor
            self.assertEqual(limited is not None, "nc" in changes)

    def test_closing(self) -> None:
        """
        After loseConnection: the rest is delivered as was set.
        """
        client, server = self.connect(PLAIN, FAR)
        data = self.data(100_000)
        client.session.configure(sendWindow=2)
        client.session.write(data)
        client.session.loseConnection()
        self.network.run(0.01)
        client.session.configure(sendWindow=100)
        self.network.run(0.05)
        server.session.configure(ackNoDelay=True)
        self.network.run(1)
        self.assertEqual(server.received, data)
        self.assertEqual([len(each.reasons) for each in (client, server)], [1, 1])

    def test_over(self) -> None:
        """
        In connectionLost and afterwards nothing happens, and what is wrong is still an error.
        """
        client, server = self.connect()
        client.session.write(bytes(5000))
        client.session.abortConnection()
        self.network.run(1)
        self.sent.clear()
        for protocol in (client, server):
            self.assertEqual(len(protocol.reasons), 1)
            for name, values in CHOICES.items():
                for value in values:
                    protocol.session.configure(**{name: value})
            self.assertEqual(protocol.session.sendWindow, CHOICES["sendWindow"][-1])
            self.assertRaises(ValueError, protocol.session.configure, mtu=1)
        self.network.run(100)
        self.assertEqual(self.sent, [])
        self.finish(self.port)

    def test_unread(self) -> None:
        """
        While the connection is over, but the application has yet to read: a larger window gives it
        no less.
        """
        client, server = self.connect()
        server.session.pauseProducing()
        data = self.data(20_000)
        client.session.write(data)
        self.network.run(0.1)
        client.session.abortConnection()
        self.network.run(0.1)
        self.assertEqual(server.reasons, [])
        for window in (1, 100):
            server.session.configure(receiveWindow=window, **self.new)
        self.network.run(1)
        server.session.resumeProducing()
        self.network.run(1)
        self.assertEqual((server.received, len(server.reasons)), (data, 1))


class RefusedTests(ConfigureTestCase):
    """
    What is wrong changes nothing.
    """

    def test_allOrNothing(self) -> None:
        """
        The error names the option and what is allowed; not even those before it are changed.
        """
        client, _ = self.connect(CODED)
        session = sessionOf(client.session)
        before = (session.options, connectionOf(client.session).settings.arq)
        wrong: list[tuple[str, Any, str]] = [
            ("mtu", 1501, "mtu must be 25 to 1500 bytes"),
            ("mtu", 52, "mtu must be"),
            ("interval", 9, "interval must be 10 to 5000 ms"),
            ("sendWindow", "8", "sendWindow must be int"),
            ("nodelay", 1, "nodelay must be bool"),
            ("mode", "warp", "mode must be one of normal, fast, fast2, fast3"),
            ("stream", False, "stream cannot be changed on a live connection, only mode, nodelay"),
            ("crypt", "null", "crypt cannot be changed"),
            ("sndwnd", 5, "sndwnd cannot be changed"),
        ]
        for name, value, text in wrong:
            changes = {"ackNoDelay": True, "receiveWindow": 7, name: value, "pacing": False}
            error = self.assertRaises(ValueError, client.session.configure, **changes)
            self.assertIn(text, str(error))
            now = (session.options, connectionOf(client.session).settings.arq)
            self.assertTrue(all(a is b for a, b in zip(now, before, strict=True)))

    def test_others(self) -> None:
        """
        Other connections of the endpoint, and later ones, keep what they have.
        """
        client, server = self.connect()
        second: Any = self.begin()
        self.network.run(0.1)
        second = self.successResultOf(second)
        server.session.configure(sendWindow=3, mtu=600)
        client.session.configure(sendWindow=3, mtu=600)
        third: Any = self.begin()
        self.network.run(0.1)
        third = self.successResultOf(third)
        ends = [*self.serverFactory.made[1:], second, third]
        self.assertEqual([end.session.sendWindow for end in ends], [512] * 4)
        for end in ends:
            end.session.write(bytes(3000))
        self.sent.clear()
        self.network.run(0.1)
        self.assertEqual(max(len(datagram) for _, _, datagram in self.sent), 1400)
