"""
Tests for L{kcptwisted.server.listening}.
"""

from __future__ import annotations

from typing import cast

from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from zope.interface.verify import verifyObject

from kcptwisted.endpoints import KCPServerEndpoint
from kcptwisted.errors import PeerReset
from kcptwisted.interfaces import IKCPListeningPort
from kcptwisted.options import KCPOptions
from kcptwisted.server.listener import KCPListener
from kcptwisted.server.listening import KCPListeningPort
from kcptwisted.testing import Link
from tests.callers import CallerTestCase, push
from tests.connections import PORT, SERVER, ConnectionTestCase, RecordingProtocol


class PortTests(ConnectionTestCase):
    """
    The listening port.
    """

    def test_interfaces(self) -> None:
        """
        The port is a listening port.
        """
        port = self.listen()
        verifyObject(IListeningPort, port)
        verifyObject(IKCPListeningPort, port)

    def test_factoryStartStop(self) -> None:
        """
        The factory is started and stopped with the port.
        """
        port = self.listen()
        self.assertEqual((self.serverFactory.starts, self.serverFactory.stops), (1, 0))
        self.successResultOf(port.stopListening())
        self.successResultOf(port.stopListening())
        self.assertEqual((self.serverFactory.starts, self.serverFactory.stops), (1, 1))

    def test_neverStarted(self) -> None:
        """
        A port that was never opened can be stopped.
        """
        listener = KCPListener(self.network.host(SERVER), self.options, self.serverFactory)
        self.successResultOf(KCPListeningPort(listener, (SERVER, PORT)).stopListening())

    def test_onStop(self) -> None:
        """
        Who asked is told of each stop, while the sessions are as they were, but not of its own.
        """
        port = self.listen()
        told: list[tuple[str, int]] = []

        def stops(sessions: str) -> None:
            told.append((sessions, self.serverFactory.stops))
            port.stopListening(sessions)

        port.onStop(stops)
        self.begin()
        self.network.run(1)
        finishing = port.stopListening("finish")
        self.assertNoResult(finishing)
        aborting = port.stopListening("abort")
        self.network.run(1)
        self.successResultOf(finishing)
        self.successResultOf(aborting)
        self.assertEqual(told, [("finish", 0), ("abort", 0)])

    def test_onStopHolds(self) -> None:
        """
        A stop is not complete before what it was told to is.
        """
        port = self.listen()
        held: Deferred[None] = Deferred()
        port.onStop(lambda _: held)
        stopped = port.stopListening()
        self.network.run(1)
        self.assertNoResult(stopped)
        held.callback(None)
        self.successResultOf(stopped)

    def test_startTwice(self) -> None:
        """
        A port that listens cannot be started.
        """
        self.assertRaises(CannotListenError, self.listen().startListening)

    def test_addressTaken(self) -> None:
        """
        A second port at the same address cannot listen, and its factory is not started.
        """
        self.listen()
        endpoint = KCPServerEndpoint(self.network.host(SERVER), PORT, self.options)
        self.failureResultOf(endpoint.listen(self.serverFactory), CannotListenError)
        self.assertEqual(self.serverFactory.starts, 1)


