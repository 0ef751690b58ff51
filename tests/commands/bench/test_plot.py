"""
Tests for L{kcptwisted.commands.bench.plot}.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.bench.plot import checkPlot, draw, panels
from tests.commands.bench.measured import someResults


class PlotTests(SynchronousTestCase):
    """
    Tests for L{checkPlot}, L{panels} and L{draw}.
    """

    def needMatplotlib(self) -> None:
        """
        Skip the test without it.
        """
        if find_spec("matplotlib") is None:
            raise SkipTest("matplotlib is not installed")

    def refuse(self, path: str) -> str:
        """
        @return: what is said of a path.
        """
        return str(self.assertRaises(ValueError, checkPlot, path))

    def test_missing(self) -> None:
        """
        Without matplotlib the error says how to get it.
        """
        self.patch(sys, "modules", {**sys.modules, "matplotlib": None})
        self.assertEqual(
            self.refuse("a.png"), "--plot needs matplotlib: pip install 'kcptwisted[plot]'"
        )

    def test_path(self) -> None:
        """
        Other kinds of files, and directories that are not there, are errors before anything is
        drawn.
        """
        self.needMatplotlib()
        self.assertIn(
            "must be the name of a .png, .svg or .pdf file, not 'a.gif'", self.refuse("a.gif")
        )
        self.assertIn("there is no directory for '/no/where.png'", self.refuse("/no/where.png"))
        for name in ("a.png", "b.svg", "./c.pdf"):
            checkPlot(name)

    def test_panels(self) -> None:
        """
        What has the same unit stands in one panel.
        """
        found = panels(someResults())
        names = {unit: [name for name, _ in figures] for unit, figures in found.items()}
        self.assertEqual(list(names), ["MB/s", "s/GB", "messages/s", "ms", "µs/message"])
        self.assertEqual(names["ms"], ["ping-pong, 5 sessions\np50", "ping-pong, 5 sessions\np99"])

    def test_draw(self) -> None:
        """
        The file is of the kind that its name says; it shows each title and median.
        """
        self.needMatplotlib()
        path = Path(self.mktemp())
        path.mkdir()
        draw(someResults(), str(path / "a.png"))
        self.assertEqual((path / "a.png").read_bytes()[:8], b"\x89PNG\r\n\x1a\n")
        # Text as text, not as outlines.
        import matplotlib

        with matplotlib.rc_context({"svg.fonttype": "none"}):
            draw(someResults(), str(path / "a.svg"))
        text = (path / "a.svg").read_text("utf-8")
        for expected in ("echo, 2 MB", "messages/s", "12,346", "250"):
            self.assertIn(expected, text)

    def test_nothing(self) -> None:
        """
        If all failed there is nothing to show, and no error.
        """
        self.needMatplotlib()
        path = f"{self.mktemp()}.png"
        draw(someResults()[2:], path)
        self.assertTrue(Path(path).exists())
