"""
A session without I/O.
"""

from __future__ import annotations

import tracemalloc
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.smux.counters import SmuxStats
from kcptwisted.smux.frames import FIN, NOP, PSH, SYN, Frame, FrameParser, header, update
from kcptwisted.smux.options import SmuxOptions
from kcptwisted.smux.session import MOST_CONTROLS, NoMoreIds, Session
from kcptwisted.smux.stream import INITIAL_WINDOW, Stream


def push(stream: int, data: bytes, version: int = 2) -> bytes:
    """
    @return: a PSH frame.
    """
    return header(version, PSH, len(data), stream) + data


class SessionCase(SynchronousTestCase):
    """
    Has one end.
    """

    def session(self, isClient: bool = False, accepts: bool = True, **options: Any) -> Session:
        """
        @return: an end; a server of version 2 if not said otherwise.
        """
        self.options = SmuxOptions(**options)
        self.parser = FrameParser(self.options.version)
        return Session(self.options, isClient, accepts, SmuxStats())

    def sent(self, session: Session, limit: int = 1 << 30) -> list[Frame]:
        """
        @return: the frames that leave.
        """
        return self.parser.parse(b"".join(session.dataToSend(limit)))

    def accepted(self, session: Session, number: int = 3) -> Stream:
        """
        @return: a stream that the peer opens.
        """
        session.receive(header(self.options.version, SYN, 0, number))
        [stream] = session.takeNews()
        return stream


class IdTests(SessionCase):
    """
    Stream ids.
    """

    def test_firstIds(self) -> None:
        """
        Clients begin with 3, servers with 2, and go up by 2.
        """
        client, server = self.session(isClient=True), self.session()
        self.assertEqual([client.open().id for _ in range(3)], [3, 5, 7])
        self.assertEqual([server.open().id for _ in range(3)], [2, 4, 6])
        self.assertEqual(self.sent(client), [Frame(SYN, 3), Frame(SYN, 5), Frame(SYN, 7)])

    def test_wrap(self) -> None:
        """
        When all ids were used no stream is opened, nothing is sent, and live ones go on.
        """
        client = self.session(isClient=True)
        client._nextId = 0xFFFFFFFF
        last = client.open()
        self.assertEqual(self.sent(client), [Frame(SYN, 0xFFFFFFFF)])
        self.assertFalse(client.hasIds)
        self.assertRaises(NoMoreIds, client.open)
        self.assertEqual(self.sent(client), [])
        client.write(last, b"on")
        self.assertEqual(self.sent(client), [Frame(PSH, 0xFFFFFFFF, b"on")])

    def test_anyIdIsAccepted(self) -> None:
        """
        The peer may use any id, also one of this end's, which this end then leaves out.
        """
        client = self.session(isClient=True)
        for number in (0, 1, 3, 0xFFFFFFFF):
            self.assertEqual(self.accepted(client, number).id, number)
        self.assertEqual(client.open().id, 5)

    def test_secondSyn(self) -> None:
        """
        SYN for a live stream is nothing; for one that is closed it opens a fresh one.
        """
        session = self.session()
        stream = self.accepted(session)
        session.receive(header(2, SYN, 0, 3) + push(3, b"a"))
        self.assertEqual(session.takeNews(), [stream])
        session.drop(stream)
        fresh = self.accepted(session)
        self.assertIsNot(fresh, stream)
        session.receive(push(3, b"b"))
        self.assertEqual(session.read(fresh), b"b")

    def test_unknownStreams(self) -> None:
        """
        Frames for unknown streams are ignored, and take nothing of the budget.
        """
        session = self.session()
        session.receive(push(9, b"lost") + header(2, FIN, 0, 9) + update(9, 0, 0))
        self.assertEqual((session.takeNews(), session.room), ([], 4194304))
        self.assertEqual(session.stats.strayFrames, 1)
        self.assertIsNone(session.error)
        self.assertFalse(session.hasOutput)

    def test_refused(self) -> None:
        """
        A stream beyond C{maxStreams}, or where none are accepted, is answered with FIN.
        """
        session = self.session(maxStreams=1)
        first = self.accepted(session)
        session.receive(header(2, SYN, 0, 5))
        self.assertEqual((session.takeNews(), self.sent(session)), ([], [Frame(FIN, 5)]))
        session.drop(first)
        self.assertEqual(self.accepted(session, 7).id, 7)
        client = self.session(isClient=True, accepts=False)
        client.receive(header(2, SYN, 0, 2))
        self.assertEqual((client.takeNews(), self.sent(client)), ([], [Frame(FIN, 2)]))
        self.assertEqual((session.stats.refused, client.stats.refused), (1, 1))

    def test_peerReadsNoAnswers(self) -> None:
        """
        Nothing more is taken from a peer that does not take its answers.
        """
        session = self.session(accepts=False)
        session.receive(header(2, SYN, 0, 3) * 3 * MOST_CONTROLS)
        self.assertTrue(session.isFull and session.isHeld)
        self.assertEqual(len(self.sent(session)), MOST_CONTROLS + 1)
        session.proceed()
        self.assertEqual(session.stats.refused, 2 * MOST_CONTROLS + 2)


