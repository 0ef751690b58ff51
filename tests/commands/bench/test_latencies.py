"""
Tests for L{kcptwisted.commands.bench.latencies}.
"""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.bench.latencies import summarise


class SummariseTests(SynchronousTestCase):
    """
    Tests for L{summarise}.
    """

    def test_percentiles(self) -> None:
        """
        Of 1000 round trips of 1 to 1000 µs in any order, the percentiles are those places.
        """
        latencies = [1000 * number for number in range(1, 1001)]
        Random(1).shuffle(latencies)
        self.assertEqual(
            summarise(latencies),
            {"p50_us": 501, "p99_us": 991, "p999_us": 1000, "max_us": 1000},
        )

    def test_one(self) -> None:
        """
        A single one is all of them, with its fraction of a microsecond.
        """
        self.assertEqual(set(summarise([1500]).values()), {1.5})

    def test_tail(self) -> None:
        """
        A single slow one of 500 is the 99.9th percentile and the longest, and not the 99th.
        """
        found = summarise([7_000_000, *[1000] * 499])
        self.assertEqual((found["p99_us"], found["p999_us"], found["max_us"]), (1, 7000, 7000))
