"""
Tests for L{kcptwisted.arq.receiver}.
"""

from __future__ import annotations

from collections import deque
from gc import get_referents

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.receiver import Receiver
from kcptwisted.stats import SessionStats
from tests.properties import given, strategies

#: More than any number of fragments.
PLENTY = 10_000


def _held(receiver: Receiver, payload: bytes) -> int:
    """
    @return: how many times C{payload} is held, wherever.
    """
    count = 0
    unseen: list[object] = [receiver]
    while unseen:
        for referent in get_referents(unseen.pop()):
            if referent is payload:
                count += 1
            elif isinstance(referent, (dict, list, deque, tuple)):
                unseen.append(referent)
    return count


class ReceiverTestCase(SynchronousTestCase):
    """
    Holds a receiver with room for four segments.
    """

    def make(self, window: int = 4, stream: bool = True, firstSn: int = 0) -> Receiver:
        """
        Begin anew.
        """
        self.stats = SessionStats()
        self.receiver = Receiver(window, stream, self.stats, firstSn)
        return self.receiver

    def accept(self, *sns: int) -> None:
        """
        Take segments whose payload tells the number, and whose ts is ten times that.
        """
        for sn in sns:
            self.receiver.accept(sn, 10 * sn, 0, b"<%d>" % sn)


class FinalTests(ReceiverTestCase):
    """
    Whether all before a FIN has arrived.
    """

    def test_holdsAll(self) -> None:
        """
        In order or not, nothing may be missing.
        """
        receiver = self.make()
        self.assertEqual([receiver.holdsAll(final) for final in (0, 1)], [True, False])
        self.accept(0, 1, 3)
        self.assertEqual([receiver.holdsAll(final) for final in (2, 3, 4)], [True, False, False])
        self.accept(2)
        self.assertEqual([receiver.holdsAll(final) for final in (3, 4, 5)], [False, True, False])

    def test_further(self) -> None:
        """
        What has come from behind the FIN, as from a peer that measures the path, makes nothing
        missing.
        """
        receiver = self.make()
        self.accept(1)
        self.assertEqual([receiver.holdsAll(final) for final in (0, 1)], [True, False])


class GrowingTests(SynchronousTestCase):
    """
    A window that grows.
    """

    def make(self, stream: bool = True, most: int = 20) -> None:
        """
        Begin with room for four segments.
        """
        self.receiver = Receiver(4, stream, SessionStats(), 5, most)
        self.following = 5

    def take(self, count: int) -> None:
        """
        Take so many segments that follow each other.
        """
        for sn in range(self.following, self.following + count):
            self.receiver.accept(sn, 0, 0, b"x")
        self.following += count

    def windows(self, *counts: int) -> list[int]:
        """
        Take so many segments, and have the application read, several times.

        @return: the window after each.
        """
        windows = []
        for count in counts:
            self.take(count)
            while self.receiver.read():
                pass
            windows.append(self.receiver.window)
        return windows

    def test_prompt(self) -> None:
        """
        With each window of segments that the application takes in time it doubles, up to the most.
        """
        self.make()
        self.assertEqual(self.windows(2, 1, 1), [4, 4, 8])
        self.assertEqual(self.windows(*[1] * 8), [8] * 7 + [16])
        self.assertEqual(self.windows(*[1] * 40), [16] * 15 + [20] * 25)

    def test_messages(self) -> None:
        """
        So it does with messages, of which one is read at a time.
        """
        self.make(False)
        self.assertEqual(self.windows(2, 2, 1, 1), [4, 8, 8, 8])
        self.assertEqual(self.windows(*[1] * 40)[-1], 20)

    def test_slow(self) -> None:
        """
        If more than half of it waited for the application, that is what the peer waits for: it does
        not grow, and the count begins anew.
        """
        self.make()
        self.assertEqual(self.windows(*[3] * 20), [4] * 20)
        self.assertEqual(self.windows(2, 3, 2, 1), [4] * 4)
        self.assertEqual(self.windows(1), [8])

    def test_shut(self) -> None:
        """
        An application that reads nothing has no more than the first window held.
        """
        self.make()
        self.take(100)
        self.assertEqual(self.receiver.next, 9)
        self.assertEqual(self.receiver.window, 0)

    def test_fixed(self) -> None:
        """
        Without a larger one it stays.
        """
        self.make(most=0)
        self.assertEqual(self.windows(*[1] * 20), [4] * 20)

    def test_configure(self) -> None:
        """
        What has grown stays, within the new bounds.
        """
        self.make()
        self.windows(2, 2)
        self.receiver.configure(4, 20)
        self.assertEqual(self.receiver.window, 8)
        self.receiver.configure(10, 20)
        self.assertEqual(self.receiver.window, 10)
        self.receiver.configure(4, 6)
        self.assertEqual(self.receiver.window, 6)
        self.receiver.configure(4)
        self.assertEqual(self.receiver.window, 4)