class OrderTests(SessionCase):
    """
    What leaves, in which order.
    """

    def test_finIsLast(self) -> None:
        """
        FIN follows the data; NOP and UPD overtake it.
        """
        session = self.session(isClient=True, frameSize=4)
        stream = session.open()
        session.write(stream, b"abcdef")
        session.finish(stream)
        session.ping()
        self.assertEqual(
            self.sent(session),
            [Frame(SYN, 3), Frame(NOP, 0), Frame(PSH, 3, b"abcd"), Frame(PSH, 3, b"ef"),
             Frame(FIN, 3)],
        )  # fmt: skip
        self.assertFalse(session.hasOutput)

    def test_finOnce(self) -> None:
        """
        There is one FIN, however a stream is closed.
        """
        session = self.session(isClient=True)
        stream = session.open()
        session.finish(stream)
        session.finish(stream)
        self.assertEqual(self.sent(session), [Frame(SYN, 3), Frame(FIN, 3)])
        session.finish(stream)
        session.drop(stream)
        session.drop(stream)
        self.assertEqual(self.sent(session), [])

    def test_droppedQueue(self) -> None:
        """
        A dropped stream sends FIN, and nothing of what waited.
        """
        session = self.session(isClient=True)
        stream = session.open()
        session.write(stream, b"abcdef")
        session.drop(stream)
        self.assertEqual(self.sent(session), [Frame(SYN, 3), Frame(FIN, 3)])

    def test_roundRobin(self) -> None:
        """
        Streams send a frame in turn, and whoever comes later waits for a round.
        """
        session = self.session(isClient=True, frameSize=2)
        one, two = session.open(), session.open()
        session.write(one, b"aabbcc")
        session.write(two, b"ddee")
        self.sent(session, 1)
        three = session.open()
        session.write(three, b"f")
        frames = [frame for frame in self.sent(session) if frame.command == PSH]
        self.assertEqual(
            [(frame.stream, frame.payload) for frame in frames],
            [(5, b"dd"), (3, b"bb"), (7, b"f"), (5, b"ee"), (3, b"cc")],
        )

    def test_limit(self) -> None:
        """
        The limit is passed by less than a frame.
        """
        session = self.session(isClient=True, frameSize=100)
        session.write(session.open(), bytes(1000))
        self.assertLess(len(b"".join(session.dataToSend(250))), 250 + 108)
        self.assertTrue(session.hasOutput)

    def test_smallWrites(self) -> None:
        """
        What waits leaves in as few frames as possible.
        """
        session = self.session(isClient=True, frameSize=5)
        stream = session.open()
        for piece in (b"a", b"bc", b"", b"defg", b"h"):
            session.write(stream, piece)
        self.assertEqual(self.sent(session)[1:], [Frame(PSH, 3, b"abcde"), Frame(PSH, 3, b"fgh")])

    def test_onePing(self) -> None:
        """
        NOPs that could not leave do not pile up.
        """
        session = self.session()
        session.ping()
        session.ping()
        self.assertEqual(self.sent(session), [Frame(NOP, 0)])


