"""
A session over a transport.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.protocol import Factory
from zope.interface.verify import verifyObject

from kcptwisted.smux.errors import (
    SmuxIdsExhausted,
    SmuxKeepAliveTimeout,
    SmuxProtocolError,
    SmuxSessionClosed,
    SmuxSessionLost,
)
from kcptwisted.smux.frames import FIN, NOP, PSH, SYN, Frame, header
from kcptwisted.smux.interfaces import ISmuxSession
from kcptwisted.smux.options import SmuxOptions
from kcptwisted.smux.protocol import SmuxProtocol
from kcptwisted.smux.stream import INITIAL_WINDOW
from tests.smux.driving import ProtocolCase, Recorder


class OpeningTests(ProtocolCase):
    """
    C{openStream}.
    """

    def test_interfaces(self) -> None:
        """
        A session is what it says.
        """
        self.assertTrue(verifyObject(ISmuxSession, self.session))

    def test_open(self) -> None:
        """
        The peer is told at once, before what is written when the stream is made.
        """

        class Greeting(Recorder):
            def connectionMade(self) -> None:
                self.transport.write(b"hello")

        self.begin(isClient=True)
        protocol = self.opened(Greeting)
        self.assertEqual(self.sent(), [Frame(SYN, 3), Frame(PSH, 3, b"hello")])
        self.push(b"world")
        self.assertEqual(protocol.data, b"world")
        self.assertEqual((self.session.liveStreams, self.session.stats.opened), (1, 1))

    def test_oneWrite(self) -> None:
        """
        What the protocol writes when it is made leaves in one piece with SYN.
        """

        class Greeting(Recorder):
            def connectionMade(self) -> None:
                self.transport.write(b"hello")

        self.begin(isClient=True)
        pieces: list[bytes] = []
        self.lower.write = pieces.append  # type: ignore[method-assign]
        self.opened(Greeting)
        self.opened(Recorder)
        self.assertEqual(
            pieces,
            [header(2, SYN, 0, 3) + header(2, PSH, 5, 3) + b"hello", header(2, SYN, 0, 5)],
        )

    def test_factoryStartsAndStops(self) -> None:
        """
        The factory is started, and stopped when its last stream is over.
        """
        calls: list[str] = []

        class Noting(Factory):
            protocol = Recorder
            noisy = False

            def startFactory(self) -> None:
                calls.append("start")

            def stopFactory(self) -> None:
                calls.append("stop")

        self.begin(isClient=True)
        factory = Noting()
        opened = [self.successResultOf(self.session.openStream(factory)) for _ in range(2)]
        for protocol in opened:
            protocol.transport.abortConnection()  # type: ignore[attr-defined]
        self.turn()
        self.assertEqual(calls, ["start", "stop"])

    def test_failingFactory(self) -> None:
        """
        A factory that cannot be started gets no stream; one that cannot be stopped leaves the other
        streams to their ends.
        """

        class Failing(Factory):
            protocol = Recorder
            noisy = False

            def stopFactory(self) -> None:
                1 / 0  # noqa: B018

        self.begin(isClient=True)
        first = self.successResultOf(self.session.openStream(Failing()))
        second = self.opened(Recorder)
        refusing = Failing()
        refusing.startFactory = Failing().stopFactory  # type: ignore[method-assign]
        self.failureResultOf(self.session.openStream(refusing), ZeroDivisionError)
        self.assertEqual(self.session.liveStreams, 2)
        self.lose(ConnectionLost())
        for protocol in (first, second):
            self.assertIsInstance(cast(Recorder, protocol).lost, ConnectionLost)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(self.ended), 1)

    def test_noProtocol(self) -> None:
        """
        A factory that makes none, or fails, leaves no stream.
        """
        self.begin(isClient=True)
        factory = Factory()
        factory.noisy = False
        factory.buildProtocol = lambda addr: None  # type: ignore[method-assign]
        self.failureResultOf(self.session.openStream(factory), ConnectionAborted)
        factory.buildProtocol = lambda addr: 1 / 0  # type: ignore[assignment,method-assign,return-value]
        self.failureResultOf(self.session.openStream(factory), ZeroDivisionError)
        self.turn()
        self.assertEqual(self.session.liveStreams, 0)
        self.assertEqual(self.sent(), [Frame(SYN, 3), Frame(FIN, 3), Frame(SYN, 5), Frame(FIN, 5)])

    def test_closed(self) -> None:
        """
        A session that is not connected, is closing or has ended opens none.
        """
        factory = Factory.forProtocol(Recorder)
        fresh = SmuxProtocol(self.clock, isClient=True)
        self.assertFalse(fresh.isOpen)
        self.failureResultOf(fresh.openStream(factory), SmuxSessionClosed)
        self.begin(isClient=True)
        self.assertTrue(self.session.isOpen)
        self.session.loseConnection()
        self.assertFalse(self.session.isOpen)
        self.failureResultOf(self.session.openStream(factory), SmuxSessionClosed)
        self.lose(ConnectionDone())
        self.failureResultOf(self.session.openStream(factory), SmuxSessionClosed)

    def test_idsExhausted(self) -> None:
        """
        When all ids were used nothing is sent, and live streams go on.
        """
        self.begin(isClient=True)
        self.session.engine._nextId = 0xFFFFFFFF
        last = self.opened(Recorder)
        self.sent()
        self.assertFalse(self.session.isOpen)
        factory = Factory.forProtocol(Recorder)
        self.failureResultOf(self.session.openStream(factory), SmuxIdsExhausted)
        self.assertEqual(self.sent(), [])
        self.push(b"on", 0xFFFFFFFF)
        self.assertEqual(last.data, b"on")


class KeepAliveTests(ProtocolCase):
    """
    NOP frames, and silence.
    """

    def test_pings(self) -> None:
        """
        A NOP leaves each interval, the first one a whole interval after the begin.
        """
        self.wait(9.5)
        self.assertEqual(self.sent(), [])
        self.wait(0.5)
        self.assertEqual(self.sent(), [Frame(NOP, 0)])
        self.wait(10)
        self.assertEqual(self.sent(), [Frame(NOP, 0)])

    def test_lateCall(self) -> None:
        """
        A call that comes a little late does not move those after it.
        """
        self.clock.advance(10.25)
        self.assertEqual(self.sent(), [Frame(NOP, 0)])
        self.clock.advance(9.75)
        self.assertEqual(self.sent(), [Frame(NOP, 0)])

    def test_silentFromTheBegin(self) -> None:
        """
        A peer that is silent from the begin is found after one timeout.
        """
        protocol = self.opened(Recorder)
        self.wait(29.5)
        self.assertFalse(self.lower.aborting)
        self.wait(0.5)
        self.assertTrue(self.lower.aborting)
        self.lose(ConnectionAborted())
        self.assertIsInstance(protocol.lost, SmuxKeepAliveTimeout)
        self.assertEqual(self.ended, [protocol.lost])
        self.assertEqual(self.session.stats.keepAliveTimeouts, 1)

    def test_silentLater(self) -> None:
        """
        One that is silent later is found at the second tick after its last frame.
        """
        self.wait(0.5)
        self.arrive(Frame(NOP, 0))
        self.wait(59)
        self.assertFalse(self.lower.aborting)
        self.wait(0.5)
        self.assertTrue(self.lower.aborting)

    def test_notWhileFull(self) -> None:
        """
        While nothing is read nothing can be heard.
        """
        self.begin(sessionBuffer=100, streamBuffer=100)
        protocol = self.accept(Recorder)
        protocol.transport.pauseProducing()
        self.push(bytes(100))
        self.wait(119.5)
        self.assertFalse(self.lower.aborting)
        protocol.transport.resumeProducing()
        self.wait(0.5)
        self.assertFalse(self.lower.aborting)
        self.wait(30)
        self.assertTrue(self.lower.aborting)

    def test_suspended(self) -> None:
        """
        A peer is not taken for silent while this process did not run.
        """
        self.wait(29)
        self.clock.advance(3600)
        self.assertFalse(self.lower.aborting)
        self.assertEqual(self.sent()[-1], Frame(NOP, 0))
        self.wait(29.5)
        self.assertFalse(self.lower.aborting)
        self.wait(0.5)
        self.assertTrue(self.lower.aborting)

    def test_off(self) -> None:
        """
        With C{keepAliveInterval=0} nothing is sent and nothing expected.
        """
        self.begin(keepAliveInterval=0)
        self.wait(1000)
        self.assertEqual((self.sent(), self.lower.aborting), ([], False))
        self.lose(ConnectionDone())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothingLeft(self) -> None:
        """
        A session that is over leaves no delayed call.
        """
        self.accept(Recorder).transport.loseConnection()
        self.lose(ConnectionDone())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_pingsDoNotPileUp(self) -> None:
        """
        While the connection is full one NOP waits.
        """
        self.lower.pressed()
        for _ in range(5):
            self.arrive(Frame(NOP, 0))
            self.wait(10)
        self.lower.released()
        self.assertEqual(self.sent(), [Frame(NOP, 0)])


class EndingTests(ProtocolCase):
    """
    How a session ends.
    """

    def test_connectionDone(self) -> None:
        """
        For the streams, a session that the peer closes in their middle is an error.
        """
        protocol = self.accept(Recorder)
        self.lose(ConnectionDone())
        self.assertIsInstance(protocol.lost, SmuxSessionLost)
        self.assertIsInstance(self.ended[0], ConnectionDone)
        self.assertFalse(self.session.isConnected)
        self.assertIsInstance(self.successResultOf(self.session.whenEnded()), ConnectionDone)
        self.assertEqual(self.session.age, 0)

    def test_connectionLost(self) -> None:
        """
        Other reasons are theirs as well.
        """
        protocol = self.accept(Recorder)
        self.lose(ConnectionLost("why"))
        self.assertIs(protocol.lost, self.ended[0])
        self.assertEqual(
            str(protocol.lost), "Connection to the other side was lost in a non-clean fashion: why."
        )

    def test_finishedStream(self) -> None:
        """
        A stream that both ends had finished ended well.
        """
        protocol = self.accept(Recorder)
        protocol.transport.loseConnection()
        self.lose(ConnectionDone())
        self.assertIsInstance(protocol.lost, ConnectionDone)
        self.assertNotIsInstance(protocol.lost, SmuxSessionLost)

    def test_abortedStream(self) -> None:
        """
        A stream that was aborted just before ended for that reason.
        """
        protocol = self.accept(Recorder)
        protocol.transport.abortConnection()
        self.lose(ConnectionLost())
        self.assertIsInstance(protocol.lost, ConnectionAborted)

    def test_loseConnection(self) -> None:
        """
        Streams deliver what was written before the connection is closed.
        """
        protocol = self.accept(Recorder)
        protocol.transport.write(bytes(INITIAL_WINDOW + 1))
        self.session.loseConnection()
        self.sent()
        self.turn()
        self.assertFalse(self.lower.disconnecting)
        # No new ones.
        self.arrive(Frame(SYN, 5))
        self.assertEqual(self.sent(), [Frame(FIN, 5)])
        self.session.dataReceived(
            header(2, 4, 8, 3) + (INITIAL_WINDOW).to_bytes(4, "little") + b"\1\0\0\0"
        )
        self.assertEqual(self.sent(), [Frame(PSH, 3, b"\0"), Frame(FIN, 3)])
        self.assertTrue(self.lower.disconnecting)
        self.assertIsNone(self.lower.producer)
        self.assertIsInstance(protocol.lost, ConnectionDone)
        self.lose(ConnectionDone())
        self.assertIsInstance(self.ended[0], ConnectionDone)

    def test_loseConnectionIdle(self) -> None:
        """
        Without streams the connection is closed at once.
        """
        self.session.loseConnection()
        self.assertTrue(self.lower.disconnecting)
        self.arrive(Frame(SYN, 3))
        self.assertEqual((self.session.liveStreams, self.sent()), (0, []))

    def test_abort(self) -> None:
        """
        An abort ends the connection, and the streams with it.
        """
        protocol = self.accept(Recorder)
        self.session.abortConnection()
        self.assertTrue(self.lower.aborting)
        self.push(b"late")
        self.lose(ConnectionLost())
        self.assertIsInstance(protocol.lost, ConnectionAborted)
        self.assertEqual((self.ended, protocol.data), ([protocol.lost], b""))

    def test_protocolError(self) -> None:
        """
        What no peer may send ends the session, after what came before it.
        """
        protocol = self.accept(Recorder)
        self.session.dataReceived(header(2, PSH, 2, 3) + b"ok" + header(1, PSH, 2, 3) + b"no")
        self.assertEqual(protocol.data, b"ok")
        self.assertTrue(self.lower.aborting)
        self.lose(ConnectionAborted())
        self.assertIsInstance(protocol.lost, SmuxProtocolError)
        self.assertIn("a frame of version 1 in a session of version 2", str(self.ended[0]))
        self.assertEqual(self.session.stats.protocolErrors, 1)

    def test_lostWhileStreamsCome(self) -> None:
        """
        A connection that is lost while a protocol is called leaves nothing behind, though streams
        have come that nobody has seen yet.
        """

        case = self

        class Losing(Recorder):
            def dataReceived(self, data: bytes) -> None:
                case.arrive(Frame(SYN, 5))
                case.lose(ConnectionLost())

        protocol = self.accept(Losing)
        self.push(b"x")
        self.assertIsInstance(protocol.lost, ConnectionLost)
        self.assertEqual((len(self.ended), len(self.factory.made)), (1, 1))

    def test_abortedWhileStreamsCome(self) -> None:
        """
        Nor does a transport below that ends at once when it is aborted, with streams that have come
        together with what had a protocol abort it.
        """

        class Aborting(Recorder):
            def dataReceived(self, data: bytes) -> None:
                self.transport.session.abortConnection()

        self.lower.abortConnection = lambda: self.lose(ConnectionAborted())  # type: ignore[method-assign]
        self.factory.make = Aborting
        self.arrive(Frame(SYN, 3), Frame(PSH, 3, b"x"), Frame(SYN, 5), Frame(SYN, 7))
        self.assertEqual([made.lost for made in self.factory.made], self.ended)
        self.assertEqual((self.session.liveStreams, self.clock.getDelayedCalls()), (0, []))

    def test_noAbort(self) -> None:
        """
        A transport that cannot abort is closed.
        """
        self.lower.abortConnection = None  # type: ignore[assignment,method-assign]
        self.session.abortConnection()
        self.assertTrue(self.lower.disconnecting)

    def test_age(self) -> None:
        """
        A session knows its age.
        """
        self.clock.advance(7)
        self.assertEqual(self.session.age, 7)


class BudgetTests(ProtocolCase):
    """
    Readers that stall.
    """

    version = 1

    def test_version1(self) -> None:
        """
        With version 1 a stalled reader has the connection paused when the budget is used up; what
        came before goes on being delivered, and nothing is lost.
        """
        self.begin(sessionBuffer=1000, streamBuffer=1000)
        stalled, other = self.accept(Recorder), self.accept(Recorder, 5)
        stalled.transport.pauseProducing()
        self.push(bytes(999))
        self.assertEqual(self.lower.producerState, "producing")
        self.arrive(Frame(PSH, 3, bytes(100)), Frame(PSH, 5, b"held"))
        self.assertEqual((self.lower.producerState, other.data), ("paused", b""))
        self.assertEqual(self.session.stats.readingStopped, 1)
        stalled.transport.resumeProducing()
        self.turn()
        self.assertEqual(self.lower.producerState, "producing")
        self.assertEqual((len(stalled.data), other.data), (1099, b"held"))

    def test_largePiece(self) -> None:
        """
        A piece larger than the budget is no problem where it is read.
        """
        self.begin(sessionBuffer=100, streamBuffer=100)
        protocol = self.accept(Recorder)
        self.arrive(*[Frame(PSH, 3, bytes(60)) for _ in range(20)])
        self.assertEqual(len(protocol.data), 1200)
        self.assertEqual(
            (self.lower.producerState, self.session.stats.readingStopped), ("producing", 0)
        )


class OptionsTests(ProtocolCase):
    """
    Defaults.
    """

    def test_defaults(self) -> None:
        """
        A session without options has the defaults.
        """
        self.assertEqual(SmuxProtocol(self.clock, isClient=True).options, SmuxOptions())
