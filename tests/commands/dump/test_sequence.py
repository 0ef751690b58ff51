"""
Tests for L{kcptwisted.commands.dump.sequence}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.dump.sequence import EARLIER, MOST_AHEAD, Copy, Sequence, after
from kcptwisted.wire.segment import MASK
from tests.properties import given, strategies

NEW, AGAIN, REPLACED, OVERTAKEN = Copy.NEW, Copy.AGAIN, Copy.REPLACED, Copy.OVERTAKEN


class SequenceTests(SynchronousTestCase):
    """
    Tests for L{Sequence}.
    """

    def take(self, *sns: int, start: int = 0) -> tuple[list[Copy], int]:
        """
        @param sns: in the order of the capture, each with a later ts.
        @return: what each was, and how many are missing at the end.
        """
        sequence = Sequence()
        found = [sequence.take((start + sn) & MASK, ts) for ts, sn in enumerate(sns)]
        return found, sequence.missing

    def test_order(self) -> None:
        """
        In order, all are new.
        """
        self.assertEqual(self.take(0, 1, 2), ([NEW] * 3, 0))

    def test_again(self) -> None:
        """
        One that the capture has shown was sent again, whether something is missing or not.
        """
        self.assertEqual(self.take(0, 0, 1, 3, 3, 1), ([NEW, AGAIN, NEW, NEW, AGAIN, AGAIN], 1))

    def test_replaced(self) -> None:
        """
        One that comes after later ones, and was sent after them, replaces one that was lost.
        """
        self.assertEqual(self.take(0, 2, 3, 1), ([NEW, NEW, NEW, REPLACED], 0))

    def test_overtaken(self) -> None:
        """
        One that comes after later ones, and was sent before them, was overtaken.
        """
        sequence = Sequence()
        found = [sequence.take(sn, ts) for sn, ts in ((0, 1), (2, 3), (1, 2), (3, 3))]
        self.assertEqual(found, [NEW, NEW, OVERTAKEN, NEW])

    def test_missing(self) -> None:
        """
        What never comes is missing.
        """
        self.assertEqual(self.take(0, 5, 6), ([NEW] * 3, 4))
        self.assertEqual(self.take(), ([], 0))

    def test_firstOvertaken(self) -> None:
        """
        Those just before the first may come later.
        """
        self.assertEqual(self.take(1, 2, 0, 0), ([NEW, NEW, REPLACED, AGAIN], 0))

    def test_laterCapture(self) -> None:
        """
        A capture that begins later misses nothing before its first segment; what it shows of that
        was sent again.
        """
        self.assertEqual(self.take(5, 6), ([NEW, NEW], 0))
        first = EARLIER + 1
        self.assertEqual(self.take(first, first + 1, 0), ([NEW, NEW, AGAIN], 0))

    def test_ring(self) -> None:
        """
        sns begin anew after the largest.
        """
        start = MASK - 2
        self.assertEqual(
            self.take(0, 1, 4, 5, 2, 3, 1, start=start),
            ([NEW, NEW, NEW, NEW, REPLACED, REPLACED, AGAIN], 0),
        )
        self.assertEqual(after(1, MASK), 2)
        self.assertEqual(after(MASK, 1), -2)

    def test_bounded(self) -> None:
        """
        However many are missing, no more than L{MOST_AHEAD} are remembered, and all are counted.
        """
        sequence = Sequence()
        for sn in range(0, 4 * MOST_AHEAD, 2):
            self.assertIs(sequence.take(sn, sn), NEW)
        self.assertLessEqual(len(sequence._ahead), MOST_AHEAD)
        self.assertEqual(sequence.missing, 2 * MOST_AHEAD - 1)

    def test_hole(self) -> None:
        """
        Where the capture misses more than any window has, it goes on after that.
        """
        far = 10 * MOST_AHEAD
        self.assertEqual(self.take(0, 2, far, far + 1, 1)[0], [NEW, NEW, NEW, NEW, AGAIN])
        self.assertEqual(self.take(0, 2, far)[1], far - 2)

    @given(strategies.lists(strategies.integers(0, 30), max_size=60))
    def test_model(self, sns: list[int]) -> None:
        """
        New, sent again and missing are what a set says.
        """
        found, missing = self.take(*sns)
        shown: set[int] = set()
        for sn, copy in zip(sns, found, strict=True):
            self.assertEqual(copy is AGAIN, sn in shown)
            self.assertEqual(copy is NEW, sn > max(shown, default=-1))
            shown.add(sn)
        first = sns[0] if sns else 0
        later = {sn for sn in shown if sn >= first}
        self.assertEqual(missing, max(later, default=first - 1) + 1 - first - len(later))
