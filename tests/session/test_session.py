"""
Tests for L{kcptwisted.session.session}, through endpoints on a simulated network.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface.verify import verifyObject

from kcptwisted.errors import MessageTooLong
from kcptwisted.interfaces import IDatagramProtocol, IKCPTransport
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from kcptwisted.wire.segment import decodeSegments
from tests.connections import PORT, SERVER, ConnectionTestCase, RecordingProtocol
from tests.inside import sessionOf

BAD = Link(delay=0.02, jitter=0.01, loss=0.1, duplicate=0.02, reorder=0.05, corrupt=0.0)


def echo(protocol: RecordingProtocol) -> None:
    """
    Have a protocol write back what it receives.
    """
    protocol.onData = lambda data: protocol.session.write(data)


class TransferTests(ConnectionTestCase):
    """
    Bytes go through.
    """

    def check(self, options: KCPOptions, link: Link, length: int = 300_000) -> None:
        """
        What is written comes back from an echoing server, whatever the link does.
        """
        self.serverFactory.prepare = echo
        client, _ = self.connect(options, link)
        data = self.data(length)
        client.session.write(data)
        self.network.runUntil(lambda: len(client.received) >= length)
        self.assertEqual(client.received, data)
        self.finish(self.port)

    def test_interfaces(self) -> None:
        """
        An application gets a transport that is a consumer and a push producer, too.  What drives it
        is a protocol for the layers below.
        """
        client, _ = self.connect()
        for interface in (IKCPTransport, IConsumer, IPushProducer):
            verifyObject(interface, client.session)
        verifyObject(IDatagramProtocol, sessionOf(client.session))

    def test_perfect(self) -> None:
        """
        Over a perfect link nothing is sent twice.
        """
        self.check(self.options, Link(delay=0.005))
        self.assertEqual(self.clientFactory.made[0].session.stats.RetransSegs, 0)

    def test_lossy(self) -> None:
        """
        Loss, reordering and duplication harm nothing.
        """
        self.check(KCPOptions(key="k"), BAD)

    def test_corrupting(self) -> None:
        """
        Damaged datagrams are dropped by every cipher that has a check.
        """
        for crypt in ("none", "aes-128", "aes-128-gcm", "chacha20-poly1305"):
            with self.subTest(crypt=crypt):
                self.setUp()
                key = None if crypt == "none" else "k"
                self.check(KCPOptions(crypt=crypt, key=key), Link(delay=0.01, corrupt=0.2), 60_000)
                self.assertGreater(self.port.stats.InCsumErrors, 0)

    def test_fec(self) -> None:
        """
        With FEC lost datagrams are rebuilt.
        """
        options = KCPOptions(key="k", crypt="aes", dataShards=10, parityShards=3, mode="fast3")
        self.check(options, BAD)
        self.assertGreater(self.clientFactory.made[0].session.stats.FECRecovered, 0)

    def test_fecOnOneSide(self) -> None:
        """
        An end without FEC takes the headers off that its peer adds, and the other way round.
        """
        plain = KCPOptions(key="k")
        coded = KCPOptions(key="k", dataShards=3, parityShards=1)
        for client, server in ((plain, coded), (coded, plain)):
            with self.subTest(client=client.dataShards):
                self.setUp()
                self.serverFactory.prepare = echo
                port = self.listen(server)
                connecting = self.begin(client)
                self.network.run(0.1)
                self.successResultOf(connecting)
                self.bothWays(BAD)
                data = self.data(50_000)
                self.clientFactory.made[0].session.write(data)
                self.network.runUntil(lambda: len(self.clientFactory.made[0].received) >= 50_000)
                self.assertEqual(self.clientFactory.made[0].received, data)
                self.finish(port)

    def test_congestionWindow(self) -> None:
        """
        With nc=0 the congestion window limits, and all arrives.
        """
        self.check(KCPOptions(crypt="null", nc=False), Link(delay=0.01, loss=0.02), 60_000)

    def test_mtu(self) -> None:
        """
        No UDP payload exceeds the mtu, whatever the layers add.
        """
        options = KCPOptions(key="k", dataShards=4, parityShards=2, mtu=200)
        sizes: list[int] = []
        self.network.taps.append(lambda source, to, datagram: sizes.append(len(datagram)))
        self.check(options, Link(delay=0.01, mtu=200), 20_000)
        self.assertEqual(max(sizes), 200)

    def test_manySmallWrites(self) -> None:
        """
        Writes of one turn leave together in full datagrams.
        """
        client, server = self.connect()
        datagrams: list[bytes] = []
        self.network.taps.append(lambda source, to, datagram: datagrams.append(datagram))
        for _ in range(1000):
            client.session.write(b"x")
        client.session.writeSequence([b"y", b"z"])
        self.network.run(0)
        self.assertEqual(len(datagrams), 1)
        self.network.run(0.1)
        self.assertEqual(server.received, b"x" * 1000 + b"yz")

    def test_answerInSameDatagram(self) -> None:
        """
        What a protocol writes from dataReceived leaves at once, with the ACK.
        """
        self.serverFactory.prepare = echo
        client, _ = self.connect()
        datagrams: list[bytes] = []

        def tap(source: tuple[str, int], to: tuple[str, int], datagram: bytes) -> None:
            if source[0] == SERVER:
                datagrams.append(datagram)

        self.network.taps.append(tap)
        client.session.write(b"ping")
        self.network.run(0)
        self.assertEqual([len(decodeSegments(datagram)) for datagram in datagrams], [2])

    def test_writeDelay(self) -> None:
        """
        With writeDelay a write waits for the clock.
        """
        client, server = self.connect(KCPOptions(crypt="null", writeDelay=True, interval=20))
        self.network.run(1)
        client.session.write(b"x")
        self.network.run(0.005)
        self.assertEqual(server.received, b"")
        self.network.run(0.02)
        self.assertEqual(server.received, b"x")

    def test_writeDelayAtOnce(self) -> None:
        """
        So does what is written as the first of all, by a client that takes the server to be there.
        """
        sent: list[float] = []

        def writeAtOnce(protocol: RecordingProtocol) -> None:
            protocol.onMade = lambda made: made.session.write(b"x")

        self.network.taps.append(lambda *_: sent.append(self.network.clock.seconds()))
        self.clientFactory.prepare = writeAtOnce
        options = KCPOptions(crypt="null", writeDelay=True, interval=20, handshake=False)
        _, server = self.connect(options)
        self.assertEqual(server.received, b"x")
        self.assertEqual(sent[0], 0.01)

    def test_writeTypes(self) -> None:
        """
        Only bytes can be written, and none of them is a segment.
        """
        client, server = self.connect()
        self.assertRaises(TypeError, client.session.write, "text")
        sent = client.session.stats.OutSegs
        client.session.write(b"")
        self.network.run(0.1)
        self.assertEqual(client.session.stats.OutSegs, sent)
        client.session.write(bytearray(b"ab"))  # type: ignore[arg-type]
        client.session.write(memoryview(b"cd"))  # type: ignore[arg-type]
        self.network.run(0.1)
        self.assertEqual(server.received, b"abcd")

    def test_addresses(self) -> None:
        """
        Both ends know their own and their peer's address.
        """
        client, server = self.connect()
        self.assertEqual(client.session.getPeer(), IPv4Address("UDP", SERVER, PORT))
        self.assertEqual(client.session.getHost(), server.session.getPeer())
        self.assertEqual(self.serverFactory.peers, [server.session.getPeer()])

    def test_stats(self) -> None:
        """
        What one end counts as sent the other counts as received.
        """
        client, server = self.connect()
        client.session.write(bytes(5000))
        self.network.run(1)
        sent, got = client.session.stats, server.session.stats
        self.assertEqual((sent.BytesSent, got.BytesReceived), (5000, 5000))
        self.assertEqual(sent.OutSegs, got.InSegs)
        self.assertEqual((sent.OutPkts, sent.OutBytes), (got.InPkts, got.InBytes))
        self.assertEqual((got.OutPkts, got.OutBytes), (sent.InPkts, sent.InBytes))
        self.assertEqual(self.port.stats.InPkts, got.InPkts)


class MessageTests(ConnectionTestCase):
    """
    Message mode.
    """

    options = KCPOptions(crypt="null", stream=False)

    def test_boundaries(self) -> None:
        """
        One write is one dataReceived, over a bad link as well, whatever its size.
        """
        client, server = self.connect(link=BAD)
        messages = [self.data(length, length) for length in (1, 1376, 1377, 20_000, 5, 90_000)]
        for message in messages:
            client.session.write(message)
        self.network.runUntil(lambda: len(server.pieces) >= len(messages))
        self.assertEqual(server.pieces, messages)

    def test_tooLong(self) -> None:
        """
        A message of more than 255 fragments is an error of the caller, who may go on.
        """
        client, server = self.connect()
        with self.assertRaises(MessageTooLong) as raised:
            client.session.write(bytes(255 * 1208 + 1))
        self.assertEqual(raised.exception.limit, 255 * 1208)
        client.session.write(b"ok")
        self.network.run(0.1)
        self.assertEqual(server.pieces, [b"ok"])

    def test_pauseBetweenMessages(self) -> None:
        """
        A protocol that pauses in dataReceived gets the next message when it resumes, but not from
        inside the call.
        """
        client, server = self.connect()
        server.onData = lambda data: server.session.pauseProducing()
        client.session.write(b"one")
        client.session.write(b"two")
        self.network.run(0.1)
        self.assertEqual(server.pieces, [b"one"])
        server.session.resumeProducing()
        self.assertEqual(server.pieces, [b"one"])
        self.network.run(0)
        self.assertEqual(server.pieces, [b"one", b"two"])


class IdleTests(ConnectionTestCase):
    """
    What sessions cost that do nothing.
    """

    def test_nothingRuns(self) -> None:
        """
        Of an idle connection one delayed call is left at each end, the keepalive's, and none with
        keepAlive=0, however much went over it before.
        """
        for keepAlive, calls in ((10.0, 2), (0.0, 0)):
            with self.subTest(keepAlive=keepAlive):
                self.setUp()
                self.serverFactory.prepare = echo
                client, _ = self.connect(
                    KCPOptions(key="k", dataShards=3, parityShards=1, keepAlive=keepAlive)
                )
                client.session.write(self.data(100_000))
                self.network.runUntil(lambda: len(self.clientFactory.made[0].received) >= 100_000)
                self.network.run(2)
                left = self.network.clock.getDelayedCalls()
                self.assertEqual(len(left), calls)
                # They wait for the silence to be long enough, and do not tick.
                for call in left:
                    self.assertGreater(call.getTime() - self.network.clock.seconds(), 5)

    def test_clockGoesBackwards(self) -> None:
        """
        A wall clock that is set back does not stall the connection.
        """
        client, server = self.connect(link=Link(delay=0.01))
        client.session.write(b"before")
        self.network.clock.rightNow -= 3600
        for call in self.network.clock.calls:
            call.time -= 3600
        client.session.write(b" after")
        self.network.runUntil(lambda: server.received == b"before after", 5)
