"""
Tests for L{kcptwisted.commands.bench.loads}.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IPushProducer, ITCPTransport
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from kcptwisted.commands.bench.loads import (
    ANSWER,
    COUNT,
    EchoClient,
    EchoServer,
    SinkClient,
    SinkServer,
    Writer,
    WrongBytes,
)
from kcptwisted.commands.bench.stream import STREAM_PERIOD, Pattern


class Ticks:
    """
    A clock that goes on with each look.
    """

    def __init__(self, *moments: int) -> None:
        """
        @param moments: what each look tells, nanoseconds.
        """
        self._moments = list(moments)

    def __call__(self) -> int:
        return self._moments.pop(0)


@implementer(ITCPTransport)
class FakeTCP(StringTransport):  # type: ignore[misc]
    """
    Notes what is asked of TCP.
    """

    noDelay = False

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        Note.
        """
        self.noDelay = enabled


def connected(protocol: Any, transport: Any = None) -> Any:
    """
    @return: the protocol's transport.
    """
    made = transport or StringTransport()
    protocol.makeConnection(made)
    return made


class WriterTests(SynchronousTestCase):
    """
    Tests for L{Writer}.
    """

    def test_interface(self) -> None:
        """
        It is a push producer.
        """
        verifyObject(IPushProducer, Writer(StringTransport(), Pattern(), 1))

    def test_backpressure(self) -> None:
        """
        It writes piece by piece until the transport has enough, and goes on when it is told to.
        """

        class Narrow(StringTransport):
            """
            Has enough after each write.
            """

            def write(self, data: bytes) -> None:
                super().write(data)
                assert self.producer is not None
                self.producer.pauseProducing()

        transport: Any = Narrow()
        writer = Writer(transport, Pattern(), 250, 100)
        writer.start()
        for written in (100, 200):
            self.assertEqual(len(transport.value()), written)
            self.assertIs(transport.producer, writer)
            writer.resumeProducing()
        self.assertEqual(transport.value(), Pattern().take(250))
        self.assertIsNone(transport.producer)

    def test_stop(self) -> None:
        """
        Once stopped it writes no more.
        """
        transport = StringTransport()
        writer = Writer(transport, Pattern(), 250, 100)
        writer.stopProducing()
        writer.start()
        self.assertEqual(transport.value(), b"")


class ServerTests(SynchronousTestCase):
    """
    Tests for L{EchoServer} and L{SinkServer}.
    """

    def test_echo(self) -> None:
        """
        What arrives goes back; while the transport cannot write it reads no more.
        """
        server = EchoServer()
        transport = connected(server)
        server.dataReceived(b"abc")
        self.assertEqual(transport.value(), b"abc")
        self.assertIs(transport.producer, transport)
        transport.producer.pauseProducing()
        self.assertEqual(transport.producerState, "paused")

    def test_sink(self) -> None:
        """
        The answer has the count, and the time from the first byte after the header to the last; the
        same connection then takes another count.
        """
        server = SinkServer(Ticks(100, 350, 1000, 1007))
        transport = connected(server)
        header = COUNT.pack(5)
        for piece in (header[:3], header[3:], b"ab", b"c"):
            server.dataReceived(piece)
            self.assertEqual(transport.value(), b"")
        server.dataReceived(b"de")
        self.assertEqual(transport.value(), ANSWER.pack(5, 250))
        transport.clear()
        server.dataReceived(COUNT.pack(2) + b"xy")
        self.assertEqual(transport.value(), ANSWER.pack(2, 7))

    def test_noDelay(self) -> None:
        """
        Over TCP, servers and clients have small messages sent at once.
        """
        protocols: list[Protocol] = [EchoServer(), SinkServer(), EchoClient(1), SinkClient(1)]
        for protocol in protocols:
            self.assertTrue(connected(protocol, FakeTCP()).noDelay, protocol)


class EchoClientTests(SynchronousTestCase):
    """
    Tests for L{EchoClient}.
    """

    def test_done(self) -> None:
        """
        It is done when all has come back: it knows how much, how long that took, and its hash.
        """
        client = EchoClient(150_000, seed=3, session=2, now=Ticks(1000, 2_000_001_000))
        transport = connected(client)
        self.assertEqual(transport.value(), b"")
        client.begin()
        sent = transport.value()
        self.assertEqual(sent, Pattern(3, 2).take(150_000))
        client.dataReceived(sent[:100_000])
        self.assertNoResult(client.done)
        client.dataReceived(sent[100_000:])
        self.successResultOf(client.done)
        self.assertEqual((client.counted, client.seconds), (150_000, 2.0))
        self.assertEqual(client.digest.digest(), sha256(sent).digest())

    def test_wrong(self) -> None:
        """
        Other bytes, or more than were sent, are a failure.
        """
        for received, expected in (
            (Pattern().take(99) + b"\0", "in the 100 bytes from byte 0 on"),
            (Pattern().take(101), "101 bytes instead of 100"),
        ):
            client = EchoClient(100)
            connected(client)
            client.begin()
            client.dataReceived(received)
            failure = self.failureResultOf(client.done, WrongBytes)
            self.assertEqual(str(failure.value), expected)

    def test_lost(self) -> None:
        """
        A connection that ends before all came back is a failure, one that ends later is none.
        """
        for count in (99, 100):
            client = EchoClient(100)
            connected(client)
            client.begin()
            client.dataReceived(Pattern().take(count))
            client.connectionLost(Failure(ConnectionLost()))
            self.successResultOf(client.lost)
            if count == 100:
                self.successResultOf(client.done)
            else:
                self.failureResultOf(client.done, ConnectionLost)


class SinkClientTests(SynchronousTestCase):
    """
    Tests for L{SinkClient}.
    """

    def test_done(self) -> None:
        """
        It sends count and bytes, and is done with the server's answer, which may come in pieces.
        """
        client = SinkClient(STREAM_PERIOD + 5)
        transport = connected(client)
        client.begin()
        self.assertEqual(
            transport.value(), COUNT.pack(STREAM_PERIOD + 5) + Pattern().take(STREAM_PERIOD + 5)
        )
        answer = ANSWER.pack(STREAM_PERIOD + 5, 1_500_000_000)
        client.dataReceived(answer[:9])
        self.assertNoResult(client.done)
        client.dataReceived(answer[9:])
        self.successResultOf(client.done)
        self.assertEqual((client.counted, client.seconds), (STREAM_PERIOD + 5, 1.5))

    def test_miscounted(self) -> None:
        """
        A server that counted something else is a failure.
        """
        client = SinkClient(100)
        connected(client)
        client.begin()
        client.dataReceived(ANSWER.pack(99, 1))
        failure = self.failureResultOf(client.done, WrongBytes)
        self.assertEqual(str(failure.value), "the server counted 99 of 100")
