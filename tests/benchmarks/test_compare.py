"""
Tests for L{tests.benchmarks.compare}.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.benchmarks import compare
from tests.benchmarks.children import ROOT, ChildFailed
from tests.benchmarks.contenders import Installations
from tests.benchmarks.document import TEMPLATE, fill
from tests.benchmarks.figures import madeUp
from tests.benchmarks.linkdocument import BEGIN, END
from tests.benchmarks.measuring import Found
from tests.benchmarks.plots import whyNoPlots
from tests.benchmarks.results import Record, Store
from tests.benchmarks.rows import RATE, Row
from tests.benchmarks.scenarios import SCENARIOS, Scenario
from tests.benchmarks.subjects import Stage, Subject
from tests.interop.gopeer import BuildError


class CompareCase(SynchronousTestCase):
    """
    Runs the command in this process, with scenarios that measure nothing.
    """

    def setUp(self) -> None:
        """
        Note what is measured.
        """
        self.measured: list[str] = []
        self.path = Path(self.mktemp())
        self.errors = StringIO()

    def subject(self, name: str, fails: bool = False, rate: float = 1, of: str = "") -> Subject:
        """
        @param of: the implementation of which C{name} is a setting.
        @return: one that notes that it was measured, or fails.
        """

        def measure(number: int) -> Found:
            if fails:
                raise ChildFailed("on purpose")
            self.measured.append(f"{name}{number}")
            return {"rate": rate}

        return Subject(of or name, name if of else "", measure)

    def scenario(self, *subjects: Subject, most: int = 5) -> Scenario:
        """
        @return: one with these.
        """
        return Scenario("some", "something", lambda stage: list(subjects), most=most)

    def replaced(self, **scenarios: Scenario) -> None:
        """
        Let there be these scenarios, and no kcp-go.
        """
        self.patch(compare, "SCENARIOS", scenarios)

        def build() -> str:
            raise BuildError("not needed")

        self.patch(compare, "buildGoPeer", build)
        self.patch(compare, "installed", Installations)

    def run_(self, *arguments: object) -> int:
        """
        @return: the exit status.
        """
        with redirect_stderr(self.errors), redirect_stdout(StringIO()):
            try:
                return compare.main([str(one) for one in arguments])
            except SystemExit as end:
                assert isinstance(end.code, int)
                return end.code


class RunTests(CompareCase):
    """
    Rounds.
    """

    def test_alternating(self) -> None:
        """
        Every other round goes the other way round.
        """
        scenario = self.scenario(self.subject("a"), self.subject("b"))
        with redirect_stderr(self.errors):
            record = compare.run(scenario, Stage("", ""), 3)
        self.assertEqual(self.measured, ["a1", "b1", "b2", "a2", "a3", "b3"])
        self.assertEqual([one.rounds for one in record.series], [3, 3])
        self.assertFalse(record.quick)

    def test_most(self) -> None:
        """
        No more rounds are run than the scenario is worth.
        """
        scenario = self.scenario(self.subject("a"), most=2)
        with redirect_stderr(self.errors):
            record = compare.run(scenario, Stage("", "", quick=True), 3)
        self.assertEqual(self.measured, ["a1", "a2"])
        self.assertTrue(record.quick)

    def test_leaves(self) -> None:
        """
        After two rounds a setting has no more that is much worse than another one.
        """
        subjects = [self.subject("a", rate=1, of="x"), self.subject("b", rate=2, of="x")]
        row = Row("rate", "rate", RATE)
        scenario = Scenario("some", "something", lambda stage: subjects, [row])
        with redirect_stderr(self.errors):
            record = compare.run(scenario, Stage("", ""), 3)
        self.assertEqual(self.measured, ["a1", "b1", "b2", "a2", "b3"])
        self.assertEqual([one.rounds for one in record.series], [2, 3])
        self.assertIn("no more of x +a", self.errors.getvalue())


class CommandTests(CompareCase):
    """
    The command line.
    """

    def test_chosen(self) -> None:
        """
        Only the scenarios that are named are measured.
        """
        one, other = self.scenario(self.subject("a")), self.scenario(self.subject("b"))
        self.replaced(one=one, other=other)
        self.assertEqual(self.run_("--rounds", 1, "other"), 0)
        self.assertEqual(self.measured, ["b1"])

    def test_failure(self) -> None:
        """
        A scenario that fails is told, is not kept, and keeps no other from being measured; what is
        missing is measured with C{--resume}.
        """
        good, bad = self.scenario(self.subject("a")), self.scenario(self.subject("b", True))
        self.replaced(bad=bad, good=good)
        given = ["--rounds", 1, "--json", self.path]
        self.assertEqual(self.run_(*given), compare.FAILED)
        self.assertIn("on purpose", self.errors.getvalue())
        self.assertEqual(self.measured, ["a1"])
        self.replaced(bad=self.scenario(self.subject("b")), good=good)
        self.assertEqual(self.run_(*given, "--resume"), 0)
        self.assertEqual(self.measured, ["a1", "b1"])
        store = Store(self.path)
        store.load()
        self.assertEqual(sorted(store.records), ["bad", "good"])

    def test_quickIsNotKept(self) -> None:
        """
        What was measured quickly is measured again.
        """
        self.replaced(some=self.scenario(self.subject("a")))
        given = ["--rounds", 1, "--json", self.path, "--resume"]
        for extra in (["--quick"], [], []):
            self.assertEqual(self.run_(*given, *extra), 0)
        self.assertEqual(self.measured, ["a1", "a1"])

    def test_wrong(self) -> None:
        """
        A wrong command line names what is wrong, before anything is measured.
        """
        self.replaced(some=self.scenario(self.subject("a")))
        self.path.write_text("nothing")
        for arguments, told in (
            (["others"], "no scenario others; there are some"),
            (["--rounds", 0], "--rounds must be at least 1, not 0"),
            (["--resume"], "--resume needs --json"),
            (["--write", "--quick"], "--write with --quick"),
            (["--write", "--here"], "--write with --here"),
            (["--json", self.path], f"{self.path} has no results"),
        ):
            self.assertEqual(self.run_(*arguments), compare.WRONG_USAGE)
            self.assertIn(told, self.errors.getvalue())
        self.assertEqual(self.measured, [])

    def test_writeNeedsAll(self) -> None:
        """
        The page is not written of some scenarios only.
        """
        self.assertEqual(self.run_("--write", "echo"), compare.WRONG_USAGE)
        self.assertRegex(self.errors.getvalue(), "--write needs all scenarios.* idle")

    def test_mixedCommits(self) -> None:
        """
        A page of several commits is not written: neither of what was kept, nor of that beside what
        would be measured now.
        """
        self.patch(compare, "whyNoPlots", lambda: None)
        self.replaced(one=self.scenario(), other=self.scenario(), more=self.scenario())
        self.patch(compare, "commit", lambda: "new")
        store = Store(self.path)
        given = ["--json", self.path, "--resume", "--write"]
        for commits, told in (
            ({"one": "old", "other": "older", "more": "old"}, "old: one, more; older: other"),
            ({"one": "old", "other": "old"}, "new: ; old: one, other"),
        ):
            store.records = {}
            for name, commit in commits.items():
                store.keep(name, Record(False, {"commit": commit}, []))
            self.assertEqual(self.run_(*given, *({"one", "other", "more"} - set(commits))), 2)
            self.assertIn(f"several commits: {told}", self.errors.getvalue())
        self.assertEqual(self.measured, [])

    def test_notInstalled(self) -> None:
        """
        Without what is to be measured nothing is, unless that is what there is.
        """
        self.replaced(some=self.scenario(self.subject("a")))

        def install() -> Installations:
            raise BuildError("no compiler")

        self.patch(compare, "installed", install)
        self.assertEqual(self.run_("--rounds", 1), compare.FAILED)
        self.assertIn("no compiler\n--here measures what there is", self.errors.getvalue())
        self.assertEqual(self.measured, [])
        self.assertEqual(self.run_("--rounds", 1, "--here"), 0)
        self.assertEqual(self.measured, ["a1"])

    def test_help(self) -> None:
        """
        As a script it lists the scenarios.
        """
        script = str(ROOT / "tests/benchmarks/compare.py")
        done = subprocess.run(
            [sys.executable, script, "--help"], capture_output=True, text=True, timeout=60
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        for scenario in SCENARIOS.values():
            self.assertIn(f"{scenario.name:<18}{scenario.about}", done.stdout)


class WriteTests(CompareCase):
    """
    The page.
    """

    if whyNoPlots() is not None:
        skip = whyNoPlots()

    def test_writtenWithoutMeasuring(self) -> None:
        """
        With results of all scenarios the page and the plots are written, and nothing is measured.
        """
        store = Store(self.path)
        for name, record in madeUp().items():
            store.keep(name, record)
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()
        page = directory / "page.md"
        page.write_text(f"old\n{BEGIN}\nkept\n{END}\n", encoding="utf-8")
        self.patch(compare, "DOCUMENT", page)
        self.patch(compare, "PLOTS", directory / "plots")
        self.patch(compare, "ROOT", directory)
        self.patch(compare, "run", None)
        self.assertEqual(self.run_("--json", self.path, "--resume", "--write"), 0)
        expected = fill(TEMPLATE.read_text(encoding="utf-8"), madeUp(), "kept")
        self.assertEqual(page.read_text(encoding="utf-8"), expected)
        self.assertEqual(len(list((directory / "plots").iterdir())), 4)
