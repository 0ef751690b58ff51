"""
Tests for L{tests.benchmarks.tables}, L{tests.benchmarks.document} and L{tests.benchmarks.plots}.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from tests.benchmarks import tables
from tests.benchmarks.children import ROOT
from tests.benchmarks.contenders import KCP_GO, OURS, PLAIN
from tests.benchmarks.document import TEMPLATE, fill
from tests.benchmarks.figures import madeUp
from tests.benchmarks.plots import draw, whyNoPlots
from tests.benchmarks.results import Record, Series
from tests.benchmarks.rows import MICROSECONDS, RATE, Row, outcomesOf
from tests.benchmarks.scenarios import SCENARIOS


def cells(text: str) -> list[list[str]]:
    """
    @return: the lines of a table below its head.
    """
    lines = [line.strip("| ").split(" | ") for line in text.splitlines()]
    return lines[2:]


class TableTests(SynchronousTestCase):
    """
    Single tables.
    """

    def setUp(self) -> None:
        """
        Something to show.
        """
        self.records = madeUp()

    def test_main(self) -> None:
        """
        A line of the main table has both values, the ratio, its range, the target and the verdict.
        """
        rates = {KCP_GO: iter((90, 100, 70, 80)), OURS: iter((300, 350)), PLAIN: iter((300, 310))}
        for one in self.records["echo"].series:
            rate = next(rates[one.name])
            one.values["rate"] = [float(rate * factor) for factor in (1, 2, 1)]
        found = tables.mainTable(tables.outcomes({"echo": self.records["echo"]}))
        expected = [
            "echo, no cipher | 100 MB/s | 350 MB/s | 3.50 | 3.50–3.50 | ≥ 4× | **no**",
            "the same, not compiled | 100 MB/s | 310 MB/s | 3.10 | 3.10–3.10 | ≥ 3× | yes",
        ]
        self.assertEqual(cells(found), [line.split(" | ") for line in expected])

    def test_missed(self) -> None:
        """
        What is missed is shown with what the time goes to; what is met, or has no target, is not.
        """
        record = self.records["echo"]
        for one in record.series:
            one.values["rate"] = [{KCP_GO: 1.0, OURS: 2.0, PLAIN: 9.0}[one.name]] * 3
        rows = [
            Row("echo", "rate", RATE, 4, why="half of it copies"),
            Row("plain echo", "rate", RATE, 4, ours=PLAIN, why="nothing"),
            Row("untold", "rate", RATE, why="nothing"),
            Row("least", "rate", RATE, least=3),
        ]
        found = cells(tables.missedTable(outcomesOf(rows, record)))
        self.assertEqual(
            found,
            [
                ["echo", "2.00", "2.00 MB/s", "≥ 4×", "half of it copies"],
                ["least", "2.00", "2.00 MB/s", "≥ 3.00 MB/s"],
            ],
        )

    def test_allTargets(self) -> None:
        """
        Each row of each scenario is there.
        """
        found = cells(tables.mainTable(tables.outcomes(self.records)))
        expected = [row.title for scenario in SCENARIOS.values() for row in scenario.rows]
        self.assertEqual([line[0] for line in found], expected)

    def test_settings(self) -> None:
        """
        Each setting has its own column; what was not measured is marked.
        """
        self.records["echo"].series.pop(1)
        found = tables.settingsTable(self.records)
        (echo,) = [line for line in cells(found) if line[0] == "echo, 100 MB, no cipher"]
        theirs, both = ["4.00 MB/s"] * 2, ["1.00 MB/s"] * 2
        self.assertEqual(echo[1:], ["4.00 MB/s", "–", *theirs, *both, *both])
        (messages,) = [line for line in cells(found) if line[0].endswith("1,000 sessions")]
        self.assertEqual(messages[5:], ["1.00 /s", "–", "1.00 /s", "–"])

    def test_cpu(self) -> None:
        """
        CPU time is that of the setting with the better rate.
        """
        slow, fast = [one for one in self.records["oneway"].series if one.name == OURS]
        fast.values["rate"] = [2.0] * 3
        slow.values["cpuPerGigabyte"], fast.values["cpuPerGigabyte"] = [5.0] * 3, [7.0] * 3
        found = cells(tables.cpuTable(self.records))
        self.assertEqual(found[0][1:], ["4.00 s", "7.00 s", "1.00 s"])
        self.assertEqual(found[-1][1:], ["4.00 µs", "1.00 µs", "1.00 µs"])

    def test_bad(self) -> None:
        """
        What was lost through the bad path is that of all rounds; the path's own loss is told from
        the least to the most.
        """
        self.records["bad-paced"].series[0].values["lost"] = [1, 0, 2]
        self.records["bad-paced"].series[0].values["pathLoss"] = [0.1, 1.5, 0.2]
        found = cells(tables.badTable(self.records))
        self.assertEqual([line[-1] for line in found[4:6]], ["3", "3"])
        self.assertEqual(found[4][1:3], [KCP_GO, "0.00 ms"])
        least, most, dropped = tables.pathLoss(self.records)
        # Of six scenarios with two or four series: three rounds of 4 and of 1 each.
        self.assertEqual((least, most), (0.1, 4))
        self.assertEqual(dropped, 3 * (4 * (4 + 1) + 2 * 2 * (4 + 1)))

    def test_sweep(self) -> None:
        """
        A sweep has a line for each point, and its growth is none.
        """
        one = Series("no loss", "", {"32": [1.0], "16384": [2.0], "growth": [2.0]})
        found = tables.sweepTable(Record(False, {}, [one]), "window", MICROSECONDS)
        self.assertEqual(cells(found), [["32", "1.00 µs"], ["16,384", "2.00 µs"]])

    def test_primitives(self) -> None:
        """
        Of each cipher what tells most is shown: the cipher alone where it can be told from the
        packet, both for aes-128.
        """
        found = cells(tables.primitiveTable(self.records["primitives"]))
        names = [line[0] for line in found]
        for name in ("aes-128 encrypt packet", "aes encrypt alone", "aes-128-gcm decrypt packet"):
            self.assertIn(name, names)
        for name in (
            "aes encrypt packet",
            "none alone",
            "aes-192 encrypt alone",
            "tea decrypt packet",
        ):
            self.assertNotIn(name, names)
        self.assertEqual({tuple(line[1:]) for line in found}, {("4", "1", "4.00")})

    def test_pure(self) -> None:
        """
        Without the accelerator those are shown that it does.
        """
        found = cells(tables.pureTable(self.records["primitives"]))
        names = [line[0] for line in found]
        ciphers = {name.split()[0] for name in names}
        self.assertEqual(ciphers, {"tea", "xtea", "twofish", "salsa20", "xor", "Reed-Solomon"})
        self.assertNotIn("tea encrypt packet", names)
        # Nanoseconds as microseconds.
        self.assertEqual({tuple(line[1:]) for line in found}, {("0.00", "0.00")})


class DocumentTests(SynchronousTestCase):
    """
    The whole page.
    """

    def test_template(self) -> None:
        """
        The template's words and all parts make the page, and nothing is left to fill in.
        """
        template = TEMPLATE.read_text(encoding="utf-8")
        page = fill(template, madeUp(), "")
        self.assertNotIn("$", page)
        self.assertIn("3 to 3 rounds", page)
        self.assertIn("- system: made up", page)
        for part in re.findall(r"^\$\w+$", template, re.MULTILINE):
            self.assertNotIn(part, page)

    def test_verdict(self) -> None:
        """
        The page tells how many targets are met.
        """
        records = madeUp()
        found = [one.met for one in tables.outcomes(records) if one.met is not None]
        self.assertEqual(
            fill("$met of $targets", records, ""), f"{found.count(True)} of {len(found)}"
        )
        self.assertIn(False, found)

    def test_incomplete(self) -> None:
        """
        Without a scenario there is no page.
        """
        for name in ("idle", "windows", "primitives"):
            records = madeUp()
            del records[name]
            self.assertRaises(KeyError, fill, "$main", records, "")

    def test_words(self) -> None:
        """
        The page in the repository has the template's words: whoever changes them writes it anew.
        """
        page = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
        template = TEMPLATE.read_text(encoding="utf-8")
        pieces = re.split(r"\$\w+", template)
        self.assertEqual([words for words in pieces if words not in page], [])


class PlotTests(SynchronousTestCase):
    """
    The plots.
    """

    if whyNoPlots() is not None:
        skip = whyNoPlots()

    def test_drawn(self) -> None:
        """
        The page's plots are drawn: SVG of a moderate size, the same each time.
        """
        places = [Path(self.mktemp()) for _ in range(2)]
        first, again = [draw(madeUp(), place) for place in places]
        self.assertEqual(
            [path.read_bytes() for path in first], [path.read_bytes() for path in again]
        )
        linked = re.findall(r"\(plots/([^)]+)\)", TEMPLATE.read_text(encoding="utf-8"))
        self.assertEqual(sorted(path.name for path in first), sorted(linked))
        for path in first:
            self.assertLess(path.stat().st_size, 60_000)
            self.assertTrue(ElementTree.parse(path).getroot().tag.endswith("svg"))
        texts = "".join(path.read_text(encoding="utf-8") for path in first)
        self.assertIn(KCP_GO, texts)
        self.assertIn(OURS, texts)
