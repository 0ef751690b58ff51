"""
Tests for L{kcptwisted.session}, through endpoints on a simulated network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IConsumer, IPullProducer, IPushProducer, ITransport
from zope.interface import implementer
from zope.interface.verify import verifyObject

from kcptwisted.arq.segment import WASK, decodeSegments
from kcptwisted.arq.sender import DEAD_LINK
from kcptwisted.clock import IFlushed
from kcptwisted.errors import DeadLink, LingerTimeout, MessageTooLong
from kcptwisted.interfaces import IDatagramProtocol
from kcptwisted.link import Link
from kcptwisted.options import KCPOptions
from tests.connections import CLIENT, PORT, SERVER, ConnectionTestCase, RecordingProtocol

BAD = Link(delay=0.02, jitter=0.01, loss=0.1, duplicate=0.02, reorder=0.05, corrupt=0.0)
DEAD = Link(loss=1)


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
        A session is a transport, a consumer and a push producer; and a protocol and what is
        flushed for the layers around it.
        """
        client, _ = self.connect()
        for interface in (ITransport, IConsumer, IPushProducer, IDatagramProtocol, IFlushed):
            verifyObject(interface, client.session)

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
            client.session.write(bytes(255 * 1376 + 1))
        self.assertEqual(raised.exception.limit, 255 * 1376)
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


class ClosingTests(ConnectionTestCase):
    """
    How a connection ends.
    """

    def test_loseConnection(self) -> None:
        """
        What was written is delivered first, even over a bad link; then the end is clean.
        """
        client, server = self.connect(link=BAD)
        data = self.data(200_000)
        client.session.write(data)
        client.session.loseConnection()
        self.assertTrue(client.session.disconnecting)
        client.session.write(b"ignored")
        self.network.runUntil(lambda: bool(client.reasons))
        self.assertEqual(server.received, data)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)
        self.finish(self.port)
        self.assertEqual(len(client.reasons), 1)

    def test_linger(self) -> None:
        """
        If the peer acknowledges nothing, closing ends after the linger time, not sooner.
        """
        client, _ = self.connect(KCPOptions(crypt="null", linger=5))
        self.bothWays(DEAD)
        client.session.write(b"lost")
        client.session.loseConnection()
        self.network.run(4.9)
        self.assertEqual(client.reasons, [])
        self.network.run(0.2)
        self.assertIsInstance(self.reasonOf(client), LingerTimeout)
        self.finish(self.port)

    def test_slowDelivery(self) -> None:
        """
        A close waits for longer than the linger time as long as the peer acknowledges more.
        """
        client, server = self.connect(KCPOptions(crypt="null", linger=1, sendWindow=4))
        self.bothWays(Link(delay=0.2))
        client.session.write(bytes(100_000))
        client.session.loseConnection()
        self.network.run(4)
        self.assertEqual(client.reasons, [])
        self.network.runUntil(lambda: bool(client.reasons))
        self.assertEqual(len(server.received), 100_000)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)

    def test_buffersAreReleased(self) -> None:
        """
        A transport that is done holds no data.
        """
        client, server = self.connect(link=Link(delay=0.01))
        server.session.pauseProducing()
        client.session.write(bytes(10_000_000))
        self.network.run(0.1)
        for protocol in (client, server):
            protocol.session.abortConnection()
        self.network.run(0)
        for protocol in (client, server):
            conversation = protocol.session._conversation
            self.assertTrue(conversation.drained)
            self.assertIs(conversation.read(), None)
            self.assertIs(conversation.deadline(), None)

    def test_abortConnection(self) -> None:
        """
        Aborting ends at once, but not from inside the call.
        """
        client, _ = self.connect()
        client.session.write(bytes(100_000))
        client.session.abortConnection()
        self.assertEqual(client.reasons, [])
        self.network.run(0)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionAborted)
        self.finish(self.port)

    def test_deadLink(self) -> None:
        """
        A segment that is never acknowledged ends the connection after its 20th transmission.
        """
        client, _ = self.connect()
        self.bothWays(DEAD)
        client.session.write(b"x")
        self.network.runUntil(lambda: bool(client.reasons), 3600)
        self.assertIsInstance(self.reasonOf(client), DeadLink)
        self.assertEqual(client.session.stats.OutSegs, DEAD_LINK)
        self.finish(self.port)

    def closeIn(self, arrange: Callable[[RecordingProtocol], object]) -> None:
        """
        Closing from inside a callback ends the connection once, afterwards.
        """
        during: list[int] = []

        def close(protocol: RecordingProtocol) -> None:
            protocol.session.loseConnection()
            protocol.session.abortConnection()
            during.append(len(protocol.reasons))

        self.clientFactory.prepare = lambda protocol: arrange(protocol) and None
        self.close = close
        client, server = self.connect()
        server.session.write(b"x")
        self.network.run(1)
        self.assertEqual((during, len(client.reasons)), ([0], 1))
        self.finish(self.port)

    def test_closeInConnectionMade(self) -> None:
        """
        Closing from connectionMade.
        """

        def arrange(protocol: RecordingProtocol) -> None:
            protocol.onMade = lambda made: self.close(made)

        self.closeIn(arrange)

    def test_closeInDataReceived(self) -> None:
        """
        Closing from dataReceived.
        """

        def arrange(protocol: RecordingProtocol) -> None:
            protocol.onData = lambda data: self.close(protocol)

        self.closeIn(arrange)

    def test_nothingAfterAbort(self) -> None:
        """
        A protocol that aborts in dataReceived receives nothing more.
        """
        client, server = self.connect(KCPOptions(crypt="null", stream=False))
        server.onData = lambda data: server.session.abortConnection()
        client.session.write(b"one")
        client.session.write(b"two")
        self.network.run(0.1)
        self.assertEqual(server.pieces, [b"one"])

    def test_dataReceivedRaises(self) -> None:
        """
        A protocol that raises loses its connection; the port and other sessions go on.
        """
        client, server = self.connect()

        def fail(data: bytes) -> None:
            raise ZeroDivisionError("in the application")

        server.onData = fail
        client.session.write(b"x")
        self.network.run(0.1)
        self.assertIsInstance(self.reasonOf(server), ZeroDivisionError)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        client.session.abortConnection()
        connecting = self.begin()
        self.network.run(1)
        self.successResultOf(connecting)
        self.finish(self.port)

    def test_connectionMadeRaises(self) -> None:
        """
        The same for connectionMade.
        """

        def arrange(protocol: RecordingProtocol) -> None:
            protocol.onMade = lambda made: 1 / 0

        self.serverFactory.prepare = arrange
        self.port = self.listen()
        connecting = self.begin()
        self.network.run(0)
        connecting.cancel()
        self.failureResultOf(connecting)
        (server,) = self.serverFactory.made
        self.assertIsInstance(self.reasonOf(server), ZeroDivisionError)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.finish(self.port)

    def test_callsAfterTheEnd(self) -> None:
        """
        A transport that is done can still be called.
        """
        client, _ = self.connect()
        session = client.session
        session.abortConnection()
        self.network.run(0)
        session.write(b"x")
        session.loseConnection()
        session.abortConnection()
        session.pauseProducing()
        session.resumeProducing()
        producer = Producer(session, b"")
        session.registerProducer(producer, True)
        self.assertTrue(producer.stopped)
        self.network.run(1)
        self.assertEqual(len(client.reasons), 1)
        self.finish(self.port)


