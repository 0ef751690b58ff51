"""
Tests for L{kcptwisted.commands.top.command}.
"""

from __future__ import annotations

import json
from io import BytesIO, StringIO
from typing import Any
from urllib.error import HTTPError, URLError

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.__main__ import buildParser
from kcptwisted.commands.top import command
from tests.commands.top.test_table import COLUMNS, STATE


class Page(BytesIO):
    """
    What a status page answers.
    """

    def tell_(self, *events: tuple[str, object]) -> Page:
        """
        @return: itself, with events.
        """
        for kind, data in events:
            self.write(f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode())
        self.seek(0)
        return self


class TopTests(SynchronousTestCase):
    """
    The command, with pages that are none.
    """

    def setUp(self) -> None:
        """
        Answer requests.
        """
        self.asked: list[Any] = []
        self.answers: list[Any] = []
        self.patch(command, "urlopen", self.open)

    def open(self, request: Any, timeout: float) -> Any:
        """
        Answer.
        """
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def run_(self, *arguments: str) -> tuple[int, str, str]:
        """
        @return: the exit status and what was printed.
        """
        output, errors = StringIO(), StringIO()
        parsed = buildParser().parse_args(["top", *arguments])
        status = command.run(parsed, output, errors, lambda seconds: None)
        return status, output.getvalue(), errors.getvalue()

    def test_once(self) -> None:
        """
        The second look is printed, which has rates.
        """
        later = {**STATE, "found": 2000}
        self.answers = [Page().tell_(("columns", COLUMNS), ("state", STATE), ("state", later))]
        status, output, errors = self.run_(
            "--once", "--sort", "rtt", "--token", "t", "--find", "a b"
        )
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("2,000 sessions", output)
        self.assertNotIn("1 of", output)
        (request,) = self.asked
        url = "http://127.0.0.1:8081/events?sort=rtt&order=down&find=a+b&rows=500"
        self.assertEqual(request.full_url, url)
        self.assertEqual(request.get_header("Authorization"), "Bearer t")

    def test_wide(self) -> None:
        """
        In a file the table is not cut.
        """
        columns = [
            {"key": f"k{number}", "label": f"A long heading {number}", "unit": ""}
            for number in range(16)
        ]
        state = {**STATE, "rows": []}
        self.answers = [Page().tell_(("columns", columns), ("state", state), ("state", state))]
        output = self.run_("--once")[1]
        for column in columns:
            self.assertIn(column["label"], output)

    def test_problems(self) -> None:
        """
        What goes wrong is said in a line, with status 1.
        """
        url = "http://127.0.0.1:8081/"
        for answer, text in (
            (URLError("refused"), "refused"),
            (HTTPError(url, 401, "no", {}, BytesIO(b"Add ?token=")), "Add ?token="),  # type: ignore[arg-type]
            (HTTPError(url, 502, "bad", {}, BytesIO(b"")), "502"),  # type: ignore[arg-type]
            (Page(b"event: state\ndata: {\n\n" * 2), "Expecting"),
            (Page(), "ended"),
        ):
            self.answers = [answer]
            status, output, errors = self.run_("--once")
            self.assertEqual((status, output), (1, ""))
            self.assertIn(text, errors)
            self.assertIn(url, errors)
            self.assertEqual(len(errors.splitlines()), 1)

    def test_noURL(self) -> None:
        """
        What is no URL is an error that says what is allowed.
        """
        status, _, errors = self.run_("file:///etc/passwd")
        self.assertEqual(status, 1)
        self.assertIn("http://", errors)
        self.assertEqual(self.asked, [])

    def test_goesOn(self) -> None:
        """
        Without --once it goes on, also when the program was away, until it is interrupted.
        """
        page = ("columns", COLUMNS), ("state", STATE)
        self.answers = [
            Page().tell_(*page),
            URLError("refused"),
            Page().tell_(*page),
            KeyboardInterrupt(),
        ]
        status, output, errors = self.run_()
        self.assertEqual((status, errors, len(self.asked)), (0, "", 4))
        self.assertIn("10.0.0.1:5", output)
        self.assertIn("refused", output)
