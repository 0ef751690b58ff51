"""
Tests for L{kcptwisted.arq.sender}.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.sender import Sender
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.congestion.kcp import KCPWindow
from kcptwisted.congestion.registry import CONTROLS
from kcptwisted.errors import MessageTooLong
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import OVERHEAD, PUSH, Segment, decodeSegments
from tests.properties import given, strategies

CONV = 0x12345678
MSS = 10
FULL = OVERHEAD + MSS


def _settings(
    stream: bool = True, resend: int = 2, sendWindow: int = 512, nodelay: bool = False
) -> ARQSettings:
    return ARQSettings(
        mtu=OVERHEAD + MSS,
        stream=stream,
        resend=resend,
        sendWindow=sendWindow,
        nodelay=nodelay,
    )


class SenderTestCase(SynchronousTestCase):
    """
    Holds a sender with segments of ten bytes.
    """

    def make(
        self,
        settings: ARQSettings | None = None,
        congested: bool = False,
        firstSn: int = 0,
    ) -> Sender:
        """
        Begin anew.
        """
        self.stats = SessionStats()
        settings = settings or _settings()
        if congested:
            settings = replace(settings, congestion=CONTROLS["kcp"])
        self.sender = Sender(settings, self.stats, firstSn)
        return self.sender

    @property
    def control(self) -> KCPWindow:
        """
        Congestion control.
        """
        assert self.sender.limits.governor is not None
        control = self.sender.limits.governor.control
        assert isinstance(control, KCPWindow)
        return control

    def flush(self, now: int = 0, window: int = 128, una: int = 0) -> list[Segment]:
        """
        Send what is due.
        """
        return decodeSegments(b"".join(self.sender.flush(CONV, now, window, una)))

    def sns(self, now: int = 0) -> list[int]:
        """
        Send what is due, of which only the numbers matter.
        """
        return [segment.sn for segment in self.flush(now)]

    def launch(self, count: int, now: int = 0) -> None:
        """
        Send C{count} full segments.
        """
        self.sender.write(bytes(MSS * count))
        self.assertEqual(len(self.flush(now)), count)

    def acknowledge(self, *sns: int, ts: int = 0, now: int = 0) -> bool:
        """
        Take ACK segments.
        """
        return self.sender.acknowledge([], [(sn, ts) for sn in sns], now, True)


class StreamTests(SenderTestCase):
    """
    Cutting a byte stream into segments.
    """

    def test_cut(self) -> None:
        """
        Writes are cut into full segments, and only the last is shorter.
        """
        self.make().write(bytes(range(25)))
        self.assertEqual(
            [segment.data for segment in self.flush()],
            [bytes(range(10)), bytes(range(10, 20)), bytes(range(20, 25))],
        )

    def test_header(self) -> None:
        """
        A segment carries what was given for its header.
        """
        self.make().write(b"data")
        self.assertEqual(
            self.flush(now=2**32 + 7, window=99, una=5),
            [Segment(CONV, PUSH, 0, 99, 7, 0, 5, b"data")],
        )

    def test_fillLast(self) -> None:
        """
        What was not sent yet is filled up before another segment is begun.
        """
        sender = self.make()
        for piece in (b"abc", b"defg", b"hijklm", b"n"):
            sender.write(piece)
        self.assertEqual([segment.data for segment in self.flush()], [b"abcdefghij", b"klmn"])

    def test_fillExactly(self) -> None:
        """
        A full segment takes nothing more.
        """
        sender = self.make()
        sender.write(bytes(10))
        sender.write(b"next")
        self.assertEqual([len(segment.data) for segment in self.flush()], [10, 4])

    def test_sentIsNotFilled(self) -> None:
        """
        A segment that has been sent is left as it is.
        """
        sender = self.make()
        sender.write(b"abc")
        self.flush()
        sender.write(b"def")
        self.assertEqual([segment.data for segment in self.flush()], [b"def"])

    def test_empty(self) -> None:
        """
        Writing nothing queues nothing: a zero-length PUSH stops kcp-go's readers.
        """
        sender = self.make()
        sender.write(b"")
        self.assertEqual(self.flush(), [])
        self.assertFalse(sender.queue)

    def test_queuedBytes(self) -> None:
        """
        The bytes in the queue are counted as they come and go.
        """
        sender = self.make(_settings(sendWindow=2))
        sender.write(bytes(7))
        sender.write(bytes(28))
        self.assertEqual(sender.queuedBytes, 35)
        self.flush()
        self.assertEqual(sender.queuedBytes, 15)
        self.acknowledge(0, 1)
        self.flush()
        self.assertEqual(sender.queuedBytes, 0)

    @given(strategies.lists(strategies.binary(max_size=40), max_size=20))
    def test_nothingLost(self, pieces: list[bytes]) -> None:
        """
        However writes are cut, the segments hold the same bytes, and as few segments as possible.
        """
        sender = self.make()
        sender.remoteWindow = 1000
        for piece in pieces:
            sender.write(piece)
        whole = b"".join(pieces)
        payloads = [segment.data for segment in self.flush()]
        self.assertEqual(b"".join(payloads), whole)
        self.assertEqual(len(payloads), -(-len(whole) // MSS))


class MessageTests(SenderTestCase):
    """
    Cutting messages into fragments.
    """

    def test_countdown(self) -> None:
        """
        The fragments of a message say how many are still to come.
        """
        self.make(_settings(stream=False)).write(b"abcdefghijklmnopqrstuvwxy")
        self.assertEqual(
            [(segment.frg, segment.data) for segment in self.flush()],
            [(2, b"abcdefghij"), (1, b"klmnopqrst"), (0, b"uvwxy")],
        )

    def test_apart(self) -> None:
        """
        Messages share no segment, however short they are.
        """
        sender = self.make(_settings(stream=False))
        sender.write(b"a")
        sender.write(b"b")
        self.assertEqual([(s.frg, s.data) for s in self.flush()], [(0, b"a"), (0, b"b")])

    def test_exactly(self) -> None:
        """
        A message of full segments has no empty one at its end.
        """
        self.make(_settings(stream=False)).write(bytes(20))
        self.assertEqual([(s.frg, len(s.data)) for s in self.flush()], [(1, 10), (0, 10)])

    def test_empty(self) -> None:
        """
        There are no empty messages.
        """
        self.make(_settings(stream=False)).write(b"")
        self.assertEqual(self.flush(), [])

    def test_longest(self) -> None:
        """
        255 fragments are the most that a message may have.
        """
        sender = self.make(_settings(stream=False))
        sender.remoteWindow = 1000
        sender.write(bytes(255 * MSS))
        self.assertEqual([s.frg for s in self.flush()], list(range(254, -1, -1)))

    def test_tooLong(self) -> None:
        """
        A longer message is refused whole, and the error tells both lengths.
        """
        sender = self.make(_settings(stream=False))
        error = self.assertRaises(MessageTooLong, sender.write, bytes(255 * MSS + 1))
        self.assertEqual((error.length, error.limit), (2551, 2550))
        self.assertEqual((len(sender.queue), sender.queuedBytes), (0, 0))


class WindowTests(SenderTestCase):
    """
    How many segments may be in flight.
    """

    def test_sendWindow(self) -> None:
        """
        No more segments are in flight than this side's window allows.
        """
        self.make(_settings(sendWindow=4)).write(bytes(60))
        self.assertEqual(self.sns(), [0, 1, 2, 3])
        self.assertEqual(self.sns(), [])

    def test_remoteWindow(self) -> None:
        """
        No more segments are in flight than the peer's window allows.
        """
        sender = self.make()
        sender.remoteWindow = 3
        sender.write(bytes(60))
        self.assertEqual(self.sns(), [0, 1, 2])

    def test_remoteWindowAtFirst(self) -> None:
        """
        Until the peer has told its window it is taken to be 32.
        """
        self.make().write(bytes(1000))
        self.assertEqual(len(self.flush()), 32)

    def test_congestionWindow(self) -> None:
        """
        No more segments are in flight than congestion control allows.
        """
        self.make(congested=True).write(bytes(100))
        self.assertEqual(self.sns(), [0])
        self.sender.acknowledge([1], [(0, 0)], 0, True)
        self.assertEqual(self.sns(), [1, 2])

    def test_countedFromUna(self) -> None:
        """
        The window begins at the first segment not acknowledged, whatever is acknowledged after it.
        """
        sender = self.make(_settings(sendWindow=4, resend=0))
        sender.write(bytes(80))
        self.flush()
        self.acknowledge(1, 2, 3)
        self.assertNotIn(4, self.sns())
        self.acknowledge(0)
        self.assertEqual(self.sns(), [4, 5, 6, 7])

    def test_shut(self) -> None:
        """
        A peer without room gets nothing new.
        """
        sender = self.make()
        sender.remoteWindow = 0
        sender.write(bytes(60))
        self.assertFalse(sender.wantsFlush)
        self.assertEqual(self.sns(), [])

    def test_shrunk(self) -> None:
        """
        When a window shrinks below what is in flight nothing new leaves until that is gone.
        """
        sender = self.make()
        self.launch(5)
        sender.remoteWindow = 2
        sender.write(bytes(20))
        self.assertFalse(sender.wantsFlush)
        sender.acknowledge([4], [], 0, True)
        self.assertTrue(sender.wantsFlush)
        self.assertEqual(self.sns(), [5])

    def test_wantsFlush(self) -> None:
        """
        A flush is wanted while something queued may leave.
        """
        sender = self.make()
        self.assertFalse(sender.wantsFlush)
        sender.write(b"data")
        self.assertTrue(sender.wantsFlush)
        self.flush()
        self.assertFalse(sender.wantsFlush)


class AcknowledgeTests(SenderTestCase):
    """
    What acknowledgements do.
    """

    def test_ack(self) -> None:
        """
        An ACK takes its segment out of flight, and una moves past all that were acknowledged.
        """
        sender = self.make()
        self.launch(4)
        self.assertFalse(self.acknowledge(1))
        self.assertEqual((sender.una, list(sender.inFlight)), (0, [0, 2, 3]))
        self.assertTrue(self.acknowledge(0))
        self.assertEqual((sender.una, list(sender.inFlight)), (2, [2, 3]))

    def test_una(self) -> None:
        """
        A una takes all before it out of flight.
        """
        sender = self.make()
        self.launch(4)
        self.assertTrue(sender.acknowledge([3], [], 0, True))
        self.assertEqual((sender.una, list(sender.inFlight)), (3, [3]))

    def test_oldUna(self) -> None:
        """
        A una that was passed already is no error and changes nothing.
        """
        sender = self.make()
        self.launch(4)
        sender.acknowledge([3], [], 0, True)
        self.assertFalse(sender.acknowledge([1, 3], [], 0, True))
        self.assertEqual(sender.una, 3)
        self.assertEqual(self.stats.KCPInErrors, 0)

    def test_unaBeyondNext(self) -> None:
        """
        A una beyond what was sent is ignored and counted, and others of the batch are taken.
        """
        sender = self.make()
        self.launch(4)
        self.assertTrue(sender.acknowledge([5, 2], [], 0, True))
        self.assertEqual((sender.una, list(sender.inFlight)), (2, [2, 3]))
        self.assertEqual(self.stats.KCPInErrors, 1)

    def test_unaOfAll(self) -> None:
        """
        A una just after the last segment sent acknowledges all.
        """
        sender = self.make()
        self.launch(4)
        sender.acknowledge([4], [], 0, True)
        self.assertEqual((sender.una, sender.inFlight), (4, {}))
        self.assertEqual(self.stats.KCPInErrors, 0)

    def test_ackOfNeverSent(self) -> None:
        """
        An ACK of what was never sent is ignored and counted.
        """
        sender = self.make()
        self.launch(2)
        sender.write(bytes(10))
        self.acknowledge(2)
        self.assertEqual((sender.una, len(sender.inFlight), len(sender.queue)), (0, 2, 1))
        self.assertEqual(self.stats.KCPInErrors, 1)

    def test_ackAgain(self) -> None:
        """
        A second ACK of the same segment is no error.
        """
        self.make()
        self.launch(3)
        self.acknowledge(0, 2)
        self.assertFalse(self.acknowledge(0, 2))
        self.assertEqual(self.stats.KCPInErrors, 0)

    def test_roundTrip(self) -> None:
        """
        The last ACK of a batch gives the round-trip sample.
        """
        sender = self.make()
        self.launch(3, now=1000)
        sender.acknowledge([], [(0, 700), (1, 1000)], 1080, True)
        self.assertEqual(sender.rtt.smoothed, 80)

    def test_noRoundTrip(self) -> None:
        """
        ACKs that are not fit for a sample give none.
        """
        sender = self.make()
        self.launch(3, now=1000)
        sender.acknowledge([], [(0, 1000)], 1080, False)
        self.assertEqual((sender.rtt.smoothed, sender.una), (0, 1))

    def test_roundTripOfLongAgo(self) -> None:
        """
        An ACK of what was acknowledged before gives no sample, and one of what the same batch has
        acknowledged by una does.
        """
        sender = self.make()
        self.launch(3, now=1000)
        sender.acknowledge([1], [], 1050, True)
        sender.acknowledge([], [(0, 1000)], 1900, True)
        self.assertEqual(sender.rtt.smoothed, 0)
        sender.acknowledge([2], [(1, 1000)], 1900, True)
        self.assertEqual(sender.rtt.smoothed, 900)

    def test_roundTripFromTheFuture(self) -> None:
        """
        A ts that is still to come gives no sample.
        """
        sender = self.make()
        self.launch(3, now=1000)
        sender.acknowledge([], [(0, 1001)], 1000, True)
        self.assertEqual(sender.rtt.smoothed, 0)

    def test_roundTripOfNothing(self) -> None:
        """
        An ACK of a number that was never sent gives no sample, whatever came before and with it.
        """
        sender = self.make()
        self.launch(3, now=100_000)
        for sn in (3, 4, 2**31 - 1, 2**31, 2**32 - 1):
            sender.acknowledge([], [(0, 100_000), (sn, 0)], 100_050, True)
            self.assertEqual((sender.rtt.smoothed, sender.rtt.timeout), (0, 200), sn)

    def test_roundTripBeforeLaunch(self) -> None:
        """
        A ts before anything in flight was sent gives no sample.
        """
        sender = self.make()
        self.launch(2, now=1000)
        sender.acknowledge([2], [], 1050, True)
        self.launch(3, now=1100)
        sender.acknowledge([], [(4, 1000)], 1140, True)
        sender.acknowledge([], [(2, 1099)], 1140, True)
        self.assertEqual(sender.rtt.smoothed, 0)
        sender.acknowledge([], [(3, 1100)], 1140, True)
        self.assertEqual(sender.rtt.smoothed, 40)

    def test_roundTripTwice(self) -> None:
        """
        An ACK that comes again, behind a gap, gives no second sample.
        """
        sender = self.make()
        self.launch(3, now=1000)
        sender.acknowledge([], [(2, 1000)], 1050, True)
        sender.acknowledge([], [(2, 1000)], 1900, True)
        self.assertEqual(sender.rtt.smoothed, 50)

    def test_roundTripAcrossWrap(self) -> None:
        """
        The round trip is right while ts wraps.
        """
        sender = self.make()
        self.launch(1, now=2**32 - 30)
        sender.acknowledge([], [(0, 2**32 - 30)], 2**32 + 20, True)
        self.assertEqual(sender.rtt.smoothed, 50)

    def test_congestionIsTold(self) -> None:
        """
        Congestion control hears of each datagram that moved una, and of no other.
        """
        self.make(congested=True)
        control = self.control
        self.launch(1)
        self.sender.acknowledge([1], [], 0, True)
        self.assertEqual(control.window, 2 * FULL)
        self.launch(2)
        self.sender.acknowledge([2, 3], [], 0, True)
        self.assertEqual(control.window, 4 * FULL)
        self.launch(3)
        self.acknowledge(4)
        self.assertEqual(control.window, 4 * FULL)


class ResendTests(SenderTestCase):
    """
    Sending again.
    """

    def growth(self, nodelay: bool) -> list[int]:
        """
        Let one segment time out again and again.

        @return: the first times at which it is sent.
        """
        sender = self.make(_settings(nodelay=nodelay))
        sender.write(b"data")
        now = 0
        times: list[int] = []
        for _ in range(5):
            if times:
                self.assertEqual(self.sns(now - 1), [])
            self.assertEqual(self.sns(now), [0])
            times.append(now)
            deadline = sender.deadline()
            assert deadline is not None
            now = deadline
        return times

    def test_growth(self) -> None:
        """
        Each timeout adds the estimated timeout to the segment's own.
        """
        self.assertEqual(self.growth(nodelay=False), [0, 200, 600, 1200, 2000])

    def test_growthWithNodelay(self) -> None:
        """
        With nodelay each timeout adds half as much.
        """
        self.assertEqual(self.growth(nodelay=True), [0, 200, 500, 900, 1400])

    def test_timeout(self) -> None:
        """
        What was not acknowledged in time goes again, with the time, window and una of now.
        """
        self.make()
        self.launch(3)
        self.acknowledge(1)
        self.sender.write(b"new")
        segments = self.flush(200, window=7, una=9)
        self.assertEqual([segment.sn for segment in segments], [0, 2, 3])
        self.assertEqual({(s.ts, s.wnd, s.una) for s in segments}, {(200, 7, 9)})
        self.assertEqual((self.stats.LostSegs, self.stats.RetransSegs), (2, 2))
        self.assertEqual(self.stats.OutSegs, 6)

    def test_frgIsKept(self) -> None:
        """
        A copy is of the same message as the first.
        """
        self.make(_settings(stream=False)).write(bytes(25))
        first = self.flush(0)
        again = self.flush(200)
        self.assertEqual([(s.frg, s.data) for s in first], [(s.frg, s.data) for s in again])

    def test_fast(self) -> None:
        """
        A segment goes again when as many later ones are acknowledged as the threshold says.
        """
        sender = self.make(_settings(resend=2))
        self.launch(5)
        self.acknowledge(1)
        self.assertFalse(sender.wantsFlush)
        self.acknowledge(2)
        self.assertTrue(sender.wantsFlush)
        self.assertEqual(self.sns(50), [0])
        self.assertEqual(self.stats.FastRetransSegs, 1)
        self.assertEqual(self.stats.RetransSegs, 1)
        self.assertEqual((self.stats.LostSegs, self.stats.EarlyRetransSegs), (0, 0))

    def test_fastOnce(self) -> None:
        """
        A segment goes again by ACKs once; its timeout, 100 ms by now, counts from then.
        """
        self.make(_settings(resend=1))
        self.launch(6)
        self.acknowledge(1)
        self.assertEqual(self.sns(50), [0])
        self.acknowledge(2, 3, 4, 5)
        self.assertEqual(self.sns(60), [])
        self.assertEqual(self.sns(149), [])
        self.assertEqual(self.sns(150), [0])
        self.assertEqual((self.stats.FastRetransSegs, self.stats.LostSegs), (1, 1))

    def test_fastAfterTimeout(self) -> None:
        """
        After a timeout a segment can go again by ACKs of what left no earlier.
        """
        self.make(_settings(resend=2))
        self.launch(6)
        self.acknowledge(3)
        self.assertEqual(self.sns(200), [0, 1, 2, 4, 5])
        self.acknowledge(4, ts=199, now=210)
        self.assertEqual(self.sns(210), [])
        self.acknowledge(2, ts=200, now=220)
        self.acknowledge(5, ts=200, now=220)
        self.assertEqual(self.sns(220), [0, 1])

    def test_early(self) -> None:
        """
        With nothing new to send one ACK of a later segment is enough.
        """
        self.make(_settings(resend=3))
        self.launch(4)
        self.acknowledge(2)
        self.assertEqual(self.sns(50), [0, 1])
        self.assertEqual((self.stats.EarlyRetransSegs, self.stats.FastRetransSegs), (2, 0))
        self.assertEqual(self.stats.RetransSegs, 2)

    def test_notEarly(self) -> None:
        """
        While there is something new to send, nothing goes again early.
        """
        sender = self.make(_settings(resend=3))
        self.launch(4)
        self.acknowledge(2)
        sender.write(b"new")
        self.assertEqual(self.sns(50), [4])
        self.assertEqual(self.stats.EarlyRetransSegs, 0)
        self.assertEqual(self.sns(60), [0, 1])

    def test_noThreshold(self) -> None:
        """
        A threshold of 0 turns fast retransmission off, not the early one.
        """
        sender = self.make(_settings(resend=0))
        self.launch(10)
        self.acknowledge(*range(1, 8))
        self.assertFalse(sender.wantsFlush)
        sender.write(b"new")
        self.assertEqual(self.sns(50), [10])
        self.assertEqual(self.sns(60), [0])
        self.assertEqual((self.stats.EarlyRetransSegs, self.stats.FastRetransSegs), (1, 0))

    def test_congestionAfterFast(self) -> None:
        """
        Congestion control hears of a fast retransmission, and of what was in flight.
        """
        self.make(_settings(resend=2), congested=True)
        control = self.control
        control.window = 20 * FULL
        self.launch(20)
        self.acknowledge(1, 2)
        self.flush(50)
        self.assertEqual((control.ssthresh, control.window), (9, 11 * FULL))

    def test_congestionAfterTimeout(self) -> None:
        """
        Congestion control hears of a timeout.
        """
        self.make(congested=True)
        control = self.control
        control.window = 20 * FULL
        self.sender.rtt.sample(50)
        self.launch(20)
        self.flush(200)
        self.assertEqual(control.window, FULL)

    def test_deadLink(self) -> None:
        """
        The link is dead when a segment has been sent twenty times, not before.
        """
        sender = self.make()
        sender.write(b"data")
        self.flush(0)
        for transmissions in range(2, 21):
            self.assertFalse(sender.deadLink)
            deadline = sender.deadline()
            assert deadline is not None
            self.assertEqual(self.sns(deadline), [0], f"transmission {transmissions}")
        self.assertTrue(sender.deadLink)

    def test_deadline(self) -> None:
        """
        There is a deadline while something is in flight, the earliest of all.
        """
        sender = self.make()
        self.assertIs(sender.deadline(), None)
        self.launch(2, now=100)
        self.launch(2, now=150)
        self.assertEqual(sender.deadline(), 300)
        self.acknowledge(0, 1, ts=100, now=200)
        self.assertEqual(sender.deadline(), 350)
        self.acknowledge(2, 3, ts=150, now=210)
        self.assertIs(sender.deadline(), None)

    def test_longestTimeout(self) -> None:
        """
        No segment's timeout exceeds a minute.
        """
        sender = self.make()
        sender.rtt.sample(60_000)
        self.launch(1)
        self.assertEqual(self.sns(60_000), [0])
        self.assertEqual(sender.deadline(), 120_000)


class WraparoundTests(SenderTestCase):
    """
    Sequence numbers that begin five below 2^32.
    """

    def setUp(self) -> None:
        """
        Send ten segments, of which the last five have wrapped.
        """
        sender = self.make(_settings(resend=2), firstSn=2**32 - 5)
        sender.write(bytes(MSS * 10))
        self.first = self.sns()

    def test_numbers(self) -> None:
        """
        The numbers go on at 0.
        """
        self.assertEqual(self.first, [*range(2**32 - 5, 2**32), *range(5)])

    def test_una(self) -> None:
        """
        A una beyond the wrap acknowledges what is before it.
        """
        self.assertTrue(self.sender.acknowledge([2], [], 0, True))
        self.assertEqual(self.sns(200), [2, 3, 4])

    def test_unaBefore(self) -> None:
        """
        A una from before the wrap that was passed is no error.
        """
        self.sender.acknowledge([2], [], 0, True)
        self.assertFalse(self.sender.acknowledge([2**32 - 1], [], 0, True))
        self.assertEqual(self.stats.KCPInErrors, 0)

    def test_unaBeyondNext(self) -> None:
        """
        A una beyond what was sent is an error here too.
        """
        self.assertFalse(self.sender.acknowledge([6], [], 0, True))
        self.assertEqual(self.stats.KCPInErrors, 1)

    def test_acks(self) -> None:
        """
        ACKs on both sides of the wrap find their segments, and count for those before them.
        """
        self.acknowledge(2**32 - 4, 2**32 - 2, 1)
        self.assertEqual(self.sns(10), [2**32 - 5, 2**32 - 3, 2**32 - 1, 0])
        self.assertEqual(self.stats.FastRetransSegs, 2)
        self.assertEqual(self.stats.EarlyRetransSegs, 2)

    def test_ackOfNeverSent(self) -> None:
        """
        An ACK of what was never sent is counted.
        """
        self.acknowledge(5)
        self.assertEqual(self.stats.KCPInErrors, 1)

    def test_ackOfPassed(self) -> None:
        """
        An ACK of what una has passed is not.
        """
        self.sender.acknowledge([3], [], 0, True)
        self.acknowledge(2**32 - 5)
        self.assertEqual(self.stats.KCPInErrors, 0)

    def test_all(self) -> None:
        """
        When all is acknowledged nothing is left.
        """
        self.acknowledge(*self.first)
        self.assertEqual((self.sender.una, self.sender.inFlight), (2**32 + 5, {}))
        self.assertIs(self.sender.deadline(), None)
