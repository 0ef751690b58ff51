"""
Compares kcptwisted with kcp-go, and with other ways to carry a stream, on this machine.

Both ends of a load are of the same implementation, in two processes on loopback, under the same
conditions.  The implementations alternate, in several rounds; what counts is the median of the
rounds' ratios.  In bulk loads each implementation runs with and without ackNoDelay, and the better
of its medians counts.  Nothing else may run on the machine meanwhile.

With --links it measures over links with a limited rate and a queue instead.  --write then writes
the links' part of docs/benchmarks.md, and the plots of docs/congestion.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.certificate import writeCertificate
from tests.benchmarks.children import ROOT, ChildFailed
from tests.benchmarks.contenders import whyNot
from tests.benchmarks.document import TEMPLATE, fill
from tests.benchmarks.installations import installed
from tests.benchmarks.linkdocument import between, images, replaced, tables
from tests.benchmarks.linkdocument import draw as drawLinks
from tests.benchmarks.linkscenarios import LINKS
from tests.benchmarks.plots import draw, whyNoPlots
from tests.benchmarks.results import Record, Series, Store
from tests.benchmarks.rows import hopeless, outcomesOf
from tests.benchmarks.scenarios import SCENARIOS, Scenario
from tests.benchmarks.subjects import HERE, OPTIONAL, Stage, Subject
from tests.benchmarks.tables import Records, mainTable
from tests.benchmarks.where import commit, commits, where
from tests.interop.gopeer import BuildError, buildGoBenchmark, buildGoPeer

DOCUMENT = ROOT / "docs/benchmarks.md"
LINK_DOCUMENT = ROOT / "docs/congestion.md"
PLOTS = ROOT / "docs/plots"

#: The exit status when a scenario failed, and when the command line is wrong.
FAILED, WRONG_USAGE = 1, 2

#: The round after which a setting that is much worse than another is left.
TRIAL = 2


def tell(text: str) -> None:
    """
    Say how it goes.
    """
    print(text, file=sys.stderr, flush=True)


def buildParser() -> argparse.ArgumentParser:
    """
    @return: the parser of the command line.
    """
    listed, links = (
        "\n".join(f"  {one.name:<18}{one.about}" for one in suite.values())
        for suite in (SCENARIOS, LINKS)
    )
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"scenarios:\n{listed}\n\nwith --links:\n{links}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help="what to measure; by default all"
    )
    parser.add_argument(
        "--links", action="store_true", help="over links with a limited rate and a queue"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="of each scenario, at most (%(default)s)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small loads, to see whether all works"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the results there")
    parser.add_argument(
        "--resume", action="store_true", help="leave out the scenarios that FILE has results of"
    )
    parser.add_argument(
        "--here",
        action="store_true",
        help="measure what this interpreter finds, and install nothing",
    )
    parser.add_argument("--write", action="store_true", help="write the pages, and docs/plots")
    return parser


def chosen(given: argparse.Namespace) -> dict[str, Scenario]:
    """
    @return: the scenarios of which the command line speaks.
    """
    return LINKS if given.links else SCENARIOS


def check(given: argparse.Namespace, parser: argparse.ArgumentParser) -> Store:
    """
    @return: the results so far.
    @raise SystemExit: if the command line is wrong.
    """
    scenarios = chosen(given)
    unknown = [name for name in given.scenarios if name not in scenarios]
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}; there are {', '.join(scenarios)}")
    if given.rounds < 1:
        parser.error(f"--rounds must be at least 1, not {given.rounds}")
    if given.resume and given.json is None:
        parser.error("--resume needs --json FILE, which has the results so far")
    if given.write and given.quick:
        parser.error("--write with --quick: figures of small loads are no proof of anything")
    if given.write and given.here and not given.links:
        parser.error("--write with --here: the page needs what is compiled and what is not")
    store = Store(given.json)
    try:
        store.load()
    except ValueError as problem:
        parser.error(str(problem))
    if given.write:
        lacking = set(store.missing(scenarios)) - set(given.scenarios or scenarios)
        if lacking:
            parser.error(f"--write needs all scenarios; there is nothing of {', '.join(lacking)}")
        remeasured = set(toMeasure(given, store))
        kept = {name: store.records[name] for name in scenarios if name not in remeasured}
        others = commits(kept, [commit()] if remeasured else [])
        if len(others) > 1:
            told = "; ".join(f"{one}: {', '.join(names)}" for one, names in others.items())
            parser.error(f"--write: the figures are of several commits: {told}")
        if (missing := whyNoPlots()) is not None:
            parser.error(f"--write: {missing}: pip install '.[benchmark]'")
    return store


def toMeasure(given: argparse.Namespace, store: Store) -> list[str]:
    """
    @return: the scenarios that are measured now.
    """
    names: list[str] = given.scenarios or list(chosen(given))
    return [name for name in names if name in store.missing(names)] if given.resume else names


def run(scenario: Scenario, stage: Stage, rounds: int) -> Record:
    """
    Measure.

    @param rounds: at most.
    @raise ChildFailed: if a process failed.
    """
    subjects = scenario.subjects(stage)
    series = [Series(subject.name, subject.setting) for subject in subjects]
    pairs = list(zip(subjects, series, strict=True))
    rounds = min(rounds, scenario.most)
    left: list[Subject] = []
    for number in range(1, rounds + 1):
        # Nobody is always the first, or always after the same one.
        for subject, one in pairs if number % 2 else reversed(pairs):
            if number > subject.most or subject in left:
                continue
            found = subject.measure(number)
            one.add(found)
            shown = ", ".join(f"{name} {value:.5g}" for name, value in found.items())
            tell(f"  {number}/{rounds} {subject.label}: {shown}")
        if number == TRIAL:
            worse = hopeless(series, scenario.rows)
            left = [subject for subject, one in pairs if one in worse]
            for subject in left:
                tell(f"  no more of {subject.label}")
    return Record(stage.quick, where(stage.installations.about()), series)


def measureAll(given: argparse.Namespace, store: Store) -> list[str]:
    """
    Measure what is asked for, and keep it.

    @return: the scenarios that failed.
    """
    scenarios = chosen(given)
    names = toMeasure(given, store)
    if not names:
        return []
    gopeer, goBenchmark, installations = "", "", HERE
    try:
        gopeer = buildGoPeer()
        if not given.links:
            goBenchmark = buildGoBenchmark()
    except BuildError as problem:
        tell(f"without kcp-go and the bad path: {problem}")
    if not (given.links or given.here):
        tell("installing what is measured, compiled and not")
        try:
            installations = installed()
        except BuildError as problem:
            tell(f"{problem}\n--here measures what there is")
            return names
    for reason in filter(None, map(whyNot, OPTIONAL)):
        tell(f"left out: {reason}")
    failed = []
    with TemporaryDirectory() as directory:
        writeCertificate(Path(directory))
        stage = Stage(gopeer, directory, given.quick, installations, goBenchmark)
        for name in names:
            began = monotonic()
            tell(f"{name}: {scenarios[name].about}")
            try:
                record = run(scenarios[name], stage, given.rounds)
            except ChildFailed as problem:
                tell(f"  failed: {problem}")
                failed.append(name)
                continue
            store.keep(name, record)
            tell(f"  {monotonic() - began:.0f} s")
            if record.series and scenarios[name].rows:
                print(mainTable(outcomesOf(scenarios[name].rows, record)), flush=True)
    return failed


def writePage(records: Records) -> list[Path]:
    """
    @return: the files that were written.
    """
    links = between(DOCUMENT.read_text(encoding="utf-8"))
    document = fill(TEMPLATE.read_text(encoding="utf-8"), records, links)
    DOCUMENT.write_text(document, encoding="utf-8")
    return [DOCUMENT, *draw(records, PLOTS)]


def writeLinks(records: Records) -> list[Path]:
    """
    @return: the files that were written.
    """
    links = {name: records[name] for name in LINKS}
    for path, part in ((DOCUMENT, tables(links)), (LINK_DOCUMENT, images(links))):
        document = path.read_text(encoding="utf-8")
        path.write_text(replaced(document, part), encoding="utf-8")
    return [DOCUMENT, LINK_DOCUMENT, *drawLinks(links, PLOTS)]


def main(arguments: Sequence[str]) -> int:
    """
    @param arguments: the command line without the program's name.
    @return: the exit status.
    """
    parser = buildParser()
    given = parser.parse_args(arguments)
    store = check(given, parser)
    failed = measureAll(given, store)
    if failed:
        tell(f"failed: {', '.join(failed)}")
        return FAILED
    if given.write:
        write = writeLinks if given.links else writePage
        for path in write(store.records):
            tell(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
