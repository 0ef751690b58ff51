"""
Tests for L{kcptwisted.session.gone}, and that nothing holds a session that is over.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from weakref import ref

from twisted.internet import error
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from kcptwisted.interfaces import IDatagramProtocol, IDatagramTransport
from kcptwisted.options import KCPOptions
from kcptwisted.session.gone import Gone
from kcptwisted.testing.link import Link
from tests.connections import CLIENT, SERVER, ConnectionTestCase, RecordingProtocol
from tests.inside import connectionOf, sessionOf
from tests.recording import ADDRESS
from tests.session.test_session_producers import Producer

#: Ends a connection from one end, and lets the network run until both are over.
End = Callable[[RecordingProtocol, RecordingProtocol], object]

VARIANTS = {
    "plain": KCPOptions(crypt="null"),
    "fec": KCPOptions(crypt="null", dataShards=3, parityShards=1),
    "filling": KCPOptions(crypt="null", dataShards=3, parityShards=1, fecFlush=5000),
    "trace": KCPOptions(crypt="null", trace=True),
    "both": KCPOptions(crypt="null", dataShards=3, parityShards=1, trace=True),
    "moving": KCPOptions(crypt="aes-128-gcm", key="k"),
}


class GoneTests(ConnectionTestCase):
    """
    Tests for L{Gone}.
    """

    def test_drops(self) -> None:
        """
        Whatever comes, nothing happens.
        """
        gone = Gone(7)
        verifyObject(IDatagramProtocol, gone)
        verifyObject(IDatagramTransport, gone)
        self.assertEqual(gone.overhead, 7)
        gone.makeConnection(gone)
        gone.datagramsReceived([b"x"], ADDRESS)
        gone.datagramsRecovered([b"x"], ADDRESS)
        gone.writeDatagrams([b"x"], ADDRESS)
        gone.batchFinished()
        gone.connectionRefused()
        gone.connectionLost(Failure(error.ConnectionDone()))


class FreedTests(ConnectionTestCase):
    """
    A session that is over goes at once, without the garbage collector.
    """

    def setUp(self) -> None:
        """
        Turn it off.
        """
        super().setUp()
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)

    def assertFreed(self, options: KCPOptions, end: End) -> None:
        """
        Connect, talk, end, and see what is left.
        """
        client, server = self.connect(options)
        for one, other in ((client, server), (server, client)):
            one.session.registerProducer(Producer(one.session, b"x" * 3000), True)
            one.session.write(b"x" * 3000)
            self.network.run(0.1)
            self.assertEqual(len(other.received), 3000)
        sessions = [ref(client.session), ref(server.session)]
        end(client, server)
        self.network.run(300)
        self.assertEqual((len(client.reasons), len(server.reasons)), (1, 1))
        self.assertEqual(self.port.sessions, [])
        # A failure of the application holds its frames, and so itself.
        client.reasons.clear()
        server.reasons.clear()
        del client, server, one, other
        self.clientFactory.made.clear()
        self.serverFactory.made.clear()
        self.flushLoggedErrors(ZeroDivisionError)
        # Before the flush that a timer may still wait for.
        self.assertEqual([session() for session in sessions], [None, None])

    def everywhere(self, end: End) -> None:
        """
        From either end, with all that there may be around a session.
        """
        ends: dict[str, End] = {"client": end, "server": lambda a, b: end(b, a)}
        for name, options in VARIANTS.items():
            for first, way in ends.items():
                with self.subTest(name=name, first=first):
                    super().setUp()
                    self.assertFreed(options, way)

    def test_loseConnection(self) -> None:
        """
        A close.
        """
        self.everywhere(lambda one, _: one.session.loseConnection())

    def test_halves(self) -> None:
        """
        A half close.
        """
        self.everywhere(lambda one, _: one.session.loseWriteConnection())

    def test_abortConnection(self) -> None:
        """
        An abort.
        """
        self.everywhere(lambda one, _: one.session.abortConnection())

    def test_raises(self) -> None:
        """
        An exception of the application.
        """

        def end(one: RecordingProtocol, other: RecordingProtocol) -> None:
            one.onData = lambda _: 1 // 0
            other.session.write(b"y")

        self.everywhere(end)

    def test_timeout(self) -> None:
        """
        A peer that is gone.
        """
        self.everywhere(lambda one, other: self.bothWays(Link(loss=1)))

    def test_deadWhileWriting(self) -> None:
        """
        A peer that is gone with data under way.
        """

        def end(one: RecordingProtocol, other: RecordingProtocol) -> None:
            self.bothWays(Link(loss=1))
            one.session.write(b"y" * 100_000)

        self.everywhere(end)

    def test_unread(self) -> None:
        """
        A reset that waits until the application reads on.
        """

        def end(one: RecordingProtocol, other: RecordingProtocol) -> None:
            one.session.pauseProducing()
            other.session.write(b"y")
            self.network.run(1)
            other.session.abortConnection()
            self.network.run(1)
            one.session.resumeProducing()

        self.everywhere(end)

    def test_askedMeanwhile(self) -> None:
        """
        A peer that is asked, and answers with a reset, is not asked again.
        """
        options = KCPOptions(crypt="null", keepAlive=1, deadAfter=3)

        def end(one: RecordingProtocol, other: RecordingProtocol) -> None:
            for source, target in ((CLIENT, SERVER), (SERVER, CLIENT)):
                self.network.setLink(source, target, Link(loss=1))
            self.network.run(3)
            self.assertTrue(connectionOf(one.session).liveness.unanswered)
            self.bothWays(Link())
            other.session.abortConnection()
            self.network.run(0)
            self.assertEqual(sessionOf(one.session).scheduled, None)

        self.assertFreed(options, end)
        self.port.stopListening()
        self.network.run(0)
        self.assertEqual(self.network.clock.getDelayedCalls(), [])

    def test_refused(self) -> None:
        """
        A server that is not there.
        """
        client, server = self.connect()
        session = ref(client.session)
        self.network.host(SERVER).suspend()
        self.network.host(SERVER).ports.clear()
        client.session.write(b"x")
        self.network.run(20)
        self.assertEqual(len(client.reasons), 1)
        del client, server
        self.clientFactory.made.clear()
        self.assertIs(session(), None)

    def test_neverConnected(self) -> None:
        """
        A client that gets no answer.
        """
        connecting = self.begin(KCPOptions(crypt="null", timeout=1))
        (port,) = self.network.host(CLIENT).ports.values()
        (stack,) = port._protocol._protocol.sessions.values()  # type: ignore[attr-defined]
        session = ref(stack.session.transport)
        del stack
        self.network.setLink(CLIENT, SERVER, Link(loss=1))
        self.network.run(2)
        self.failureResultOf(connecting)
        self.assertIs(session(), None)
