"""
Tests for L{kcptwisted.session.tls}.
"""

from __future__ import annotations

import gc
import weakref
from io import BytesIO
from typing import Any

from twisted.internet import _producer_helpers, error
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Cooperator
from twisted.protocols.basic import FileSender
from zope.interface.verify import verifyObject

from kcptwisted.interfaces import IKCPTransport
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from tests.connections import ConnectionTestCase, RecordingProtocol
from tests.inside import sessionOf
from tests.interpreter import runPython
from tests.session.test_session_producers import Producer
from tests.tlscases import NAME, certificate, clientContext, serverContext, skipTLS, strictContext

BAD = Link(loss=0.1, delay=0.02, jitter=0.02)


class TLSTestCase(ConnectionTestCase):
    """
    A connection on which TLS can be started.
    """

    skip = skipTLS

    def started(
        self, options: KCPOptions | None = None, link: Link | None = None
    ) -> tuple[RecordingProtocol, RecordingProtocol]:
        """
        @return: client and server, with TLS under way.
        """
        client, server = self.connect(options, link)
        server.session.startTLS(serverContext())
        client.session.startTLS(clientContext())
        return client, server


class StartTests(TLSTestCase):
    """
    Starting TLS.
    """

    def test_bothWays(self) -> None:
        """
        What was written before arrives as it was, what is written after goes through TLS, both
        ways, over a bad path.
        """
        sent: list[bytes] = []
        self.network.taps.append(lambda source, destination, datagram: sent.append(datagram))
        client, server = self.connect(link=BAD)
        client.session.write(b"STARTTLS")
        self.network.runUntil(lambda: server.received == b"STARTTLS")
        server.session.startTLS(serverContext())
        server.session.write(b"welcome to TLS")
        client.session.startTLS(clientContext())
        data = self.data(300000)
        client.session.writeSequence([data[:7], data[7:]])
        self.network.runUntil(lambda: len(server.received) == 8 + len(data))
        self.assertEqual(server.received, b"STARTTLS" + data)
        self.assertEqual(client.received, b"welcome to TLS")
        wire = b"".join(sent)
        self.assertIn(b"STARTTLS", wire)
        self.assertNotIn(b"welcome to TLS", wire)
        self.assertNotIn(data[1000:1016], wire)
        self.finish(self.port)

    def test_provided(self) -> None:
        """
        The transport is the one that it was, and secure.
        """
        client, server = self.connect()
        session = client.session
        server.session.startTLS(serverContext())
        session.startTLS(clientContext())
        self.assertIs(client.transport, session)
        self.assertTrue(verifyObject(ISSLTransport, session))
        self.assertTrue(verifyObject(IKCPTransport, session))
        self.assertTrue(repr(session).endswith(" to 10.0.0.2:4000, TLS>"), repr(session))
        self.network.run(1)
        self.finish(self.port)

    def test_certificate(self) -> None:
        """
        The peer's certificate can be had from the transport, as C{Certificate.peerFromTransport}
        does too, and what ALPN has agreed on.
        """
        from twisted.internet import ssl

        client, server = self.connect()
        server.session.startTLS(serverContext(b"h2", b"x"))
        client.session.startTLS(clientContext(b"x"))
        self.network.run(1)
        session: Any = client.session
        self.assertEqual(
            ssl.Certificate(session.getPeerCertificate()), ssl.Certificate(certificate().original)
        )
        self.assertEqual(ssl.Certificate.peerFromTransport(session).original.get_subject().CN, NAME)
        theirs: Any = server.session
        self.assertIsNone(theirs.getPeerCertificate())
        self.assertEqual((session.negotiatedProtocol, theirs.negotiatedProtocol), (b"x", b"x"))
        self.finish(self.port)

    def test_otherWayRound(self) -> None:
        """
        With C{normal=False} the KCP server is the TLS client.
        """
        client, server = self.connect()
        client.session.startTLS(serverContext(), normal=False)
        server.session.startTLS(clientContext(), normal=False)
        client.session.write(b"hello")
        self.network.run(1)
        self.assertEqual(server.received, b"hello")
        self.finish(self.port)

    def test_inConnectionMade(self) -> None:
        """
        TLS may be what a connection begins with.
        """

        def begin(context: Any) -> Any:
            return lambda protocol: setattr(
                protocol, "onMade", lambda made: made.session.startTLS(context)
            )

        self.serverFactory.prepare = begin(serverContext())
        self.clientFactory.prepare = begin(clientContext())
        client, server = self.connect()
        server.session.write(b"first")
        self.network.run(1)
        self.assertEqual(client.received, b"first")
        self.finish(self.port)

    def test_inDataReceived(self) -> None:
        """
        What the session holds when TLS is started from C{dataReceived} goes through TLS.
        """
        client, server = self.connect()

        def upgrade(data: bytes) -> None:
            server.onData = lambda _: None
            server.session.resumeProducing()
            server.session.startTLS(serverContext())

        server.onData = upgrade
        server.session.pauseProducing()
        client.session.write(b"STARTTLS")
        self.network.run(0.1)
        server.session.resumeProducing()
        self.network.run(0.1)
        client.session.startTLS(clientContext())
        client.session.write(b"secret")
        self.network.run(1)
        self.assertEqual(server.pieces, [b"STARTTLS", b"secret"])
        self.finish(self.port)

    def test_paused(self) -> None:
        """
        While the application has paused, nothing is given to it, nor to TLS.
        """
        client, server = self.connect()
        server.session.pauseProducing()
        server.session.startTLS(serverContext())
        client.session.startTLS(clientContext())
        client.session.write(b"hello")
        self.network.run(5)
        self.assertEqual(server.received, b"")
        server.session.resumeProducing()
        self.network.run(1)
        self.assertEqual(server.received, b"hello")
        self.finish(self.port)

    def test_anotherProtocol(self) -> None:
        """
        Without TLS, the transport's protocol may be replaced, as protocols do that hand over.
        """
        client, server = self.connect()
        other = RecordingProtocol()
        server.session.protocol = other
        other.makeConnection(server.session)
        client.session.write(b"for the other")
        self.network.run(1)
        self.assertEqual((server.received, other.received), (b"", b"for the other"))
        client.session.loseConnection()
        self.network.run(1)
        self.assertEqual((len(server.reasons), len(other.reasons)), (0, 1))
        self.serverFactory.made.clear()
        self.finish(self.port)

    def test_below(self) -> None:
        """
        What the layer itself writes goes past it.
        """
        client, server = self.connect()
        client.session.startTLS(clientContext())
        layer: Any = client.session.protocol
        layer.transport.write(b"as ")
        layer.transport.writeSequence([b"it", b" is"])
        self.network.run(1)
        self.assertTrue(server.received.endswith(b"as it is"), server.received)
        self.finish(self.port)

    def test_notBytes(self) -> None:
        """
        What is not bytes is refused at once.
        """
        client, _ = self.started()
        self.assertRaises(TypeError, client.session.write, "text")
        other: Any = bytearray(b"x")
        client.session.write(other)
        self.network.run(1)
        self.finish(self.port)