class OrderTests(ReceiverTestCase):
    """
    Putting a stream in order.
    """

    def test_inOrder(self) -> None:
        """
        What comes in order can be read at once, all together.
        """
        receiver = self.make()
        self.accept(0, 1)
        self.assertEqual(receiver.read(), b"<0><1>")
        self.assertIs(receiver.read(), None)
        self.accept(2)
        self.assertEqual(receiver.read(), b"<2>")
        self.assertEqual(receiver.next, 3)

    def test_gap(self) -> None:
        """
        What comes after a gap waits until the gap is closed.
        """
        receiver = self.make()
        self.accept(0, 3, 2)
        self.assertEqual(receiver.read(), b"<0>")
        self.assertIs(receiver.read(), None)
        self.assertEqual(receiver.next, 1)
        self.accept(1)
        self.assertEqual(receiver.read(), b"<1><2><3>")

    def test_run(self) -> None:
        """
        A run in order is taken like its segments one by one.
        """
        receiver = self.make()
        receiver.extend([b"a", b"b", b"c"], 70)
        self.assertEqual((receiver.next, receiver.window, receiver.ackCount), (3, 1, 3))
        self.assertEqual(receiver.takeAcks(), [(2, 70)])
        self.assertEqual(receiver.read(), b"abc")

    def test_runClosesGap(self) -> None:
        """
        A run goes on with what waited behind it; what it repeats of that is counted.
        """
        receiver = self.make()
        self.accept(2)
        receiver.extend([b"a", b"b", b"c"], 70)
        self.assertEqual((receiver.next, receiver.window, receiver.ackCount), (3, 1, 4))
        self.assertEqual(self.stats.RepeatSegs, 1)
        self.assertEqual(receiver.read(), b"ab<2>")

    def test_runTooLong(self) -> None:
        """
        What there is no room for waits until the application has read; what is beyond the window
        is refused.
        """
        receiver = self.make()
        receiver.extend([b"a", b"b", b"c"], 70)
        receiver.extend([b"d", b"e", b"f", b"g", b"h", b"i"], 71)
        self.assertEqual((receiver.next, receiver.window), (4, 0))
        self.assertEqual(self.stats.KCPInErrors, 1)
        self.assertEqual(receiver.takeAcks(), [(4, 71), (5, 71), (6, 71), (7, 71)])
        self.assertEqual(receiver.read(), b"abcdefgh")
        self.assertTrue(receiver.windowReopened)

    def test_emptySegment(self) -> None:
        """
        A segment without data is taken and gives nothing to read.
        """
        receiver = self.make()
        receiver.accept(0, 0, 0, b"")
        self.assertIs(receiver.read(), None)
        self.accept(1)
        self.assertEqual(receiver.read(), b"<1>")

    @given(strategies.permutations(range(12)), strategies.lists(strategies.integers(0, 11)))
    def test_anyOrder(self, order: list[int], repeated: list[int]) -> None:
        """
        In whatever order segments come and however often, the stream is the same.
        """
        receiver = self.make(window=12)
        self.accept(*order[:6], *repeated, *order)
        self.assertEqual(receiver.read(), b"".join([b"<%d>" % sn for sn in range(12)]))
        self.assertEqual(self.stats.RepeatSegs, 6 + len(repeated))
        self.assertEqual(self.stats.KCPInErrors, 0)


