"""
Tests for L{kcptwisted.timing.clock}: batches and turns, what it holds, and its end.
"""

from __future__ import annotations

from functools import partial
from gc import collect
from weakref import ref

from kcptwisted.options.table import TICK
from kcptwisted.timing.clock import ROUNDS, SLACK
from tests.clocks import ClockTestCase, Flushed


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
        self.clock.beginBatch()
        self.clock.wantFlush(session)
        self.clock.wantFlush(session)
        self.assertEqual((session.flushed, self.calls()), ([], 0))
        self.clock.flush()
        self.assertEqual(len(session.flushed), 1)
        self.assertStill()

    def test_afterBatch(self) -> None:
        """
        After a batch it is the turn again that counts.
        """
        session = self.make()
        self.clock.beginBatch()
        self.clock.flush()
        self.clock.wantFlush(session)
        self.assertEqual(self.calls(), 1)

    def test_deadlineInBatch(self) -> None:
        """
        A deadline set during a batch is watched when the batch is finished.
        """
        session = self.make()
        self.clock.beginBatch()
        session.due(30)
        self.clock.flush()
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
        session.dueAt = 50
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
        self.clock.beginBatch()
        self.clock.wantFlushNextTurn(session)
        self.clock.wantFlush(session)
        self.clock.flush()
        self.assertEqual((session.flushed, self.calls()), ([], 1))
        self.reactor.advance(0)
        self.assertEqual(len(session.flushed), 1)
        self.assertStill()

    def test_due(self) -> None:
        """
        A deadline that comes before does not make it be flushed twice.
        """
        session = self.make()
        session.due(TICK)
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
        for gone in (self.clock.forget, lambda _: self.clock.stop()):
            session = self.make()
            self.clock.wantFlushNextTurn(session)
            gone(session)
            self.reactor.advance(0)
            self.assertEqual(session.flushed, [])
            self.assertStill()
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
        session.due(60_000)
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
            session.due(50_000 - i)
        self.assertLessEqual(len(self.clock._times), 3 * SLACK)

    def test_oneFails(self) -> None:
        """
        A session that raises when it is flushed holds up no other one, nor the clock.
        """
        sick, well = self.make(), self.make()

        def fail() -> None:
            raise ZeroDivisionError

        sick.meanwhile = fail
        well.due(200)
        for session in (sick, well):
            self.clock.wantFlush(session)
        self.passTime(400)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(well.flushed), 2)
        self.assertEqual([failure.type for failure in sick.failures], [ZeroDivisionError])
        self.assertStill()

    def test_deadlineFails(self) -> None:
        """
        So does one that cannot tell its deadline, when it is asked and when that has come: it is
        told so, and no more is heard of it.
        """
        for at in (0, 40, 3000):
            with self.subTest(at=at):
                self.setUp()
                sick, well = self.make(), self.make()
                for session in (sick, well):
                    session.due(at)
                    session.repeats = [40]
                self.patch(sick, "deadline", lambda: 1 // 0)
                if not at:
                    self.clock.schedule(sick)
                self.passTime(4000)
                self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
                self.assertEqual([failure.type for failure in sick.failures], [ZeroDivisionError])
                self.assertEqual(len(well.flushed), 2)
                self.assertStill()
                self.assertTurns(well)

    def test_failedFails(self) -> None:
        """
        What is raised about that is logged as well.
        """
        sick = self.make()
        self.patch(sick, "flush", lambda now: 1 // 0)
        self.patch(sick, "failed", lambda reason: 1 // 0)
        self.clock.wantFlush(sick)
        self.passTime(100)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        self.assertStill()

    def test_tickFails(self) -> None:
        """
        Whatever goes wrong in a tick, the next one comes, and no session waits for a batch that
        nobody reads.
        """
        well = self.make()
        well.due(100)
        popDue, problems = self.clock._popDue, [ZeroDivisionError()]

        def fail(now: int) -> None:
            if problems:
                raise problems.pop()
            popDue(now)

        self.patch(self.clock, "_popDue", fail)
        self.passTime(300)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(well.flushed), 1)
        self.assertTurns(well)

    def assertTurns(self, session: Flushed) -> None:
        """
        What wants to be flushed is at the end of the turn.
        """
        before = len(session.flushed)
        self.clock.wantFlush(session)
        self.reactor.advance(0)
        self.assertEqual(len(session.flushed), before + 1)


class StopTests(ClockTestCase):
    """
    Tests for L{FlushClock.stop}.
    """

    def test_idle(self) -> None:
        """
        A clock that stands still can be stopped, twice.
        """
        self.clock.stop()
        self.clock.stop()
        self.assertStill()

    def test_leavesNothing(self) -> None:
        """
        Whatever the clock waits for, nothing is left behind and nobody is flushed any more.
        """
        for wait in ("near", "far", "turn", "all"):
            near, far, turn = self.make(), self.make(), self.make()
            if wait in ("far", "all"):
                far.due(self.clock.now() + 60_000)
            if wait in ("near", "all"):
                near.due(self.clock.now() + 30)
            if wait in ("turn", "all"):
                self.clock.wantFlush(turn)
            self.assertGreater(self.calls(), 0)
            self.clock.stop()
            self.assertStill()
            self.passTime(200)
            self.assertEqual(near.flushed + far.flushed + turn.flushed, [])
            for session in (near, far, turn):
                self.clock.forget(session)

    def test_inFlush(self) -> None:
        """
        So it is when it is stopped during a flush, at a tick or at the end of a turn.
        """
        for atTick in (True, False):
            session = self.make()
            session.meanwhile = self.clock.stop
            if atTick:
                session.due(self.clock.now() + 30)
            else:
                self.clock.wantFlush(session)
            self.passTime(60)
            self.assertEqual(len(session.flushed), 1)
            self.assertStill()