class RefusedTests(ConnectionTestCase):
    """
    Where TLS cannot be started.
    """

    def test_messageMode(self) -> None:
        """
        Message mode is not for TLS; the connection goes on.
        """
        client, server = self.connect(KCPOptions(crypt="null", stream=False))
        problem = self.assertRaises(ValueError, client.session.startTLS, None)
        self.assertIn("stream=yes", str(problem))
        client.session.write(b"still here")
        self.network.run(1)
        self.assertEqual(server.received, b"still here")
        self.finish(self.port)

    def test_over(self) -> None:
        """
        Nor is a connection that is over.
        """
        client, _ = self.connect()
        session = client.session
        session.abortConnection()
        self.network.run(1)
        self.assertRaises(RuntimeError, session.startTLS, None)
        self.finish(self.port)

    def test_closed(self) -> None:
        """
        Nor is a connection whose output is closed here: the handshake could not be sent.
        """
        for close in ("loseConnection", "loseWriteConnection", "abortConnection"):
            with self.subTest(close=close):
                self.setUp()
                client, _ = self.connect()
                client.session.write(b"plain")
                getattr(client.session, close)()
                problem = self.assertRaises(RuntimeError, client.session.startTLS, None)
                self.assertIn("closed", str(problem))
                self.network.run(1)
                self.assertFalse(ISSLTransport.providedBy(client.session))
                self.finish(self.port)

    def test_peerClosed(self) -> None:
        """
        That the peer has closed is no error of this end: as over TCP, TLS starts, and the
        connection ends.
        """
        if skipTLS is not None:
            self.skipTest(skipTLS)
        client, server = self.connect()
        client.session.pauseProducing()
        server.session.write(b"plain")
        server.session.loseConnection()
        self.network.run(1)
        self.assertTrue(client.session.connected)
        client.session.startTLS(clientContext())
        client.session.resumeProducing()
        self.network.run(1)
        self.assertEqual(len(client.reasons), 1)
        self.finish(self.port)

    def test_twice(self) -> None:
        """
        TLS is started once.
        """
        if skipTLS is not None:
            self.skipTest(skipTLS)
        client, _ = self.connect()
        client.session.startTLS(clientContext())
        self.assertRaises(RuntimeError, client.session.startTLS, clientContext())
        self.finish(self.port)

    def test_badContext(self) -> None:
        """
        With something that is no context the connection stays as it was.
        """
        if skipTLS is not None:
            self.skipTest(skipTLS)
        client, server = self.connect()
        producer = Producer(client.session, b"x")
        client.session.registerProducer(producer, True)
        self.assertRaises(TypeError, client.session.startTLS, serverContext)
        # That it is none of Twisted's newer kind either.
        self.flushWarnings()
        self.assertFalse(ISSLTransport.providedBy(client.session))
        self.assertRaises(RuntimeError, client.session.registerProducer, producer, True)
        client.session.write(b"plain")
        self.network.run(1)
        self.assertEqual(server.received, b"plain")
        self.finish(self.port)

    def test_withoutOpenSSL(self) -> None:
        """
        Where pyOpenSSL is missing the error says so.
        """
        code = (
            "import sys; sys.modules['OpenSSL'] = None\n"
            "from tests.connections import ConnectionTestCase\n"
            "case = ConnectionTestCase(); case.setUp()\n"
            "client, _ = case.connect()\n"
            "try: client.session.startTLS(None)\n"
            "except ImportError as problem: print(problem)\n"
        )
        self.assertEqual(
            runPython("-c", code), "startTLS takes pyOpenSSL: pip install 'Twisted[tls]'\n"
        )


