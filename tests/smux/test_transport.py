"""
Streams as applications have them.
"""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer
from zope.interface.verify import verifyObject

from kcptwisted.smux.addresses import SmuxAddress
from kcptwisted.smux.errors import SmuxLingerTimeout, SmuxProtocolError
from kcptwisted.smux.frames import FIN, PSH, SYN, UPD, Frame, update
from kcptwisted.smux.interfaces import ISmuxTransport
from kcptwisted.smux.producers import HIGH
from kcptwisted.smux.stream import INITIAL_WINDOW
from tests.smux.driving import HalfRecorder, ProtocolCase, Recorder


@implementer(IPushProducer)
class Producer:
    """
    Notes what a consumer wants.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        """
        Note.
        """
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        """
        Note.
        """
        self.calls.append("resume")

    def stopProducing(self) -> None:
        """
        Note.
        """
        self.calls.append("stop")


class Puller:
    """
    A pull producer.
    """

    def __init__(self, consumer: Any, pieces: list[bytes]) -> None:
        self._consumer = consumer
        self._pieces = pieces
        self.calls = 0

    def resumeProducing(self) -> None:
        """
        Write a piece.
        """
        self.calls += 1
        self._consumer.write(self._pieces.pop(0))
        if not self._pieces:
            self._consumer.unregisterProducer()

    def stopProducing(self) -> None:
        """
        Nobody takes more.
        """


class KnownTests(ProtocolCase):
    """
    What there is to know.
    """

    def test_interfaces(self) -> None:
        """
        A stream's transport is what it says.
        """
        transport = self.accept(Recorder).transport
        self.assertTrue(verifyObject(ISmuxTransport, transport))
        self.assertEqual((transport.streamId, transport.session), (3, self.session))

    def test_addresses(self) -> None:
        """
        Addresses name the stream, and the factory gets the peer's.
        """
        self.lower.peerAddr = IPv4Address("TCP", "192.0.2.1", 1)
        self.lower.hostAddr = IPv4Address("TCP", "192.0.2.2", 2)
        transport = self.accept(Recorder, 7).transport
        peer = SmuxAddress(IPv4Address("TCP", "192.0.2.1", 1), 7)
        self.assertEqual(transport.getPeer(), peer)
        self.assertEqual(transport.getHost(), SmuxAddress(IPv4Address("TCP", "192.0.2.2", 2), 7))
        self.assertEqual(self.factory.addresses, [peer])

    def test_tcpOptions(self) -> None:
        """
        TCP's options are noted.
        """
        transport = self.accept(Recorder).transport
        self.assertTrue(transport.getTcpNoDelay() and transport.getTcpKeepAlive())
        transport.setTcpNoDelay(False)
        transport.setTcpKeepAlive(False)
        self.assertFalse(transport.getTcpNoDelay() or transport.getTcpKeepAlive())


class WritingTests(ProtocolCase):
    """
    What is written.
    """

    def test_write(self) -> None:
        """
        It leaves at once, whatever bytes it is made of.
        """
        transport: Any = self.accept(Recorder).transport
        buffer = bytearray(b"a")
        transport.write(buffer)
        transport.writeSequence([b"b", b"c"])
        transport.write(memoryview(b"d"))
        self.assertEqual([frame.payload for frame in self.sent()], [b"a", b"bc", b"d"])
        self.assertRaises(TypeError, transport.write, "text")

    def test_mutableIsCopied(self) -> None:
        """
        What waits does not change with the buffer it came from.
        """
        transport: Any = self.accept(Recorder).transport
        self.lower.pressed()
        buffer = bytearray(b"before")
        transport.write(buffer)
        buffer[:] = b"after!"
        self.lower.released()
        self.assertEqual(self.sentData(), b"before")

    def test_lowerPressure(self) -> None:
        """
        While the connection is full streams keep what is written, and pause their producers.
        """
        one, two = self.accept(Recorder).transport, self.accept(Recorder, 5).transport
        producer = Producer()
        one.registerProducer(producer, True)
        self.lower.pressed()
        one.write(bytes(HIGH - 1))
        self.assertEqual(producer.calls, [])
        one.write(b"x")
        two.write(b"y")
        self.assertEqual((producer.calls, self.sent()), (["pause"], []))
        self.lower.released()
        self.assertEqual(producer.calls, ["pause", "resume"])
        self.assertEqual(len(self.sentData()), HIGH + 1)
        one.unregisterProducer()

    def test_secondProducer(self) -> None:
        """
        There is one producer at a time.
        """
        transport = self.accept(Recorder).transport
        transport.registerProducer(Producer(), True)
        self.assertRaises(RuntimeError, transport.registerProducer, Producer(), True)

    def test_producerOfWindow(self) -> None:
        """
        A producer is paused while the peer's window is used up, and resumed by UPD.
        """
        transport = self.accept(Recorder).transport
        producer = Producer()
        transport.registerProducer(producer, True)
        transport.write(bytes(INITIAL_WINDOW + HIGH))
        self.assertEqual(producer.calls, ["pause"])
        self.session.dataReceived(update(3, INITIAL_WINDOW, HIGH // 2 - 1))
        self.assertEqual(producer.calls, ["pause"])
        self.session.dataReceived(update(3, INITIAL_WINDOW, HIGH // 2))
        self.assertEqual(producer.calls, ["pause", "resume"])

    def test_pullProducer(self) -> None:
        """
        A pull producer is asked while there is room, and a close waits for the rest.
        """
        protocol = self.accept(Recorder)
        transport = protocol.transport
        puller = Puller(transport, [bytes(10_000)] * 40)
        self.sent()
        transport.registerProducer(puller, False)
        transport.loseConnection()
        self.turn()
        self.assertEqual(len(self.sentData()), INITIAL_WINDOW)
        self.assertIsNone(protocol.lost)
        self.assertLess(puller.calls, 40)
        self.session.dataReceived(update(3, INITIAL_WINDOW, 1_000_000))
        frames = self.sent()
        self.assertEqual(sum(len(frame.payload) for frame in frames), 400_000 - INITIAL_WINDOW)
        self.assertEqual(frames[-1], Frame(FIN, 3))
        self.turn()
        self.assertIsInstance(protocol.lost, ConnectionDone)

    def test_closeWaitsForProducer(self) -> None:
        """
        A close waits for a producer that is paused, until it is done.
        """
        transport = self.accept(Recorder).transport
        producer = Producer()
        transport.registerProducer(producer, True)
        self.lower.pressed()
        transport.write(bytes(HIGH))
        transport.loseConnection()
        # Reading has nothing to do with it.
        transport.resumeProducing()
        self.turn()
        self.assertEqual(producer.calls, ["pause"])
        transport.write(b"rest")
        transport.unregisterProducer()
        self.lower.released()
        frames = self.sent()
        self.assertEqual(sum(len(frame.payload) for frame in frames), HIGH + 4)
        self.assertEqual(frames[-1], Frame(FIN, 3))

    def test_lateProducer(self) -> None:
        """
        A push producer that writes on after FIN writes to nobody.
        """
        transport = self.accept(HalfRecorder).transport
        transport.registerProducer(Producer(), True)
        transport.loseWriteConnection()
        transport.write(b"late")
        self.assertEqual(self.sent(), [Frame(FIN, 3)])

    def test_producerStopped(self) -> None:
        """
        A producer is stopped when the stream ends, and when it is over already.
        """
        protocol = self.accept(Recorder)
        early, late = Producer(), Producer()
        transport = protocol.transport
        transport.registerProducer(early, True)
        transport.abortConnection()
        self.turn()
        transport.registerProducer(late, True)
        self.assertEqual((early.calls, late.calls), (["stop"], ["stop"]))


class ClosingTests(ProtocolCase):
    """
    How a stream ends.
    """

    def test_loseConnection(self) -> None:
        """
        What was written leaves, then FIN; the protocol is told later, and the stream is forgotten.
        """
        protocol = self.accept(Recorder)
        protocol.transport.write(b"last words")
        protocol.transport.loseConnection()
        self.assertEqual(self.sent(), [Frame(PSH, 3, b"last words"), Frame(FIN, 3)])
        self.assertIsNone(protocol.lost)
        self.turn()
        self.assertIsInstance(protocol.lost, ConnectionDone)
        self.assertEqual(self.session.liveStreams, 0)
        self.push(b"late")
        self.fin()
        self.assertEqual((protocol.received, self.sent()), ([], []))
        protocol.transport.write(b"more")
        protocol.transport.loseConnection()
        protocol.transport.abortConnection()
        self.assertEqual(self.sent(), [])

    def test_loseConnectionWaits(self) -> None:
        """
        A close waits for the window, and drops what comes meanwhile.
        """
        protocol = self.accept(Recorder)
        protocol.transport.write(bytes(INITIAL_WINDOW + 1))
        protocol.transport.loseConnection()
        self.push(b"too late")
        self.turn()
        self.assertIsNone(protocol.lost)
        self.assertEqual((protocol.received, self.session.engine.room), ([], 4194304))
        self.sent()
        self.session.dataReceived(update(3, INITIAL_WINDOW, 1))
        self.assertEqual(self.sent(), [Frame(PSH, 3, b"\0"), Frame(FIN, 3)])
        self.assertIsInstance(protocol.lost, ConnectionDone)

    def test_noCycles(self) -> None:
        """
        What is left of a stream is gone without the garbage collector.
        """
        gc.disable()
        self.addCleanup(gc.enable)
        for close in ("loseConnection", "abortConnection"):
            transport = self.accept(Recorder).transport
            transport.registerProducer(Producer(), True)
            transport.unregisterProducer()
            transport.write(b"data")
            getattr(transport, close)()
            self.turn()
            left = [weakref.ref(transport), weakref.ref(self.factory.made.pop())]
            del transport
            self.assertEqual([one() for one in left], [None, None])

    def test_lingerWithProducer(self) -> None:
        """
        So does one that waits for a producer, which waits for the peer; but not one whose peer has
        taken all that there was.
        """
        transports = [self.accept(Recorder, number).transport for number in (3, 5)]
        for transport, size in zip(transports, (2 * INITIAL_WINDOW, 10), strict=True):
            transport.registerProducer(Producer(), size > HIGH)
            transport.write(bytes(size))
            transport.loseConnection()
        for _ in range(4):
            self.wait(29)
            self.push(b"alive", 9)
        stalled, waiting = self.factory.made
        self.assertIsInstance(stalled.lost, SmuxLingerTimeout)
        self.assertIsNone(waiting.lost)

    def test_linger(self) -> None:
        """
        A close that the peer lets make no progress ends the stream in the end.
        """
        protocol = self.accept(Recorder)
        protocol.transport.write(bytes(INITIAL_WINDOW + 10))
        protocol.transport.loseConnection()
        for window in range(3):
            self.wait(29.5)
            self.session.dataReceived(update(3, INITIAL_WINDOW, window))
            self.wait(0.5)
        self.assertIsNone(protocol.lost)
        self.push(b"alive", 9)
        self.wait(30)
        self.assertIsInstance(protocol.lost, SmuxLingerTimeout)
        self.assertIn(Frame(FIN, 3), self.sent())
        self.assertEqual(self.ended, [])

    def test_abort(self) -> None:
        """
        What was not sent is dropped, and FIN leaves.
        """
        protocol = self.accept(Recorder)
        self.lower.pressed()
        protocol.transport.write(b"never")
        protocol.transport.abortConnection()
        self.assertIsNone(protocol.lost)
        self.turn()
        self.assertIsInstance(protocol.lost, ConnectionAborted)
        self.lower.released()
        self.assertEqual(self.sent(), [Frame(FIN, 3)])

    def test_peerCloses(self) -> None:
        """
        A protocol that cannot go on alone has its stream closed, after what it had written.
        """
        protocol = self.accept(Recorder)
        self.arrive(Frame(PSH, 3, b"bye"), Frame(FIN, 3))
        self.turn()
        self.assertEqual(protocol.data, b"bye")
        self.assertIsInstance(protocol.lost, ConnectionDone)
        self.assertEqual([frame for frame in self.sent() if frame.command != UPD], [Frame(FIN, 3)])

    def test_peerHalfCloses(self) -> None:
        """
        A protocol that can go on does, and ends when it has finished, too.
        """
        protocol = self.accept(HalfRecorder)
        self.fin()
        self.assertEqual((protocol.ends, protocol.lost), (["read"], None))
        protocol.transport.write(b"answer")
        self.assertEqual(self.sent(), [Frame(PSH, 3, b"answer")])
        protocol.transport.loseWriteConnection()
        self.assertEqual(self.sent(), [Frame(FIN, 3)])
        self.assertIsNone(protocol.lost)
        self.turn()
        self.assertEqual(protocol.ends, ["read", "write"])
        self.assertIsInstance(protocol.lost, ConnectionDone)

    def test_loseWriteConnection(self) -> None:
        """
        This end finishes first, and goes on receiving.
        """
        protocol = self.accept(HalfRecorder)
        protocol.transport.loseWriteConnection()
        protocol.transport.write(b"ignored")
        self.assertEqual(self.sent(), [Frame(FIN, 3)])
        self.turn()
        self.assertEqual(protocol.ends, ["write"])
        self.push(b"more")
        self.assertIsNone(protocol.lost)
        self.fin()
        self.turn()
        self.assertEqual((protocol.data, protocol.ends), (b"more", ["write", "read"]))
        self.assertIsInstance(protocol.lost, ConnectionDone)
        self.assertEqual([frame for frame in self.sent() if frame.command == FIN], [])

    def test_wrongUpdate(self) -> None:
        """
        A peer that takes what was not sent ends that stream, and no other.
        """
        protocol, other = self.accept(Recorder), self.accept(Recorder, 5)
        self.session.dataReceived(update(3, 1, 65536))
        self.assertIsInstance(protocol.lost, SmuxProtocolError)
        self.assertIn("a UPD frame for 1 bytes more", str(protocol.lost))
        self.assertEqual((other.lost, self.ended), (None, []))
        self.assertEqual(self.sent(), [Frame(FIN, 3)])


class ReadingTests(ProtocolCase):
    """
    Pausing and resuming.
    """

    def test_pause(self) -> None:
        """
        A paused stream keeps what comes, and its end; other streams go on.
        """
        protocol, other = self.accept(Recorder), self.accept(Recorder, 5)
        protocol.transport.pauseProducing()
        self.arrive(Frame(PSH, 3, b"kept"), Frame(FIN, 3), Frame(PSH, 5, b"now"))
        self.turn()
        self.assertEqual((protocol.data, other.data, protocol.lost), (b"", b"now", None))
        protocol.transport.resumeProducing()
        self.assertEqual(protocol.data, b"")
        self.turn()
        self.assertEqual(protocol.data, b"kept")
        self.assertIsInstance(protocol.lost, ConnectionDone)

    def test_pauseFromInside(self) -> None:
        """
        C{dataReceived} may pause, resume and close.
        """

        class Pausing(Recorder):
            def dataReceived(self, data: bytes) -> None:
                super().dataReceived(data)
                self.transport.pauseProducing()

        protocol = self.accept(Pausing)
        self.push(b"a")
        self.push(b"b")
        self.push(b"c")
        self.assertEqual(protocol.received, [b"a"])
        protocol.transport.resumeProducing()
        self.turn()
        self.assertEqual(protocol.received, [b"a", b"bc"])

    def test_batch(self) -> None:
        """
        Frames that come together are one call.
        """
        protocol = self.accept(Recorder)
        self.arrive(*[Frame(PSH, 3, b"%d" % number) for number in range(5)])
        self.assertEqual(protocol.received, [b"01234"])

    def test_stopProducing(self) -> None:
        """
        It closes the stream.
        """
        protocol = self.accept(Recorder)
        protocol.transport.stopProducing()
        self.turn()
        self.assertIsInstance(protocol.lost, ConnectionDone)


class ApplicationTests(ProtocolCase):
    """
    What applications raise.
    """

    def test_dataReceived(self) -> None:
        """
        It is logged and ends the stream, and no other.
        """

        class Failing(Recorder):
            def dataReceived(self, data: bytes) -> None:
                raise ZeroDivisionError

        failing, other = self.accept(Failing), self.accept(Recorder, 5)
        self.arrive(Frame(PSH, 3, b"x"), Frame(PSH, 5, b"y"))
        self.turn()
        self.assertIsInstance(failing.lost, ZeroDivisionError)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual((other.data, other.lost, self.ended), (b"y", None, []))
        self.assertEqual([frame for frame in self.sent() if frame.command == FIN], [Frame(FIN, 3)])

    def test_connectionMade(self) -> None:
        """
        So it does there.
        """

        class Failing(Recorder):
            def connectionMade(self) -> None:
                raise ZeroDivisionError

        failing = self.accept(Failing)
        self.turn()
        self.assertIsInstance(failing.lost, ZeroDivisionError)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_buildProtocol(self) -> None:
        """
        A stream for which there is no protocol is refused.
        """

        def fail() -> Recorder:
            raise ZeroDivisionError

        self.factory.make = fail
        self.arrive(Frame(SYN, 3))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.factory.make = lambda: None  # type: ignore[assignment,return-value]
        self.arrive(Frame(SYN, 5))
        self.assertEqual(self.sent(), [Frame(FIN, 3), Frame(FIN, 5)])
        self.assertEqual((self.session.stats.refused, self.session.stats.accepted), (2, 0))
