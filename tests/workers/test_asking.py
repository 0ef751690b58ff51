"""
Tests for L{kcptwisted.workers.asking}.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionLost, TimeoutError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.workers.asking import ANSWER_TIMEOUT, Questions


class QuestionsTests(SynchronousTestCase):
    """
    Questions and answers.
    """

    def setUp(self) -> None:
        """
        Have a worker.
        """
        self.clock = Clock()
        self.questions = Questions(self.clock)
        self.orders: list[bytes] = []

    def test_answered(self) -> None:
        """
        Several may be open; each gets its own lines.
        """
        one = self.questions.ask(self.orders.append, b"count")
        other = self.questions.ask(self.orders.append, b"look", b"at me")
        self.assertEqual(self.orders, [b"count 1", b"look 2 at me"])
        for line in (b"2 a b", b"1 x", b"2 c", b"2"):
            self.questions.told(line)
        self.assertEqual(self.successResultOf(other), [b"a b", b"c"])
        self.assertNoResult(one)
        self.questions.told(b"1")
        self.assertEqual(self.successResultOf(one), [b"x"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_late(self) -> None:
        """
        There is only so much time, and a late answer is none.
        """
        one = self.questions.ask(self.orders.append, b"count")
        self.clock.advance(ANSWER_TIMEOUT)
        self.failureResultOf(one, TimeoutError)
        for line in (b"1 x", b"1", b"", b"9 y"):
            self.questions.told(line)

    def test_ended(self) -> None:
        """
        A process that ends answers nothing; nor does one that nobody listens to any more.
        """
        one, other = (self.questions.ask(self.orders.append, b"count") for _ in range(2))
        other.addErrback(lambda _: None)
        other.cancel()
        self.questions.ended()
        self.failureResultOf(one, ConnectionLost)
        self.assertEqual(self.clock.getDelayedCalls(), [])
