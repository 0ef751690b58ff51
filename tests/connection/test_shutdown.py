"""
Tests for L{kcptwisted.connection.shutdown}.
"""

from __future__ import annotations

from itertools import pairwise

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.connection.shutdown import FINS, LONGEST_WAIT, Shutdown
from kcptwisted.wire.control import Fin, FinAck
from kcptwisted.wire.segment import MASK
from tests.properties import given, strategies


class SendingTests(SynchronousTestCase):
    """
    This side's FIN.
    """

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.shutdown = Shutdown()

    def test_beginning(self) -> None:
        """
        Before the close there is no FIN, and nothing is due.
        """
        self.assertIs(self.shutdown.deadline, None)
        self.assertIs(self.shutdown.due(10**9), None)
        self.assertFalse(self.shutdown.unheard)

    def test_begin(self) -> None:
        """
        The FIN is due at once, and names the final sn as it is on the wire.
        """
        self.shutdown.begin((7 << 32) + 5, True, 1000, 200)
        self.assertEqual(self.shutdown.deadline, 1000)
        self.assertIs(self.shutdown.due(999), None)
        self.assertEqual(self.shutdown.due(1000), Fin(5, True))
        self.assertIs(self.shutdown.due(1000), None)

    def times(self) -> list[int]:
        """
        @return: when FINs are sent until the peer is taken to be gone, milliseconds.
        """
        times = []
        while not self.shutdown.unheard:
            assert self.shutdown.deadline is not None
            times.append(self.shutdown.deadline)
            self.assertIsNot(self.shutdown.due(times[-1]), None)
        return times

    def test_backOff(self) -> None:
        """
        It is sent again after the timeout, then after twice as long each time, up to 5 s; the last
        one has its time to be answered before the peer is taken to be gone.
        """
        self.shutdown.begin(5, True, 0, 200)
        times = self.times()
        distances = [after - before for before, after in pairwise(times)]
        self.assertEqual(
            distances, [200, 400, 800, 1600, 3200, LONGEST_WAIT, LONGEST_WAIT, LONGEST_WAIT]
        )
        self.assertEqual(len(distances), FINS)

    def test_late(self) -> None:
        """
        The distance counts from when it was sent.
        """
        self.shutdown.begin(5, True, 0, 200)
        self.shutdown.due(1000)
        self.assertEqual(self.shutdown.deadline, 1200)

    def test_beginAgain(self) -> None:
        """
        Beginning again changes nothing.
        """
        self.shutdown.begin(5, True, 0, 200)
        self.shutdown.due(0)
        for both in (True, False):
            self.shutdown.begin(5, both, 10, 200)
            self.assertEqual((self.shutdown.tries, self.shutdown.deadline), (1, 200))
            self.assertEqual(self.shutdown.sent, Fin(5, True))

    def test_upgrade(self) -> None:
        """
        But when this side stops reading, too, that makes another FIN, to be acknowledged anew.
        """
        self.shutdown.begin(5, False, 0, 200)
        self.assertEqual(self.shutdown.due(0), Fin(5, False))
        self.shutdown.answered(FinAck(5, False))
        self.assertTrue(self.shutdown.acknowledged)
        self.shutdown.begin(5, True, 100, 300)
        self.assertEqual((self.shutdown.acknowledged, self.shutdown.deadline), (False, 100))
        self.assertEqual((self.shutdown.due(100), self.shutdown.deadline), (Fin(5, True), 400))
        self.shutdown.answered(FinAck(5, False))
        self.assertFalse(self.shutdown.acknowledged)
        self.shutdown.answered(FinAck(5, True))
        self.assertTrue(self.shutdown.acknowledged)

    def test_answered(self) -> None:
        """
        The acknowledgement stops it; one of another FIN, or without one, does not.
        """
        self.shutdown.answered(FinAck(0, False))
        self.assertFalse(self.shutdown.acknowledged)
        self.shutdown.begin(5, True, 0, 200)
        self.shutdown.due(0)
        for ack in (FinAck(4, True), FinAck(5, False)):
            self.shutdown.answered(ack)
            self.assertEqual((self.shutdown.acknowledged, self.shutdown.deadline), (False, 200))
        self.shutdown.answered(FinAck(5, True))
        self.assertEqual((self.shutdown.acknowledged, self.shutdown.deadline), (True, None))
        self.assertIs(self.shutdown.due(10**9), None)

    @given(
        strategies.lists(strategies.integers(0, 4000), max_size=40),
        strategies.integers(1, 10_000),
    )
    def test_neverHurried(self, steps: list[int], timeout: int) -> None:
        """
        However often one looks, two FINs are never closer than the timeout or L{LONGEST_WAIT}, and
        the deadline is in the future.
        """
        self.shutdown = Shutdown()
        now = 0
        self.shutdown.begin(1, True, now, timeout)
        sent: list[int] = []
        for step in steps:
            now += step
            if self.shutdown.due(now) is not None:
                sent.append(now)
            assert self.shutdown.deadline is not None
            self.assertGreater(self.shutdown.deadline, now)
        self.assertEqual(self.shutdown.tries, len(sent))
        for before, after in pairwise(sent):
            self.assertGreaterEqual(after - before, min(timeout, LONGEST_WAIT))


