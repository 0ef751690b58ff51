"""
Tests for L{kcptwisted.session.controlled}: resets, between two of ours.
"""

from __future__ import annotations

from twisted.internet import error

from kcptwisted.errors import PeerReset, PeerTimeout
from kcptwisted.wire.control import Fin, Reset, ResetReason
from tests.connections import CLIENT, SERVER
from tests.controlling import loses
from tests.inside import sessionOf
from tests.session.test_closing_frames import SLOW, EndingTestCase


class AbortTests(EndingTestCase):
    """
    abortConnection.
    """

    def test_abort(self) -> None:
        """
        ConnectionAborted here, ConnectionLost there, at once, and both ends forget the session.
        """
        for aborter in (0, 1):
            with self.subTest(aborter=aborter):
                self.setUp()
                ends = self.connect(link=SLOW)
                ends[aborter].session.write(bytes(500_000))
                ends[aborter].session.abortConnection()
                self.assertTrue(ends[aborter].session.disconnecting)
                ends[aborter].session.write(b"ignored")
                self.network.run(0.05)
                self.assertIsInstance(self.reasonOf(ends[aborter]), error.ConnectionAborted)
                reason = self.reasonOf(ends[1 - aborter])
                self.assertIsInstance(reason, PeerReset)
                self.assertIsInstance(reason, error.ConnectionLost)
                self.assertIn("aborted", str(reason))
                (frame,) = self.sent(Reset, (CLIENT, SERVER)[aborter])[0].frames
                self.assertEqual(frame, Reset(ResetReason.ABORTED))
                self.assertEqual(self.sent(Reset, (SERVER, CLIENT)[aborter]), [])
                self.assertTrue(self.forgotten())

    def test_lostReset(self) -> None:
        """
        If the server's reset is lost, the client's next keepalive is answered by another one.
        """
        client, server = self.connect(link=SLOW)
        client.session.write(b"a second datagram")
        self.network.run(0.5)
        self.tamper(SERVER, loses(Reset, 2))
        server.session.abortConnection()
        self.network.run(9)
        self.assertEqual(client.reasons, [])
        self.network.run(2)
        self.assertIsInstance(self.reasonOf(client), PeerReset)
        self.assertTrue(self.forgotten())

    def test_lostClientsReset(self) -> None:
        """
        If the client's are lost nobody is there to say it again: the server finds out by itself.
        """
        client, server = self.connect(link=SLOW)
        self.tamper(CLIENT, loses(Reset))
        client.session.abortConnection()
        self.network.run(30)
        self.assertEqual(server.reasons, [])
        self.network.run(15)
        self.assertIsInstance(self.reasonOf(server), PeerTimeout)

    def test_unread(self) -> None:
        """
        What had arrived in order before the reset is delivered.
        """
        client, server = self.connect(link=SLOW)
        client.session.write(b"before")
        self.network.run(0.01)
        client.session.abortConnection()
        self.network.run(0.1)
        self.assertEqual(server.received, b"before")

    def test_inOneBatch(self) -> None:
        """
        Also what arrives in the same turn.
        """
        client, server = self.connect()
        kept: list[bytes] = []
        self.tamper(CLIENT, kept.append)
        client.session.write(b"before")
        self.network.run(0)
        client.session.abortConnection()
        self.network.run(0)
        sessionOf(server.session).datagramsReceived(kept, sessionOf(server.session).address)
        self.assertEqual(server.received, b"before")
        self.assertIsInstance(self.reasonOf(server), PeerReset)

    def test_nothingLost(self) -> None:
        """
        A reset by a peer that has everything is a clean end for the one that is closing.
        """
        client, server = self.connect(link=SLOW)
        self.tamper(CLIENT, loses(Fin))
        client.session.write(b"all")
        client.session.loseConnection()
        self.network.run(1)
        self.assertEqual((server.received, client.reasons), (b"all", []))
        server.session.abortConnection()
        self.network.run(0.1)
        self.assertClean(client)

    def test_stopListening(self) -> None:
        """
        So they are when a port stops listening, in each of the ways.
        """
        for how, kind in (("close", error.ConnectionDone), ("abort", PeerReset)):
            with self.subTest(how=how):
                self.setUp()
                client, server = self.connect(link=SLOW)
                stopped = self.port.stopListening(how)
                self.network.run(0.2)
                self.successResultOf(stopped)
                self.assertIsInstance(self.reasonOf(client), kind)
                self.assertEqual(len(server.reasons), 1)
