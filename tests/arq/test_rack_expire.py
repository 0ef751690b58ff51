"""
Tests for L{kcptwisted.arq.rack}: what the caller wants to be sent again, and memory.
"""

from __future__ import annotations

from sys import getsizeof

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.reordering import MEMORY
from tests.arq.flight import Flight


class ExpireTests(SynchronousTestCase):
    """
    Segments that the caller wants to be sent again.
    """

    def test_all(self) -> None:
        """
        All leave, and nothing is held against the path; then it is as if they had left for the
        first time.
        """
        flight = Flight()
        flight.send(0, 6)
        flight.take(100)
        flight.take(300)
        flight.recovery.expire(list(flight.inFlight), 310)
        self.assertTrue(flight.recovery.pending)
        self.assertEqual(flight.take(310), list(range(6)))
        recovery = flight.recovery
        self.assertFalse(recovery.timedOut or recovery.newlyLost or recovery.lost)
        self.assertEqual(recovery.due, 310 + 100)
        self.assertEqual(flight.take(410), list(range(4)))
        self.assertFalse(recovery.timedOut)

    def test_first(self) -> None:
        """
        The others keep their time.
        """
        flight = Flight()
        flight.send(0, 2)
        flight.recovery.expire([0], 50)
        self.assertEqual(flight.take(50), [0])
        self.assertEqual(flight.recovery.due, 100)
        self.assertEqual(flight.take(100), [1])

    def test_atOnce(self) -> None:
        """
        What left in the same millisecond is in flight once.
        """
        flight = Flight()
        flight.send(0, 3)
        for _ in range(2):
            flight.recovery.expire([0, 1], 0)
            self.assertEqual(flight.take(0), [0, 1])
        self.assertEqual(flight.take(100), [0, 1, 2])
        self.assertEqual(flight.stats.RetransSegs, 7)

    def test_discarded(self) -> None:
        """
        What is acknowledged after it was discarded is of no interest.
        """
        flight = Flight()
        flight.send(0, 3)
        flight.inFlight.clear()
        flight.recovery.clear()
        flight.recovery.acknowledged([], 0, 2, 50)
        self.assertIs(flight.recovery.due, None)

    def test_arrived(self) -> None:
        """
        If they had arrived, nothing is learnt from that.
        """
        flight = Flight()
        flight.send(0, 3)
        flight.recovery.expire([0, 1], 50)
        self.assertEqual(flight.take(50), [0, 1])
        flight.ack(60, 0, sent=0)
        self.assertFalse(flight.recovery.needless)
        self.assertIs(flight.recovery._learned, None)
        self.assertEqual(flight.stats.NeedlessRetrans, 1)


class MemoryTests(SynchronousTestCase):
    """
    What is held.
    """

    def test_idle(self) -> None:
        """
        With nothing in flight there is neither a time nor anything made for what was.
        """
        flight = Flight()
        flight.send(0, 3)
        flight.ack(50, 2)
        flight.take(50)
        flight.ack(100, 0, 1, 2)
        recovery = flight.recovery
        self.assertIs(recovery.due, None)
        self.assertFalse(recovery.pending or recovery.lost)
        for part in (recovery._runs, recovery._losses, recovery._latest, recovery._learned):
            self.assertIs(part, None)
        self.assertEqual(flight.take(10_000), [])
        self.assertLess(getsizeof(recovery), 170)

    def test_judgedLast(self) -> None:
        """
        What the last ACK shows is not lost.
        """
        flight = Flight()
        flight.send(0)
        flight.take(100)
        flight.ack(110, 0, sent=0)
        self.assertEqual(flight.stats.NeedlessRetrans, 1)
        assert flight.recovery._learned is not None
        self.assertEqual(flight.recovery._learned.patience, MEMORY)
        self.assertIs(flight.recovery.due, None)
