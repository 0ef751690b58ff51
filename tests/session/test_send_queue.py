"""
Tests for L{kcptwisted.session.transport}: what waits to be sent, and what can never be.
"""

from __future__ import annotations

from twisted.internet import error

from kcptwisted.errors import MessageTooLong, PeerReset, SendQueueFull
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from kcptwisted.wire.segment import WASK, WINS
from tests.connections import CLIENT, SERVER
from tests.controlling import ControlledTestCase, PlainServerTestCase
from tests.inside import connectionOf

SLOW = Link(delay=0.02)
DEAD = Link(loss=1)

#: Bytes of a full segment with the mtu of these tests.
MSS = 1376


class QueueTests(ControlledTestCase):
    """
    The queue of a protocol that writes without a producer.
    """

    def test_queuedBytes(self) -> None:
        """
        What waits can be seen, and is less when some has left.
        """
        client, server = self.connect(KCPOptions(crypt="null", mtu=1400, sendWindow=4), link=SLOW)
        self.assertEqual(client.session.queuedBytes, 0)
        client.session.write(bytes(10 * MSS))
        self.assertEqual(client.session.queuedBytes, 10 * MSS)
        self.network.run(0)
        self.assertEqual(client.session.queuedBytes, 6 * MSS)
        self.network.run(1)
        self.assertEqual((client.session.queuedBytes, len(server.received)), (0, 10 * MSS))

    def test_unlimited(self) -> None:
        """
        Without C{sendQueueLimit} nothing bounds it.
        """
        client, _ = self.connect()
        self.bothWays(DEAD)
        client.session.write(bytes(50_000_000))
        self.network.run(5)
        self.assertEqual(client.reasons, [])
        self.assertGreater(client.session.queuedBytes, 49_000_000)

    def test_limit(self) -> None:
        """
        With it, one byte more ends the connection with SendQueueFull, but not from inside write;
        the peer gets PeerReset.
        """
        options = KCPOptions(crypt="null", mtu=1400, sendQueueLimit=100_000)
        client, server = self.connect(options, link=SLOW)
        client.session.write(bytes(100_000))
        self.network.run(1)
        self.assertEqual((client.reasons, len(server.received)), ([], 100_000))
        client.session.write(bytes(100_000))
        client.session.write(b"x")
        self.assertEqual(client.reasons, [])
        self.network.run(0)
        reason = self.reasonOf(client)
        self.assertIsInstance(reason, SendQueueFull)
        self.assertIsInstance(reason, error.ConnectionLost)
        self.assertIn("100001 with sendQueueLimit=100000", str(reason))
        self.network.run(0.1)
        self.assertIsInstance(self.reasonOf(server), PeerReset)
        self.assertTrue(self.forgotten())

    def test_emptyWrites(self) -> None:
        """
        A write of nothing sends nothing, in either mode.
        """
        for stream in (True, False):
            with self.subTest(stream=stream):
                self.setUp()
                client, server = self.connect(KCPOptions(crypt="null", mtu=1400, stream=stream))
                self.network.run(2)
                before = client.session.stats.asDict()
                client.session.write(b"")
                client.session.writeSequence([b"", b""])
                self.network.run(2)
                self.assertEqual(client.session.stats.asDict(), before)
                client.session.write(b"x")
                client.session.write(b"")
                self.network.run(2)
                self.assertEqual(server.pieces, [b"x"])


class MessageTests(ControlledTestCase):
    """
    Messages that the peer can never take.
    """

    def test_peersWindow(self) -> None:
        """
        One that is larger than the peer's window raises at write, since the hello has told the
        window; one that just fits arrives.  The connection goes on.
        """
        self.listen(KCPOptions(crypt="null", mtu=1400, stream=False, receiveWindow=10))
        self.begin(KCPOptions(crypt="null", mtu=1400, stream=False))
        self.network.run(0.1)
        client, server = self.clientFactory.made[0], self.serverFactory.made[0]
        with self.assertRaises(MessageTooLong) as raised:
            client.session.write(bytes(10 * MSS + 1))
        self.assertEqual((raised.exception.length, raised.exception.limit), (13761, 13760))
        self.assertEqual((client.session.queuedBytes, client.session.stats.BytesSent), (0, 0))
        client.session.write(bytes(10 * MSS))
        server.session.write(bytes(200 * MSS))
        self.network.run(2)
        self.assertEqual([len(piece) for piece in server.pieces], [10 * MSS])
        self.assertEqual([len(piece) for piece in client.pieces], [200 * MSS])

    def test_stream(self) -> None:
        """
        A stream has no messages, so nothing is too long.
        """
        client, server = self.connect(KCPOptions(crypt="null", mtu=1400, receiveWindow=10))
        client.session.write(bytes(300 * MSS))
        self.network.run(5)
        self.assertEqual(len(server.received), 300 * MSS)


class PausedTests(ControlledTestCase):
    """
    A consumer that has paused.
    """

    def test_lostWindowNews(self) -> None:
        """
        A paused consumer fills its window and the peer stops; when it resumes and the news of that
        is lost, a probe finds out within seconds.
        """
        options = KCPOptions(crypt="null", mtu=1400, receiveWindow=32)
        client, server = self.connect(options, link=SLOW)
        server.session.pauseProducing()
        client.session.write(bytes(100 * MSS))
        self.network.run(3)
        self.assertEqual(connectionOf(client.session).conversation.sender.remoteWindow, 0)
        self.assertEqual(client.session.queuedBytes, 68 * MSS)
        told = len([said for said in self.said if said.cmd == WINS])
        self.network.setLink(SERVER, CLIENT, DEAD)
        server.session.resumeProducing()
        self.network.run(0.001)
        self.network.setLink(SERVER, CLIENT, SLOW)
        self.assertEqual(len(server.received), 32 * MSS)
        # The news was sent, and lost.
        self.assertGreater(len([said for said in self.said if said.cmd == WINS]), told)
        self.said.clear()
        self.network.runUntil(lambda: len(server.received) == 100 * MSS, 20)
        self.assertIn(WASK, [said.cmd for said in self.said if said.host == CLIENT])

    def test_staysPaused(self) -> None:
        """
        As long as it is paused nothing is delivered, and the connection stays.
        """
        options = KCPOptions(crypt="null", mtu=1400, receiveWindow=32)
        client, server = self.connect(options, link=SLOW)
        server.session.pauseProducing()
        client.session.write(bytes(100 * MSS))
        self.network.run(600)
        self.assertEqual((client.reasons, server.reasons, server.pieces), ([], [], []))
        server.session.resumeProducing()
        self.network.runUntil(lambda: len(server.received) == 100 * MSS, 130)


class PlainPeerTests(PlainServerTestCase):
    """
    A peer that knows no control frames.
    """

    def test_windowSeen(self) -> None:
        """
        Of one that says no hello the window is what its first segments told.
        """
        client = self.meet(KCPOptions(crypt="null", mtu=1400, stream=False, sendWindow=1024))
        self.assertEqual(
            connectionOf(client.session).conversation.sender.sendQueue.peerWindow, 1024
        )
        self.assertRaises(MessageTooLong, client.session.write, bytes(256 * MSS))
