"""
Tests for L{kcptwisted.arq.probe}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.probe import WindowProbe


class WindowProbeTests(SynchronousTestCase):
    """
    Tests for L{WindowProbe}.
    """

    def test_first(self) -> None:
        """
        The first question comes 500 ms after the window shut, not sooner.
        """
        probe = WindowProbe(1000)
        self.assertEqual(probe.deadline, 1500)
        self.assertFalse(probe.isDue(1499))
        self.assertEqual(probe.deadline, 1500)
        self.assertTrue(probe.isDue(1500))

    def test_once(self) -> None:
        """
        A question is asked once.
        """
        probe = WindowProbe(0)
        self.assertTrue(probe.isDue(500))
        self.assertFalse(probe.isDue(500))

    def test_distances(self) -> None:
        """
        Each question waits half as long again as the one before, up to two minutes.
        """
        now = 0
        distances = []
        probe = WindowProbe(now)
        for _ in range(20):
            distances.append(probe.deadline - now)
            now = probe.deadline
            self.assertTrue(probe.isDue(now))
        self.assertEqual(distances[:4], [500, 750, 1125, 1687])
        self.assertEqual(distances[-3:], [120_000] * 3)
        self.assertEqual(distances, sorted(distances))

    def test_late(self) -> None:
        """
        The distance counts from when the question was asked.
        """
        probe = WindowProbe(0)
        self.assertTrue(probe.isDue(9000))
        self.assertEqual(probe.deadline, 9750)
