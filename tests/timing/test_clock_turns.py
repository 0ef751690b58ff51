"""
Tests for L{kcptwisted.timing.clock}: batches and turns, what it holds, and its end.
"""

from __future__ import annotations

from functools import partial
from gc import collect
from weakref import ref

from kcptwisted.options.table import TICK
from kcptwisted.timing.clock import FEW_DEADLINES, ROUNDS
from kcptwisted.timing.deadlines import SPARE_TIMES
from tests.clocks import ClockTestCase


class TurnTests(ClockTestCase):
    """
    Flushing at the end of a reactor turn, or of a batch.
    """

    def test_endOfTurn(self) -> None:
        """
        However often a session wants to be flushed in a turn, it is flushed once, when the turn
        ends.
        """
        session = self.make()
        for _ in range(100):
            self.clock.wantFlush(session)
        self.assertEqual((session.flushed, self.calls()), ([], 1))
        self.reactor.advance(0)
        self.assertEqual(session.flushed, [0])
        self.assertStill()

    def test_several(self) -> None:
        """
        All sessions that want it are flushed, in the order they said so.
        """
        order: list[int] = []
        sessions = [self.make() for _ in range(3)]
        for position, session in enumerate(sessions):
            session.meanwhile = partial(order.append, position)
        for position in (2, 0, 1, 2):
            self.clock.wantFlush(sessions[position])
        self.assertEqual(self.calls(), 1)
        self.reactor.advance(0)
        self.assertEqual(order, [2, 0, 1])

    def test_batch(self) -> None:
        """
        In a batch a session is flushed when the batch is finished, without a delayed call.
        """
        session = self.make()
        with self.batch():
            self.clock.wantFlush(session)
            self.clock.wantFlush(session)
            self.assertEqual((session.flushed, self.calls()), ([], 0))
        self.assertEqual(len(session.flushed), 1)
        self.assertStill()

    def test_afterBatch(self) -> None:
        """
        After a batch it is the turn again that counts.
        """
        session = self.make()
        with self.batch():
            pass
        self.clock.wantFlush(session)
        self.assertEqual(self.calls(), 1)

    def test_deadlineInBatch(self) -> None:
        """
        A deadline set during a batch is watched when the batch is finished.
        """
        session = self.make()
        with self.batch():
            session.setDue(30)
        self.passTime(30 + TICK)
        self.assertEqual(len(session.flushed), 1)
        self.assertStill()

    def test_batchAndTurn(self) -> None:
        """
        What a batch has flushed is not flushed again when the turn ends.
        """
        session = self.make()
        self.clock.wantFlush(session)
        self.clock.flush()
        self.reactor.advance(0)
        self.assertEqual(len(session.flushed), 1)
        self.assertStill()

    def test_inFlush(self) -> None:
        """
        A session that wants to be flushed because of another's flush is flushed in the same turn.
        """
        first, second = self.make(), self.make()
        first.meanwhile = lambda: self.clock.wantFlush(second)
        self.clock.wantFlush(first)
        self.reactor.advance(0)
        self.assertEqual(len(second.flushed), 1)
        self.assertStill()

    def test_endless(self) -> None:
        """
        A session that wants to be flushed again each time does not keep the turn from ending: the
        rest is for the next one.
        """
        session = self.make()
        session.meanwhile = lambda: self.clock.wantFlush(session)
        self.clock.wantFlush(session)
        self.clock.flush()
        self.assertEqual((len(session.flushed), self.calls()), (ROUNDS, 1))
        session.meanwhile = lambda: None
        self.reactor.advance(0)
        self.assertEqual(len(session.flushed), ROUNDS + 1)
        self.assertStill()

    def test_schedules(self) -> None:
        """
        A flush at the end of a turn sets the deadline.
        """
        session = self.make()
        session.due = 50
        self.clock.wantFlush(session)
        self.reactor.advance(0)
        self.passTime(50 + TICK)
        self.assertEqual(len(session.flushed), 2)
        self.assertStill()


