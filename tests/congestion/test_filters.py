"""
Tests for L{kcptwisted.congestion.filters}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.congestion.filters import WindowedMaximum
from tests.properties import given, strategies

LENGTH = 10


class WindowedMaximumTests(SynchronousTestCase):
    """
    Tests for L{WindowedMaximum}.
    """

    def fed(self, *values: int) -> WindowedMaximum:
        """
        Returns a filter that noted C{values}, one at each place.
        """
        kept = WindowedMaximum()
        for at, value in enumerate(values):
            kept.update(at, value, LENGTH)
        return kept

    def test_beginning(self) -> None:
        """
        Of nothing the greatest is 0.
        """
        self.assertEqual(WindowedMaximum().value, 0)

    def test_greatest(self) -> None:
        """
        It has the greatest of the window.
        """
        self.assertEqual(self.fed(3, 9, 4, 8).value, 9)

    def test_ageing(self) -> None:
        """
        The greatest is forgotten when it is older than the window.
        """
        kept = self.fed(*[9] + [5] * LENGTH)
        self.assertEqual(kept.value, 9)
        kept.update(LENGTH + 1, 4, LENGTH)
        self.assertEqual(kept.value, 5)

    def test_silence(self) -> None:
        """
        After a window without values only the new one counts.
        """
        kept = self.fed(9, 8, 7)
        kept.update(100, 1, LENGTH)
        self.assertEqual(kept.value, 1)

    def test_reset(self) -> None:
        """
        A reset leaves one value.
        """
        kept = self.fed(9, 8, 7)
        kept.reset(3, 2)
        self.assertEqual(kept.value, 2)
        kept.update(4, 1, LENGTH)
        self.assertEqual(kept.value, 2)

    @given(strategies.lists(strategies.integers(0, 100), min_size=1, max_size=60))
    def test_bounds(self, values: list[int]) -> None:
        """
        It has one of the values of the window, and never less than the last.
        """
        kept = WindowedMaximum()
        for at, value in enumerate(values):
            kept.update(at, value, LENGTH)
            window = values[max(at - LENGTH, 0) : at + 1]
            self.assertIn(kept.value, window)
            self.assertGreaterEqual(kept.value, value)