class ProducerTests(TLSTestCase):
    """
    Producers and TLS.
    """

    def test_registeredBefore(self) -> None:
        """
        A producer that is there when TLS is started goes on through TLS, and is paused and resumed.
        """
        client, server = self.connect(link=Link(delay=0.01))
        producer = Producer(client.session, b"x" * 50000, 100)
        client.session.registerProducer(producer, True)
        server.session.startTLS(serverContext())
        client.session.startTLS(clientContext())
        producer.resumeProducing()
        self.network.run(30)
        self.assertEqual(len(server.received), 5000000)
        self.assertGreater(producer.pauses, 0)
        self.finish(self.port)

    def test_closeWaits(self) -> None:
        """
        A close waits for the producer, and for what it has written.
        """
        client, server = self.started()
        self.network.run(0.1)
        producer = Producer(client.session, b"x" * 50000, 100)
        client.session.registerProducer(producer, True)
        client.session.loseConnection()
        producer.resumeProducing()
        self.network.run(30)
        self.assertEqual(len(server.received), 5000000)
        self.assertIsInstance(self.reasonOf(server), error.ConnectionDone)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)
        self.finish(self.port)

    def test_lastSmallWrite(self) -> None:
        """
        What a producer writes right before it is done is delivered, though a close waits for that.
        """
        client, server = self.started()
        self.network.run(1)
        client.session.registerProducer(Producer(client.session, b"x"), True)
        client.session.loseConnection()
        client.session.write(b"the last")
        client.session.unregisterProducer()
        self.network.run(5)
        self.assertEqual(server.received, b"the last")
        self.assertIsInstance(self.reasonOf(server), error.ConnectionDone)
        self.finish(self.port)

    def test_told(self) -> None:
        """
        The producer is told when the connection is lost, and so is one that comes later.
        """
        client, _ = self.started()
        self.network.run(0.1)
        session = client.session
        early, late = Producer(session, b"x"), Producer(session, b"x")
        session.registerProducer(early, True)
        session.abortConnection()
        self.network.run(1)
        session.registerProducer(late, True)
        session.unregisterProducer()
        self.assertEqual((early.stopped, late.stopped), (True, True))
        self.finish(self.port)


