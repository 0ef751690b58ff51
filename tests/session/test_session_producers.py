"""
Tests for L{kcptwisted.session.session}: producers and backpressure.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import error
from twisted.internet.interfaces import IPullProducer, IPushProducer
from zope.interface import implementer

from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from kcptwisted.wire.segment import WASK, decodeSegments
from tests.connections import CLIENT, SERVER, ConnectionTestCase
from tests.inside import connectionOf

DEAD = Link(loss=1)


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
            most = max(most, connectionOf(client.session).conversation.sender.queuedBytes)
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

    def test_closeAfterProducer(self) -> None:
        """
        A close drops what is written after it, also when there was a producer before.
        """
        client, server = self.connect()
        client.session.registerProducer(Producer(client.session, b""), False)
        client.session.unregisterProducer()
        client.session.write(b"kept")
        client.session.loseConnection()
        client.session.write(b"dropped")
        self.network.run(1)
        self.assertEqual(server.received, b"kept")

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
