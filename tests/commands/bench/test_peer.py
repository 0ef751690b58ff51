"""
Tests for L{kcptwisted.commands.bench.peer}; L{tests.interop.test_bench_peer} runs it.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.bench.peer import buildParser
from kcptwisted.commands.bench.roles import Job


class ParserTests(SynchronousTestCase):
    """
    Tests for L{buildParser}.
    """

    def test_defaults(self) -> None:
        """
        What is not given is as L{Job} has it.
        """
        for role in ("echo", "sink", "pingpong", "paced", "idle", "connects"):
            given = vars(buildParser().parse_args([role, "tcp:host:1"]))
            self.assertEqual((given.pop("endpoint"), given.pop("timeout")), ("tcp:host:1", 600))
            self.assertFalse(given.pop("ready", False))
            self.assertIsNone(given.pop("server"))
            self.assertEqual(Job(**given), Job(role))

    def test_given(self) -> None:
        """
        Each number has its place.
        """
        line = "paced tcp:host:1 --sessions 2 --size 3 --rate 4.5 --seconds 6.5 --seed 7"
        given = vars(buildParser().parse_args(line.split()))
        del given["endpoint"], given["timeout"], given["ready"], given["server"]
        self.assertEqual(
            Job(**given), Job("paced", sessions=2, size=3, rate=4.5, seconds=6.5, seed=7)
        )
