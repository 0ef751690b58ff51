"""
Tests for L{kcptwisted.timing.runningtime}; see also L{tests.timing.test_clock_suspended}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.timing.runningtime import LATENESS_TOLERANCE, RunningTime
from tests.properties import given, strategies


class NowTests(SynchronousTestCase):
    """
    Tests for L{RunningTime.now}.
    """

    def setUp(self) -> None:
        """
        Begin to count.
        """
        self.reactor = Clock()
        self.time = RunningTime(self.reactor)

    def test_milliseconds(self) -> None:
        """
        Time is told in milliseconds since the beginning.
        """
        self.reactor.advance(1000)
        time = RunningTime(self.reactor)
        self.assertEqual(time.now(), 0)
        self.reactor.advance(1.5)
        self.assertEqual(time.now(), 1500)

    def test_backwards(self) -> None:
        """
        When the wall clock is set back time stands still, and then goes on.
        """
        self.reactor.advance(100)
        before = self.time.now()
        self.reactor.rightNow -= 50
        self.assertEqual(self.time.now(), before)
        self.reactor.advance(1)
        self.assertEqual(self.time.now(), before + 1000)

    @given(strategies.lists(strategies.floats(-1e6, 1e6), max_size=20))
    def test_never(self, steps: list[float]) -> None:
        """
        However the wall clock jumps, time never goes back.
        """
        reactor = Clock()
        time = RunningTime(reactor)
        times = []
        for step in steps:
            reactor.rightNow += step
            times.append(time.now())
        self.assertEqual(times, sorted(times))

    def test_planned(self) -> None:
        """
        If a planned call does not come, the count stops at the tolerance after it.
        """
        for relative in (False, True):
            self.setUp()
            self.reactor.rightNow += 3
            self.assertEqual(self.time.now(), 3000)
            if relative:
                self.time.expectCallIn(2)
            else:
                self.time.expectCall(5)
            self.reactor.rightNow += 100
            self.assertEqual(self.time.now(), 5000 + int(1000 * LATENESS_TOLERANCE))
            self.assertTrue(self.time.stoodStill)

    def test_notPlannedAnyMore(self) -> None:
        """
        If it is not planned any more, all time counts.
        """
        self.time.expectCall(5)
        self.time.expectNothing()
        self.reactor.rightNow += 100
        self.assertEqual((self.time.now(), self.time.stoodStill), (100_000, False))
