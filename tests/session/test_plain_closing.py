"""
Tests for L{kcptwisted.session.controlled}: closing against a peer that knows no control frames.
"""

from __future__ import annotations

from twisted.internet import error

from kcptwisted.errors import LingerTimeout
from kcptwisted.options import KCPOptions
from tests.connections import CLIENT, PORT, SERVER
from tests.controlling import ControlledTestCase, PlainPeer, PlainServerTestCase
from tests.session.test_session_producers import Producer


class ClientTests(PlainServerTestCase):
    """
    Our client, a plain server.
    """

    def test_drained(self) -> None:
        """
        A close is complete as soon as all is acknowledged.
        """
        client = self.meet()
        data = self.data(20_000)
        client.session.write(data)
        client.session.loseConnection()
        self.network.run(0.2)
        self.assertEqual(self.peer.received, data)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)
        self.assertEqual((self.peer.others, self.network.host(CLIENT).ports), ([], {}))

    def test_nothingToDeliver(self) -> None:
        """
        With nothing under way at once.
        """
        client = self.meet()
        client.session.loseConnection()
        self.network.run(0)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)

    def test_linger(self) -> None:
        """
        If the ACKs do not come it ends after the linger time, not sooner.
        """
        client = self.meet(KCPOptions(crypt="null", linger=3))
        self.peer.silent = True
        client.session.write(b"lost")
        client.session.loseConnection()
        self.network.run(2.9)
        self.assertEqual(client.reasons, [])
        self.network.run(0.2)
        self.assertIsInstance(self.reasonOf(client), LingerTimeout)
        self.network.run(1)
        self.assertEqual(self.network.clock.getDelayedCalls(), [])

    def test_windowShut(self) -> None:
        """
        A peer that answers keeps a close waiting while its window is shut, with and without
        keepalive; it is delivered all when that opens.
        """
        for keepAlive in (0, 10):
            with self.subTest(keepAlive=keepAlive):
                self.setUp()
                client = self.meet(KCPOptions(crypt="null", linger=2, keepAlive=keepAlive))
                self.peer.reads = False
                data = self.data(2_000_000)
                client.session.write(data)
                client.session.loseConnection()
                self.network.run(500)
                self.assertEqual((client.reasons, self.peer.received), ([], b""))
                self.peer.reads = True
                self.network.run(100)
                self.assertEqual(len(self.peer.received), len(data))
                self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)

    def test_lateProducer(self) -> None:
        """
        A producer that is registered behind a half close brings nothing, and holds up no close.
        """
        client = self.meet()
        client.session.loseWriteConnection()
        self.network.run(1)
        producer = Producer(client.session, b"late")
        client.session.registerProducer(producer, False)
        self.network.run(1)
        client.session.loseConnection()
        self.network.run(1)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)
        self.assertTrue(producer.stopped)
        self.assertEqual(self.peer.received, b"")


class ServerTests(ControlledTestCase):
    """
    Our server, a plain client.
    """

    def test_drained(self) -> None:
        """
        It gets everything, and the session is forgotten; it is told nothing, and what it says
        afterwards opens no other session.
        """
        self.port = self.listen()
        peer = PlainPeer(77, (SERVER, PORT))
        self.network.host(CLIENT).listenUDP(1, peer)
        peer.write(b"hello")
        self.network.run(0.1)
        (server,) = self.serverFactory.made
        data = self.data(20_000)
        server.session.write(data)
        server.session.loseConnection()
        self.network.run(1)
        self.assertEqual(peer.received, data)
        self.assertIsInstance(self.reasonOf(server), error.ConnectionDone)
        peer.ask()
        peer.write(b"more")
        self.network.run(1)
        self.assertEqual((len(self.serverFactory.made), self.port.sessions), (1, []))
        self.assertEqual((peer.hellos, peer.others), ([], []))