class NextTurnTests(ClockTestCase):
    """
    Tests for L{FlushClock.wantFlushNextTurn}.
    """

    def test_notInThisFlush(self) -> None:
        """
        A session that asks for the next turn in a flush is not flushed again in this one, even if
        it is wanted for another reason, before or after.
        """
        session, other = self.make(), self.make()

        def meanwhile() -> None:
            self.clock.wantFlush(session)
            self.clock.wantFlushNextTurn(session)

        session.meanwhile = meanwhile
        other.meanwhile = lambda: self.clock.wantFlush(session)
        self.clock.wantFlush(session)
        self.clock.wantFlush(other)
        self.clock.flush()
        self.assertEqual((len(session.flushed), len(other.flushed)), (1, 1))
        session.meanwhile = lambda: None
        self.assertEqual(self.calls(), 1)
        self.reactor.advance(0)
        self.assertEqual((len(session.flushed), len(other.flushed)), (2, 1))
        self.assertStill()
        self.clock.wantFlush(session)
        self.clock.flush()
        self.assertEqual(len(session.flushed), 3)

    def test_inBatch(self) -> None:
        """
        Nor is it flushed at the end of a batch that comes before.
        """
        session = self.make()
        with self.batch():
            self.clock.wantFlushNextTurn(session)
            self.clock.wantFlush(session)
        self.assertEqual((session.flushed, self.calls()), ([], 1))
        self.reactor.advance(0)
        self.assertEqual(len(session.flushed), 1)
        self.assertStill()

    def test_due(self) -> None:
        """
        A deadline that comes before does not make it be flushed twice.
        """
        session = self.make()
        session.setDue(TICK)
        self.reactor.rightNow += TICK / 1000
        self.clock.wantFlushNextTurn(session)
        self.reactor.advance(0)
        self.assertEqual(len(session.flushed), 1)
        self.assertStill()

    def test_othersRun(self) -> None:
        """
        A session that always asks again keeps neither another session nor other calls from their
        turn.
        """
        order: list[str] = []
        greedy, other = self.make(), self.make()

        def again() -> None:
            order.append("greedy")
            if len(greedy.flushed) < 100:
                self.clock.wantFlushNextTurn(greedy)

        greedy.meanwhile = again
        other.meanwhile = partial(order.append, "other")
        self.clock.wantFlush(greedy)
        self.clock.flush()
        self.clock.wantFlush(other)
        self.reactor.callLater(0, order.append, "call")
        self.reactor.advance(0)
        self.assertEqual(order[:4], ["greedy", "other", "greedy", "call"])
        self.assertEqual(order[4:], ["greedy"] * 98)
        self.assertStill()

    def test_leavesNothing(self) -> None:
        """
        A session that is gone by then is not flushed, and nothing of it stays behind.
        """
        session = self.make()
        self.clock.wantFlushNextTurn(session)
        self.clock.forget(session)
        self.assertStill()
        self.reactor.advance(0)
        self.assertEqual(session.flushed, [])
        # It may want to be flushed at any time.
        self.clock.wantFlush(session)
        self.reactor.advance(0)
        self.assertEqual(len(session.flushed), 1)


class HeapTests(ClockTestCase):
    """
    What the clock holds.
    """

    def test_forgottenIsReleased(self) -> None:
        """
        A session that is gone is not kept until its deadline.
        """
        session = self.make()
        session.setDue(60_000)
        gone = ref(session)
        self.clock.forget(session)
        del session
        collect()
        self.assertIs(gone(), None)

    def test_deadEntriesAreFew(self) -> None:
        """
        A session whose deadline comes nearer and moves away again leaves no entries behind that
        count.
        """
        session = self.make()
        for i in range(1000):
            session.setDue(50_000 - i)
        self.assertLessEqual(len(self.clock.deadlines.times), 3 * SPARE_TIMES)


class ForgetTests(ClockTestCase):
    """
    Tests for L{FlushClock.forget}.
    """

    def test_idle(self) -> None:
        """
        A session that waits for nothing can be forgotten, twice.
        """
        session = self.make()
        self.clock.forget(session)
        self.clock.forget(session)
        self.assertStill()

    def test_leavesNothing(self) -> None:
        """
        Whatever the clock waits for, after the last session no call is left behind, and nobody is
        flushed any more.
        """
        for wait in ("near", "far", "turn", "next", "all"):
            with self.subTest(wait=wait):
                near, far, turn, later = (self.make() for _ in range(4))
                if wait in ("far", "all"):
                    far.setDue(self.clock.now() + 60_000)
                if wait in ("near", "all"):
                    near.setDue(self.clock.now() + 30)
                if wait in ("turn", "all"):
                    self.clock.wantFlush(turn)
                if wait in ("next", "all"):
                    self.clock.wantFlushNextTurn(later)
                self.assertGreater(self.calls(), 0)
                self.forgetAll()
                self.assertStill()
                self.passTime(200)
                for session in (near, far, turn, later):
                    self.assertEqual((session.flushed, session.scheduled), ([], None))

    def test_ticking(self) -> None:
        """
        So it is while the clock ticks.
        """
        for number in range(2 * FEW_DEADLINES):
            self.make().setDue(number)
        self.assertEqual(self.calls(), 1)
        self.forgetAll()
        self.assertStill()

    def test_inFlush(self) -> None:
        """
        So it is when the last sessions are forgotten during a flush, at a tick or at the end of a
        turn.
        """
        for atTick in (True, False):
            with self.subTest(atTick=atTick):
                session, other = self.make(), self.make()
                other.setDue(self.clock.now() + 60_000)
                session.meanwhile = self.forgetAll
                if atTick:
                    session.setDue(self.clock.now() + 30)
                else:
                    self.clock.wantFlush(session)
                self.passTime(60)
                self.assertEqual(len(session.flushed), 1)
                self.assertStill()

    def test_inBatch(self) -> None:
        """
        So it is when they are forgotten during a batch.
        """
        self.make().setDue(60_000)
        with self.batch():
            self.forgetAll()
        self.assertStill()

    def test_others(self) -> None:
        """
        The others' deadlines and turns stay.
        """
        gone, due, turn = self.make(), self.make(), self.make()
        for session in (gone, due):
            session.setDue(30)
        for session in (gone, turn):
            self.clock.wantFlush(session)
        self.clock.forget(gone)
        self.passTime(40)
        self.assertEqual([len(each.flushed) for each in (gone, due, turn)], [0, 1, 1])
        self.assertStill()
