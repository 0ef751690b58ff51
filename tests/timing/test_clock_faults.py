"""
Tests for L{kcptwisted.timing.clock}: sessions that raise, and what happens within a flush.
"""

from __future__ import annotations

from kcptwisted.timing.clock import FEW_DEADLINES, ROUNDS
from kcptwisted.timing.interfaces import IFlushed
from tests.clocks import ClockTestCase, Flushed
from tests.plain import needsPlain


class Speechless(Flushed):
    """
    Cannot tell its deadline.

    @ivar broken: whether that is so already.
    """

    broken = False
    _due: int | None = None

    @property
    def due(self) -> int | None:
        """
        When it is to be flushed next.
        """
        if self.broken:
            raise ZeroDivisionError
        return self._due

    @due.setter
    def due(self, at: int | None) -> None:
        self._due = at


class FaultTests(ClockTestCase):
    """
    One session's fault holds up no other one, nor the clock.
    """

    def test_oneFails(self) -> None:
        """
        A session that raises when it is flushed holds up no other one, nor the clock.
        """
        sick, well = self.make(), self.make()

        def fail() -> None:
            raise ZeroDivisionError

        sick.meanwhile = fail
        well.setDue(200)
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
                sick, well = Speechless(self.clock), self.make()
                for session in (sick, well):
                    session.setDue(at)
                    session.repeats = [40]
                sick.broken = True
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
        needsPlain()
        well = self.make()
        well.setDue(100)
        takeDue, problems = self.clock.deadlines.takeDue, [ZeroDivisionError()]

        def fail(now: int) -> list[IFlushed]:
            if problems:
                raise problems.pop()
            return takeDue(now)

        self.patch(self.clock.deadlines, "takeDue", fail)
        self.passTime(300)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(well.flushed), 1)
        self.assertTurns(well)

    def test_endsOthers(self) -> None:
        """
        When the end of one that cannot tell its deadline is the end of others that are due at the
        same time, no call is left behind for those, nor are they flushed.
        """
        for position in (0, 1):
            with self.subTest(position=position):
                self.setUp()
                sick, well = Speechless(self.clock), self.make()
                for session in (sick, well) if position else (well, sick):
                    session.setDue(40)
                sick.broken = True
                self.patch(sick, "failed", lambda reason, well=well: self.clock.forget(well))
                self.passTime(100)
                self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
                self.assertEqual((well.flushed, well.scheduled), ([], None))
                self.assertStill()

    def test_interrupted(self) -> None:
        """
        What is no L{Exception}, such as the end of the program, passes through, and the clock goes
        on if the program does.
        """
        interrupted, well = self.make(), self.make()

        def interrupt() -> None:
            interrupted.meanwhile = lambda: None
            raise KeyboardInterrupt

        interrupted.meanwhile = interrupt
        for wanted in (True, False):
            interrupted.meanwhile = interrupt
            if wanted:
                self.clock.wantFlush(interrupted)
            else:
                interrupted.setDue(self.clock.now() + 10)
            self.assertRaises(KeyboardInterrupt, self.passTime, 20)
            self.assertTurns(well)

    def test_tickInterrupted(self) -> None:
        """
        So it is at a tick.
        """
        needsPlain()

        def interrupt(now: int) -> list[IFlushed]:
            raise KeyboardInterrupt

        well = self.make()
        well.setDue(10)
        patch = self.patch(self.clock.deadlines, "takeDue", interrupt)
        self.assertRaises(KeyboardInterrupt, self.passTime, 20)
        patch.restore()
        self.assertTurns(well)

    def test_nested(self) -> None:
        """
        A session that finishes a batch while it is flushed, as on a layer that answers at once,
        begins no flush within the flush.
        """
        session, other = self.make(), self.make()
        depth: list[int] = []

        def again() -> None:
            depth.append(1)
            self.clock.wantFlush(session)
            self.clock.flush()
            depth.pop()
            self.assertEqual(depth, [])

        session.meanwhile = again
        self.clock.wantFlush(session)
        self.clock.wantFlush(other)
        self.clock.flush()
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual((len(session.flushed), len(other.flushed)), (ROUNDS, 1))

    def test_nestedAtTick(self) -> None:
        """
        Nor does it at a tick, where more than one call would be left.
        """
        for number in range(2 * FEW_DEADLINES):
            session = self.make()
            session.repeats = [15, 15, 15]
            session.meanwhile = self.clock.flush
            session.setDue(15 + number)
        for _ in range(20):
            self.passTime(5)
            self.assertLessEqual(self.calls(), 1)
        self.assertStill()

    def test_interruptedRound(self) -> None:
        """
        Those that were to be flushed after one that was interrupted are flushed next.
        """
        interrupted, others = self.make(), [self.make() for _ in range(3)]

        def interrupt() -> None:
            raise KeyboardInterrupt

        interrupted.meanwhile = interrupt
        for session in (interrupted, *others):
            self.clock.wantFlush(session)
        self.assertRaises(KeyboardInterrupt, self.clock.flush)
        self.clock.flush()
        self.assertEqual([len(each.flushed) for each in others], [1, 1, 1])

    def test_reactorInFlush(self) -> None:
        """
        An application that runs the reactor while it is called in a flush, as a modal dialog does,
        keeps no other session from being flushed: neither one of the same round, nor one that is
        due, nor one that writes after a batch.
        """
        for many in (False, True):
            for atTick in (False, True):
                with self.subTest(many=many, atTick=atTick):
                    self.setUp()
                    self.runInFlush(many, atTick)
                    self.forgetAll()
                    self.assertStill()

    def runInFlush(self, many: bool, atTick: bool) -> None:
        """
        Run the reactor for half a second in a flush.
        """
        dialog, same, regular = self.make(), self.make(), self.make()
        regular.repeats = [15] * 200
        regular.setDue(25)
        for number in range(3 * FEW_DEADLINES if many else 0):
            self.make().setDue(1000 + number)
        inside: list[int] = []

        def run() -> None:
            dialog.meanwhile = lambda: None
            self.passTime(100)
            with self.batch():
                pass
            self.passTime(400)
            self.assertLessEqual(self.calls(), 1)
            inside.extend([len(same.flushed), len(regular.flushed)])

        dialog.meanwhile = run
        for session in (dialog, same):
            if atTick:
                session.setDue(15)
            else:
                self.clock.wantFlush(session)
        self.passTime(30)
        self.assertEqual(inside[0], 1)
        self.assertGreaterEqual(inside[1], 5)
        before = len(regular.flushed)
        self.passTime(100)
        self.assertGreaterEqual(len(regular.flushed), before + 4)
        self.assertEqual(self.calls(), 1)
        self.assertTurns(same)

    def assertTurns(self, session: Flushed) -> None:
        """
        What wants to be flushed is at the end of the turn.
        """
        before = len(session.flushed)
        self.clock.wantFlush(session)
        self.reactor.advance(0)
        self.assertEqual(len(session.flushed), before + 1)
