"""
Tests for L{kcptwisted.workers.counting}.
"""

from __future__ import annotations

from collections import Counter

from twisted.internet.error import TimeoutError
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.metrics.snapshot import Snapshot
from kcptwisted.workers.counting import WorkerCounts


def counted(total: int, live: int = 0) -> Snapshot:
    """
    @return: an account with so many datagrams and sessions.
    """
    return Snapshot("port", live, Counter(InPkts=total, CurrEstab=live))


def lines(*snapshots: Snapshot) -> list[bytes]:
    """
    @return: an answer.
    """
    return [snapshot.encode().encode() for snapshot in snapshots]


class WorkerCountsTests(SynchronousTestCase):
    """
    What a master knows.
    """

    def setUp(self) -> None:
        """
        Know nothing.
        """
        self.counts = WorkerCounts()

    def test_told(self) -> None:
        """
        What the worker tells takes the place of what it told before.
        """
        self.assertEqual(self.counts.known(), [])
        told = self.counts.told(lines(counted(5, 2), Snapshot("clients")))
        self.assertEqual(told, [counted(5, 2), Snapshot("clients")])
        self.assertEqual(self.counts.told(lines(counted(7))), [counted(7)])

    def test_silent(self) -> None:
        """
        Who does not answer counts with what it told before.
        """
        self.counts.told(lines(counted(5)))
        self.assertEqual(self.counts.silent(Failure(TimeoutError())), [counted(5)])

    def test_ended(self) -> None:
        """
        When its process ends, what it told stays in the sums, but for the live sessions.
        """
        self.counts.told(lines(counted(5, live=3)))
        self.counts.ended()
        (known,) = self.counts.known()
        self.assertEqual((known.live, known.port["InPkts"], known.port["CurrEstab"]), (0, 5, 0))
        (known,) = self.counts.told(lines(counted(4, live=1)))
        self.assertEqual((known.live, known.port["InPkts"], known.port["CurrEstab"]), (1, 9, 1))

    def test_malformed(self) -> None:
        """
        What cannot be read is logged; the rest counts.
        """
        with capturedLogs() as logs:
            known = self.counts.told([b"garbage", b"\xff", *lines(counted(5))])
        self.assertEqual(known, [counted(5)])
        self.assertIn("garbage", str(logs[0]["line"]))