class WindowTests(ReceiverTestCase):
    """
    How much is held.
    """

    def test_window(self) -> None:
        """
        The window is what is free; segments after a gap take nothing of it.
        """
        receiver = self.make()
        self.accept(0, 2)
        self.assertEqual(receiver.window, 3)
        self.accept(1)
        self.assertEqual(receiver.window, 1)
        receiver.read()
        self.assertEqual(receiver.window, 4)

    def test_edge(self) -> None:
        """
        The last segment of the window is taken, the one after it is refused and counted, and not
        acknowledged.
        """
        receiver = self.make()
        self.accept(3)
        self.assertEqual(self.stats.KCPInErrors, 0)
        self.accept(4)
        self.assertEqual(self.stats.KCPInErrors, 1)
        self.assertEqual(receiver.takeAcks(), [(3, 30)])
        self.accept(0, 1, 2)
        self.assertEqual(receiver.read(), b"<0><1><2><3>")

    def test_full(self) -> None:
        """
        When the application does not read the window shuts.
        """
        receiver = self.make()
        self.accept(0, 1, 2, 3)
        self.assertEqual(receiver.window, 0)
        self.assertFalse(receiver.windowReopened)

    def test_heldBack(self) -> None:
        """
        What comes while the window is shut is kept, and follows when the application reads.
        """
        receiver = self.make()
        self.accept(*range(6))
        self.assertEqual((receiver.next, receiver.window), (4, 0))
        self.assertEqual(receiver.read(), b"<0><1><2><3><4><5>")
        self.assertEqual(receiver.next, 6)

    def test_reopened(self) -> None:
        """
        Reading from a full window makes it known that there is room again.
        """
        receiver = self.make()
        self.accept(0, 1, 2)
        receiver.read()
        self.assertFalse(receiver.windowReopened)
        self.accept(3, 4, 5, 6)
        receiver.read()
        self.assertTrue(receiver.windowReopened)

    def test_reopenedByMessage(self) -> None:
        """
        One message read from a full window makes room.
        """
        receiver = self.make(stream=False)
        self.accept(0, 1, 2, 3)
        self.assertEqual(receiver.window, 0)
        self.assertEqual(receiver.read(), b"<0>")
        self.assertTrue(receiver.windowReopened)
        self.assertEqual(receiver.window, 1)

    def test_runBeyond(self) -> None:
        """
        No more of a run goes to the application's queue than there is room for.
        """
        receiver = self.make()
        self.accept(0, 1)
        receiver.extend([b"a", b"b", b"c"], 0)
        self.assertEqual((receiver.next, receiver.window), (4, 0))


class DuplicateTests(ReceiverTestCase):
    """
    Segments that come more than once.
    """

    def test_delivered(self) -> None:
        """
        A segment that was delivered is acknowledged again, since the ACK may have been lost, and
        counted, and not delivered again.
        """
        receiver = self.make()
        self.accept(0, 1)
        receiver.read()
        receiver.takeAcks()
        receiver.accept(0, 77, 0, b"<0>")
        self.assertEqual(receiver.takeAcks(), [(0, 77)])
        self.assertEqual(self.stats.RepeatSegs, 1)
        self.assertIs(receiver.read(), None)

    def test_waiting(self) -> None:
        """
        A segment that waits behind a gap is acknowledged again and counted, and the first copy
        stays.
        """
        receiver = self.make()
        self.accept(2)
        receiver.takeAcks()
        receiver.accept(2, 77, 0, b"other")
        self.assertEqual(receiver.takeAcks(), [(2, 77)])
        self.assertEqual(self.stats.RepeatSegs, 1)
        self.accept(0, 1)
        self.assertEqual(receiver.read(), b"<0><1><2>")

    def test_heldBack(self) -> None:
        """
        So is one that waits because the application does not read.
        """
        receiver = self.make()
        self.accept(*range(5))
        receiver.takeAcks()
        self.accept(4)
        self.assertEqual(receiver.takeAcks(), [(4, 40)])
        self.assertEqual(self.stats.RepeatSegs, 1)


