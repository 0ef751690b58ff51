"""
docs/smux.md and the code say the same.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.endpointstrings.wrapped import MOST_CONNECTIONS
from kcptwisted.smux import errors
from kcptwisted.smux.counters import SmuxStats
from kcptwisted.smux.options import smuxOptionTable
from kcptwisted.smux.producers import HIGH
from kcptwisted.smux.stream import INITIAL_WINDOW
from tests.test_docs import DOCS, rows, section

PAGE = DOCS / "smux.md"


class PageTests(SynchronousTestCase):
    """
    The page is complete.
    """

    def test_options(self) -> None:
        """
        It has the table of options.
        """
        self.assertIn(
            f"<!-- options -->\n{smuxOptionTable()}<!-- /options -->", PAGE.read_text("utf-8")
        )

    def test_counters(self) -> None:
        """
        It has each counter.
        """
        named = [row[0] for row in rows(section(PAGE, "In code"))[2:]]
        self.assertEqual(named, list(SmuxStats().asDict()))

    def test_errors(self) -> None:
        """
        It names each exception.
        """
        text = section(PAGE, "How streams end")
        self.assertEqual([name for name in errors.__all__ if f"`{name}`" not in text], [])

    def test_numbers(self) -> None:
        """
        Its numbers are those of the code.
        """
        text = " ".join(PAGE.read_text("utf-8").split())
        for phrase in (
            f"1 to {MOST_CONNECTIONS}; 1 if not given",
            f"is paused when {HIGH >> 10} KiB wait",
            f"the window is {INITIAL_WINDOW} bytes",
            f"opened {(1 << 31) - 1:,} streams",
        ):
            self.assertIn(phrase, text)