class WindowTests(SessionCase):
    """
    The window of version 2.
    """

    def left(self, session: Session) -> int:
        """
        @return: the bytes of data that leave.
        """
        return sum(len(frame.payload) for frame in self.sent(session))

    def test_first(self) -> None:
        """
        262144 bytes may leave before the first UPD, and then as many as it says.
        """
        session = self.session(isClient=True)
        stream = session.open()
        session.write(stream, bytes(1_000_000))
        self.assertEqual(self.left(session), INITIAL_WINDOW)
        self.assertFalse(session.hasOutput)
        session.receive(update(3, INITIAL_WINDOW, 50000))
        self.assertEqual(self.left(session), 50000)

    def test_none(self) -> None:
        """
        A window of 0 stops, and a count that goes back shrinks the room.
        """
        session = self.session(isClient=True)
        stream = session.open()
        session.write(stream, bytes(500_000))
        self.left(session)
        for consumed, window, room in (
            (INITIAL_WINDOW, 0, 0),
            (INITIAL_WINDOW - 1000, 1000, 0),
            (INITIAL_WINDOW - 1000, 1500, 500),
        ):
            session.receive(update(3, consumed, window))
            self.assertEqual(self.left(session), room)

    def test_version1(self) -> None:
        """
        Version 1 has no window.
        """
        session = self.session(isClient=True, version=1)
        session.write(session.open(), bytes(1_000_000))
        self.assertEqual(self.left(session), 1_000_000)

    def test_stalledAlone(self) -> None:
        """
        A stream without room leaves the others running, and its FIN waits.
        """
        session = self.session(isClient=True)
        stalled, other = session.open(), session.open()
        session.write(stalled, bytes(INITIAL_WINDOW + 1))
        session.finish(stalled)
        self.left(session)
        session.write(other, b"x")
        self.assertEqual(self.sent(session), [Frame(PSH, 5, b"x")])
        session.receive(update(3, INITIAL_WINDOW, 1))
        self.assertEqual(self.sent(session), [Frame(PSH, 3, b"\0"), Frame(FIN, 3)])

    def test_countsWrap(self) -> None:
        """
        Counts are modulo 2**32.
        """
        session = self.session(isClient=True)
        stream = session.open()
        stream.progress = (1 << 32) + 10
        session.write(stream, bytes(100))
        session.receive(update(3, 0xFFFFFFFF, 30))
        self.assertEqual(self.left(session), 30 - 11)
        session.receive(update(3, 10, 1000))
        self.assertEqual(self.left(session), 100 - 19)

    def test_consumedTooMuch(self) -> None:
        """
        A peer that has taken more than was sent is wrong about that stream.
        """
        session = self.session(isClient=True)
        stream = session.open()
        session.write(stream, b"abc")
        self.sent(session)
        session.receive(update(3, 4, 65536))
        self.assertEqual(session.takeNews(), [stream])
        self.assertEqual(stream.error, "a UPD frame for 1 bytes more than were sent")
        self.assertEqual(session.stats.protocolErrors, 1)
        self.assertIsNone(session.error)

    def test_whenUpdatesLeave(self) -> None:
        """
        The example of the protocol's description: with a buffer of 65536, the first bytes are
        announced, and then each half of the buffer.
        """
        session = self.session(streamBuffer=65536, sessionBuffer=131072)
        stream = self.accepted(session)
        announced = []
        for size in [20000, 20000] + [10000] * 12:
            session.receive(push(3, bytes(size)))
            session.read(stream)
            announced += [(frame.consumed, frame.window) for frame in self.sent(session)]
        self.assertEqual(
            announced, [(20000, 65536), (60000, 65536), (100000, 65536), (140000, 65536)]
        )

    def windows(self, session: Session, stream: Stream, count: int) -> list[int]:
        """
        @return: the windows of so many UPD frames, to a peer whose data is read at once.
        """
        found: list[int] = []
        while len(found) < count:
            session.receive(push(stream.id, bytes(10_000)))
            session.takeNews()
            session.read(stream)
            found += [frame.window for frame in self.sent(session)]
        return found

    def test_windowGrows(self) -> None:
        """
        A reader that keeps up is given twice the window with each UPD, up to its part of half of
        the budget.
        """
        session = self.session(streamBuffer=65536, sessionBuffer=1 << 20)
        stream = self.accepted(session)
        self.assertEqual(self.windows(session, stream, 4), [131072, 262144, 524288, 524288])
        for number in (5, 7, 9):
            self.accepted(session, number)
        self.assertEqual(self.windows(session, stream, 2), [131072, 131072])
        for number in range(11, 51, 2):
            self.accepted(session, number)
        self.assertEqual(self.windows(session, stream, 2), [65536, 65536])

    def test_windowShrinks(self) -> None:
        """
        A reader that was behind is given the least.
        """
        session = self.session(streamBuffer=65536, sessionBuffer=1 << 20)
        stream = self.accepted(session)
        self.windows(session, stream, 3)
        for _ in range(2):
            session.receive(push(3, bytes(65535)))
            session.takeNews()
        for _ in range(3):
            session.receive(push(3, bytes(65535)))
        session.takeNews()
        while stream.unread:
            session.read(stream)
        self.assertEqual([frame.window for frame in self.sent(session)][:1], [65536])

    def test_noUpdates(self) -> None:
        """
        Version 1 has no UPD, and none is sent to who has finished.
        """
        session = self.session(version=1)
        stream = self.accepted(session)
        session.receive(push(3, b"abc", 1))
        session.read(stream)
        self.assertFalse(session.hasOutput)
        session = self.session()
        stream = self.accepted(session)
        session.receive(push(3, b"abc") + header(2, FIN, 0, 3))
        session.read(stream)
        self.assertFalse(session.hasOutput)


