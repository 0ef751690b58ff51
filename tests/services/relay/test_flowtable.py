"""
Tests for L{kcptwisted.services.relay.flowtable}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.services.relay.flowtable import FlowStats, FlowTable, Pauses

FLOWS = {"a": "A", "b": "B", "c": "C"}


class FlowTableTests(SynchronousTestCase):
    """
    Which flows are alive.
    """

    def setUp(self) -> None:
        """
        Room for three, for ten seconds.
        """
        self.table: FlowTable[str, str] = FlowTable(10.0, 3)

    def fill(self) -> None:
        """
        Add three, a second apart.
        """
        for now, key in enumerate("abc"):
            self.assertEqual(self.table.makeRoom(), [])
            self.table.add(key, FLOWS[key], float(now))

    def test_expire(self) -> None:
        """
        A flow is over when nothing has moved for the idle time, to the second.
        """
        self.fill()
        self.assertEqual(self.table.expire(9.9), [])
        self.assertEqual(self.table.expire(10.0), ["A"])
        self.assertEqual(self.table.nextExpiry(), 11.0)
        self.assertEqual(self.table.expire(100.0), ["B", "C"])
        self.assertIsNone(self.table.nextExpiry())

    def test_get(self) -> None:
        """
        What moves keeps a flow alive.
        """
        self.fill()
        self.assertEqual(self.table.get("a", 5.0), "A")
        self.assertIsNone(self.table.get("x", 5.0))
        self.assertEqual(self.table.expire(12.0), ["B", "C"])
        self.assertEqual(self.table.nextExpiry(), 15.0)

    def test_makeRoom(self) -> None:
        """
        What was idle for the longest time makes room.
        """
        self.fill()
        self.table.get("a", 5.0)
        self.assertEqual(self.table.makeRoom(), ["B"])
        self.assertEqual(self.table.makeRoom(), [])
        self.table.add("d", "D", 6.0)
        self.assertEqual(self.table.values(), ["C", "A", "D"])
        self.assertEqual(len(self.table), 3)

    def test_remove(self) -> None:
        """
        A flow that ends late does not take its successor with it.
        """
        self.fill()
        self.table.remove("a", "another")
        self.assertEqual(len(self.table), 3)
        self.table.remove("a", FLOWS["a"])
        self.table.remove("a", FLOWS["a"])
        self.assertEqual(self.table.values(), ["B", "C"])

    def test_stats(self) -> None:
        """
        The counts are a line for people.
        """
        stats = FlowStats(opened=5, idle=2, evicted=1, received=30, sent=20, tooLong=4)
        self.assertEqual(
            str(stats),
            "flows: 5, of them idle 2, evicted 1; datagrams: 30 received, 20 sent;"
            " dropped: 0 that waited, 4 too long, 0 empty, 0 that came in the other mode",
        )


class PausesTests(SynchronousTestCase):
    """
    Who must wait.
    """

    def test_holds(self) -> None:
        """
        A pause has its length, and begins again with the next failure.
        """
        pauses: Pauses[str] = Pauses(1.0, 10)
        self.assertFalse(pauses.holds("a", 0.0))
        pauses.add("a", 0.0)
        self.assertTrue(pauses.holds("a", 0.9))
        self.assertFalse(pauses.holds("b", 0.9))
        self.assertFalse(pauses.holds("a", 1.0))
        pauses.add("a", 1.5)
        self.assertTrue(pauses.holds("a", 2.4))

    def test_bounded(self) -> None:
        """
        Those that are over are forgotten, and the oldest of too many.
        """
        pauses: Pauses[int] = Pauses(1.0, 3)
        for key in range(5):
            pauses.add(key, 0.1 * key)
        self.assertEqual(len(pauses), 3)
        self.assertFalse(pauses.holds(0, 0.5))
        self.assertTrue(pauses.holds(2, 0.5))
        pauses.add(9, 5.0)
        self.assertEqual(len(pauses), 1)
