"""
Tests for L{kcptwisted.server.ended}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.server.ended import (
    ANSWER_PAUSE,
    MAXIMUM_REMEMBERED,
    REMEMBERED,
    SETTLING,
    EndedSessions,
)

ADDRESS = ("10.0.0.1", 1)


class LateTests(SynchronousTestCase):
    """
    Which datagrams are late.
    """

    def test_late(self) -> None:
        """
        The last conversation of an address is late, no other one, and none of another address.
        """
        ended = EndedSessions()
        ended.add(ADDRESS, 5, 0)
        self.assertTrue(ended.isLate(ADDRESS, 5, 1))
        self.assertFalse(ended.isLate(ADDRESS, 6, 1))
        self.assertFalse(ended.isLate(("10.0.0.1", 2), 5, 1))

    def test_forgotten(self) -> None:
        """
        A session is forgotten when nothing of it has come for a while, not before.
        """
        ended = EndedSessions()
        ended.add(ADDRESS, 5, 0)
        self.assertTrue(ended.isLate(ADDRESS, 5, REMEMBERED - 1))
        self.assertTrue(ended.isLate(ADDRESS, 5, 2 * REMEMBERED - 2))
        self.assertFalse(ended.isLate(ADDRESS, 5, 3 * REMEMBERED - 2))

    def test_mayBeNew(self) -> None:
        """
        Where a datagram can be told from a leftover, leftovers are expected for a short time, from
        the session's end on, however many come.
        """
        ended = EndedSessions()
        ended.add(ADDRESS, 5, 100, mayBeNew=True)
        self.assertTrue(ended.isLate(ADDRESS, 5, 100))
        self.assertTrue(ended.isLate(ADDRESS, 5, 100 + SETTLING - 1))
        self.assertFalse(ended.isLate(ADDRESS, 5, 100 + SETTLING))

    def test_ambiguous(self) -> None:
        """
        Where it cannot, nothing changes after that time.
        """
        ended = EndedSessions()
        ended.add(ADDRESS, 5, 0)
        self.assertTrue(ended.isLate(ADDRESS, 5, SETTLING))

    def test_successor(self) -> None:
        """
        A new conversation that ends takes the place of the one before.
        """
        ended = EndedSessions()
        ended.add(ADDRESS, 5, 0)
        ended.add(ADDRESS, 6, 0)
        self.assertFalse(ended.isLate(ADDRESS, 5, 1))
        self.assertTrue(ended.isLate(ADDRESS, 6, 1))

    def test_forget(self) -> None:
        """
        An address can be forgotten at once, whether it is known or not.
        """
        ended = EndedSessions()
        ended.add(ADDRESS, 5, 0, b"gone")
        for _ in range(2):
            ended.forget(ADDRESS)
            self.assertFalse(ended.isLate(ADDRESS, 5, 1))
            self.assertIs(ended.answerFor(ADDRESS, 5, 1), None)
        self.assertEqual(len(ended), 0)

    def test_bounded(self) -> None:
        """
        No more than a bound is remembered, the newest; what has expired goes as others come.
        """
        ended = EndedSessions()
        for port in range(MAXIMUM_REMEMBERED + 10):
            ended.add(("10.0.0.1", port), 5, 0)
        self.assertEqual(len(ended), MAXIMUM_REMEMBERED)
        self.assertFalse(ended.isLate(("10.0.0.1", 9), 5, 1))
        self.assertTrue(ended.isLate(("10.0.0.1", 10), 5, 1))
        ended.add(ADDRESS, 5, 2 * REMEMBERED)
        self.assertEqual(len(ended), 1)

    def test_renewed(self) -> None:
        """
        Those of which late datagrams come are kept longer than others.
        """
        ended = EndedSessions()
        for port in range(MAXIMUM_REMEMBERED):
            ended.add(("10.0.0.1", port), 5, 0)
        self.assertTrue(ended.isLate(("10.0.0.1", 0), 5, 1))
        ended.add(("10.0.0.2", 1), 5, 1)
        self.assertFalse(ended.isLate(("10.0.0.1", 1), 5, 1))
        self.assertTrue(ended.isLate(("10.0.0.1", 0), 5, 1))

    def test_expiredOnly(self) -> None:
        """
        What was renewed does not go with what expires.
        """
        ended = EndedSessions()
        ended.add(("10.0.0.1", 1), 5, 0)
        ended.add(("10.0.0.1", 2), 5, 0)
        self.assertTrue(ended.isLate(("10.0.0.1", 1), 5, 10))
        ended.add(("10.0.0.1", 3), 5, REMEMBERED)
        self.assertEqual(len(ended), 2)
        self.assertTrue(ended.isLate(("10.0.0.1", 1), 5, REMEMBERED))


class AnswerTests(SynchronousTestCase):
    """
    What late datagrams are answered.
    """

    def test_answer(self) -> None:
        """
        A session that left an answer has it, for its own datagrams.
        """
        ended = EndedSessions()
        ended.add(ADDRESS, 5, 0, b"gone")
        self.assertIs(ended.answerFor(ADDRESS, 6, 0), None)
        self.assertIs(ended.answerFor(("10.0.0.1", 2), 5, 0), None)
        self.assertEqual(ended.answerFor(ADDRESS, 5, 0), b"gone")

    def test_none(self) -> None:
        """
        One that left none is not answered.
        """
        ended = EndedSessions()
        ended.add(ADDRESS, 5, 0)
        self.assertIs(ended.answerFor(ADDRESS, 5, ANSWER_PAUSE), None)

    def test_pause(self) -> None:
        """
        Between two answers is a pause, whatever comes; each session has its own.
        """
        ended = EndedSessions()
        ended.add(ADDRESS, 5, 0, b"gone")
        ended.add(("10.0.0.1", 2), 5, 0, b"gone")
        given = [
            now
            for now in range(100, 100 + 3 * ANSWER_PAUSE)
            if ended.isLate(ADDRESS, 5, now) and ended.answerFor(ADDRESS, 5, now)
        ]
        self.assertEqual(given, [100, 100 + ANSWER_PAUSE, 100 + 2 * ANSWER_PAUSE])
        self.assertEqual(ended.answerFor(("10.0.0.1", 2), 5, 100), b"gone")

    def test_remembered(self) -> None:
        """
        It is answered as long as it is remembered, even if new sessions may begin; answers do not
        make that longer.
        """
        for mayBeNew in (False, True):
            ended = EndedSessions()
            ended.add(ADDRESS, 5, 0, b"gone", mayBeNew)
            self.assertEqual(ended.answerFor(ADDRESS, 5, SETTLING), b"gone")
            self.assertEqual(ended.answerFor(ADDRESS, 5, REMEMBERED - 1), b"gone")
            self.assertIs(ended.answerFor(ADDRESS, 5, REMEMBERED + ANSWER_PAUSE), None)

    def test_renewed(self) -> None:
        """
        A late datagram makes it longer, and changes nothing of the answer.
        """
        ended = EndedSessions()
        ended.add(ADDRESS, 5, 0, b"gone")
        self.assertTrue(ended.isLate(ADDRESS, 5, REMEMBERED - 1))
        self.assertEqual(ended.answerFor(ADDRESS, 5, 2 * REMEMBERED - 2), b"gone")
