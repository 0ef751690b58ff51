"""
Tests for L{kcptwisted.stats}.
"""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import kcptwisted
from kcptwisted.stats import PortStats, SessionStats


class StatsTests(SynchronousTestCase):
    """
    Tests for L{SessionStats} and L{PortStats}.
    """

    def test_zero(self) -> None:
        """
        All counters begin at 0.
        """
        for counters in (SessionStats(), PortStats()):
            self.assertEqual(set(counters.asDict().values()), {0})

    def test_explained(self) -> None:
        """
        Each counter is declared once, and a comment says what it counts.
        """
        source = Path(kcptwisted.__file__).parent / "stats.py"
        declared = re.findall(r"( +#: .*\n)? +(\w+): int = 0\n", source.read_text("utf-8"))
        self.assertEqual([name for comment, name in declared if not comment], [])
        names = [name for _, name in declared]
        self.assertEqual(names, [*SessionStats().asDict(), *PortStats().asDict()])

    def test_small(self) -> None:
        """
        An instance has no dictionary: there is one for each session.
        """
        for counters in (SessionStats(), PortStats()):
            self.assertFalse(hasattr(counters, "__dict__"))

    def test_asDict(self) -> None:
        """
        A snapshot does not change any more.
        """
        stats = SessionStats()
        stats.RetransSegs += 2
        snapshot = stats.asDict()
        stats.RetransSegs += 1
        self.assertEqual(snapshot["RetransSegs"], 2)
        self.assertEqual(stats.asDict()["RetransSegs"], 3)

    def test_apart(self) -> None:
        """
        Each session counts for itself.
        """
        first, second = SessionStats(), SessionStats()
        first.InPkts += 1
        self.assertEqual(second.InPkts, 0)

    def test_unknown(self) -> None:
        """
        A misspelt counter is an error.
        """
        self.assertRaises(AttributeError, setattr, PortStats(), "InPackets", 1)

    def test_repr(self) -> None:
        """
        What is not zero is shown.
        """
        stats = PortStats()
        self.assertEqual(repr(stats), "<PortStats all zero>")
        stats.OutPkts = 3
        stats.InErrs = 1
        self.assertEqual(repr(stats), "<PortStats OutPkts=3 InErrs=1>")