class BudgetTests(SessionCase):
    """
    The budget of a session.
    """

    def test_full(self) -> None:
        """
        When the budget is used up nothing more is taken, for no stream, until something is read.
        """
        session = self.session(version=1, sessionBuffer=100, streamBuffer=100)
        stream = self.accepted(session)
        session.receive(push(3, bytes(60), 1) + push(3, bytes(60), 1) + header(1, SYN, 0, 5))
        session.receive(header(1, SYN, 0, 7))
        self.assertTrue(session.isFull and session.isHeld)
        self.assertEqual((session.takeNews(), stream.unread), ([stream], 120))
        session.proceed()
        self.assertEqual(session.takeNews(), [])
        self.assertEqual(session.read(stream), bytes(120))
        session.proceed()
        self.assertEqual([found.id for found in session.takeNews()], [5, 7])
        self.assertEqual(session.room, 100)

    def test_smallPieces(self) -> None:
        """
        Bytes that come in small pieces, and that nobody takes, cost not much more than they are.
        """
        session = self.session(version=1)
        stream = self.accepted(session)
        expected = [bytes([n % 256]) * (2 if n % 1000 else 5000) for n in range(20_000)]
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for piece in expected:
            session.receive(push(3, piece, 1))
        self.assertLess(tracemalloc.get_traced_memory()[0], 2 * stream.unread)
        taken = b""
        while stream.unread:
            taken += session.read(stream)
            session.receive(push(3, b"", 1))
        self.assertEqual(taken, b"".join(expected))

    def test_dropped(self) -> None:
        """
        What a dropped stream had unread is given back.
        """
        session = self.session(sessionBuffer=100, streamBuffer=100)
        stream = self.accepted(session)
        session.receive(push(3, bytes(120)))
        self.assertTrue(session.isFull)
        session.isHeard = False
        session.drop(stream)
        self.assertFalse(session.isFull)
        self.assertTrue(session.isHeard)

    def test_errorWaits(self) -> None:
        """
        What is wrong is told when all before it has been taken.
        """
        session = self.session(sessionBuffer=10, streamBuffer=10)
        stream = self.accepted(session)
        session.receive(push(3, bytes(10)) + header(2, FIN, 0, 3) + b"garbage!")
        self.assertIsNone(session.error)
        session.read(stream)
        session.proceed()
        self.assertTrue(stream.finReceived)
        self.assertIn("version 103", str(session.error))

    def test_afterFin(self) -> None:
        """
        Data after FIN is dropped.
        """
        session = self.session()
        stream = self.accepted(session)
        session.receive(header(2, FIN, 0, 3) + push(3, b"late"))
        self.assertEqual((stream.unread, session.stats.strayFrames), (0, 1))
