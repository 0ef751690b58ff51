"""
Tests for the measurements over links: L{tests.benchmarks.linkruns},
L{tests.benchmarks.linkscenarios}, L{tests.benchmarks.linkdocument} and
L{tests.benchmarks.bottleneck}.
"""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from tests.benchmarks import compare
from tests.benchmarks.contenders import KCP_GO, OURS
from tests.benchmarks.linkdocument import (
    BEGIN,
    END,
    between,
    draw,
    images,
    linkTable,
    plotted,
    replaced,
    tables,
)
from tests.benchmarks.linkruns import Link, Traffic
from tests.benchmarks.linkscenarios import FLOODS, FROM_KCP_GO, LINKS, TO_KCP_GO
from tests.benchmarks.plots import whyNoPlots
from tests.benchmarks.results import Record, Series, Store
from tests.interop.gopeer import BuildError

#: The quantities of a flood of the relay.
_FLOOD = ("rate", "wait", "shown", "late", "share", "overflowed")

_LINES = ("rate0", "wait", "rtt", "inFlight", "window", "pacing")


def madeUp() -> dict[str, Record]:
    """
    @return: a record of each link; every value of kcp-go is 4, every other one 1.
    """
    records = {}
    for name, scenario in LINKS.items():
        quantities = {row.quantity for row in scenario.rows} | {"goodput", "overflowed"}
        subjects = [(KCP_GO, "1024"), (KCP_GO, "fitted"), (OURS, "")]
        if not scenario.rows:
            subjects, quantities = [("relay", f"{rate}") for rate in FLOODS], set(_FLOOD)
        elif name.startswith("link-mixed"):
            subjects = [(TO_KCP_GO, ""), (FROM_KCP_GO, "")]
        series = [
            Series(
                subject,
                setting,
                {one: [4.0 if subject == KCP_GO else 1.0] * 3 for one in quantities},
                {line: [float(step % 7) for step in range(200)] for line in _LINES},
            )
            for subject, setting in subjects
        ]
        records[name] = Record(False, {"system": "made up"}, series)
    return records


class LinkTests(SynchronousTestCase):
    """
    What a link is.
    """

    def test_capacity(self) -> None:
        """
        A link's capacity follows its changes.
        """
        link = Link(20, changes=((7, 5), (14, 20)))
        self.assertEqual(link.capacity(7) / 125_000, 140)
        self.assertEqual(link.capacity(10) / 125_000, 155)
        self.assertEqual(link.capacity(21) / 125_000, 140 + 35 + 140)

    def test_window(self) -> None:
        """
        The window made for a link is what is under way, and half the queue.
        """
        self.assertEqual(Link(20).segments, round(20 * 125 * (50 + 25) / 1400))
        self.assertEqual(Link(10, queueKb=15).segments, round((10 * 125 * 50 + 7500) / 1400))
        self.assertEqual(Link(0.01, queueKb=1, delay=1).segments, 2)

    def test_small(self) -> None:
        """
        Of a quick measurement everything comes sooner.
        """
        small = Traffic(30, 1000, (0, 8), settling=5).small
        self.assertEqual((small.seconds, small.size), (3, 100))
        self.assertEqual((list(small.starts), small.settling), ([0, 0.8], 0.5))
        self.assertEqual(
            list(Link(20, changes=((7, 5),)).hurried.changes), [(0.7000000000000001, 5)]
        )


class QuickTests(SynchronousTestCase):
    """
    Real processes and sockets.
    """

    def test_run(self) -> None:
        """
        A quick run over the relay delivers all, and keeps figures and time-lines.
        """

        def build() -> str:
            raise BuildError("not needed")

        self.patch(compare, "buildGoPeer", build)
        path = Path(self.mktemp())
        words = ["--links", "--quick", "--rounds", "1", "--json", str(path), "link-shallow-10"]
        errors = StringIO()
        with redirect_stdout(StringIO()), redirect_stderr(errors):
            self.assertEqual(compare.main(words), 0, errors.getvalue())
        store = Store(path)
        store.load()
        record = store.records["link-shallow-10"]
        self.assertTrue(record.quick)
        [own] = record.series
        self.assertEqual(own.name, OURS)
        self.assertEqual(own.values["completed"], [1])
        self.assertGreater(own.values["sent"][0], 1)
        self.assertEqual(sorted(own.lines), sorted(_LINES))
        self.assertGreater(max(own.lines["inFlight"]), 0)


class DocumentTests(SynchronousTestCase):
    """
    The page.
    """

    def test_table(self) -> None:
        """
        There is a line for each target, with all that was measured and whether it is met.
        """
        lines = linkTable(madeUp()).splitlines()[2:]
        rows = [row for scenario in LINKS.values() for row in scenario.rows]
        self.assertEqual(len(lines), len(rows))
        self.assertEqual(
            lines[0],
            "| 20 Mbit/s, 25 ms each way, 50 ms of queue: goodput | 4.00 | 4.00 | 1.00 | ≥ 0.90"
            " | yes |",
        )
        self.assertIn("| – | – | 1.00 | ≥ 0.90 | yes |", lines[-6])

    def test_replaced(self) -> None:
        """
        Only what stands between the two lines is written anew.
        """
        page = f"before\n\n{BEGIN}\nold\n{END}\nafter\n"
        self.assertEqual(replaced(page, "new"), f"before\n\n{BEGIN}\n\nnew\n\n{END}\nafter\n")
        for wrong in (BEGIN, END, ""):
            self.assertRaises(ValueError, replaced, wrong, "new")
            self.assertRaises(ValueError, between, wrong)

    def test_parts(self) -> None:
        """
        Each link that is compared has a plot, and the machine is told.
        """
        shown = images(madeUp())
        for name in LINKS:
            there = f"(plots/{name}.svg)" in shown
            self.assertEqual(there, not name.startswith(("link-mixed", "link-relay")), name)
        self.assertIn("- system: made up", tables(madeUp()))

    def test_pages(self) -> None:
        """
        The pages in the repository have a place for what is measured, and all plots.
        """
        for path in (compare.DOCUMENT, compare.LINK_DOCUMENT):
            self.assertTrue(between(path.read_text(encoding="utf-8")), path)
        self.assertEqual(
            between(compare.LINK_DOCUMENT.read_text(encoding="utf-8")), images(madeUp())
        )
        for name in plotted(madeUp()):
            self.assertLess((compare.PLOTS / f"{name}.svg").stat().st_size, 60_000, name)

    def test_plots(self) -> None:
        """
        The plots are small files, and the same for the same figures.
        """
        first, second = (Path(self.mktemp()) for _ in range(2))
        records = {name: madeUp()[name] for name in ("link-20", "link-relay")}
        written = draw(records, first)
        self.assertEqual([path.name for path in written], ["link-20.svg"])
        for path in written:
            self.assertLess(path.stat().st_size, 60_000, path.name)
            self.assertTrue(ElementTree.parse(path).getroot().tag.endswith("svg"))
        again = draw(records, second)
        self.assertEqual(again[0].read_bytes(), written[0].read_bytes())

    if whyNoPlots() is not None:
        test_plots.skip = whyNoPlots()  # type: ignore[attr-defined]
