"""
Tests for L{kcptwisted.session.controlled}: closing, between two of ours.
"""

from __future__ import annotations

from itertools import pairwise

from twisted.internet import error

from kcptwisted.connection.shutdown import FINS
from kcptwisted.errors import LingerTimeout, PeerTimeout
from kcptwisted.options import KCPOptions
from kcptwisted.testing import SimulatedNetwork
from kcptwisted.testing.link import Link
from kcptwisted.wire.control import Fin, FinAck, Reset
from kcptwisted.wire.segment import PUSH, decodeSegments
from tests.connections import CLIENT, SERVER, RecordingProtocol
from tests.controlling import ControlledTestCase, holds, loses, over
from tests.inside import connectionOf

BAD = Link(delay=0.02, jitter=0.02, loss=0.3, duplicate=0.1, reorder=0.2, reorderDelay=0.05)
SLOW = Link(delay=0.02)
DEAD = Link(loss=1)

#: Options with which segments keep their size.
FIXED = KCPOptions(crypt="null", mtu=1400)


class EndingTestCase(ControlledTestCase):
    """
    What to say about the two ends of a connection.
    """

    def assertClean(self, *protocols: RecordingProtocol) -> None:
        """
        Each protocol was told once, and that the connection was closed cleanly.
        """
        for protocol in protocols:
            self.assertIsInstance(self.reasonOf(protocol), error.ConnectionDone)


