"""
Tests for L{kcptwisted.commands.bench.progress}.
"""

from __future__ import annotations

from io import StringIO

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.bench.progress import ProgressBar


class Terminal(StringIO):
    """
    Says that it is a terminal.
    """

    def isatty(self) -> bool:
        """
        It is.
        """
        return True


class ProgressBarTests(SynchronousTestCase):
    """
    Tests for L{ProgressBar}.
    """

    def test_line(self) -> None:
        """
        The bar grows with the rounds, the seconds with the time; a shorter line leaves nothing of
        the one before, and the last is empty.
        """
        clock, output = Clock(), Terminal()
        bar = ProgressBar(clock, output)
        bar.start()
        bar.proceed(0, 6, "something long")
        bar.proceed(2, 6, "short")
        clock.pump([0.5] * 8)
        bar.stop()
        _, *lines = output.getvalue().split("\r")
        self.assertEqual(lines[0], "[" + "." * 30 + "] 0/6   0 s  something long")
        self.assertEqual(lines[1], "[" + "#" * 10 + "." * 20 + "] 2/6   0 s  short         ")
        self.assertTrue(lines[-3].rstrip().endswith("2/6   4 s  short"), lines)
        self.assertEqual((lines[-2].strip(), lines[-1]), ("", ""))
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_noTerminal(self) -> None:
        """
        A file gets nothing.
        """
        clock, output = Clock(), StringIO()
        bar = ProgressBar(clock, output)
        bar.start()
        bar.proceed(1, 2, "x")
        clock.pump([0.5] * 8)
        bar.stop()
        self.assertEqual(output.getvalue(), "")
        self.assertEqual(clock.getDelayedCalls(), [])
