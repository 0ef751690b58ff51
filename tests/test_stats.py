"""
Tests for L{kcptwisted.stats}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.stats import PortStats, SessionStats


class StatsTests(SynchronousTestCase):
    """
    Tests for L{SessionStats} and L{PortStats}.
    """

    def test_zero(self) -> None:
        """
        All counters begin at 0.
        """
        for stats in (SessionStats(), PortStats()):
            self.assertEqual(set(stats.asDict().values()), {0})

    def test_names(self) -> None:
        """
        Each counter that is declared is there, and explained.
        """
        for cls in (SessionStats, PortStats):
            names = set(cls().asDict())
            self.assertEqual(names, set(cls.__annotations__))
            documentation = cls.__doc__ or ""
            self.assertEqual([n for n in names if f"@ivar {n}:" not in documentation], [])

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
        self.assertEqual(repr(stats), "<PortStats InErrs=1 OutPkts=3>")
