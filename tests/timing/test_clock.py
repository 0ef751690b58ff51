"""
Tests for L{kcptwisted.timing.clock}: the deadlines.
"""

from __future__ import annotations

from kcptwisted.options.table import TICK
from kcptwisted.timing.clock import FEW_DEADLINES
from tests.clocks import ClockTestCase
from tests.properties import given, strategies


class DeadlineTests(ClockTestCase):
    """
    Flushing when deadlines come.
    """

    def test_nothing(self) -> None:
        """
        A clock without sessions stands still.
        """
        self.assertStill()

    def test_noDeadline(self) -> None:
        """
        So it does with a session that has no deadline.
        """
        self.clock.schedule(self.make())
        self.assertStill()

    def test_near(self) -> None:
        """
        A session is flushed at its deadline, or up to a tick later, once, and then the clock stands
        still.
        """
        session = self.make()
        session.setDue(30)
        self.assertEqual(self.calls(), 1)
        self.passTime(300)
        self.assertEqual(len(session.flushed), 1)
        self.assertTrue(30 <= session.flushed[0] <= 30 + TICK)
        self.assertStill()

    def test_far(self) -> None:
        """
        Until a deadline there is one call, at the deadline.
        """
        session = self.make()
        session.setDue(5000)
        (call,) = self.reactor.getDelayedCalls()
        self.assertAlmostEqual(call.getTime(), 5, 2)
        self.passTime(4900)
        self.assertEqual(session.flushed, [])
        self.passTime(200)
        self.assertEqual(len(session.flushed), 1)
        self.assertTrue(5000 <= session.flushed[0] <= 5000 + TICK)
        self.assertStill()

    def test_nearAndFar(self) -> None:
        """
        When a near deadline has passed and a far one is left, the next call is at that.
        """
        near, far = self.make(), self.make()
        far.setDue(10_000)
        near.setDue(50)
        self.passTime(200)
        self.assertEqual(len(near.flushed), 1)
        (call,) = self.reactor.getDelayedCalls()
        self.assertAlmostEqual(call.getTime(), 10, 2)
        self.passTime(10_000)
        self.assertEqual(len(far.flushed), 1)
        self.assertStill()

    def test_earlier(self) -> None:
        """
        A deadline that has become earlier holds, and the later one does not any more.
        """
        session = self.make()
        session.setDue(5000)
        session.setDue(2000)
        self.passTime(2000 + TICK)
        self.assertEqual(len(session.flushed), 1)
        self.assertStill()

    def test_later(self) -> None:
        """
        A deadline that has become later is waited for.
        """
        session = self.make()
        session.setDue(50)
        session.due = 400
        self.passTime(390)
        self.assertEqual(session.flushed, [])
        self.passTime(10 + TICK)
        self.assertEqual(len(session.flushed), 1)
        self.assertStill()

    def test_gone(self) -> None:
        """
        A deadline that is no more is not acted upon.
        """
        session = self.make()
        session.setDue(50)
        session.due = None
        self.passTime(200)
        self.assertEqual(session.flushed, [])
        self.assertStill()

    def test_again(self) -> None:
        """
        A session with one deadline after another is flushed at each.
        """
        session = self.make()

        def again() -> None:
            if len(session.flushed) < 5:
                session.due = 40 * (len(session.flushed) + 1)

        session.meanwhile = again
        session.setDue(40)
        self.passTime(500)
        self.assertEqual([now // 40 for now in session.flushed], [1, 2, 3, 4, 5])
        self.assertStill()

    def test_each(self) -> None:
        """
        Only the sessions that are due are flushed.
        """
        sessions = [self.make() for _ in range(10)]
        for position, session in enumerate(sessions):
            session.setDue(100 * position + 100)
        self.passTime(550)
        self.assertEqual([len(session.flushed) for session in sessions], [1] * 5 + [0] * 5)
        self.passTime(600)
        self.assertEqual([len(session.flushed) for session in sessions], [1] * 10)
        self.assertStill()

    def test_inThePast(self) -> None:
        """
        A deadline that has passed already is met at the next tick.
        """
        self.passTime(1000)
        session = self.make()
        session.setDue(10)
        self.passTime(2 * TICK)
        self.assertEqual(len(session.flushed), 1)
        self.assertStill()

    def test_forgotten(self) -> None:
        """
        A session that is gone is not flushed, and is not waited for.
        """
        session = self.make()
        session.setDue(50)
        self.clock.wantFlush(session)
        self.clock.forget(session)
        self.passTime(200)
        self.assertEqual(session.flushed, [])
        self.assertStill()

    def test_forgottenAmongOthers(self) -> None:
        """
        Nor is it flushed when another session is due at the same time.
        """
        other, session = self.make(), self.make()
        other.setDue(50)
        session.setDue(50)
        self.clock.forget(session)
        self.passTime(200)
        self.assertEqual((len(other.flushed), session.flushed), (1, []))
        self.assertStill()

    def test_oneCall(self) -> None:
        """
        However deadlines move, there is one call: while one session's has become far and another
        is flushed and has a near one, no second is made.
        """
        busy, moved = self.make(), self.make()
        busy.setDue(50)
        moved.setDue(50)
        moved.due = 60_000
        busy.meanwhile = lambda: setattr(busy, "due", 90)
        self.passTime(50 + TICK)
        self.assertEqual(len(busy.flushed), 1)
        self.assertEqual(self.calls(), 1)
        self.forgetAll()
        self.assertStill()

    def crowd(self) -> None:
        """
        Have other sessions with deadlines that are far away.
        """
        for number in range(FEW_DEADLINES):
            self.make().setDue(100_000 + number)

    def test_exact(self) -> None:
        """
        Where there are few deadlines they are met to the millisecond.
        """
        sessions = [self.make() for _ in range(FEW_DEADLINES)]
        for number, session in enumerate(sessions):
            session.setDue(13 + 7 * number)
        self.reactor.pump([0.001] * 100)
        self.assertEqual(
            [session.flushed for session in sessions], [[13 + 7 * n] for n in range(FEW_DEADLINES)]
        )

    def test_passedMeanwhile(self) -> None:
        """
        So is, in the next millisecond, one that passes during the flush that sets it.
        """
        session = self.make()
        session.repeats = [1]

        def takeTime() -> None:
            self.reactor.rightNow += 0.0015

        session.meanwhile = takeTime
        session.setDue(5)
        self.reactor.pump([0.0005] * 40)
        self.assertEqual(session.flushed, [5, 7])

    def test_together(self) -> None:
        """
        Sessions that are due within one tick are flushed in one call.
        """
        self.crowd()
        calls: list[float] = []
        for number in range(TICK):
            session = self.make()
            session.setDue(31 + number)
            session.meanwhile = lambda: calls.append(self.reactor.seconds())
        self.passTime(100)
        self.assertEqual(len(calls), TICK)
        self.assertEqual(len(set(calls)), 1)

    def test_atOnce(self) -> None:
        """
        What is due is flushed in the call itself, which makes no other for it.
        """
        session = self.make()
        calls: list[int] = []
        session.meanwhile = lambda: calls.append(self.calls())
        session.setDue(30)
        self.reactor.advance(0.03)
        self.assertEqual((session.flushed, calls), ([30], [0]))
        self.assertStill()

    def test_perTick(self) -> None:
        """
        Where there are many deadlines, there is one call a tick.
        """
        self.crowd()
        session = self.make()
        session.repeats = [1] * 1000
        session.setDue(1)
        self.reactor.pump([0.001] * 1000)
        self.assertApproximates(len(session.flushed), 1000 // TICK, 1)

    @given(
        strategies.lists(
            strategies.tuples(
                strategies.sampled_from(["due", "twice", "move", "want", "forget", "pass"]),
                strategies.integers(0, 3),
                strategies.sampled_from([0, 20, 40, 200, 400]),
            ),
            max_size=25,
        )
    )
    def test_always(self, events: list[tuple[str, int, int]]) -> None:
        """
        Whatever sessions do, there is never more than one call for the deadlines and one for the
        end of the turn, each session is flushed soon after its deadline, and in the end the clock
        stands still.
        """
        self.setUp()
        sessions = [self.make() for _ in range(4)]
        for kind, index, number in events:
            session = sessions[index]
            if kind in ("due", "twice"):
                session.setDue(self.clock.now() + number)
                session.repeats = [number] if kind == "twice" else []
            elif kind == "move":
                session.due = None if session.due is None else session.due + number
            elif kind == "want":
                self.clock.wantFlush(session)
            elif kind == "forget":
                session.due = None
                session.repeats = []
                self.clock.forget(session)
            else:
                self.passTime(number + 5)
                self.assertLessEqual(self.calls(), 1)
                late = [each.due for each in sessions if each.due is not None]
                self.assertGreater(min(late, default=10**9), self.clock.now() - 2 * TICK)
            self.assertLessEqual(self.calls(), 2)
        self.passTime(12_000)
        self.assertEqual([session.due for session in sessions], [None] * 4)
        self.assertStill()
