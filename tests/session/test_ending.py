"""
Tests for L{kcptwisted.session.ending}: an application that has paused when its connection ends.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet import error

from kcptwisted.errors import (
    DeadLink,
    IdleTimeout,
    PeerRefused,
    PeerReset,
    PeerRestarted,
    PeerTimeout,
)
from kcptwisted.options import KCPOptions
from kcptwisted.session import KCPTransport
from kcptwisted.testing.link import Link
from tests.connections import CLIENT, SERVER, RecordingProtocol
from tests.controlling import ControlledTestCase, loses
from tests.inside import connectionOf
from tests.session.test_session_producers import Producer

SLOW = Link(delay=0.02)
DEAD = Link(loss=1)


class UnreadTestCase(ControlledTestCase):
    """
    A server that has paused, and not read what its client wrote.
    """

    def meet(
        self, options: KCPOptions | None = None, size: int = 50_000
    ) -> tuple[RecordingProtocol, RecordingProtocol]:
        """
        @return: the client's protocol, and the one that has paused.
        """
        client, server = self.connect(options, SLOW)
        server.session.pauseProducing()
        self.written = self.data(size)
        client.session.write(self.written)
        self.network.run(1)
        self.assertEqual(server.received, b"")
        return client, server

    def reset(self, options: KCPOptions | None = None) -> RecordingProtocol:
        """
        @return: one that has paused, and whose peer has aborted the connection.
        """
        client, server = self.meet(options)
        client.session.abortConnection()
        self.network.run(1)
        return server

    def assertWaits(self, *protocols: RecordingProtocol) -> None:
        """
        None has been told, and nothing at all happens by itself any more.
        """
        for protocol in protocols:
            self.assertEqual((protocol.received, protocol.reasons), (b"", []))

    def assertRead(self, protocol: RecordingProtocol, kind: type[BaseException]) -> None:
        """
        When it resumes it gets everything, and is told of the end once.
        """
        protocol.session.resumeProducing()
        self.network.run(0)
        self.assertEqual(protocol.received, self.written)
        self.assertIsInstance(self.reasonOf(protocol), kind)
        self.network.run(1)
        self.assertEqual(len(protocol.reasons), 1)


class PeersEndTests(UnreadTestCase):
    """
    What the peer or the path ended.
    """

    def test_reset(self) -> None:
        """
        What arrived before a reset is delivered before it.
        """
        server = self.reset()
        self.network.run(1000)
        self.assertWaits(server)
        self.assertEqual(self.network.clock.getDelayedCalls(), [])
        self.assertRead(server, PeerReset)

    def test_messages(self) -> None:
        """
        So are messages, each by itself, also if it pauses at each.
        """
        client, server = self.connect(KCPOptions(crypt="null", stream=False), SLOW)
        server.session.pauseProducing()
        for message in (b"one", b"two", b"three"):
            client.session.write(message)
        self.network.run(1)
        client.session.abortConnection()
        self.network.run(1)
        server.onData = lambda _: server.session.pauseProducing()
        for count in range(1, 4):
            self.assertEqual(server.reasons, [])
            server.session.resumeProducing()
            self.network.run(1)
            self.assertEqual(len(server.pieces), count)
        self.assertEqual(server.pieces, [b"one", b"two", b"three"])
        self.assertIsInstance(self.reasonOf(server), PeerReset)

    def test_gap(self) -> None:
        """
        What came behind a missing segment was never in order, and is dropped.
        """
        client, server = self.meet(size=1000)
        lost = iter([True])
        self.tamper(CLIENT, lambda data: None if len(data) > 1000 and next(lost, False) else 0.0)
        client.session.write(bytes(5000))
        self.network.run(0.05)
        self.tamper(CLIENT, lambda data: None if len(data) > 100 else 0.0)
        client.session.abortConnection()
        self.network.run(1)
        self.assertRead(server, PeerReset)

    def test_behindTheWindow(self) -> None:
        """
        What was acknowledged and waits for room in the window is delivered as well.
        """
        client, server = self.connect(KCPOptions(crypt="null", receiveWindow=8), SLOW)
        server.session.pauseProducing()
        self.written = self.data(11 * 1376)
        client.session.write(self.written[: 4 * 1376])
        self.network.run(0.5)
        connectionOf(client.session).conversation.sender.remoteWindow = 12
        client.session.write(self.written[4 * 1376 :])
        self.network.run(1)
        self.assertTrue(connectionOf(client.session).conversation.drained)
        client.session.abortConnection()
        self.network.run(1)
        self.assertRead(server, PeerReset)

    def test_timeout(self) -> None:
        """
        The same when the peer is gone.
        """
        _, server = self.meet(KCPOptions(crypt="null", keepAlive=1, deadAfter=3))
        self.bothWays(DEAD)
        self.network.run(100)
        self.assertWaits(server)
        self.assertRead(server, PeerTimeout)

    def test_deadLink(self) -> None:
        """
        The same when what it has written is not acknowledged.
        """
        _, server = self.meet(KCPOptions(crypt="null", keepAlive=0))
        self.bothWays(DEAD)
        server.session.write(b"x")
        self.network.run(1000)
        self.assertWaits(server)
        self.assertRead(server, DeadLink)

    def test_refused(self) -> None:
        """
        The same when the server's host says that nothing listens any more.
        """
        client, server = self.connect(link=SLOW)
        client.session.pauseProducing()
        self.written = self.data(3000)
        server.session.write(self.written)
        self.network.run(1)
        self.network.host(SERVER).suspend()
        self.network.host(SERVER).ports.clear()
        client.session.write(b"x")
        self.network.run(100)
        self.assertWaits(client)
        self.assertRead(client, PeerRefused)
        self.network.run(1)
        self.assertEqual(self.network.host(CLIENT).ports, {})

    def test_restarted(self) -> None:
        """
        The same when the peer has begun anew; the new connection is the address's meanwhile.
        """
        _, server = self.meet()
        self.network.host(CLIENT)._ephemeral = min(self.network.host(CLIENT).ports)
        self.network.host(CLIENT).ports.clear()
        self.begin()
        self.network.run(1)
        _, again = self.serverFactory.made
        self.assertEqual(server.session.getPeer(), again.session.getPeer())
        self.assertWaits(server)
        self.clientFactory.made[1].session.write(b"new")
        self.network.run(1)
        self.assertEqual(again.received, b"new")
        self.assertRead(server, PeerRestarted)
        self.clientFactory.made[1].session.write(b"er")
        self.network.run(1)
        self.assertEqual((again.received, again.reasons), (b"newer", []))

    def test_finishedBefore(self) -> None:
        """
        A peer that had closed has delivered all, whatever comes from its address later.
        """
        client, server = self.meet()
        client.session.loseConnection()
        self.network.run(1)
        self.network.host(CLIENT)._ephemeral = client.session.getHost().port
        self.begin()
        self.network.run(1)
        self.assertEqual(len(self.serverFactory.made), 2)
        self.assertWaits(server)
        self.assertRead(server, error.ConnectionDone)

    def test_halfClosed(self) -> None:
        """
        A reset behind a half close is no orderly end.
        """
        client, server = self.meet()
        client.session.loseWriteConnection()
        self.network.run(1)
        client.session.abortConnection()
        self.network.run(1)
        self.assertWaits(server)
        self.assertRead(server, PeerReset)

    def test_finBeforeTheRest(self) -> None:
        """
        Nor is a close of a peer that is gone before all has arrived.
        """
        client, server = self.meet(KCPOptions(crypt="null", keepAlive=1, deadAfter=3))
        self.tamper(CLIENT, lambda data: None if len(data) > 500 else 0.0)
        client.session.write(bytes(1376))
        client.session.loseConnection()
        self.network.run(0.1)
        self.bothWays(DEAD)
        self.network.run(100)
        self.assertWaits(server)
        self.assertRead(server, PeerTimeout)


class WaitingTests(UnreadTestCase):
    """
    What an application does with a connection that is over, and does not know it.
    """

    def test_nothingIsSent(self) -> None:
        """
        Whatever it writes is dropped, and nothing is sent.
        """
        self.network.taps.clear()
        server = self.reset(KCPOptions(crypt="null", dataShards=3, parityShards=1))
        sent = self.port.stats.OutPkts
        server.session.write(b"x")
        server.session.sendOutOfBand(b"x")
        server.session.loseWriteConnection()
        self.network.run(100)
        self.assertEqual((self.port.stats.OutPkts, server.session.queuedBytes), (sent, 0))
        self.assertRead(server, PeerReset)

    def test_producerBefore(self) -> None:
        """
        Its producer is stopped when the connection is over, since nothing can be sent any more:
        whoever waits for that may read only afterwards.
        """
        client, server = self.meet()
        producer = Producer(server.session, b"")
        server.session.registerProducer(producer, True)
        client.session.abortConnection()
        self.network.run(1)
        self.assertTrue(producer.stopped)
        self.assertEqual(server.reasons, [])
        self.assertRead(server, PeerReset)

    def test_producer(self) -> None:
        """
        One that it registers afterwards is stopped when it is told of the end.
        """
        server = self.reset()
        producer = Producer(server.session, b"")
        server.session.registerProducer(producer, True)
        self.network.run(1)
        self.assertFalse(producer.stopped)
        self.assertRead(server, PeerReset)
        self.assertTrue(producer.stopped)

    def endWith(self, end: Callable[[KCPTransport], object]) -> BaseException:
        """
        @return: the reason that it is given afterwards, without what it has not read.
        """
        server = self.reset()
        end(server.session)
        self.assertEqual(server.reasons, [])
        self.network.run(0)
        self.assertEqual(server.received, b"")
        self.finish(self.port)
        reason: BaseException = self.reasonOf(server)
        return reason

    def test_loseConnection(self) -> None:
        """
        If it closes, it wants nothing more, and is told how the connection ended.
        """
        self.assertIsInstance(self.endWith(KCPTransport.loseConnection), PeerReset)

    def test_abortConnection(self) -> None:
        """
        If it aborts, that is how it ended.
        """
        self.assertIsInstance(self.endWith(KCPTransport.abortConnection), error.ConnectionAborted)

    def test_raises(self) -> None:
        """
        If it raises, the connection ends with that.
        """
        server = self.reset()
        server.onData = lambda _: 1 // 0
        server.session.resumeProducing()
        self.network.run(0)
        self.assertIsInstance(self.reasonOf(server), ZeroDivisionError)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_closedBefore(self) -> None:
        """
        If it had closed before, a reset ends the connection at once.
        """
        client, server = self.meet()
        self.tamper(SERVER, loses(object))  # type: ignore[arg-type]
        server.session.write(b"x")
        server.session.loseConnection()
        client.session.abortConnection()
        self.network.run(1)
        self.assertIsInstance(self.reasonOf(server), PeerReset)

    def test_ownEnds(self) -> None:
        """
        What this end decides, ends the connection at once.
        """
        _, server = self.meet(KCPOptions(crypt="null", idleTimeout=60))
        self.network.run(100)
        self.assertIsInstance(self.reasonOf(server), IdleTimeout)

    def test_othersGoOn(self) -> None:
        """
        A connection in which nothing is unread ends at once.
        """
        client, server = self.connect(link=SLOW)
        server.session.pauseProducing()
        client.session.abortConnection()
        self.network.run(1)
        self.assertIsInstance(self.reasonOf(server), PeerReset)


class PortTests(UnreadTestCase):
    """
    What a port does with such connections.
    """

    def test_places(self) -> None:
        """
        They keep their places, so that peers which come and go cannot fill the memory.
        """
        options = KCPOptions(crypt="null", maxSessions=2, timeout=1)
        server = self.reset(options)
        self.assertEqual(self.port.sessions, [])
        self.begin(options)
        refused = self.begin(options)
        self.network.run(5)
        self.failureResultOf(refused)
        self.assertRead(server, PeerReset)
        self.begin(options)
        self.network.run(1)
        self.assertEqual(len(self.serverFactory.made), 3)

    def test_stop(self) -> None:
        """
        A stop ends them, unless it is to wait for them.
        """
        for sessions, reason in (("close", PeerReset), ("abort", error.ConnectionAborted)):
            with self.subTest(sessions=sessions):
                self.setUp()
                server = self.reset()
                stopped = self.port.stopListening(sessions)
                self.network.run(1)
                self.successResultOf(stopped)
                self.assertIsInstance(self.reasonOf(server), reason)
        self.setUp()
        server = self.reset()
        stopped = self.port.stopListening("finish")
        self.network.run(100)
        self.assertNoResult(stopped)
        self.assertRead(server, PeerReset)
        self.successResultOf(stopped)

    def test_reactorStops(self) -> None:
        """
        When the socket closes they end with what ended them.
        """
        server = self.reset()
        self.network.host(SERVER).ports[4000].stopListening()
        self.assertIsInstance(self.reasonOf(server), PeerReset)

    def test_reactorStopsUnread(self) -> None:
        """
        What was closed, and cannot be read any more, has not ended in good order.
        """
        client, server = self.meet()
        client.session.loseConnection()
        self.network.run(1)
        self.network.host(CLIENT)._ephemeral = client.session.getHost().port
        self.begin()
        self.network.run(1)
        self.assertWaits(server)
        self.network.host(SERVER).ports[4000].stopListening()
        self.assertIs(type(self.reasonOf(server)), error.ConnectionLost)

    def test_client(self) -> None:
        """
        A client keeps its socket until it is told.
        """
        client, server = self.connect(link=SLOW)
        client.session.pauseProducing()
        self.written = self.data(3000)
        server.session.write(self.written)
        self.network.run(1)
        server.session.abortConnection()
        self.network.run(1)
        self.assertWaits(client)
        self.assertEqual((len(self.network.host(CLIENT).ports), self.clientFactory.stops), (1, 0))
        self.assertRead(client, PeerReset)
        self.assertEqual((self.network.host(CLIENT).ports, self.clientFactory.stops), ({}, 1))


class AfterCloseTests(ControlledTestCase):
    """
    What comes after loseConnection is not delivered: Twisted's TCP stops reading there
    (L{twisted.internet.abstract.FileDescriptor.loseConnection}).
    """

    def received(self, stream: bool) -> list[bytes]:
        """
        @return: what a server is given that closes at the first data, and has something to deliver.
        """
        client, server = self.connect(KCPOptions(crypt="null", stream=stream), SLOW)

        def close(data: bytes) -> None:
            server.session.write(b"answer")
            server.session.loseConnection()

        server.onData = close
        client.session.write(b"one")
        client.session.write(b"two")
        self.network.run(0.03)
        client.session.write(b"three")
        self.network.run(1)
        self.assertEqual(client.received, b"answer")
        self.assertIsInstance(self.reasonOf(server), error.ConnectionDone)
        return server.pieces

    def test_stream(self) -> None:
        """
        Bytes.
        """
        self.assertEqual(self.received(True), [b"onetwo"])

    def test_messages(self) -> None:
        """
        Messages, those that came with it and later ones.
        """
        self.assertEqual(self.received(False), [b"one"])

    def test_paused(self) -> None:
        """
        A window that a paused protocol has shut opens, so that the peer can close, too.
        """
        client, server = self.connect(KCPOptions(crypt="null", receiveWindow=4), SLOW)
        server.session.pauseProducing()
        client.session.write(bytes(100_000))
        self.network.run(1)
        server.session.loseConnection()
        client.session.loseConnection()
        self.network.run(5)
        self.assertEqual(server.pieces, [])
        self.assertIsInstance(self.reasonOf(server), error.ConnectionDone)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)

    def test_abort(self) -> None:
        """
        After abortConnection nothing is.
        """
        client, server = self.connect(KCPOptions(crypt="null", stream=False), SLOW)
        server.onData = lambda _: server.session.abortConnection()
        client.session.write(b"one")
        client.session.write(b"two")
        self.network.run(1)
        self.assertEqual(server.pieces, [b"one"])
        self.assertIsInstance(self.reasonOf(server), error.ConnectionAborted)
