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

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.probe = WindowProbe()

    def test_open(self) -> None:
        """
        An open window is not asked for.
        """
        self.assertFalse(self.probe.update(False, 0))
        self.assertIs(self.probe.deadline, None)

    def test_first(self) -> None:
        """
        The first question comes 500 ms after the window shut, not sooner.
        """
        self.assertFalse(self.probe.update(True, 1000))
        self.assertEqual(self.probe.deadline, 1500)
        self.assertFalse(self.probe.update(True, 1499))
        self.assertEqual(self.probe.deadline, 1500)
        self.assertTrue(self.probe.update(True, 1500))

    def test_once(self) -> None:
        """
        A question is asked once.
        """
        self.probe.update(True, 0)
        self.assertTrue(self.probe.update(True, 500))
        self.assertFalse(self.probe.update(True, 500))

    def test_distances(self) -> None:
        """
        Each question waits half as long again as the one before, up to two minutes.
        """
        now = 0
        distances = []
        self.probe.update(True, now)
        for _ in range(20):
            assert self.probe.deadline is not None
            distances.append(self.probe.deadline - now)
            now = self.probe.deadline
            self.assertTrue(self.probe.update(True, now))
        self.assertEqual(distances[:4], [500, 750, 1125, 1687])
        self.assertEqual(distances[-3:], [120_000] * 3)
        self.assertEqual(distances, sorted(distances))

    def test_late(self) -> None:
        """
        The distance counts from when the question was asked.
        """
        self.probe.update(True, 0)
        self.assertTrue(self.probe.update(True, 9000))
        self.assertEqual(self.probe.deadline, 9750)

    def test_reopened(self) -> None:
        """
        When the window has opened the questions end, and later begin again with the first
        distance.
        """
        self.probe.update(True, 0)
        self.probe.update(True, 500)
        self.assertFalse(self.probe.update(False, 2000))
        self.assertIs(self.probe.deadline, None)
        self.assertFalse(self.probe.update(True, 3000))
        self.assertEqual(self.probe.deadline, 3500)
