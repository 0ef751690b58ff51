"""
Tests for L{kcptwisted.timing.deadlines}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.timing.clock import FlushClock
from kcptwisted.timing.deadlines import SPARE_TIMES, Deadlines
from tests.clocks import Flushed
from tests.properties import given, strategies


class DeadlinesTests(SynchronousTestCase):
    """
    Tests for L{Deadlines}.
    """

    def make(self) -> Flushed:
        """
        Something that may be due.
        """
        return Flushed(FlushClock(Clock()))

    def test_order(self) -> None:
        """
        Those that are due are taken once, the earliest first, and those of one time in their order.
        """
        deadlines = Deadlines()
        late, early, same, far = (self.make() for _ in range(4))
        for session, due in ((late, 20), (early, 10), (same, 20), (far, 21)):
            deadlines.add(session, due)
        self.assertEqual((len(deadlines), deadlines.first()), (3, 10))
        self.assertEqual(deadlines.takeDue(9), [])
        self.assertEqual(deadlines.takeDue(20), [early, late, same])
        self.assertEqual([each.scheduled for each in (early, late, far)], [None, None, 21])
        self.assertEqual(deadlines.takeDue(20), [])
        self.assertEqual((len(deadlines), deadlines.first()), (1, 21))

    def test_removed(self) -> None:
        """
        What is removed is not taken, nor is its deadline the first.
        """
        deadlines = Deadlines()
        gone, other = self.make(), self.make()
        deadlines.add(gone, 10)
        deadlines.add(other, 20)
        deadlines.remove(gone, 10)
        self.assertEqual((gone.scheduled, len(deadlines), deadlines.first()), (None, 1, 20))
        deadlines.remove(other, 20)
        self.assertEqual((len(deadlines), deadlines.first()), (0, None))
        self.assertEqual(deadlines.takeDue(100), [])

    @given(
        strategies.lists(strategies.tuples(strategies.integers(0, 3), strategies.integers(0, 9)))
    )
    def test_always(self, moves: list[tuple[int, int]]) -> None:
        """
        However deadlines move, each session is taken at its last one, and no more entries stay than
        the slack.
        """
        deadlines, sessions = Deadlines(), [self.make() for _ in range(4)]
        last: dict[int, int] = {}
        for index, due in moves * SPARE_TIMES:
            if index in last:
                deadlines.remove(sessions[index], last[index])
            deadlines.add(sessions[index], due)
            last[index] = due
        self.assertLessEqual(len(deadlines.times), 2 * len(sessions) + SPARE_TIMES + 1)
        for now in range(10):
            expected = [sessions[index] for index, due in last.items() if due == now]
            self.assertEqual(set(deadlines.takeDue(now)), set(expected))
