"""
Tests for L{tests.benchmarks.results}.
"""

from __future__ import annotations

import json
from math import inf
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.benchmarks.results import Ratio, Record, Series, Store, compare


def record(*values: float, quick: bool = False) -> Record:
    """
    @return: of one series with one quantity.
    """
    return Record(quick, {"system": "Linux"}, [Series("ours", "", {"rate": list(values)})])


class CompareTests(SynchronousTestCase):
    """
    Ratios of rounds.
    """

    def test_moreIsBetter(self) -> None:
        """
        The ratio is ours by theirs, the median is that of the rounds' ratios and not the ratio of
        the medians.
        """
        self.assertEqual(compare([1, 2, 4], [2, 8, 4], more=True), Ratio(2, 1, 4))

    def test_lessIsBetter(self) -> None:
        """
        The ratio is theirs by ours.
        """
        self.assertEqual(compare([2, 8, 4], [1, 2, 4], more=False), Ratio(2, 1, 4))

    def test_nothing(self) -> None:
        """
        Something beside nothing is endless, nothing beside nothing is the same.
        """
        self.assertEqual(compare([1, 0], [0, 0], more=False), Ratio(inf, 1, inf))

    def test_otherRounds(self) -> None:
        """
        Series of different rounds are not compared.
        """
        self.assertRaises(ValueError, compare, [1, 2], [1], True)


class RecordTests(SynchronousTestCase):
    """
    Which setting counts.
    """

    record = Record(
        False,
        {},
        [
            Series("theirs", "", {"rate": [9, 9, 9]}),
            Series("ours", "", {"rate": [1, 5, 6]}),
            Series("ours", "eager", {"rate": [2, 4, 90]}),
        ],
    )

    def test_best(self) -> None:
        """
        It is the one with the better median, of those of that name.
        """
        best = self.record.best("ours", "rate", more=True)
        worst = self.record.best("ours", "rate", more=False)
        assert best is not None and worst is not None
        self.assertEqual((best.setting, worst.setting), ("", "eager"))

    def test_notMeasured(self) -> None:
        """
        There is none of a name or a quantity that was not measured.
        """
        self.assertIsNone(self.record.best("others", "rate", True))
        self.assertIsNone(self.record.best("ours", "p50", True))

    def test_rounds(self) -> None:
        """
        A series gathers round by round.
        """
        one = Series("ours")
        self.assertEqual(one.rounds, 0)
        for value in (3.0, 1.0, 2.0):
            one.add({"rate": value, "cpu": 2 * value})
        self.assertEqual((one.rounds, one.median("rate"), one.median("cpu")), (3, 2, 4))


class StoreTests(SynchronousTestCase):
    """
    What is kept.
    """

    def setUp(self) -> None:
        """
        A place for the file.
        """
        self.path = Path(self.mktemp())

    def test_kept(self) -> None:
        """
        Another store finds what one has kept, the latest of each scenario.
        """
        store = Store(self.path)
        store.keep("echo", record(1))
        store.keep("sink", record(2))
        store.keep("echo", record(3))
        again = Store(self.path)
        again.load()
        self.assertEqual(again.records, {"echo": record(3), "sink": record(2)})

    def test_nothingYet(self) -> None:
        """
        Without a file there is nothing, and without a path none is written.
        """
        for store in (Store(self.path), Store(None)):
            store.load()
            self.assertEqual(store.records, {})
        Store(None).keep("echo", record(1))
        self.assertFalse(self.path.exists())

    def test_interrupted(self) -> None:
        """
        A file that cannot be written leaves the one before.
        """
        store = Store(self.path)
        store.keep("echo", record(1))
        self.path.with_name(self.path.name + ".new").mkdir()
        self.assertRaises(OSError, store.keep, "sink", record(2))
        again = Store(self.path)
        again.load()
        self.assertEqual(list(again.records), ["echo"])

    def test_somethingElse(self) -> None:
        """
        A file of something else is refused, by its name.
        """
        for text in ("", "[]", "{}", json.dumps({"version": 0, "scenarios": {}})):
            self.path.write_text(text)
            problem = self.assertRaises(ValueError, Store(self.path).load)
            self.assertIn(str(self.path), str(problem))

    def test_missing(self) -> None:
        """
        A quick record is as good as none.
        """
        store = Store(None)
        store.keep("echo", record(1))
        store.keep("sink", record(1, quick=True))
        self.assertEqual(store.missing(["echo", "sink", "idle"]), ["sink", "idle"])
