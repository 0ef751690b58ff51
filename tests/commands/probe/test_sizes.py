"""
Tests for L{kcptwisted.commands.probe.sizes}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.probe.sizes import MOST_TRIES, TRIES, SizeSearch, triesFor
from tests.properties import given, strategies


class SizeTests(SynchronousTestCase):
    """
    The search.
    """

    @given(strategies.integers(25, 1600), strategies.sampled_from([1452, 1472, 1500]))
    def test_found(self, mtu: int, largest: int) -> None:
        """
        Whatever passes is found to the byte within a few rounds, and no round repeats anything.
        """
        search = SizeSearch(25, largest)
        tried: set[int] = set()
        for _ in range(6):
            if search.isDone:
                break
            sizes = search.sizes()
            self.assertEqual(sizes, sorted(set(sizes), reverse=True))
            self.assertTrue(tried.isdisjoint(sizes))
            self.assertTrue(search.passes < min(sizes) <= max(sizes) < search.fails)
            tried.update(sizes)
            search.tried(sizes, {size for size in sizes if size <= mtu})
        self.assertTrue(search.isDone)
        self.assertEqual(search.passes, min(mtu, largest))
        self.assertEqual(search.isLargest, mtu >= largest)

    def test_usual(self) -> None:
        """
        One round is enough for the usual path.
        """
        search = SizeSearch(25, 1472)
        sizes = search.sizes()
        search.tried(sizes, {1472, 548})
        self.assertTrue(search.isDone and search.isLargest)

    def test_lost(self) -> None:
        """
        What was lost below a size that passes does not matter.
        """
        search = SizeSearch(25, 1472)
        sizes = search.sizes()
        search.tried(sizes, {1400})
        self.assertEqual((search.passes, search.fails), (1400, 1432))

    def test_tries(self) -> None:
        """
        The more is lost the more often a size is tried, within bounds.
        """
        self.assertEqual([triesFor(loss) for loss in (0, 0.1, 0.2, 0.5)], [TRIES, 3, 5, 10])
        self.assertEqual([triesFor(loss) for loss in (0.99, 1)], [MOST_TRIES, MOST_TRIES])
