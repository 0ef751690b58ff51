"""
Tests for L{kcptwisted.workers.counting}.
"""

from __future__ import annotations

from collections import Counter

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.metrics.snapshot import Snapshot
from kcptwisted.workers.counting import COUNT_TIMEOUT, WorkerCounts
from kcptwisted.workers.orders import COUNT


def counted(total: int, live: int = 0) -> Snapshot:
    """
    @return: an account with so many datagrams and sessions.
    """
    return Snapshot("port", live, Counter(InPkts=total, CurrEstab=live))


class WorkerCountsTests(SynchronousTestCase):
    """
    What a master learns.
    """

    def setUp(self) -> None:
        """
        Make the counts of one worker.
        """
        self.clock = Clock()
        self.counts = WorkerCounts(self.clock)
        self.orders: list[bytes] = []

    def tell(self, *snapshots: Snapshot) -> None:
        """
        Have the worker answer the last question.
        """
        number = self.orders[-1].split()[1]
        for snapshot in snapshots:
            self.counts.told(number + b" " + snapshot.encode().encode())
        self.counts.told(number)

    def test_asked(self) -> None:
        """
        It is asked, once for all who want to know, and what it tells is known.
        """
        one, other = self.counts.ask(self.orders.append), self.counts.ask(self.orders.append)
        self.assertEqual(self.orders, [COUNT + b" 1"])
        self.tell(counted(5, 2), Snapshot("clients"))
        for answer in (one, other):
            self.assertEqual(
                [
                    (each.name, each.live, each.port["InPkts"])
                    for each in self.successResultOf(answer)
                ],
                [("port", 2, 5), ("clients", 0, 0)],
            )
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.counts.ask(self.orders.append)
        self.assertEqual(self.orders[1:], [COUNT + b" 2"])

    def test_slow(self) -> None:
        """
        Who does not answer in time counts with what it told before, and an answer that is late is
        none to the next question.
        """
        first = self.counts.ask(self.orders.append)
        self.tell(counted(5))
        self.successResultOf(first)
        second = self.counts.ask(self.orders.append)
        self.clock.advance(COUNT_TIMEOUT)
        self.assertEqual(self.successResultOf(second), [counted(5)])
        third = self.counts.ask(self.orders.append)
        self.counts.told(b"2 " + counted(6).encode().encode())
        self.counts.told(b"2")
        self.assertNoResult(third)
        self.tell(counted(7))
        self.assertEqual(self.successResultOf(third), [counted(7)])

    def test_ended(self) -> None:
        """
        When its process ends, what it told stays in the sums, but for the live sessions.
        """
        answer = self.counts.ask(self.orders.append)
        self.tell(counted(5, live=3))
        self.successResultOf(answer)
        waiting = self.counts.ask(self.orders.append)
        self.counts.ended()
        (known,) = self.successResultOf(waiting)
        self.assertEqual((known.live, known.port["InPkts"], known.port["CurrEstab"]), (0, 5, 0))
        answer = self.counts.ask(self.orders.append)
        self.tell(counted(4, live=1))
        (known,) = self.successResultOf(answer)
        self.assertEqual((known.live, known.port["InPkts"], known.port["CurrEstab"]), (1, 9, 1))

    def test_malformed(self) -> None:
        """
        What cannot be read is logged; the rest counts.
        """
        answer = self.counts.ask(self.orders.append)
        with capturedLogs() as logs:
            self.counts.told(b"1 garbage")
        self.assertIn("garbage", str(logs[0]["text"]))
        self.tell(counted(5))
        self.assertEqual(self.successResultOf(answer), [counted(5)])