class EndTests(TLSTestCase):
    """
    How connections with TLS end.
    """

    def test_close(self) -> None:
        """
        A close delivers what was written, and is clean at both ends.
        """
        client, server = self.started(link=BAD)
        self.network.run(2)
        data = self.data(200000)
        client.session.write(data)
        client.session.loseConnection()
        client.session.loseConnection()
        self.network.run(20)
        self.assertEqual(server.received, data)
        for protocol in (client, server):
            self.assertIsInstance(self.reasonOf(protocol), error.ConnectionDone)
        self.finish(self.port)

    def test_closeDuringHandshake(self) -> None:
        """
        What was written before the handshake was done is delivered too.
        """
        client, server = self.started(link=Link(delay=0.05))
        client.session.write(b"in time")
        client.session.loseConnection()
        self.network.run(20)
        self.assertEqual(server.received, b"in time")
        self.assertIsInstance(self.reasonOf(server), error.ConnectionDone)
        self.finish(self.port)

    def test_stopProducing(self) -> None:
        """
        The consumer of what is received going away is a close.
        """
        client, server = self.started()
        self.network.run(1)
        client.session.stopProducing()
        self.network.run(1)
        for protocol in (client, server):
            self.assertIsInstance(self.reasonOf(protocol), error.ConnectionDone)
        self.finish(self.port)

    def test_abort(self) -> None:
        """
        An abort ends both, neither of them cleanly.
        """
        client, server = self.started()
        self.network.run(1)
        client.session.abortConnection()
        self.network.run(1)
        for protocol in (client, server):
            self.assertNotIsInstance(self.reasonOf(protocol), error.ConnectionDone)
        self.finish(self.port)

    def test_truncated(self) -> None:
        """
        A connection that ends without the end of TLS has not ended cleanly: somebody may have cut
        it.
        """
        client, server = self.started()
        self.network.run(1)
        sessionOf(client.session).stream.loseConnection()
        self.network.run(1)
        self.assertIsInstance(self.reasonOf(server), error.ConnectionLost)
        self.finish(self.port)

    def test_halfClose(self) -> None:
        """
        A peer that closes its output, below TLS, leaves nothing behind, and loses nothing.
        """
        client, server = self.started()
        self.network.run(1)
        client.session.write(b"the last")
        client.session.loseWriteConnection()
        self.network.run(10)
        self.assertEqual(server.received, b"the last")
        self.assertEqual((len(client.reasons), len(server.reasons)), (1, 1))
        self.finish(self.port)

    def test_halfCloseDuringHandshake(self) -> None:
        """
        A half close waits for the handshake, and delivers what was written before it was done.
        """
        client, server = self.started(link=Link(delay=0.05))
        data = self.data(300000)
        client.session.write(data)
        client.session.loseWriteConnection()
        self.network.run(20)
        self.assertEqual(server.received, data)
        self.assertEqual((len(client.reasons), len(server.reasons)), (1, 1))
        self.finish(self.port)

    def test_halfCloseWithoutData(self) -> None:
        """
        With nothing to write, either end's half close goes through when the handshake is done.
        """
        for first in (0, 1):
            with self.subTest(first=first):
                self.setUp()
                ends = self.started(link=Link(delay=0.05))
                ends[first].session.loseWriteConnection()
                self.network.run(0.1)
                self.assertEqual([len(end.reasons) for end in ends], [0, 0])
                self.network.run(20)
                self.assertEqual([len(end.reasons) for end in ends], [1, 1])
                self.finish(self.port)

    def test_halfCloseAwaitsPullProducer(self) -> None:
        """
        A half close waits for a pull producer, as it does without TLS.
        """
        # Twisted asks the producer in the real reactor's time.
        later = self.network.clock.callLater
        cooperator = Cooperator(scheduler=lambda call: later(0.001, call))
        self.patch(_producer_helpers, "cooperate", cooperator.cooperate)
        client, server = self.started(link=Link(delay=0.05))
        data = self.data(500000)
        sent = FileSender().beginFileTransfer(BytesIO(data), client.session)
        client.session.loseWriteConnection()
        self.network.run(60)
        self.successResultOf(sent)
        self.assertEqual(server.received, data)
        self.assertEqual((len(client.reasons), len(server.reasons)), (1, 1))
        self.finish(self.port)

    def test_nothingAfterClose(self) -> None:
        """
        After C{loseConnection} nothing is given to the application any more, as without TLS.
        """
        client, server = self.started(link=Link(delay=0.05))
        self.network.run(1)
        server.onData = lambda _: server.session.loseConnection()
        client.session.write(b"first")
        self.network.run(0.01)
        client.session.write(self.data(100000))
        self.network.run(20)
        self.assertEqual(server.received, b"first")
        for protocol in (client, server):
            self.assertIsInstance(self.reasonOf(protocol), error.ConnectionDone)
        self.finish(self.port)

    def test_abortInDataReceived(self) -> None:
        """
        An abort from C{dataReceived} is the last that the application hears of, but for the reason.
        """
        client, server = self.started()
        self.network.run(1)
        server.onData = lambda _: server.session.abortConnection()
        client.session.write(self.data(100000))
        self.network.run(5)
        self.assertEqual(len(server.pieces), 1)
        self.assertIsInstance(self.reasonOf(server), error.ConnectionAborted)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionLost)
        self.finish(self.port)

    def test_pausedClose(self) -> None:
        """
        An application that has paused, or pauses once more, and closes is told of the end.
        """
        client, server = self.started()
        self.network.run(1)
        client.session.pauseProducing()
        server.session.write(b"unread")
        self.network.run(1)
        client.session.loseConnection()
        client.session.pauseProducing()
        self.network.run(1)
        self.assertEqual(client.received, b"")
        for protocol in (client, server):
            self.assertIsInstance(self.reasonOf(protocol), error.ConnectionDone)
        self.finish(self.port)

    def test_distrust(self) -> None:
        """
        A certificate that is not trusted ends the connection with what OpenSSL says of it.
        """
        from OpenSSL import SSL

        client, server = self.connect()
        server.session.startTLS(serverContext())
        client.session.startTLS(strictContext())
        client.session.write(b"secret")
        self.network.run(5)
        self.assertIsInstance(self.reasonOf(client), SSL.Error)
        self.assertIsInstance(self.reasonOf(server), (SSL.Error, error.ConnectionLost))
        self.assertEqual(server.received, b"")
        self.finish(self.port)

    def test_notTLS(self) -> None:
        """
        A peer that goes on without TLS is not understood.
        """
        from OpenSSL import SSL

        client, server = self.connect()
        server.session.startTLS(serverContext())
        client.session.write(b"GET / HTTP/1.1\r\n\r\n")
        self.network.run(5)
        self.assertIsInstance(self.reasonOf(server), SSL.Error)
        self.assertEqual(len(client.reasons), 1)
        self.finish(self.port)

    def test_afterTheEnd(self) -> None:
        """
        When the connection is over, calls do nothing.
        """
        client, _ = self.started()
        self.network.run(1)
        session = client.session
        session.loseConnection()
        self.network.run(1)
        session.write(b"x")
        session.writeSequence([b"x"])
        session.loseConnection()
        session.abortConnection()
        self.network.run(1)
        self.assertEqual(len(client.reasons), 1)
        self.finish(self.port)

    def test_stopListening(self) -> None:
        """
        A port that stops ends TLS first.
        """
        client, server = self.started()
        self.network.run(1)
        stopped = self.port.stopListening()
        self.network.run(2)
        self.successResultOf(stopped)
        for protocol in (client, server):
            self.assertIsInstance(self.reasonOf(protocol), error.ConnectionDone)

    def test_raises(self) -> None:
        """
        A protocol that raises loses its connection, also below TLS, and is given no more of what
        TLS holds.
        """
        client, server = self.started()
        self.network.run(1)

        def fail(data: bytes) -> None:
            raise ZeroDivisionError

        server.onData = fail
        client.session.write(self.data(100000))
        self.network.run(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(server.pieces), 1)
        self.assertIsInstance(self.reasonOf(server), ZeroDivisionError)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionLost)
        self.finish(self.port)

    def test_noCycle(self) -> None:
        """
        TLS keeps a session that has ended no longer than the application does.
        """
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        client, _ = self.started()
        self.network.run(1)
        layer = weakref.ref(client.session.protocol)
        client.session.loseConnection()
        self.network.run(30)
        self.assertEqual(len(client.reasons), 1)
        self.assertIsNone(layer())
        self.finish(self.port)


class WithoutControlTests(TLSTestCase):
    """
    With a peer that knows no control frames, TLS says what KCP cannot.
    """

    def test_close(self) -> None:
        """
        The end of TLS closes the connection at the other end.
        """
        client, server = self.started(KCPOptions(crypt="null", mtu=100))
        self.network.run(1)
        client.session.write(b"bye")
        client.session.loseConnection()
        self.network.run(20)
        self.assertEqual(server.received, b"bye")
        for protocol in (client, server):
            self.assertIsInstance(self.reasonOf(protocol), error.ConnectionDone)
        self.finish(self.port)