class CloseTests(EndingTestCase):
    """
    loseConnection.
    """

    def test_close(self) -> None:
        """
        The peer's protocol gets every byte, then both get ConnectionDone, and both ends forget the
        session; the FIN carries the final sn.
        """
        for closer in (0, 1):
            with self.subTest(closer=closer):
                self.setUp()
                ends = self.connect(FIXED, link=SLOW)
                data = self.data(50_000)
                ends[closer].session.write(data)
                ends[closer].session.loseConnection()
                other = ends[1 - closer]
                self.network.runUntil(over(*ends), 1)
                self.assertEqual(other.received, data)
                self.assertClean(*ends)
                host = (CLIENT, SERVER)[closer]
                segments = -(-len(data) // FIXED.arqSettings(0).mss)
                for said in self.sent(Fin, host):
                    self.assertEqual(said.frames, (Fin(segments, True),))
                self.network.run(0.1)
                self.assertTrue(self.forgotten())
                self.finish(self.port)

    def test_nothingWritten(self) -> None:
        """
        So it is when nothing was ever written.
        """
        client, server = self.connect(link=SLOW)
        client.session.loseConnection()
        self.network.run(0.5)
        self.assertClean(client, server)
        self.assertEqual(self.sent(Fin, CLIENT)[0].frames, (Fin(0, True),))
        self.assertTrue(self.forgotten())

    def test_badLink(self) -> None:
        """
        So it is at 30 % loss, with copies and overtaking, in both directions, whoever closes.  Of
        two that close at once neither reads any more.
        """
        for seed in range(60):
            closers = ((0,), (1,), (0, 1))[seed % 3]
            with self.subTest(seed=seed, closers=closers):
                self.setUp()
                self.network = SimulatedNetwork(seed)
                ends = self.connect(link=BAD)
                data = [self.data(30_000, seed), self.data(20_000, seed + 1)]
                for number in closers:
                    ends[number].session.write(data[number])
                    ends[number].session.loseConnection()
                self.network.runUntil(over(*ends), 60)
                for number in closers:
                    expected = data[number] if len(closers) == 1 else b""
                    self.assertEqual(ends[1 - number].received, expected)
                self.assertClean(*ends)
                self.bothWays(Link())
                self.network.run(1)
                self.assertTrue(self.forgotten())

    def test_lostFins(self) -> None:
        """
        FINs that are lost are sent again, at growing distances, until one is answered.
        """
        client, server = self.connect(link=SLOW)
        client.session.write(b"x")
        self.network.run(1)
        self.tamper(CLIENT, loses(Fin, 4))
        client.session.loseConnection()
        self.network.run(5)
        times = [said.seconds for said in self.sent(Fin, CLIENT)]
        self.assertEqual(len(times), 5)
        distances = [after - before for before, after in pairwise(times)]
        for before, after in pairwise(distances):
            self.assertApproximates(after, 2 * before, 0.03)
        self.assertClean(client, server)

    def test_lostFinAcks(self) -> None:
        """
        A FIN whose answers were lost is answered again, by a server that has forgotten the
        connection but for its last words.
        """
        client, server = self.connect(link=SLOW)
        self.tamper(SERVER, loses(FinAck, 2))
        client.session.write(b"x")
        client.session.loseConnection()
        self.network.run(0.1)
        self.assertClean(server)
        self.assertEqual((self.port.sessions, client.reasons), ([], []))
        self.network.run(2)
        self.assertClean(client)
        self.assertEqual(len(self.sent(FinAck, SERVER)), 3)
        self.assertEqual(len(self.serverFactory.made), 1)

    def test_lostAnswersAndAcks(self) -> None:
        """
        Neither is a FIN that comes soon after the last one mistaken for that of a connection that
        the server never had.
        """
        client, server = self.connect(link=SLOW)
        self.tamper(SERVER, lambda d: 0.0 if self.network.clock.seconds() > 0.6 else lost(d))

        def lost(datagram: bytes) -> float | None:
            return 0.0 if holds(datagram, Reset) else None

        client.session.write(b"x")
        client.session.loseConnection()
        self.network.run(5)
        self.assertClean(client, server)

    def test_answersGone(self) -> None:
        """
        If no FIN is ever answered, but all data were acknowledged, the end is clean after the last
        FIN had its time.
        """
        _, server = self.connect(KCPOptions(crypt="null", linger=300), link=SLOW)
        server.session.write(b"x")
        self.network.run(1)
        self.bothWays(DEAD)
        server.session.loseConnection()
        self.network.run(5)
        self.assertEqual(server.reasons, [])
        self.network.runUntil(lambda: bool(server.reasons), 60)
        self.assertClean(server)
        self.assertEqual(len(self.sent(Fin, SERVER)), FINS)

    def test_dataUnacknowledged(self) -> None:
        """
        But not if data were not: nobody knows whether they arrived.
        """
        client, _ = self.connect(KCPOptions(crypt="null", linger=300), link=SLOW)
        client.session.write(b"x")
        self.network.run(1)
        self.bothWays(DEAD)
        client.session.write(b"lost")
        client.session.loseConnection()
        self.network.runUntil(lambda: bool(client.reasons), 60)
        self.assertIsInstance(self.reasonOf(client), PeerTimeout)

    def test_answersGoneLinger(self) -> None:
        """
        Or sooner, after the linger time.
        """
        _, server = self.connect(KCPOptions(crypt="null", linger=2), link=SLOW)
        server.session.write(b"x")
        self.network.run(1)
        self.bothWays(DEAD)
        server.session.loseConnection()
        self.network.run(2.1)
        self.assertClean(server)

    def test_finOvertakesData(self) -> None:
        """
        A FIN that arrives before the last data waits for them.
        """

        def late(datagram: bytes) -> float:
            return 0.05 if decodeSegments(datagram)[0].cmd == PUSH else 0.0

        client, server = self.connect()
        data = self.data(5000)
        client.session.write(data[:1000])
        self.network.run(0.1)
        self.tamper(CLIENT, lambda datagram: 0.0 if holds(datagram, Fin) else late(datagram))
        client.session.write(data[1000:])
        self.network.run(0)
        client.session.loseConnection()
        self.network.run(0.04)
        self.assertEqual((len(server.received), server.reasons), (1000, []))
        self.assertGreater(len(self.sent(Fin, CLIENT)), 0)
        self.assertEqual(self.sent(FinAck, SERVER), [])
        self.network.run(0.5)
        self.assertEqual(server.received, data)
        self.assertClean(client, server)

    def test_bothAtOnce(self) -> None:
        """
        Both ends close with data under way both ways: neither reads any more, and each has
        everything acknowledged.
        """
        for up, down in ((300_000, 300_000), (200, 900_000), (900_000, 200)):
            with self.subTest(up=up, down=down):
                self.setUp()
                client, server = self.connect(FIXED, link=SLOW)
                for end, length in ((client, up), (server, down)):
                    end.session.write(self.data(length, length))
                    end.session.loseConnection()
                self.network.runUntil(over(client, server), 20)
                self.assertClean(client, server)
                for end, length in ((client, up), (server, down)):
                    self.assertEqual(end.received, b"")
                    sender = connectionOf(end.session).conversation.sender
                    self.assertEqual(sender.una, -(-length // FIXED.arqSettings(0).mss))

    def test_longRest(self) -> None:
        """
        However long one of them has to send, and the other to wait for the answer to its FIN.
        """
        options = KCPOptions(crypt="null", rateLimit=10_000, linger=10)
        for longer in (0, 1):
            with self.subTest(longer=longer):
                self.setUp()
                ends = self.connect(options, link=SLOW)
                ends[longer].session.write(bytes(600_000))
                ends[1 - longer].session.write(b"x")
                for end in ends:
                    end.session.loseConnection()
                self.network.run(50)
                self.assertEqual([end.reasons for end in ends], [[], []])
                self.network.run(50)
                self.assertClean(*ends)

    def test_shutWindow(self) -> None:
        """
        A close waits for a window that is shut, and delivers all when it opens.
        """
        options = KCPOptions(crypt="null", receiveWindow=32)
        client, server = self.connect(options, link=SLOW)
        server.session.pauseProducing()
        data = self.data(200_000)
        client.session.write(data)
        client.session.loseConnection()
        self.network.run(20)
        self.assertEqual((client.reasons, self.sent(Fin, CLIENT)), ([], []))
        server.session.resumeProducing()
        self.network.runUntil(over(client, server), 5)
        self.assertEqual(server.received, data)
        self.assertClean(client, server)

    def test_windowStaysShut(self) -> None:
        """
        A peer that answers keeps a close waiting for as long as its window is shut, whatever its
        linger; the one that no longer answers is given up after it.
        """
        for keepAlive in (0, 10):
            with self.subTest(keepAlive=keepAlive):
                self.setUp()
                options = KCPOptions(
                    crypt="null", receiveWindow=32, linger=5, keepAlive=keepAlive, deadAfter=60
                )
                client, server = self.connect(options, link=SLOW)
                server.session.pauseProducing()
                client.session.write(bytes(200_000))
                client.session.loseConnection()
                self.network.run(600)
                self.assertEqual((client.reasons, server.reasons), ([], []))
                self.tamper(SERVER, lambda _: None)
                self.network.run(11)
                self.assertIsInstance(self.reasonOf(client), LingerTimeout)

    def test_pausedPeer(self) -> None:
        """
        A peer that has paused gets every byte when it resumes, then ConnectionDone.  The closing
        end need not wait for that, and the peer does not miss it meanwhile.
        """
        for closer in (0, 1):
            with self.subTest(closer=closer):
                self.setUp()
                ends = self.connect(KCPOptions(crypt="null", idleTimeout=60), link=SLOW)
                paused = ends[1 - closer]
                paused.session.pauseProducing()
                data = self.data(50_000)
                ends[closer].session.write(data)
                ends[closer].session.loseConnection()
                self.network.run(1)
                self.assertClean(ends[closer])
                paused.session.write(b"nobody reads this")
                self.network.run(1000)
                self.assertEqual((paused.received, paused.reasons), (b"", []))
                paused.session.resumeProducing()
                self.network.run(0)
                self.assertEqual(paused.received, data)
                self.assertClean(paused)
                self.network.run(0)
                self.assertTrue(self.forgotten())

    def test_pausedPeerCloses(self) -> None:
        """
        Or it closes without reading the rest.
        """
        client, server = self.connect(link=SLOW)
        server.session.pauseProducing()
        client.session.write(b"unread")
        client.session.loseConnection()
        self.network.run(1)
        server.session.loseConnection()
        self.network.run(0)
        self.assertEqual(server.received, b"")
        self.assertClean(client, server)

    def test_serverClosesAndStops(self) -> None:
        """
        What a paused client has yet to read survives that the server's port is closed, even if the
        client's host is told so.
        """
        client, _ = self.connect(link=Link(delay=0.3))
        client.session.pauseProducing()
        self.serverFactory.made[0].session.write(b"farewell")
        stopped = self.port.stopListening()
        self.network.run(5)
        self.successResultOf(stopped)
        client.session.resumeProducing()
        self.network.run(0)
        self.assertEqual(client.received, b"farewell")
        self.assertClean(client)
