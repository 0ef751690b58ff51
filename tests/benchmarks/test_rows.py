"""
Tests for L{tests.benchmarks.rows}.
"""

from __future__ import annotations

from math import inf

from twisted.trial.unittest import SynchronousTestCase

from tests.benchmarks.results import Record, Series
from tests.benchmarks.rows import (
    MILLISECONDS,
    PERCENT,
    RATE,
    SHARE,
    Row,
    digits,
    hopeless,
    outcome,
    outcomesOf,
)


def measured(theirs: list[float], ours: list[float]) -> Record:
    """
    @return: of one quantity.
    """
    series = [Series("kcp-go", "", {"it": theirs}), Series("kcptwisted", "", {"it": ours})]
    return Record(False, {}, series)


class UnitTests(SynchronousTestCase):
    """
    How numbers are shown.
    """

    def test_digits(self) -> None:
        """
        Three digits are shown, and all before the point.
        """
        values = (0, 0.1234, 1.234, 12.34, 123.4, 1234.4, inf)
        shown = ["0", "0.12", "1.23", "12.3", "123", "1,234", "∞"]
        self.assertEqual([digits(value) for value in values], shown)

    def test_units(self) -> None:
        """
        A value is shown in its unit.
        """
        self.assertEqual(MILLISECONDS.show(51_234), "51.2 ms")
        self.assertEqual(PERCENT.show(0.008), "0.80 %")


class OutcomeTests(SynchronousTestCase):
    """
    What a row comes to.
    """

    def test_ratio(self) -> None:
        """
        The target is met from the ratio on that is aimed at, as far as it is shown.
        """
        row = Row("rate", "it", RATE, ratio=3)
        for ours, met in ((299, False), (299.6, True), (300, True)):
            found = outcome(row, measured([100] * 3, [ours] * 3))
            assert found.ratio is not None
            self.assertEqual((found.ratio.median, found.met), (ours / 100, met))

    def test_noSlower(self) -> None:
        """
        "No slower" allows two percent.
        """
        row = Row("p50", "it", MILLISECONDS, ratio=1)
        for ours, met in ((102, True), (103, False), (90, True)):
            self.assertIs(outcome(row, measured([100], [ours])).met, met)

    def test_most(self) -> None:
        """
        An absolute target is that of our value alone.
        """
        row = Row("share", "it", PERCENT, most=0.01)
        for ours, met in ((0.01, True), (0.011, False)):
            self.assertIs(outcome(row, measured([0.5], [ours])).met, met)

    def test_least(self) -> None:
        """
        There may be a least value.
        """
        row = Row("goodput", "it", SHARE, least=0.9)
        for ours, met in ((0.9, True), (0.89, False)):
            self.assertIs(outcome(row, measured([0.5], [ours])).met, met)

    def test_without(self) -> None:
        """
        Without the other implementation there is neither ratio nor verdict, but an absolute target
        is judged; without ours there is nothing.
        """
        alone = Record(False, {}, [Series("kcptwisted", "", {"it": [1.0]})])
        found = outcome(Row("rate", "it", RATE, ratio=3), alone)
        self.assertEqual((found.theirs, found.ratio, found.met), (None, None, None))
        self.assertIs(outcome(Row("rate", "it", RATE, most=2), alone).met, True)
        self.assertRaises(KeyError, outcome, Row("rate", "it", RATE, ours="nobody"), alone)

    def test_measured(self) -> None:
        """
        Rows of what was not measured are left out.
        """
        rows = [Row("rate", "it", RATE, ratio=3), Row("rate", "it", RATE, ours="nobody")]
        found = outcomesOf(rows, measured([1], [3]))
        self.assertEqual([one.row for one in found], rows[:1])

    def test_hopeless(self) -> None:
        """
        A setting that is much worse than another of the same name is given up, unless it is good in
        another row.
        """
        best = Series("ours", "", {"rate": [100.0, 100], "p50": [10.0, 10]})
        near = Series("ours", "near", {"rate": [86.0, 86], "p50": [20.0, 20]})
        far = Series("ours", "far", {"rate": [84.0, 84], "p50": [11.8, 11.8]})
        other = Series("theirs", "", {"rate": [1.0, 1], "p50": [99.0, 99]})
        series = [best, near, far, other]
        rate, p50 = Row("rate", "rate", RATE), Row("p50", "p50", MILLISECONDS)
        self.assertEqual(hopeless(series, [rate]), [far])
        self.assertEqual(hopeless(series, [p50]), [near, far])
        self.assertEqual(hopeless(series, [rate, p50]), [far])
        far.values["p50"] = [11.7, 11.7]
        self.assertEqual(hopeless(series, [rate, p50]), [])
        self.assertEqual(hopeless(series, []), [])
        del far.values["rate"]
        self.assertEqual(hopeless(series, [rate]), [far])

    def test_targets(self) -> None:
        """
        Targets are told in words.
        """
        rows = [
            Row("", "", RATE),
            Row("", "", RATE, ratio=1),
            Row("", "", RATE, ratio=1.5),
            Row("", "", PERCENT, most=0.01),
            Row("", "", SHARE, least=0.9),
        ]
        expected = ["", "no slower", "≥ 1.5×", "≤ 1.00 %", "≥ 0.90"]
        self.assertEqual([row.target for row in rows], expected)
