"""
Tests for L{kcptwisted.session.session}: how a connection ends.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet import error

from kcptwisted.arq.recovery import DEAD_LINK
from kcptwisted.errors import DeadLink, LingerTimeout
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from tests.connections import ConnectionTestCase, RecordingProtocol
from tests.inside import connectionOf
from tests.session.test_session import BAD
from tests.session.test_session_producers import Producer

DEAD = Link(loss=1)


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
            conversation = connectionOf(protocol.session).conversation
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

    def test_writeAfterAbort(self) -> None:
        """
        What is written after that is not counted, and not queued.
        """
        client, _ = self.connect()
        client.session.abortConnection()
        client.session.write(bytes(100_000))
        self.assertEqual((client.session.queuedBytes, client.session.stats.BytesSent), (0, 0))
        self.network.run(0)
        self.finish(self.port)

    def test_deadLink(self) -> None:
        """
        A segment that is never acknowledged ends the connection after its 20th transmission.
        """
        client, _ = self.connect(KCPOptions(crypt="null", keepAlive=0))
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
