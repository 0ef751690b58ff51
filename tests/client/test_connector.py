"""
Tests for L{kcptwisted.client.connector}.
"""

from __future__ import annotations

import errno
from typing import Any

from twisted.internet import error
from twisted.python.failure import Failure

from kcptwisted.client.connector import KCPConnector
from kcptwisted.client.suspicion import UNANSWERED_QUESTIONS
from kcptwisted.errors import PeerRefused, PeerRestarted, PeerUnreachable
from kcptwisted.options import KCPOptions
from kcptwisted.stack import socketstack
from kcptwisted.testing.link import Link
from kcptwisted.wire.segment import PUSH, WASK, decodeSegments
from tests.callers import push
from tests.connections import CLIENT, PORT, SERVER, ConnectionTestCase, RecordingProtocol
from tests.inside import connectionOf, sessionOf
from tests.server.test_listener import RawPeer


class ConnectTests(ConnectionTestCase):
    """
    From connect to its result.
    """

    def assertNothingLeft(self) -> None:
        """
        No socket, no delayed call, and the factory is stopped.
        """
        self.network.run(0)
        self.assertEqual(self.network.host(CLIENT).ports, {})
        self.assertEqual(self.network.clock.getDelayedCalls(), [])
        self.assertEqual(self.clientFactory.starts, self.clientFactory.stops)

    def test_waitsForAnswer(self) -> None:
        """
        The result comes with the server's answer to a WASK, after one round trip.
        """
        self.bothWays(Link(delay=0.05))
        sent: list[bytes] = []
        self.network.taps.append(lambda source, to, datagram: sent.append(datagram))
        self.listen()
        connecting = self.begin()
        self.network.run(0.099)
        self.assertNoResult(connecting)
        self.network.run(0.002)
        self.assertIsInstance(self.successResultOf(connecting), RecordingProtocol)
        self.assertEqual([decodeSegments(datagram)[0].cmd for datagram in sent[:1]], [WASK])
        self.assertEqual(len(self.serverFactory.made), 1)

    def test_lossyHandshake(self) -> None:
        """
        A lost WASK or answer is made up for.
        """
        self.bothWays(Link(delay=0.05, loss=0.5))
        self.listen()
        results: list[object] = []
        self.begin().addBoth(results.append)
        self.network.runUntil(lambda: bool(results), 30)
        self.assertIsInstance(results[0], RecordingProtocol)

    def test_noHandshake(self) -> None:
        """
        With handshake=no the result is there at once, and nothing is sent before the first write;
        the hello goes with it.
        """
        options = KCPOptions(crypt="null", handshake=False)
        sent: list[bytes] = []
        self.network.taps.append(lambda source, to, datagram: sent.append(datagram))
        self.listen()
        client = self.successResultOf(self.begin(options))
        assert isinstance(client, RecordingProtocol)
        self.network.run(5)
        self.assertEqual(sent, [])
        client.session.write(b"hello")
        self.network.run(0)
        self.assertEqual([segment.cmd for segment in decodeSegments(sent[0])], [WASK, PUSH])
        self.network.run(0.1)
        self.assertEqual(self.serverFactory.made[0].received, b"hello")
        self.assertTrue(connectionOf(client.session).controls.greeted)

    def test_noHandshakeSilent(self) -> None:
        """
        If the first write takes longer than the keepalive, the hello goes with that.
        """
        options = KCPOptions(crypt="null", handshake=False)
        self.listen()
        client = self.successResultOf(self.begin(options))
        assert isinstance(client, RecordingProtocol)
        self.network.run(options.keepAlive + 0.1)
        self.assertTrue(connectionOf(client.session).controls.greeted)
        self.assertEqual(len(self.serverFactory.made), 1)

    def test_timeout(self) -> None:
        """
        Without an answer the result is a TimeoutError after the timeout, not sooner.
        """
        self.bothWays(Link(loss=1))
        self.listen()
        connecting = self.begin(KCPOptions(crypt="null", timeout=2.5))
        self.network.run(2.4)
        self.assertNoResult(connecting)
        self.network.run(0.2)
        self.failureResultOf(connecting, error.TimeoutError)
        self.assertNothingLeft()

    def test_wrongKey(self) -> None:
        """
        A server with another key does not answer, counts, and goes on.
        """
        port = self.listen(KCPOptions(key="right"))
        connecting = self.begin(KCPOptions(key="wrong", timeout=1))
        self.network.run(1.1)
        self.failureResultOf(connecting, error.TimeoutError)
        self.assertGreater(port.stats.InCsumErrors, 0)
        self.assertEqual(self.serverFactory.made, [])
        self.finish(port)

    def test_refused(self) -> None:
        """
        A closed port is a ConnectionRefusedError at once.
        """
        self.network.host(SERVER)
        connecting = self.begin()
        self.network.run(0.1)
        failure = self.failureResultOf(connecting, error.ConnectionRefusedError)
        self.assertIsInstance(failure.value, PeerRefused)
        self.assertNothingLeft()

    def connector(self) -> KCPConnector:
        """
        @return: one that is connecting.
        """
        connector = KCPConnector(
            self.network.host(CLIENT), self.options, self.clientFactory, lambda: 7
        )
        self.bothWays(Link(loss=1))
        self.connecting = connector.connect((CLIENT, 0), (SERVER, PORT))
        return connector

    def test_prohibited(self) -> None:
        """
        So is a firewall's answer.
        """
        self.network.host(SERVER)
        for number in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES):
            with self.subTest(number=number):
                connector = self.connector()
                connector.peerUnreachable(OSError(number, "prohibited"))
                self.network.run(0.1)
                problem = self.failureResultOf(self.connecting, error.ConnectError).value
                self.assertIsInstance(problem, PeerUnreachable)
                self.assertEqual(problem.osError, number)
                self.assertNothingLeft()

    def test_cannotSend(self) -> None:
        """
        So is what keeps this host from sending.
        """
        self.network.host(SERVER)
        for number, kind in (
            (errno.EPERM, error.ConnectError),
            (errno.ENETUNREACH, error.NoRouteError),
        ):
            with self.subTest(number=number):
                connector = self.connector()
                connector.sendingFailed(OSError(number, "no"))
                self.network.run(0.1)
                problem = self.failureResultOf(self.connecting, kind).value
                self.assertEqual(problem.osError, number)
                self.assertNothingLeft()

    def test_withoutHandshake(self) -> None:
        """
        Without a handshake a connection that the peer has not answered yet ends at once.
        """
        self.network.host(SERVER)
        options = KCPOptions(crypt="null", handshake=False)
        client = self.successResultOf(self.begin(options))
        assert isinstance(client, RecordingProtocol)
        client.session.write(b"anybody?")
        self.network.run(0.1)
        self.assertIsInstance(self.reasonOf(client), PeerRefused)

    def test_cancel(self) -> None:
        """
        Connecting can be cancelled.
        """
        self.bothWays(Link(loss=1))
        self.listen()
        connecting = self.begin()
        self.network.run(1)
        connecting.cancel()
        self.failureResultOf(connecting, error.ConnectingCancelledError)
        self.assertNothingLeft()

    def test_cancelInBuildProtocol(self) -> None:
        """
        If the application cancels in buildProtocol, the protocol is never connected.
        """
        self.listen()
        connecting = self.begin()
        protocol = RecordingProtocol()

        def build(addr: object) -> RecordingProtocol:
            connecting.cancel()
            return protocol

        self.patch(self.clientFactory, "buildProtocol", build)
        self.network.run(0.1)
        self.failureResultOf(connecting, error.ConnectingCancelledError)
        self.assertIs(protocol.transport, None)
        self.assertNothingLeft()

    def test_cancelInConnectionMade(self) -> None:
        """
        If it cancels in connectionMade, the connection ends afterwards, once.
        """
        self.listen()
        connecting = self.begin()
        during: list[int] = []

        def cancel(protocol: RecordingProtocol) -> None:
            connecting.cancel()
            during.append(len(protocol.reasons))

        def prepare(protocol: RecordingProtocol) -> None:
            protocol.onMade = cancel

        self.clientFactory.prepare = prepare
        self.network.run(0.1)
        self.failureResultOf(connecting, error.ConnectingCancelledError)
        self.assertEqual((during, len(self.clientFactory.made[0].reasons)), ([0], 1))
        self.assertNothingLeft()

    def test_noProtocol(self) -> None:
        """
        A factory that makes no protocol is an error of its own.
        """
        self.listen()
        self.patch(self.clientFactory, "buildProtocol", lambda addr: None)
        connecting = self.begin()
        self.network.run(0.1)
        self.failureResultOf(connecting, error.NoProtocol)
        self.assertNothingLeft()

    def test_factoryRaises(self) -> None:
        """
        What buildProtocol raises is the result.
        """
        self.listen()
        self.patch(self.clientFactory, "buildProtocol", lambda addr: 1 / 0)
        connecting = self.begin()
        self.network.run(0.1)
        self.failureResultOf(connecting, ZeroDivisionError)
        self.assertNothingLeft()