@implementer(IPushProducer, IPullProducer)
class Producer:
    """
    Writes C{chunk} each time that it may, up to C{count} times.
    """

    def __init__(self, consumer: Any, chunk: bytes, count: int = 0) -> None:
        self.consumer = consumer
        self.chunk = chunk
        self.left = count
        self.paused = False
        self.pauses = 0
        self.stopped = False

    def resumeProducing(self) -> None:
        """
        Write: once as a pull producer, until paused as a push producer.
        """
        self.paused = False
        while self.left and not self.paused:
            self.left -= 1
            self.consumer.write(self.chunk)
            if not self.left:
                self.consumer.unregisterProducer()
            if not self.streaming:
                return

    streaming = True

    def pauseProducing(self) -> None:
        """
        Write no more.
        """
        self.paused = True
        self.pauses += 1

    def stopProducing(self) -> None:
        """
        The consumer is gone.
        """
        self.stopped = True
        self.left = 0


class ProducerTests(ConnectionTestCase):
    """
    Producers and backpressure.
    """

    options = KCPOptions(crypt="null", sendWindow=64, receiveWindow=64)

    def produce(self, streaming: bool) -> Producer:
        """
        Have a producer write 1 MB over a slow link.

        @return: the producer, done.
        """
        client, server = self.connect(link=Link(delay=0.01))
        producer = Producer(client.session, bytes(10_000), 100)
        producer.streaming = streaming
        client.session.registerProducer(producer, streaming)
        most = 0
        if streaming:
            producer.resumeProducing()

        def done() -> bool:
            nonlocal most
            most = max(most, client.session._conversation.sender.queuedBytes)
            return len(server.received) >= 1_000_000

        self.network.runUntil(done)
        self.assertLess(most, 200_000)
        client.session.registerProducer(Producer(client.session, b""), True)
        return producer

    def test_push(self) -> None:
        """
        A push producer is paused when the queue is full and resumed when it is not.
        """
        self.assertGreater(self.produce(streaming=True).pauses, 5)

    def test_pull(self) -> None:
        """
        A pull producer is asked for more as the queue empties.
        """
        self.assertEqual(self.produce(streaming=False).pauses, 0)

    def test_twoProducers(self) -> None:
        """
        There can be one only.
        """
        client, _ = self.connect()
        client.session.registerProducer(Producer(client.session, b""), True)
        self.assertRaises(RuntimeError, client.session.registerProducer, object(), True)
        client.session.unregisterProducer()
        client.session.registerProducer(Producer(client.session, b""), True)

    def test_closeWaitsForProducer(self) -> None:
        """
        A close lets a producer that was asked to pause write the rest.
        """
        client, server = self.connect(link=Link(delay=0.01))
        producer = Producer(client.session, bytes(10_000), 50)
        client.session.registerProducer(producer, True)
        producer.resumeProducing()
        client.session.loseConnection()
        self.network.runUntil(lambda: bool(client.reasons))
        self.assertEqual(len(server.received), 500_000)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)

    def test_stoppedAtTheEnd(self) -> None:
        """
        A producer is stopped when its connection ends.
        """
        client, _ = self.connect()
        producer = Producer(client.session, b"")
        client.session.registerProducer(producer, True)
        client.session.abortConnection()
        self.network.run(0)
        self.assertTrue(producer.stopped)

    def test_stopProducingRaises(self) -> None:
        """
        A producer that raises when it is stopped does not keep the end from the protocol.
        """
        client, _ = self.connect()
        producer = Producer(client.session, b"")
        producer.stopProducing = lambda: 1 / 0  # type: ignore[method-assign,assignment]
        client.session.registerProducer(producer, True)
        client.session.abortConnection()
        self.network.run(0)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionAborted)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_pauseProducingRaises(self) -> None:
        """
        What was written leaves although the producer raised when it was paused.
        """
        client, server = self.connect()
        producer = Producer(client.session, b"")
        producer.pauseProducing = lambda: 1 / 0  # type: ignore[method-assign,assignment]
        client.session.registerProducer(producer, True)
        self.assertRaises(ZeroDivisionError, client.session.write, bytes(200_000))
        self.network.runUntil(lambda: len(server.received) == 200_000)

    def test_producerRaises(self) -> None:
        """
        A producer that raises loses its connection, and no other session is held up.
        """
        client, _ = self.connect(link=Link(delay=0.01))
        producer = Producer(client.session, b"")
        client.session.registerProducer(producer, False)
        producer.resumeProducing = lambda: 1 / 0  # type: ignore[method-assign,assignment]
        client.session.write(b"x")
        self.network.run(1)
        self.assertIsInstance(self.reasonOf(client), ZeroDivisionError)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_pauseClosesWindow(self) -> None:
        """
        A paused receiver's window closes and the sender stops; when it resumes all arrives.
        """
        client, server = self.connect(link=Link(delay=0.01))
        server.session.pauseProducing()
        data = self.data(1_000_000)
        client.session.write(data)
        self.network.run(2)
        self.assertEqual(server.received, b"")
        sent = client.session.stats.OutSegs - client.session.stats.RetransSegs
        self.assertLessEqual(sent, 2 * 64)
        self.network.run(10)
        self.assertEqual(client.session.stats.OutSegs - client.session.stats.RetransSegs, sent)
        server.session.resumeProducing()
        self.network.runUntil(lambda: len(server.received) >= len(data))
        self.assertEqual(server.received, data)

    def test_lostWindowUpdate(self) -> None:
        """
        If the news of the reopened window is lost, a probe finds out.
        """
        client, server = self.connect(link=Link(delay=0.01))
        server.session.pauseProducing()
        client.session.write(bytes(300_000))
        self.network.run(5)
        self.network.setLink(SERVER, CLIENT, DEAD)
        server.session.resumeProducing()
        self.network.run(0.005)
        self.network.setLink(SERVER, CLIENT, Link(delay=0.01))
        asked: list[bytes] = []

        def tap(source: tuple[str, int], to: tuple[str, int], datagram: bytes) -> None:
            if source[0] == CLIENT and decodeSegments(datagram)[0].cmd == WASK:
                asked.append(datagram)

        self.network.taps.append(tap)
        self.network.runUntil(lambda: len(server.received) >= 300_000)
        self.assertTrue(asked)


class IdleTests(ConnectionTestCase):
    """
    What sessions cost that do nothing.
    """

    def test_nothingRuns(self) -> None:
        """
        An idle connection has no timer, however much went over it before.
        """
        self.serverFactory.prepare = echo
        client, _ = self.connect(KCPOptions(key="k", dataShards=3, parityShards=1))
        client.session.write(self.data(100_000))
        self.network.runUntil(lambda: len(client.received) >= 100_000)
        self.network.run(2)
        self.assertEqual(self.network.clock.getDelayedCalls(), [])

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
