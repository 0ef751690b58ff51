"""
Tests for L{kcptwisted.arq.deadlines}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.deadlines import Resend, ResendDeadlines
from tests.properties import given, strategies


def _resend(deadline: int) -> Resend:
    resend = Resend()
    resend.deadline = deadline
    return resend


class ResendDeadlinesTests(SynchronousTestCase):
    """
    Tests for L{ResendDeadlines}.
    """

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.deadlines = ResendDeadlines()

    def due(
        self, now: int, una: int = 0, resends: dict[int, Resend] | None = None
    ) -> list[tuple[int, int]]:
        """
        Take out what is due.
        """
        return self.deadlines.due(now, una, {} if resends is None else resends)

    def test_nothing(self) -> None:
        """
        With nothing in flight there is no deadline and nothing is due.
        """
        self.assertIs(self.deadlines.first, None)
        self.assertEqual(self.due(10**9), [])

    def test_due(self) -> None:
        """
        Segments are due when their timeout has passed, not before, and only once.
        """
        self.deadlines.add(1000, 200, range(3))
        self.assertEqual(self.deadlines.first, 1200)
        self.assertEqual(self.due(1199), [])
        self.assertEqual(self.due(1200), [(0, 200), (1, 200), (2, 200)])
        self.assertEqual(self.due(1200), [])
        self.assertIs(self.deadlines.first, None)

    def test_order(self) -> None:
        """
        What is due first comes first, whichever was added first.
        """
        self.deadlines.add(0, 500, range(2))
        self.deadlines.add(100, 100, range(2, 4))
        self.assertEqual(self.deadlines.first, 200)
        self.assertEqual(self.due(200), [(2, 100), (3, 100)])
        self.assertEqual(self.due(500), [(0, 500), (1, 500)])

    def test_sameDeadline(self) -> None:
        """
        Of batches that are due together the earlier comes first.
        """
        self.deadlines.add(0, 200, range(2))
        self.deadlines.add(100, 100, [9])
        self.deadlines.add(150, 50, range(2, 4))
        self.assertEqual([sn for sn, _ in self.due(200)], [0, 1, 9, 2, 3])

    def test_acknowledged(self) -> None:
        """
        Of a batch only what una has not passed is due.
        """
        self.deadlines.add(0, 200, range(5))
        self.assertEqual([sn for sn, _ in self.due(200, una=3)], [3, 4])

    def test_batchAcknowledged(self) -> None:
        """
        A batch that una has passed has no deadline any more.
        """
        self.deadlines.add(0, 200, range(5))
        self.deadlines.add(50, 200, range(5, 7))
        for una, first in ((4, 200), (5, 250), (7, None)):
            self.deadlines.forget(una)
            self.assertEqual(self.deadlines.first, first)
        self.assertEqual(len(self.deadlines), 0)

    def test_sentAgain(self) -> None:
        """
        The timeout of a copy says nothing once a later copy has left.
        """
        self.deadlines.add(0, 200, range(3))
        self.deadlines.add(100, 300, [1])
        resends = {1: _resend(400)}
        self.assertEqual(self.due(200, resends=resends), [(0, 200), (2, 200)])
        self.assertEqual(self.due(400, resends=resends), [(1, 300)])

    def test_clear(self) -> None:
        """
        After clearing there is no deadline.
        """
        self.deadlines.add(0, 200, range(5))
        self.deadlines.clear()
        self.assertIs(self.deadlines.first, None)
        self.assertEqual(self.due(200), [])

    def test_oneEntryForABatch(self) -> None:
        """
        A flush costs one entry, however many segments it sent.
        """
        self.deadlines.add(0, 200, range(10_000))
        self.assertEqual(len(self.deadlines), 1)

    @given(
        strategies.lists(
            strategies.tuples(
                strategies.integers(0, 50), strategies.integers(1, 300), strategies.integers(1, 5)
            ),
            max_size=20,
        ),
        strategies.integers(0, 1500),
    )
    def test_each(self, batches: list[tuple[int, int, int]], until: int) -> None:
        """
        At any time exactly the segments with a passed timeout have been due, once each, and the
        next deadline is the earliest of the rest.
        """
        deadlines = ResendDeadlines()
        expected: dict[int, int] = {}
        now = sn = 0
        for elapsed, timeout, count in batches:
            now += elapsed
            deadlines.add(now, timeout, range(sn, sn + count))
            expected.update(dict.fromkeys(range(sn, sn + count), now + timeout))
            sn += count
        due = [sn for sn, _ in deadlines.due(until, 0, {})]
        self.assertEqual(sorted(due), [sn for sn, at in expected.items() if at <= until])
        self.assertEqual([expected[sn] for sn in due], sorted([expected[sn] for sn in due]))
        rest = [at for at in expected.values() if at > until]
        self.assertEqual(deadlines.first, min(rest) if rest else None)
