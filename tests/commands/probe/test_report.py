"""
Tests for L{kcptwisted.commands.probe.report} and L{kcptwisted.commands.probe.document}.
"""

from __future__ import annotations

import json
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.probe.advice import advise
from kcptwisted.commands.probe.document import document
from kcptwisted.commands.probe.findings import Findings, Records
from kcptwisted.commands.probe.report import adviceLines, announcement, reportLines
from kcptwisted.commands.probe.statistics import Loss
from kcptwisted.commands.probe.trains import Train
from tests.commands.probe.test_advice import GOOD, losing

NOTHING = Findings(None, False, None, None, None, None, "", None, "", False, None, 0, 0)


class ReportTests(SynchronousTestCase):
    """
    For people.
    """

    def text(self, found: Findings) -> str:
        """
        @return: the report.
        """
        return "\n".join(reportLines(found))

    def test_before(self) -> None:
        """
        What will be sent is said.
        """
        line = announcement("h:4000", 10, 2_000_000)
        self.assertIn("at most 2 MB within 10 s", line)

    def test_all(self) -> None:
        """
        All that is known is in it, with units, and what cannot be told.
        """
        text = self.text(GOOD)
        for part in (
            "min 50.0, median 60.0, p90 70.0, p99 80.0 ms, of 100",
            "10 ms or so are the server's",
            "2.00 ms, of round trips",
            "0 % there, 0 % back, of 400",
            "1472 bytes of UDP payload: no more was tried",
            "at least 20.0 Mbit/s there: no bytes were left",
            "the rate back cannot be told",
            "1.70 MB sent",
        ):
            self.assertIn(part, text)

    def test_others(self) -> None:
        """
        Other findings, other words.
        """
        limited = replace(losing(0.1), isLimit=True, interval=0.002, isOurs=True)
        text = self.text(limited)
        for part in ("10.0 % there", "about 20.0", "acknowledge at once", "server      kcptwisted"):
            self.assertIn(part, text)
        untold = replace(GOOD, loss=Loss(400, 0.1, None, None, "too few were answered"))
        self.assertIn("which way cannot be told: too few were answered", self.text(untold))

    def test_unknown(self) -> None:
        """
        What is not known is not made up.
        """
        text = self.text(replace(NOTHING, connected=0.1, mtuWhy="no fragments", rateWhy="no time"))
        for part in ("no probe was answered", "unknown: no fragments", "unknown: no time"):
            self.assertIn(part, text)

    def test_advice(self) -> None:
        """
        Each piece of advice has a line.
        """
        lines = adviceLines("kcp:h:4000:mode=fast", advise(GOOD))
        self.assertEqual(lines[2], "    kcp:h:4000:mode=fast")
        self.assertEqual(len(lines), 3 + len(advise(GOOD)))


class DocumentTests(SynchronousTestCase):
    """
    For programs.
    """

    def test_all(self) -> None:
        """
        It is JSON, with milliseconds.
        """
        records = Records(trains=[Train(1e6, 0.1)])
        made = document(GOOD, records, "kcp:h:4000", advise(GOOD), None, False)
        found = json.loads(json.dumps(made))
        self.assertEqual(found["roundTrip"]["median"], 60)
        self.assertEqual(found["loss"]["there"], 0)
        self.assertEqual((found["mtu"], found["rate"], found["rateIsLimit"]), (1472, 20e6, False))
        self.assertEqual(found["trains"][0]["planned"], 1e6)
        self.assertEqual(found["advice"][0]["options"], {"mode": "fast"})

    def test_nothing(self) -> None:
        """
        What is not known is null.
        """
        found = document(NOTHING, Records(), None, [], "nobody is there", True)
        for name in ("connected", "roundTrip", "jitter", "loss", "mtu", "rate", "endpoint"):
            self.assertIsNone(found[name], name)
        self.assertEqual((found["problem"], found["interrupted"]), ("nobody is there", True))
