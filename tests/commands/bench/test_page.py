"""
What docs/bench.md says about the code.
"""

from __future__ import annotations

import argparse
import re

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.bench.arguments import addArguments
from kcptwisted.commands.bench.peer import buildParser
from kcptwisted.commands.bench.scenarios import MANY_MESSAGES, SCENARIOS, SINGLE_MESSAGES
from tests.test_docs import DOCS, rows, section

PAGE = DOCS / "bench.md"


class PageTests(SynchronousTestCase):
    """
    Its tables are complete.
    """

    def test_scenarios(self) -> None:
        """
        Each scenario has a row, with as many messages as it sends.
        """
        table = {row[0]: row[1] for row in rows(section(PAGE, "Measuring"))}
        self.assertEqual([name for name in table if name in SCENARIOS], list(SCENARIOS))
        self.assertIn(f"{SINGLE_MESSAGES} messages", table["pingpong"])
        self.assertIn(f"{MANY_MESSAGES} messages each", table["many"])

    def test_arguments(self) -> None:
        """
        Each argument of the command has a row with its default.
        """
        parser = argparse.ArgumentParser(add_help=False)
        addArguments(parser)
        expected = [
            [action.option_strings[0], str(action.default or "")]
            for action in parser._actions
            if action.option_strings
        ]
        found = [
            [row[0].partition(" ")[0].strip("`"), row[1]]
            for row in rows(section(PAGE, "Measuring"))
            if re.match(r"--\w", row[0])
        ]
        self.assertEqual(found, expected)

    def test_roles(self) -> None:
        """
        Each role of a client has a row, with the arguments that it alone takes.
        """
        table = {row[0]: row[1] for row in rows(section(PAGE, "The peer"))[2:]}
        for role, text in table.items():
            given = vars(buildParser().parse_args([role, "tcp:a:1"]))
            own = {"bytes", "size", "count", "rate", "seconds"} & set(given)
            if role == "paced":
                # It is said to be as of the row above.
                own.discard("size")
            self.assertEqual(set(re.findall(r"--(\w+)", text)), own, role)
        for role in ("echo", "sink", "pingpong", "paced", "idle", "connects"):
            self.assertIn(role, table)
