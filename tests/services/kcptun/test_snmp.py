"""
Tests for L{kcptwisted.services.kcptun.snmp}.
"""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.services.kcptun.snmp import COLUMNS, HEADER, Totals, line, timeLayout
from kcptwisted.stats import PortStats, SessionStats


class LayoutTests(SynchronousTestCase):
    """
    Names of files.
    """

    def test_layout(self) -> None:
        """
        Go's layout of a time in the name, not in the directories, is the time.
        """
        when = time.struct_time((2031, 12, 9, 8, 7, 6, 0, 0, 0))
        for given, expected in (
            ("./snmp-20060102.log", "./snmp-20311209.log"),
            ("/var/2006/s-150405.csv", "/var/2006/s-080706.csv"),
            ("50%.log", "50%.log"),
            ("/a%d/b", "/a%d/b"),
        ):
            self.assertEqual(time.strftime(timeLayout(given), when), expected)


class CounterTests(SynchronousTestCase):
    """
    Lines.
    """

    def test_columns(self) -> None:
        """
        All columns are counters that there are.
        """
        known = {*PortStats().asDict(), *SessionStats().asDict()}
        self.assertEqual(set(COLUMNS) - known, set())
        self.assertTrue(HEADER.startswith("Unix,BytesSent,BytesReceived,MaxConn,"))

    def test_sum(self) -> None:
        """
        What has gone counts on, but not as established.
        """
        totals = Totals()
        totals.retire({"InPkts": 5, "CurrEstab": 1})
        found = totals.sum([{"InPkts": 2, "CurrEstab": 1}, {"InPkts": 3, "StraysTaken": 7}])
        self.assertEqual((found["InPkts"], found["CurrEstab"]), (10, 1))
        self.assertEqual(set(found), set(COLUMNS))

    def test_line(self) -> None:
        """
        The first column is the time.
        """
        totals = dict.fromkeys(COLUMNS, 0) | {"BytesSent": 12}
        self.assertEqual(line(1700000000.9, totals), "1700000000,12" + ",0" * 23 + "\n")
        self.assertEqual(HEADER.count(","), line(0, totals).count(","))
