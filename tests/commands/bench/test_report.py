"""
Tests for L{kcptwisted.commands.bench.report} and L{kcptwisted.commands.bench.results}.
"""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.bench.report import document, number, table
from tests.commands.bench.measured import someResults

EXPECTED = """\
scenario               figure                 median   least    most  unit
echo, 2 MB             rate                      250    40.0   1,234  MB/s
                       CPU time of both ends    6.00    5.00    7.50  s/GB
ping-pong, 5 sessions  rate                   12,346  12,346  12,346  messages/s
                       p50                      3.00    3.00    3.00  ms
                       p99                      90.2    90.2    90.2  ms
                       CPU time of both ends     150     150     150  µs/message
ping-pong, 5 sessions FAILED: pingpong: gone
5 idle sessions FAILED: server: no room"""


class TableTests(SynchronousTestCase):
    """
    Tests for L{table}.
    """

    def test_table(self) -> None:
        """
        There is a line for each figure, with median, least, most and unit, and one for each
        scenario that failed; numbers have three digits that count, or no fraction.
        """
        self.assertEqual(table(someResults()), EXPECTED)

    def test_nothing(self) -> None:
        """
        If all fails the reasons are all there is.
        """
        *_, idle = someResults()
        heading, reason = table([idle]).splitlines()
        self.assertIn("median", heading)
        self.assertEqual(reason, "5 idle sessions FAILED: server: no room")

    def test_number(self) -> None:
        """
        Rounding never shows more digits than it should.
        """
        values = (0.001, 0.128, 1, 12.34, 123.4, 999.6, 1000, 1234567)
        shown = ["0.00", "0.13", "1.00", "12.3", "123", "1000", "1,000", "1,234,567"]
        self.assertEqual([number(value) for value in values], shown)


class DocumentTests(SynchronousTestCase):
    """
    Tests for L{document}.
    """

    def test_document(self) -> None:
        """
        The JSON has all rounds in full, and why something failed.
        """
        found = document(someResults(), {"Python": "3"}, {"rounds": 3})
        self.assertEqual(json.loads(json.dumps(found)), found)
        self.assertEqual((found["machine"], found["settings"]), ({"Python": "3"}, {"rounds": 3}))
        scenarios = found["scenarios"]
        self.assertEqual(
            scenarios["echo"]["figures"]["rate"],
            {"title": "rate", "unit": "MB/s", "median": 250, "rounds": [1234.5, 250, 40]},
        )
        self.assertEqual(scenarios["many"]["figures"]["p99"]["rounds"], [90.25])
        reasons = [scenario["failed"] for scenario in scenarios.values()]
        self.assertEqual(reasons, [None, "pingpong: gone", "server: no room"])
        self.assertEqual(
            scenarios["idle"],
            {"title": "5 idle sessions", "figures": {}, "failed": "server: no room"},
        )