class AckTests(ReceiverTestCase):
    """
    Tests for L{Receiver.takeAcks}.
    """

    def test_nothing(self) -> None:
        """
        Without segments there are no ACKs.
        """
        self.assertEqual(self.make().takeAcks(), [])

    def test_lastOnly(self) -> None:
        """
        What una covers is left out, but for the last segment received.
        """
        receiver = self.make()
        self.accept(0, 1, 2)
        self.assertEqual(receiver.ackCount, 3)
        self.assertEqual(receiver.takeAcks(), [(2, 20)])

    def test_taken(self) -> None:
        """
        ACKs are taken once.
        """
        receiver = self.make()
        self.accept(0, 2)
        receiver.takeAcks()
        self.assertEqual((receiver.ackCount, receiver.takeAcks()), (0, []))

    def test_afterGap(self) -> None:
        """
        Each segment after a gap is acknowledged, in the order they came.
        """
        receiver = self.make()
        self.accept(0, 3, 2)
        self.assertEqual(receiver.takeAcks(), [(3, 30), (2, 20)])

    def test_lastIsCovered(self) -> None:
        """
        The last segment received is acknowledged last, though una covers it.
        """
        receiver = self.make()
        self.accept(2, 3, 0)
        self.assertEqual(receiver.takeAcks(), [(2, 20), (3, 30), (0, 0)])

    def test_gapClosed(self) -> None:
        """
        What lay after a gap that has been closed is left out.
        """
        receiver = self.make()
        self.accept(1, 3, 0)
        self.assertEqual(receiver.takeAcks(), [(3, 30), (0, 0)])

    def test_mixed(self) -> None:
        """
        A run counts like single segments.
        """
        receiver = self.make(window=10)
        receiver.extend([b"a", b"b"], 5)
        self.accept(4)
        self.assertEqual(receiver.ackCount, 3)
        self.assertEqual(receiver.takeAcks(), [(4, 40)])

    def test_newestAcksAreKept(self) -> None:
        """
        Where there are too many to keep, what una covers goes first, not what came last.
        """
        receiver = self.make(window=8, stream=False)
        for sn in range(16):
            self.accept(sn)
            receiver.read()
        self.accept(17, 18, 19)
        self.assertEqual([sn for sn, _ in receiver.takeAcks()], [17, 18, 19])

    @given(strategies.lists(strategies.integers(0, 9), min_size=1, max_size=30))
    def test_allAcknowledged(self, sns: list[int]) -> None:
        """
        Whatever comes, una and the ACKs together cover all that was received and nothing else,
        and the last ACK is the last segment's.
        """
        receiver = self.make(window=10)
        self.accept(*sns)
        acks = receiver.takeAcks()
        acknowledged = set(range(receiver.next)) | {sn for sn, _ in acks}
        self.assertEqual(acknowledged, set(sns))
        self.assertEqual(acks[-1][0], sns[-1])


class MessageTests(ReceiverTestCase):
    """
    Putting messages together.
    """

    def fragments(self, *frgs: int) -> None:
        """
        Take fragments in order, whose payload tells their frg.
        """
        for frg in frgs:
            self.receiver.accept(self.receiver.next, 0, frg, b"%d" % frg)

    def test_whole(self) -> None:
        """
        A message can be read when its last fragment is there, each message for itself.
        """
        receiver = self.make(stream=False)
        self.fragments(2, 1)
        self.assertIs(receiver.read(), None)
        self.fragments(0, 0)
        self.assertEqual(receiver.read(), b"210")
        self.assertEqual(receiver.read(), b"0")
        self.assertIs(receiver.read(), None)

    def test_outOfOrder(self) -> None:
        """
        Fragments may come in any order.
        """
        receiver = self.make(stream=False)
        for sn, frg in ((2, 0), (1, 1), (0, 2)):
            receiver.accept(sn, 0, frg, b"%d" % frg)
        self.assertEqual(receiver.read(), b"210")

    def test_window(self) -> None:
        """
        A message takes as much of the window as it has fragments, until it is read.
        """
        receiver = self.make(stream=False)
        self.fragments(2, 1, 0)
        self.assertEqual(receiver.window, 1)
        receiver.read()
        self.assertEqual(receiver.window, 4)

    def test_longerThanWindow(self) -> None:
        """
        A message with more fragments than the window has room for is still put together.
        """
        receiver = self.make(stream=False)
        self.fragments(*range(6, -1, -1))
        self.assertEqual(receiver.read(), b"6543210")
        self.assertEqual(receiver.window, 4)

    def test_brokenOff(self) -> None:
        """
        A message that the peer broke off is dropped and counted, and the next one is whole.
        """
        receiver = self.make(stream=False)
        self.fragments(3, 2, 1, 0)
        self.assertEqual(receiver.read(), b"3210")
        self.fragments(3, 2)
        self.assertEqual(self.stats.KCPInErrors, 0)
        self.fragments(2, 1, 0)
        self.assertEqual(self.stats.KCPInErrors, 1)
        self.assertEqual(receiver.read(), b"210")
        self.assertIs(receiver.read(), None)

    def test_empty(self) -> None:
        """
        A message without data is passed over.
        """
        receiver = self.make(stream=False)
        receiver.accept(0, 0, 0, b"")
        receiver.accept(1, 0, 0, b"next")
        self.assertEqual(receiver.read(), b"next")
        self.assertEqual(receiver.window, 4)


