"""
Tests for L{kcptwisted.client.rebinding}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.client.rebinding import QUESTION_DELAYS, Questions, Rebinding


class RebindingTests(SynchronousTestCase):
    """
    A client whose address is gone.
    """

    def setUp(self) -> None:
        """
        Note when it tries.
        """
        self.clock = Clock()
        self.heard = 0
        self.tries: list[float] = []
        self.rebinding = Rebinding(
            self.clock, lambda: self.tries.append(self.clock.seconds()), lambda: self.heard
        )

    def test_paced(self) -> None:
        """
        It tries at once, then at growing distances, however often it is told.
        """
        for _ in range(600):
            self.rebinding.begin()
            self.clock.advance(0.1)
        self.assertEqual([round(time) for time in self.tries], [0, 1, 3, 7, 15, 30, 45])

    def test_heard(self) -> None:
        """
        It ends when the peer is heard, and the next time begins at once.
        """
        self.rebinding.begin()
        self.heard = 500
        self.clock.advance(1)
        self.assertEqual((self.tries, self.rebinding.running), ([0], False))
        self.rebinding.begin()
        self.assertEqual(self.tries, [0, 1])

    def test_stop(self) -> None:
        """
        It ends with the connection.
        """
        self.rebinding.stop()
        self.rebinding.begin()
        self.rebinding.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class QuestionsTests(SynchronousTestCase):
    """
    A client that wants to be followed.
    """

    def setUp(self) -> None:
        """
        Note when it asks.
        """
        self.clock = Clock()
        self.times: list[float] = []
        self.questions = Questions(self.clock, lambda: self.times.append(self.clock.seconds()))

    def test_several(self) -> None:
        """
        It asks at once, and then at growing distances, for a while.
        """
        self.questions.begin()
        self.clock.pump([*QUESTION_DELAYS, 100])
        self.assertEqual(self.times, [0, 0.25, 0.75, 1.75, 3.75, 7.75])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_anew(self) -> None:
        """
        It begins anew with another socket, and not twice at a time.
        """
        self.questions.begin()
        self.clock.advance(0.25)
        self.questions.begin()
        self.clock.advance(0.25)
        self.assertEqual(self.times, [0, 0.25, 0.25, 0.5])

    def test_stop(self) -> None:
        """
        It ends with the connection.
        """
        self.questions.begin()
        self.questions.stop()
        self.questions.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
