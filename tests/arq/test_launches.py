"""
Tests for L{kcptwisted.arq.launches}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.launches import Launches


class LaunchesTests(SynchronousTestCase):
    """
    When what left.
    """

    def make(self, *entries: tuple[int, int]) -> Launches:
        """
        @return: with an entry for each (first sn, time).
        """
        launches = Launches()
        for first, now in entries:
            launches.add(first, now)
        return launches

    def test_timeOf(self) -> None:
        """
        Segments left at the time of the flush that they were first in.
        """
        launches = self.make((5, 100), (8, 200), (9, 200), (20, 300))
        times = {sn: launches.timeOf(sn) for sn in (5, 7, 8, 9, 19, 20, 99)}
        self.assertEqual(times, {5: 100, 7: 100, 8: 200, 9: 200, 19: 200, 20: 300, 99: 300})

    def test_forget(self) -> None:
        """
        What is acknowledged goes, sooner or later, and the rest is as it was.
        """
        launches = self.make(*[(10 * number, number) for number in range(100)])
        for una in range(0, 1000, 7):
            launches.forget(una)
            for sn in range(una, 1000, 13):
                self.assertEqual(launches.timeOf(sn), sn // 10)
            self.assertLessEqual(len(launches), 2 * (100 - una // 10) + 1)

    def test_clear(self) -> None:
        """
        With nothing in flight nothing is held.
        """
        launches = self.make((0, 1), (1, 2))
        launches.clear()
        self.assertEqual(len(launches), 0)
        launches.add(7, 50)
        self.assertEqual(launches.timeOf(7), 50)