class ConnectedTests(ConnectionTestCase):
    """
    The client's end of a connection that stands.
    """

    def test_refusedLater(self) -> None:
        """
        A server that is killed, and so cannot take its leave, ends the connection some seconds
        after its host has said so.
        """
        client, _ = self.connect()
        self.network.run(1)
        self.network.host(SERVER).ports.clear()
        client.session.write(b"anybody?")
        self.network.run(UNANSWERED_QUESTIONS - 0.5)
        self.assertEqual(client.reasons, [])
        self.network.run(1)
        self.assertIsInstance(self.reasonOf(client), PeerRefused)

    def test_refusedForAMoment(self) -> None:
        """
        One that is there again in time, or was never gone, is asked and keeps the connection.
        """
        client, server = self.connect()
        ports = self.network.host(SERVER).ports
        away = dict(ports)
        ports.clear()
        client.session.write(b"anybody?")
        self.network.run(0.9)
        ports.update(away)
        self.network.run(60)
        self.assertEqual((client.reasons, server.received), ([], b"anybody?"))
        for _ in range(100):
            self.connector(client).connectionRefused()
            self.connector(client).peerUnreachable(OSError(errno.EHOSTUNREACH, "forged"))
            self.network.run(0.3)
        self.assertEqual((client.reasons, server.reasons), ([], []))

    def test_refusedThenRestarted(self) -> None:
        """
        One that has started anew meanwhile says that it does not know the connection.
        """
        client, _ = self.connect()
        self.network.host(SERVER).ports.clear()
        client.session.write(b"anybody?")
        self.network.run(0.5)
        self.listen()
        self.network.run(1)
        self.assertIsInstance(self.reasonOf(client), PeerRestarted)

    def connector(self, client: RecordingProtocol) -> KCPConnector:
        """
        @return: the connector of a client's session.
        """
        connector: Any = sessionOf(client.session)._holder
        assert isinstance(connector, KCPConnector)
        return connector

    def test_unreachable(self) -> None:
        """
        So it is when the network says that it prohibits what is sent.
        """
        client, _ = self.connect()
        self.bothWays(Link(loss=1))
        self.connector(client).peerUnreachable(OSError(errno.EHOSTUNREACH, "prohibited"))
        self.network.run(UNANSWERED_QUESTIONS + 0.5)
        reason = self.reasonOf(client)
        self.assertIsInstance(reason, PeerUnreachable)
        self.assertEqual(reason.osError, errno.EHOSTUNREACH)

    def test_cannotSend(self) -> None:
        """
        What keeps this host from sending is not the peer's fault: the connection goes on.
        """
        client, server = self.connect()
        for number in (errno.EPERM, errno.ENETUNREACH, errno.EINVAL):
            self.connector(client).sendingFailed(OSError(number, "no"))
        self.network.run(UNANSWERED_QUESTIONS + 60)
        self.assertEqual((client.reasons, server.reasons), ([], []))

    def test_addressGone(self) -> None:
        """
        If this host's address is gone, a new socket is opened, if the server follows.
        """
        for options, times in ((KCPOptions(key="sesame"), 1), (self.options, 0)):
            with self.subTest(crypt=options.crypt):
                self.setUp()
                client, _ = self.connect(options)
                tried: list[Any] = []

                def rebindPort(*given: Any, to: list[Any] = tried) -> bool:
                    to.append(given)
                    return False

                self.patch(socketstack, "rebindPort", rebindPort)
                self.connector(client).sendingFailed(OSError(errno.EPERM, "a firewall"))
                for number in (errno.EINVAL, errno.EADDRNOTAVAIL, errno.ENETUNREACH):
                    self.connector(client).sendingFailed(OSError(number, "gone"))
                self.assertEqual(len(tried), times)
                client.session.abortConnection()
                self.network.run(0.1)

    def test_closedAndGone(self) -> None:
        """
        It is no loss that the server is gone when it has acknowledged everything.
        """
        client, _ = self.connect()
        client.session.write(b"all")
        self.network.run(1)
        self.bothWays(Link(loss=1))
        client.session.loseConnection()
        self.network.run(0.1)
        self.connector(client).peerUnreachable(OSError(errno.EHOSTUNREACH, "prohibited"))
        self.network.run(0.1)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)

    def test_strangers(self) -> None:
        """
        Datagrams from other addresses do not reach a client.
        """
        client, _ = self.connect()
        stranger = self.network.host("10.0.0.9")
        peer = RawPeer()
        stranger.listenUDP(1, peer)
        local = client.session.getHost()
        before = client.session.stats.InPkts
        peer.transport.write(b"x" * 100, (CLIENT, local.port))
        self.network.run(0.1)
        self.assertEqual(client.session.stats.InPkts, before)

    def test_spelling(self) -> None:
        """
        All that comes is the peer's, however the system writes its address.
        """
        client, _ = self.connect()
        before = client.session.stats.InPkts
        stack = self.connector(client).stack
        written = (SERVER, PORT, 0, 0)
        stack.datagramsReceived([push(client.session.conv, 0, b"one")], written)
        stack.datagramsRecovered([push(client.session.conv, 1, b"two")], written)
        stack.batchFinished()
        self.assertEqual((client.received, client.session.stats.InPkts), (b"onetwo", before + 1))
        stack.layerFailed(Failure(ZeroDivisionError()), written)
        self.network.run(0)
        self.assertIsInstance(self.reasonOf(client), ZeroDivisionError)

    def test_otherConversation(self) -> None:
        """
        A server that speaks of another conversation is not heard, and that is counted.
        """
        client, server = self.connect()
        connectionOf(server.session).conversation.conv += 1
        server.session.write(b"for somebody else")
        self.network.run(0.1)
        self.assertEqual((client.received, client.reasons), (b"", []))
        self.assertGreater(client.session.portStats.InErrs, 0)

    def test_otherOutOfBand(self) -> None:
        """
        Neither is what it sends out-of-band of another conversation.
        """
        client, server = self.connect(KCPOptions(crypt="null", dataShards=3, parityShards=1))
        sessionOf(server.session).conv += 1
        server.session.sendOutOfBand(b"for somebody else")
        self.network.run(0.1)
        stats = client.session.stats
        self.assertEqual((client.reasons, client.session.portStats.InErrs), ([], 1))
        self.assertEqual((stats.OOBReceived, stats.OOBDropped), (0, 0))

    def test_socketCloses(self) -> None:
        """
        The socket goes with the connection.
        """
        client, _ = self.connect()
        client.session.loseConnection()
        self.network.run(1)
        self.assertEqual(self.network.host(CLIENT).ports, {})
        self.assertIn(PORT, self.network.host(SERVER).ports)
