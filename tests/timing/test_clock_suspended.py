"""
Tests for L{kcptwisted.timing.clock}: a process that was suspended, or blocked by a long call.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import LogEvent, LogLevel, globalLogPublisher

from kcptwisted.options.table import TICK
from kcptwisted.timing.runningtime import LATENESS_TOLERANCE
from tests.clocks import ClockTestCase
from tests.properties import given, strategies

TOLERATED = int(LATENESS_TOLERANCE * 1000)


class SuspendedTests(ClockTestCase):
    """
    The reactor's clock jumps past the moment at which the flush clock is to be called.
    """

    def suspend(self, seconds: float) -> None:
        """
        Let time pass in which nothing runs.
        """
        self.reactor.rightNow += seconds

    def test_nothingPlanned(self) -> None:
        """
        When nothing is planned, all time counts.
        """
        self.suspend(1000)
        self.assertEqual(self.clock.now(), 1_000_000)

    def test_nothingPlannedAnyMore(self) -> None:
        """
        So it does when what was planned has happened, or been called off.
        """
        for far in (False, True):
            for stopped in (False, True):
                session = self.make()
                session.setDue(self.clock.now() + (5000 if far else 30))
                if stopped:
                    self.forgetAll()
                else:
                    self.passTime(5100)
                before = self.clock.now()
                self.suspend(1000)
                self.assertApproximates(self.clock.now(), before + 1_000_000, 1)

    def test_sleeping(self) -> None:
        """
        While the clock sleeps, time goes no further than the tolerance past the end of the sleep.
        """
        self.make().setDue(5000)
        self.suspend(1000)
        self.assertEqual(self.clock.now(), 5000 + TOLERATED)

    def test_sleepCutShort(self) -> None:
        """
        It is the end of the sleep that was planned last.
        """
        self.make().setDue(50_000)
        self.make().setDue(5000)
        self.suspend(1000)
        self.assertEqual(self.clock.now(), 5000 + TOLERATED)

    def test_flushedMeanwhile(self) -> None:
        """
        It is the same when the next thing that happens is a batch with an earlier deadline.
        """
        self.make().setDue(5000)
        self.suspend(1000)
        with self.batch():
            self.make().setDue(100)
        self.assertEqual(self.clock.now(), 5000 + TOLERATED)

    def test_late(self) -> None:
        """
        A call that is late by less than the tolerance is a busy reactor's: all time counts.
        """
        for deadline in (5000, 30):
            self.setUp()
            self.make().setDue(deadline)
            self.suspend(deadline / 1000 + LATENESS_TOLERANCE - 0.1)
            self.assertEqual(self.clock.now(), deadline + TOLERATED - 100)

    def test_goesOn(self) -> None:
        """
        Afterwards time passes as always, before and after the planned call has come.
        """
        self.make().setDue(5000)
        self.suspend(1000)
        before = self.clock.now()
        for passed in (125, 250, 375):
            self.suspend(0.125)
            self.assertEqual(self.clock.now(), before + passed)
        self.passTime(300)
        self.assertApproximates(self.clock.now(), before + 675, 1)

    def test_again(self) -> None:
        """
        A process that is suspended again before it got anywhere loses the tolerance only.
        """
        self.make().setDue(5000)
        for times in range(1, 4):
            self.suspend(1000)
            self.assertEqual(self.clock.now(), 5000 + times * TOLERATED)

    def test_otherDeadlines(self) -> None:
        """
        Deadlines that lie behind the planned call are met when so much time has passed in which
        the process ran, not at once.
        """
        near, far = self.make(), self.make()
        near.setDue(5000)
        far.setDue(60_000)
        self.reactor.advance(1000)
        self.passTime(50_000)
        self.assertEqual((len(near.flushed), far.flushed), (1, []))
        self.passTime(60_000 - 5000 - TOLERATED - 50_000 + TICK)
        (flushed,) = far.flushed
        self.assertTrue(60_000 <= flushed <= 60_000 + TICK)
        self.assertStill()

    def test_sleepsAgain(self) -> None:
        """
        A sleep that is over before the time for it has passed is followed by another.
        """
        session = self.make()
        session.setDue(60_000)
        self.make().setDue(5000)
        self.suspend(1000)
        self.passTime(100)
        (call,) = self.reactor.getDelayedCalls()
        remaining = 60_000 - self.clock.now()
        self.assertAlmostEqual(call.getTime(), self.reactor.seconds() + remaining / 1000, 2)

    def test_readsFirst(self) -> None:
        """
        After a stand still no session is flushed for its deadline before the reactor has had the
        occasion to read what arrived meanwhile, which may move the deadline.
        """
        for deadline in (5000, 30):
            self.setUp()
            session, silent = self.make(), self.make()
            session.setDue(deadline)
            silent.setDue(deadline)
            self.reactor.advance(1000)
            self.assertEqual(session.flushed + silent.flushed, [])
            with self.batch():
                session.due = self.clock.now() + 5000
            self.passTime(100)
            self.assertEqual((session.flushed, len(silent.flushed)), ([], 1))
            self.passTime(5000)
            self.assertEqual(len(session.flushed), 1)
            self.assertStill()

    def test_wallClockSetBack(self) -> None:
        """
        A wall clock that is set back, and later forth again, costs or adds no more than the
        tolerance.
        """
        self.make().setDue(30)
        self.suspend(-1000)
        self.assertEqual(self.clock.now(), 0)
        self.suspend(1000)
        self.assertLessEqual(self.clock.now(), 30 + TOLERATED)

    def test_log(self) -> None:
        """
        The log says for how long, once.
        """
        events: list[LogEvent] = []
        observer: Any = events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.make().setDue(5000)
        self.reactor.advance(1000)
        self.passTime(300)
        (event,) = [event for event in events if "stood still" in (event["log_format"] or "")]
        self.assertEqual(event["log_level"], LogLevel.debug)
        self.assertEqual(event["seconds"], 1000 - 5 - LATENESS_TOLERANCE)

    @given(
        strategies.lists(
            strategies.tuples(strategies.booleans(), strategies.integers(1, 400)), max_size=15
        )
    )
    def test_always(self, periods: list[tuple[bool, int]]) -> None:
        """
        However often the process is suspended while something is due soon, time is what passed
        while it ran, and at most the tolerance and the time until then for each time that it was
        not.
        """
        self.setUp()
        session = self.make()
        session.repeats = [20] * 1000
        session.setDue(20)
        ran = stops = 0
        for suspended, number in periods:
            if suspended:
                self.suspend(number)
                stops += 1
            else:
                self.passTime(5 * number)
                ran += 5 * number
            now = self.clock.now()
            # Sums of floating point numbers may be a little short.
            self.assertTrue(ran - 1 <= now <= ran + stops * (TOLERATED + 20 + TICK) + 1, (ran, now))
        self.forgetAll()
