"""
Tests for L{kcptwisted.arq.reordering}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.reordering import MEMORY, Reordering
from kcptwisted.arq.rtt import RoundTripEstimator


def estimate(milliseconds: int) -> RoundTripEstimator:
    """
    @return: one that took one sample.
    """
    rtt = RoundTripEstimator(10, True)
    rtt.sample(milliseconds)
    return rtt


class ReorderingTests(SynchronousTestCase):
    """
    Tests for L{Reordering}.
    """

    def test_grows(self) -> None:
        """
        The window grows by a quarter of the least round trip, once a round trip, up to the smoothed
        one.
        """
        learned, rtt = Reordering(), estimate(80)
        self.assertEqual(learned.window(rtt), 0)
        windows = []
        for now in (0, 79, 80, 159, 160, 240, 320, 400):
            learned.tooSmall(now, rtt, 1)
            windows.append(learned.window(rtt))
        self.assertEqual(windows, [20, 20, 40, 40, 60, 80, 80, 80])
        self.assertEqual(learned.multiple, 4)

    def test_late(self) -> None:
        """
        It grows at once to what it should have been, in whole steps, up to the smoothed round trip.
        """
        learned, rtt = Reordering(), estimate(80)
        windows = []
        for late in (5, 45, 10, 100):
            learned.tooSmall(0, rtt, late)
            windows.append(learned.window(rtt))
        self.assertEqual(windows, [20, 60, 60, 80])
        self.assertEqual(learned.multiple, 4)

    def test_smoothed(self) -> None:
        """
        It is no longer than the smoothed round trip, whatever that has become.
        """
        learned, rtt = Reordering(), estimate(80)
        for now in (0, 100, 200):
            learned.tooSmall(now, rtt, 1)
        rtt.smoothed = 50.0
        self.assertEqual(learned.window(rtt), 50)

    def test_short(self) -> None:
        """
        Over a round trip of less than four milliseconds it grows by one each time.
        """
        learned, rtt = Reordering(), estimate(2)
        learned.tooSmall(0, rtt, 1)
        self.assertEqual(learned.window(rtt), 1)

    def test_forgets(self) -> None:
        """
        After so many recoveries without a sign of reordering it is as short as at first, and after
        as many again there is none.
        """
        learned, rtt = Reordering(), estimate(80)
        for now in (0, 100, 200):
            learned.tooSmall(now, rtt, 1)
        windows = []
        for _ in range(2 * MEMORY):
            learned.recovering()
            windows.append(learned.window(rtt))
        self.assertEqual(windows, [60] * (MEMORY - 1) + [20] * MEMORY + [0])

    def test_remembers(self) -> None:
        """
        A sign of reordering has it last: a segment that was late, or taken for lost.
        """
        learned, rtt = Reordering(), estimate(80)
        learned.tooSmall(0, rtt, 1)
        for again in (learned.seen, lambda: learned.tooSmall(1, rtt, 1)):
            for _ in range(MEMORY - 1):
                learned.recovering()
            again()
            self.assertEqual(learned.window(rtt), 20)
        for _ in range(MEMORY - 1):
            learned.recovering()
        self.assertEqual(learned.window(rtt), 20)

    def test_none(self) -> None:
        """
        Without one there is nothing to forget.
        """
        learned = Reordering()
        for _ in range(3 * MEMORY):
            learned.recovering()
        self.assertEqual(learned.multiple, 0)