class ReceivingTests(SynchronousTestCase):
    """
    The peer's FIN.
    """

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.shutdown = Shutdown()

    def test_beginning(self) -> None:
        """
        Without one the peer has not finished, and reads.
        """
        self.assertFalse(self.shutdown.complete(0))
        self.assertTrue(self.shutdown.peerReads)
        self.assertFalse(self.shutdown.owesAnswer)

    def test_overtakesData(self) -> None:
        """
        One that comes before the last data is complete when these have come.
        """
        self.assertTrue(self.shutdown.received(Fin(12, True), 10))
        self.assertFalse(self.shutdown.complete(11))
        self.assertTrue(self.shutdown.complete(12))
        self.assertTrue(self.shutdown.owesAnswer)

    def test_wrapped(self) -> None:
        """
        The final sn is found beyond the wrap.
        """
        self.assertTrue(self.shutdown.received(Fin(3, True), MASK))
        self.assertEqual(self.shutdown.peerFinal, MASK + 4)
        self.assertEqual(self.shutdown.answer(), FinAck(3, True))

    def test_answer(self) -> None:
        """
        The answer says what the FIN said, and each FIN gets one.
        """
        for both in (False, True):
            for _ in range(2):
                self.assertTrue(self.shutdown.received(Fin(5, both), 5))
                self.assertTrue(self.shutdown.owesAnswer)
                self.assertEqual(self.shutdown.answer(), FinAck(5, both))
                self.assertFalse(self.shutdown.owesAnswer)

    def test_peerReads(self) -> None:
        """
        A peer that has stopped reading does not begin again because an earlier FIN comes late.
        """
        self.shutdown.received(Fin(5, False), 5)
        self.assertTrue(self.shutdown.peerReads)
        self.shutdown.received(Fin(5, True), 5)
        self.shutdown.received(Fin(5, False), 5)
        self.assertFalse(self.shutdown.peerReads)

    def test_nonsense(self) -> None:
        """
        A final sn behind what has arrived makes no sense, nor does another than before.
        """
        self.assertFalse(self.shutdown.received(Fin(9, True), 10))
        self.assertIs(self.shutdown.peerFinal, None)
        self.shutdown.received(Fin(12, False), 10)
        self.shutdown.answer()
        self.assertFalse(self.shutdown.received(Fin(13, True), 10))
        self.assertEqual((self.shutdown.peerFinal, self.shutdown.peerReads), (12, True))
        self.assertFalse(self.shutdown.owesAnswer)

    @given(
        strategies.integers(0, 1 << 40),
        strategies.integers(0, 1 << 20),
        strategies.booleans(),
    )
    def test_understood(self, awaited: int, ahead: int, both: bool) -> None:
        """
        What one side sends as final the other completes at, whatever the numbers.
        """
        sender, receiver = Shutdown(), Shutdown()
        sender.begin(awaited + ahead, both, 0, 100)
        fin = sender.due(0)
        assert fin is not None
        self.assertTrue(receiver.received(fin, awaited))
        self.assertEqual(receiver.complete(awaited), not ahead)
        self.assertTrue(receiver.complete(awaited + ahead))
        sender.answered(receiver.answer())
        self.assertTrue(sender.acknowledged)
