"""
Tests for L{kcptwisted.departed}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.departed import MAXIMUM_REMEMBERED, REMEMBERED, DepartedSessions

ADDRESS = ("10.0.0.1", 1)


class DepartedTests(SynchronousTestCase):
    """
    Which datagrams are late.
    """

    def test_late(self) -> None:
        """
        The last conversation of an address is late, no other one, and none of another address.
        """
        departed = DepartedSessions()
        departed.add(ADDRESS, 5, 0)
        self.assertTrue(departed.isLate(ADDRESS, 5, 1))
        self.assertFalse(departed.isLate(ADDRESS, 6, 1))
        self.assertFalse(departed.isLate(("10.0.0.1", 2), 5, 1))

    def test_forgotten(self) -> None:
        """
        A session is forgotten when nothing of it has come for a while, not before.
        """
        departed = DepartedSessions()
        departed.add(ADDRESS, 5, 0)
        self.assertTrue(departed.isLate(ADDRESS, 5, REMEMBERED - 1))
        self.assertTrue(departed.isLate(ADDRESS, 5, 2 * REMEMBERED - 2))
        self.assertFalse(departed.isLate(ADDRESS, 5, 3 * REMEMBERED - 2))

    def test_successor(self) -> None:
        """
        A new conversation that ends takes the place of the one before.
        """
        departed = DepartedSessions()
        departed.add(ADDRESS, 5, 0)
        departed.add(ADDRESS, 6, 0)
        self.assertFalse(departed.isLate(ADDRESS, 5, 1))
        self.assertTrue(departed.isLate(ADDRESS, 6, 1))

    def test_bounded(self) -> None:
        """
        No more than a bound is remembered, the newest; what has expired goes as others come.
        """
        departed = DepartedSessions()
        for port in range(MAXIMUM_REMEMBERED + 10):
            departed.add(("10.0.0.1", port), 5, 0)
        self.assertEqual(len(departed), MAXIMUM_REMEMBERED)
        self.assertFalse(departed.isLate(("10.0.0.1", 9), 5, 1))
        self.assertTrue(departed.isLate(("10.0.0.1", 10), 5, 1))
        departed.add(ADDRESS, 5, 2 * REMEMBERED)
        self.assertEqual(len(departed), 1)