class StopTests(CallerTestCase):
    """
    What stopListening does to those who are connected, and to those who call.
    """

    def test_stopDelivers(self) -> None:
        """
        Stopping takes no newcomers, lets sessions deliver what was written, and fires when the
        socket is closed.
        """
        client, server = self.connect()
        server.session.write(self.data(100_000))
        stopped = self.port.stopListening()
        self.assertNoResult(stopped)
        newcomer = self.begin()
        self.network.run(0.2)
        self.successResultOf(stopped)
        self.assertEqual(len(client.received), 100_000)
        self.assertIsInstance(self.reasonOf(server), error.ConnectionDone)
        self.assertEqual(len(self.serverFactory.made), 1)
        self.assertEqual(self.network.host(SERVER).ports, {})
        newcomer.cancel()
        self.failureResultOf(newcomer)

    def assertClosed(self, stopped: Deferred[None]) -> None:
        """
        Assert that the socket is closed, and that all who waited for that know.
        """
        self.assertEqual(self.network.host(SERVER).ports, {})
        self.assertIs(self.successResultOf(stopped), None)
        self.assertEqual((self.serverFactory.starts, self.serverFactory.stops), (1, 1))
        self.assertEqual(self.port.sessions, [])

    def assertOpen(self, stopped: Deferred[None]) -> None:
        """
        Assert that the socket is open yet.
        """
        self.assertNoResult(stopped)
        self.assertEqual(list(self.network.host(SERVER).ports), [PORT])
        self.assertEqual(self.serverFactory.stops, 0)

    def assertRefused(self) -> None:
        """
        Assert that nobody who calls now is let in, with a hello or without.
        """
        made, errors = len(self.serverFactory.made), self.port.stats.InErrs
        newcomer = self.dial(99, host="10.0.0.3")
        self.inject(push(5, 0))
        self.network.run(1)
        self.assertNoResult(newcomer)
        newcomer.cancel()
        self.failureResultOf(newcomer)
        self.assertEqual(len(self.serverFactory.made), made)
        self.assertGreaterEqual(self.port.stats.InErrs, errors + 2)

    def test_empty(self) -> None:
        """
        With nobody connected the socket is closed at once, whatever was asked for.
        """
        for way in ("finish", "close", "abort"):
            self.serverFactory.starts = self.serverFactory.stops = 0
            self.port = self.listen()
            self.assertClosed(self.port.stopListening(way))
            self.assertClosed(self.port.stopListening(way))

    def test_badValue(self) -> None:
        """
        What is no way to stop is refused, says what is allowed, and changes nothing.
        """
        _, server = self.connect()
        for way in ("", "Finish", "wait"):
            raised = self.assertRaises(ValueError, self.port.stopListening, way)
            self.assertIn("finish, close, abort", str(raised))
            self.assertIn(repr(way), str(raised))
        self.network.run(1)
        self.assertEqual(server.reasons, [])
        self.reach(6)
        self.assertEqual(len(self.serverFactory.made), 2)

    def test_finish(self) -> None:
        """
        C{finish}: the connections go on in both directions until one end closes them, and then the
        socket is closed.
        """
        client, server = self.connect()
        other = self.reach(6)
        stopped = self.port.stopListening("finish")
        self.network.run(100)
        self.assertRefused()
        client.session.write(b"question")
        server.session.write(b"answer")
        self.network.run(1)
        self.assertEqual((server.received, client.received), (b"question", b"answer"))
        client.session.loseConnection()
        self.network.run(1)
        self.assertIsInstance(self.reasonOf(server), error.ConnectionDone)
        self.assertOpen(stopped)
        other.session.write(b"last")
        other.session.loseConnection()
        self.network.run(1)
        self.assertEqual(self.serverFactory.made[1].received, b"last")
        self.assertClosed(stopped)

    def test_close(self) -> None:
        """
        C{close}: what was written is delivered first, also over a bad link, and the clients'
        connections end cleanly.
        """
        client, server = self.connect(link=Link(delay=0.05, loss=0.1))
        server.session.write(self.data(100_000))
        stopped = self.port.stopListening("close")
        self.network.run(0.05)
        self.assertOpen(stopped)
        self.network.runUntil(lambda: bool(client.reasons and server.reasons))
        self.assertEqual(client.received, self.data(100_000))
        for protocol in (client, server):
            self.assertIsInstance(self.reasonOf(protocol), error.ConnectionDone)
        self.assertClosed(stopped)

    def test_closeLingers(self) -> None:
        """
        C{close}: a client that is gone does not keep the socket for longer than C{linger}.
        """
        _, server = self.connect(link=Link(loss=1))
        server.session.write(b"x")
        stopped = self.port.stopListening("close")
        self.network.run(28)
        self.assertRefused()
        self.assertOpen(stopped)
        self.network.run(2)
        self.assertClosed(stopped)
        self.assertEqual(len(server.reasons), 1)

    def slowReader(self, options: KCPOptions) -> tuple[RecordingProtocol, RecordingProtocol]:
        """
        @return: a client that takes a few segments now and then, and a server with much for it.
        """
        client, server = self.connect(options, Link(delay=0.02))
        server.session.write(bytes(5_000_000))

        def read(data: bytes = b"") -> None:
            client.session.pauseProducing()
            self.network.clock.callLater(5, client.session.resumeProducing)

        client.onData = read
        read()
        self.network.run(1)
        return client, server

    def test_stopTimeout(self) -> None:
        """
        C{close}: whatever a client does, it takes no longer than C{stopTimeout}, which is C{linger}
        if it is not given, and counts from the first time.
        """
        for options, limit in (
            (KCPOptions(crypt="null", receiveWindow=16, linger=30), 30),
            (KCPOptions(crypt="null", receiveWindow=16, linger=3, stopTimeout=100), 100),
            (KCPOptions(crypt="null", receiveWindow=16, linger=50, stopTimeout=10), 10),
        ):
            with self.subTest(limit=limit):
                self.setUp()
                client, server = self.slowReader(options)
                stopped = self.port.stopListening()
                self.network.run(limit / 2)
                again = self.port.stopListening("close")
                self.network.run(limit / 2 - 0.1)
                self.assertOpen(stopped)
                self.network.run(0.2)
                self.assertClosed(stopped)
                self.assertClosed(again)
                self.assertIsInstance(self.reasonOf(server), error.ConnectionAborted)
                client.session.resumeProducing()
                self.network.run(1)
                self.assertIsInstance(self.reasonOf(client), PeerReset)

    def test_noStopTimeout(self) -> None:
        """
        With 0 they are aborted at once; C{finish} knows no limit.
        """
        options = KCPOptions(crypt="null", receiveWindow=16, stopTimeout=0)
        _, server = self.slowReader(options)
        stopped = self.port.stopListening("finish")
        self.network.run(1000)
        self.assertOpen(stopped)
        self.port.stopListening("close")
        self.network.run(0)
        self.assertClosed(stopped)
        self.assertIsInstance(self.reasonOf(server), error.ConnectionAborted)

    def test_inTime(self) -> None:
        """
        Nothing is left of the limit when all has closed before.
        """
        _, server = self.connect()
        server.session.write(b"x")
        stopped = self.port.stopListening()
        self.network.run(1)
        self.assertClosed(stopped)
        self.assertEqual(self.network.clock.getDelayedCalls(), [])

    def test_abort(self) -> None:
        """
        C{abort}: the connections end now, without what was written, and the clients are told.
        """
        client, server = self.connect(link=Link(delay=0.05))
        server.session.write(self.data(1_000_000))
        stopped = self.port.stopListening("abort")
        self.network.run(0)
        self.assertClosed(stopped)
        self.assertIsInstance(self.reasonOf(server), error.ConnectionAborted)
        self.network.run(0.1)
        self.assertIsInstance(self.reasonOf(client), PeerReset)
        self.assertLess(len(client.received), 1_000_000)

    def test_sooner(self) -> None:
        """
        It may be called again: a harder way takes the place of a softer one, a softer one changes
        nothing, and each Deferred fires when the socket is closed.
        """
        client, server = self.connect()
        server.session.pauseProducing()
        server.session.write(b"written")
        stopped = [self.port.stopListening("finish")]
        self.network.run(1)
        self.assertOpen(stopped[0])
        self.bothWays(Link(loss=1))
        stopped.append(self.port.stopListening("close"))
        server.session.write(b"too late")
        stopped.append(self.port.stopListening("finish"))
        self.network.run(5)
        self.assertTrue(server.session.disconnecting)
        for waiting in stopped:
            self.assertOpen(waiting)
        stopped += [self.port.stopListening("abort"), self.port.stopListening("close")]
        self.network.run(0)
        stopped.append(self.port.stopListening("finish"))
        for waiting in stopped:
            self.assertClosed(waiting)
        self.assertIsInstance(self.reasonOf(server), error.ConnectionAborted)
        self.assertEqual(client.received, b"written")

    def stopWhenLost(self, protocol: RecordingProtocol, way: str) -> list[Deferred[None]]:
        """
        Have a protocol stop the port when it is told its end.

        @return: will hold what stopListening returned.
        """
        stopped: list[Deferred[None]] = []
        self.patch(
            protocol, "connectionLost", lambda _: stopped.append(self.port.stopListening(way))
        )
        return stopped

    def test_insideConnectionLost(self) -> None:
        """
        The last connection's protocol may stop the port, in any way, when it is told its end.
        """
        for number, way in enumerate(("finish", "close", "abort")):
            self.serverFactory.starts = self.serverFactory.stops = 0
            self.port = self.listen()
            client = self.reach(10 + number)
            stopped = self.stopWhenLost(self.serverFactory.made[-1], way)
            client.session.loseConnection()
            self.network.run(1)
            self.assertEqual(len(stopped), 1)
            self.assertClosed(stopped[0])

    def test_apart(self) -> None:
        """
        What one who waits does with its Deferred is of no concern to the others.
        """
        self.connect()
        first, second = self.port.stopListening("finish"), self.port.stopListening("finish")
        first.addCallback(lambda _: "something else")
        self.port.stopListening("abort")
        self.network.run(0)
        self.assertClosed(second)
        self.assertEqual(self.successResultOf(first), "something else")

    def test_sharedFactory(self) -> None:
        """
        A factory that listens on two ports is stopped with the second one, however often the first
        one is stopped.
        """
        first = self.listen()
        endpoint = KCPServerEndpoint(self.network.host(SERVER), PORT + 1, self.options)
        listening = endpoint.listen(self.serverFactory)
        second = cast(KCPListeningPort, self.successResultOf(listening))
        self.inject(push(5, 0))
        for way in ("finish", "close", "abort"):
            first.stopListening(way)
        self.network.run(0)
        self.successResultOf(first.stopListening())
        self.assertEqual(self.serverFactory.stops, 0)
        self.successResultOf(second.stopListening())
        self.assertEqual(self.serverFactory.stops, 1)

    def test_insideDataReceived(self) -> None:
        """
        A protocol may abort all, itself included, while it is given data.
        """
        client, server = self.connect()
        other = self.reach(6)
        stopped: list[Deferred[None]] = []
        server.onData = lambda data: stopped.append(self.port.stopListening("abort"))
        client.session.write(b"x")
        self.network.run(1)
        self.assertClosed(stopped[0])
        for protocol in self.serverFactory.made:
            self.assertIsInstance(self.reasonOf(protocol), error.ConnectionAborted)
        for protocol in (client, other):
            self.assertIsInstance(self.reasonOf(protocol), PeerReset)

    def test_insideRestart(self) -> None:
        """
        If a protocol stops the port because its peer has restarted, the peer is not let in again.
        """
        self.port = self.listen()
        self.inject(push(5, 0))
        stopped = self.stopWhenLost(self.serverFactory.made[0], "abort")
        self.inject(push(6, 0))
        self.network.run(1)
        self.assertClosed(stopped[0])
        self.assertEqual(len(self.serverFactory.made), 1)