class WraparoundTests(ReceiverTestCase):
    """
    Sequence numbers that begin three below 2^32.
    """

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.make(window=10, firstSn=2**32 - 3)

    def acceptAll(self, *sns: int) -> None:
        """
        Take segments by their number on the wire, whose payload tells it.
        """
        for sn in sns:
            self.receiver.accept(sn, 0, 0, b"<%d>" % (sn - 2**32 if sn >= 2**31 else sn))

    def test_inOrder(self) -> None:
        """
        The stream goes on past the wrap.
        """
        self.acceptAll(2**32 - 3, 2**32 - 2, 2**32 - 1, 0, 1)
        self.assertEqual(self.receiver.read(), b"<-3><-2><-1><0><1>")
        self.assertEqual(self.stats.RepeatSegs + self.stats.KCPInErrors, 0)

    def test_gapAcrossWrap(self) -> None:
        """
        Segments after the wrap wait for those before it.
        """
        self.acceptAll(1, 0, 2**32 - 1)
        self.assertIs(self.receiver.read(), None)
        self.assertEqual(
            [sn % 2**32 for sn, _ in self.receiver.takeAcks()],
            [1, 0, 2**32 - 1],
        )
        self.acceptAll(2**32 - 3, 2**32 - 2)
        self.assertEqual(self.receiver.read(), b"<-3><-2><-1><0><1>")

    def test_duplicate(self) -> None:
        """
        A segment from before the wrap is a duplicate after it, and is acknowledged by its number.
        """
        self.acceptAll(2**32 - 3, 2**32 - 2, 2**32 - 1, 0)
        self.receiver.takeAcks()
        self.acceptAll(2**32 - 1)
        self.assertEqual(self.stats.RepeatSegs, 1)
        self.assertEqual([sn % 2**32 for sn, _ in self.receiver.takeAcks()], [2**32 - 1])

    def test_edge(self) -> None:
        """
        The window's edge lies beyond the wrap.
        """
        self.acceptAll(6)
        self.assertEqual(self.stats.KCPInErrors, 0)
        self.acceptAll(7)
        self.assertEqual(self.stats.KCPInErrors, 1)


class FloodTests(ReceiverTestCase):
    """
    A peer that sends more than it was allowed to.
    """

    payload = b"flood"

    def test_inOrder(self) -> None:
        """
        When nobody reads, at most two windows are held.
        """
        receiver = self.make()
        for sn in range(PLENTY):
            receiver.accept(sn, 0, 0, self.payload)
        self.assertLessEqual(_held(receiver, self.payload), 2 * 4)
        self.assertGreaterEqual(_held(receiver, self.payload), 4)

    def test_runs(self) -> None:
        """
        Nor is it more when they come as one run.
        """
        receiver = self.make()
        receiver.extend([self.payload] * PLENTY, 0)
        self.assertLessEqual(_held(receiver, self.payload), 2 * 4)
        self.assertGreaterEqual(_held(receiver, self.payload), 4)

    def test_gap(self) -> None:
        """
        Behind a gap at most one window is held.
        """
        receiver = self.make()
        for sn in range(1, PLENTY):
            receiver.accept(sn, 0, 0, self.payload)
        self.assertEqual(_held(receiver, self.payload), 3)

    def test_endlessMessage(self) -> None:
        """
        A message that never ends is dropped at the latest when frg has counted down.
        """
        receiver = self.make(stream=False)
        most = 0
        for sn in range(2000):
            receiver.accept(sn, 0, 255 - sn % 255, self.payload)
            most = max(most, _held(receiver, self.payload))
        self.assertLessEqual(most, 256 + 2 * 4)

    def test_acks(self) -> None:
        """
        However often segments come, only so many ACKs are kept, and the last is among them.
        """
        receiver = self.make()
        for number in range(PLENTY):
            receiver.accept(1 + number % 3, number, 0, b"")
        acks = receiver.takeAcks()
        self.assertLessEqual(len(acks), 2 * 4 + 1)
        self.assertEqual(acks[-1], (1 + (PLENTY - 1) % 3, PLENTY - 1))
