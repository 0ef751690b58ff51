"""
Checks that the documentation and the code say the same.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from unittest import TestResult

from twisted.trial.unittest import SynchronousTestCase, TestCase

import kcptwisted
from kcptwisted import errors
from kcptwisted.connection.lastwords import CLIENTS_COPIES, COPIES
from kcptwisted.connection.liveness import (
    DEFERENCE,
    LEAST_QUESTIONS,
    NEWCOMER_SILENCE,
    QUESTIONS,
)
from kcptwisted.connection.mtusizes import BASE_MTU, LARGEST_MTU, LARGEST_PLAIN_MTU, SIZES
from kcptwisted.connection.opening import FIRST_RETRY, HELLOS, LAST_RETRY
from kcptwisted.connection.path import QUESTIONS_BEFORE_MOVING
from kcptwisted.connection.pathmtu import (
    ENOUGH,
    LEAST_PATIENCE,
    MAX_PROBES,
    PLAIN_ANSWERS,
    PROBE_TIMER,
    RAISE_TIMER,
)
from kcptwisted.connection.shutdown import FINS, LONGEST_WAIT
from kcptwisted.crypt.registry import CIPHERS
from kcptwisted.options import KCPOptions
from kcptwisted.options.table import MODES, OPTIONS
from kcptwisted.server.cookies import COOKIE_PERIOD
from kcptwisted.server.ended import ANSWER_PAUSE, MAXIMUM_REMEMBERED, REMEMBERED
from kcptwisted.server.paths import CHALLENGE_INTERVAL
from kcptwisted.stats import PortStats, SessionStats
from kcptwisted.testing.link import Link
from kcptwisted.wire.control import LONGEST_BLOCK
from kcptwisted.wire.segment import OVERHEAD
from kcptwisted.workers.delays import FIRST_RESTART_DELAY, LONGEST_RESTART_DELAY, STABLE_AFTER
from kcptwisted.workers.orders import ORDER_TIMEOUT
from kcptwisted.workers.role import VARIABLE
from kcptwisted.workers.whereabouts import MAXIMUM_ADDRESSES
from kcptwisted.workers.worker import START_TIME

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PACKAGE = Path(kcptwisted.__file__).parent

#: Against an installed package the tests run without the files that stand beside it.
IN_CHECKOUT = (ROOT / "kcptwisted").is_dir()

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INDENTED = re.compile(r"(?:^(?: {4}.*)?\n)+", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CITATION = re.compile(r'docs/(\w+\.md), "([^"]+)"')


def pages() -> list[Path]:
    """
    @return: the Markdown files.
    """
    top = ["README.md", "CHANGELOG.md"] if IN_CHECKOUT else ["README.md"]
    return [*(ROOT / name for name in top), *sorted(DOCS.glob("*.md"))]


def prose(page: Path) -> str:
    """
    @return: a page without its code.
    """
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return _INDENTED.sub("\n", text)


def headings(page: Path) -> list[str]:
    """
    @return: a page's headings.
    """
    return _HEADING.findall(prose(page))


def anchor(heading: str) -> str:
    """
    @return: what a link to a heading has after its C{#}.
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def pythonBlocks(page: Path) -> list[str]:
    """
    @return: the Python in a page.
    """
    found = _FENCE.findall(page.read_text(encoding="utf-8"))
    return [code for language, code in found if language == "python"]


def section(page: Path, heading: str) -> str:
    """
    @return: what is under a heading, up to the next one.
    """
    text = page.read_text(encoding="utf-8")
    match = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#|\Z)", text, re.DOTALL | re.MULTILINE)
    assert match is not None, f"{page.name} has no section {heading!r}"
    return match[1]


def rows(text: str) -> list[list[str]]:
    """
    @return: the cells of the tables in C{text}, marks of code removed.
    """
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


class LinkTests(SynchronousTestCase):
    """
    Links lead somewhere.
    """

    def test_links(self) -> None:
        """
        Each relative link is of a file, and its anchor of a heading.
        """
        broken = []
        for page in pages():
            for link in _LINK.findall(prose(page)):
                if "://" in link:
                    continue
                path, _, fragment = link.partition("#")
                target = (page.parent / path).resolve() if path else page
                if target.parent == ROOT and not IN_CHECKOUT:
                    continue
                if not target.exists() or (
                    fragment and fragment not in map(anchor, headings(target))
                ):
                    broken.append(f"{page.name}: {link}")
        self.assertEqual(broken, [])

    def test_citations(self) -> None:
        """
        Each heading that the code cites exists.
        """
        broken = []
        found = 0
        for source in sorted(PACKAGE.rglob("*.py")):
            # A citation may run over the end of a line of a docstring or comment.
            text = re.sub(r"\s+(#:? )?", " ", source.read_text(encoding="utf-8"))
            for name, heading in _CITATION.findall(text):
                found += 1
                page = DOCS / name
                if not page.exists() or heading not in headings(page):
                    broken.append(f"{source.name}: {name}, {heading!r}")
        self.assertEqual(broken, [])
        self.assertGreater(found, 0)


class CodeTests(SynchronousTestCase):
    """
    Code in the documentation is code.
    """

    def test_parses(self) -> None:
        """
        Each block of Python can be parsed.
        """
        for page in pages():
            for code in pythonBlocks(page):
                ast.parse(code, page.name)

    def test_testCasePasses(self) -> None:
        """
        The test case in testing.md passes.
        """
        (code,) = [code for code in pythonBlocks(DOCS / "testing.md") if "TestCase" in code]
        names: dict[str, object] = {"__name__": "testing"}
        exec(compile(code, "testing.md", "exec"), names)
        result = TestResult()
        for case in self._cases(names):
            case.run(result)
        self.assertEqual(result.errors + result.failures, [])
        self.assertEqual(result.testsRun, 1)

    @staticmethod
    def _cases(names: dict[str, object]) -> Iterator[SynchronousTestCase]:
        for value in names.values():
            if not inspect.isclass(value) or not issubclass(value, SynchronousTestCase):
                continue
            if value in (SynchronousTestCase, TestCase):
                continue
            for name in dir(value):
                if name.startswith("test_"):
                    yield value(name)


class CompletenessTests(SynchronousTestCase):
    """
    What there is is documented, and what is documented is there.
    """

    def test_options(self) -> None:
        """
        options.md has an entry for each option.
        """
        text = (DOCS / "options.md").read_text(encoding="utf-8")
        entries: set[str] = set()
        for line in text.splitlines():
            if line.startswith("- `"):
                entries.update(re.findall(r"`(\w+)`", line.partition(":")[0]))
        self.assertEqual(entries, {option.name for option in OPTIONS})

    def test_modes(self) -> None:
        """
        The tables of modes have the modes and their values.
        """
        expected = [
            [
                name,
                "yes" if mode.nodelay else "no",
                f"{mode.interval} ms",
                str(mode.resend),
            ]
            for name, mode in MODES.items()
        ]
        self.assertEqual(rows(section(DOCS / "wire.md", "Modes"))[2:], expected)
        self.assertEqual(rows(section(DOCS / "options.md", "Retransmission"))[2:], expected)

    def test_counters(self) -> None:
        """
        counters.md has each counter, under the heading that it belongs to.
        """
        page = DOCS / "counters.md"
        for heading, counters in (("Of a session", SessionStats), ("Of a port", PortStats)):
            named = [row[0] for row in rows(section(page, heading))[2:]]
            self.assertEqual(named, list(counters().asDict()))

    def test_exceptions(self) -> None:
        """
        transports.md names each exception of the package.
        """
        text = (DOCS / "transports.md").read_text(encoding="utf-8")
        public = errors.__all__
        self.assertEqual([name for name in public if f"kcptwisted.errors.{name}" not in text], [])
        for name in re.findall(r"kcptwisted\.errors\.(\w+)", text):
            self.assertIn(name, public)

    def test_reasons(self) -> None:
        """
        transports.md gives the base class of each reason for the end of a connection.
        """
        table = rows(section(DOCS / "transports.md", "Why a connection ended"))[2:]
        given = {row[0]: row[1] for row in table if row[0].startswith("kcptwisted.errors.")}
        notReasons = {"MessageTooLong", "OutOfBandRefused"}
        expected = {
            f"kcptwisted.errors.{name}": getattr(errors, name).__base__.__name__
            for name in errors.__all__
            if name not in notReasons
        }
        self.assertEqual(given, expected)

    def test_defaults(self) -> None:
        """
        The numbers of the defaults in transports.md and security.md are those of the options.
        """
        text = (DOCS / "transports.md").read_text(encoding="utf-8")
        for name in ("keepAlive", "deadAfter"):
            default = f"{getattr(KCPOptions, name):g}"
            self.assertRegex(text, rf"`{name}` seconds[^.]*\({default}\)")
        text = (DOCS / "security.md").read_text(encoding="utf-8")
        for name in ("maxSessions", "maxSessionsPerHost", "acceptRate"):
            default = getattr(KCPOptions, name)
            shown = f"{default:,}" if isinstance(default, int) else f"{default:g}"
            self.assertRegex(text, rf"`{name}`[^`]*\({shown}\)")

    def test_controlNumbers(self) -> None:
        """
        The numbers in control.md are those of the code.
        """
        text = " ".join((DOCS / "control.md").read_text(encoding="utf-8").split())
        for phrase in (
            f"less than {OVERHEAD + LONGEST_BLOCK} bytes",
            f"sent again after {FIRST_RETRY} ms",
            f"every {LAST_RETRY} ms from then on",
            f"waits of up to {LONGEST_WAIT // 1000} s",
            f"When {FINS} have gone unanswered",
            f"A listener sends it {['', 'once', 'twice'][COPIES]}",
            f"sends it {CLIENTS_COPIES} times",
            f"for {REMEMBERED // 1000} s, and for {REMEMBERED // 1000} s more",
            f"{MAXIMUM_REMEMBERED} addresses at most",
            f"the last word, at most every {ANSWER_PAUSE} ms",
            f"period of {COOKIE_PERIOD // 1000} s",
            f"for {COOKIE_PERIOD // 1000} to {2 * COOKIE_PERIOD // 1000} s",
            f"for the first time after {NEWCOMER_SILENCE // 1000} s",
            f"at most one every {CHALLENGE_INTERVAL} ms",
        ):
            self.assertIn(phrase, text)
        # In words there: three hellos, a sixth, three questions, a tenth, the second question.
        self.assertEqual((HELLOS, QUESTIONS, LEAST_QUESTIONS), (3, 6, 3))
        self.assertEqual((DEFERENCE, QUESTIONS_BEFORE_MOVING), (10, 2))

    def test_mtuNumbers(self) -> None:
        """
        The numbers in mtu.md are those of the code.
        """
        text = " ".join((DOCS / "mtu.md").read_text(encoding="utf-8").split())
        for phrase in (
            f"It begins with {BASE_MTU}",
            f"When {ENOUGH} segments have been acknowledged a probe of {LARGEST_MTU} is sent",
            f"nothing larger than {LARGEST_PLAIN_MTU} is tried",
            f"at least {PROBE_TIMER // 1000} s",
            f"After {RAISE_TIMER // 60_000} minutes",
            f"and {LEAST_PATIENCE} ms at least",
        ):
            self.assertIn(phrase, text)
        # In words there: three probes, two answers.
        self.assertEqual((MAX_PROBES, PLAIN_ANSWERS), (3, 2))
        sizes = [BASE_MTU, *SIZES]
        self.assertLessEqual(max(b - a for a, b in pairwise(sizes[:-1])), 20)

    def test_workerNumbers(self) -> None:
        """
        The numbers in scaling.md, and in limits.md about workers, are those of the code.
        """
        text = " ".join((DOCS / "scaling.md").read_text(encoding="utf-8").split())
        for phrase in (
            f"after {FIRST_RESTART_DELAY:g} to {LONGEST_RESTART_DELAY:g} s if it dies within"
            f" {STABLE_AFTER:g} s again",
            f"does not answer the order within {ORDER_TIMEOUT:g} s",
            f"does not end within {ORDER_TIMEOUT:g} s after its last connection",
            f"come to `listen` by itself, within {START_TIME:g} s",
            VARIABLE,
        ):
            self.assertIn(phrase, text)
        limits = " ".join((DOCS / "limits.md").read_text(encoding="utf-8").split())
        self.assertIn(f"{MAXIMUM_ADDRESSES:,} others have moved", limits)

    def test_ciphers(self) -> None:
        """
        wire.md has each cipher with the length of its key and what it adds, security.md what it
        protects.
        """
        expected = [
            [name, str(cipher.keyBytes or "none"), str(cipher.overhead)]
            for name, cipher in CIPHERS.items()
        ]
        named = rows(section(DOCS / "wire.md", "The names"))[2:]
        self.assertEqual([row[:3] for row in named], expected)
        table = rows(section(DOCS / "security.md", "What a cipher protects"))[2:]
        judged = [name for row in table for name in row[0].replace("`", "").split(", ")]
        self.assertEqual(sorted(judged), sorted(CIPHERS))

    def test_linkConditions(self) -> None:
        """
        testing.md has each field of a link.
        """
        named = [row[0] for row in rows(section(DOCS / "testing.md", "Link conditions"))[2:]]
        self.assertEqual(sorted(named), sorted(field.name for field in fields(Link)))

    def test_modules(self) -> None:
        """
        architecture.md says of each module what it is for.
        """
        table = rows(section(DOCS / "architecture.md", "Modules"))[2:]
        named = [name for row in table for name in row[0].replace("`", "").split(", ")]
        modules = [
            ".".join(source.relative_to(PACKAGE).with_suffix("").parts)
            for source in PACKAGE.rglob("*.py")
            if source.name != "__init__.py"
        ]
        self.assertEqual(sorted(named), sorted(modules))
