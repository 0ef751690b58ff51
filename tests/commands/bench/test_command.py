"""
Tests for L{kcptwisted.commands.bench.command}; L{tests.interop.test_bench_command} runs it.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from unittest import SkipTest

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.__main__ import buildParser
from kcptwisted.commands.bench.command import Benchmark
from kcptwisted.commands.bench.runner import Stopped
from tests.commands.bench.spawning import FakeProcess, SpawningReactor
from tests.commands.bench.test_progress import Terminal


class BenchmarkTests(SynchronousTestCase):
    """
    Tests for L{Benchmark}, with processes of the tests'.
    """

    def setUp(self) -> None:
        """
        Make a reactor.
        """
        self.reactor = SpawningReactor()
        self.reactor.prepare = self.reactor.behave
        self.errors = StringIO()

    def benchmark(self, *arguments: str) -> Benchmark:
        """
        @return: what the command line asks for.
        """
        return Benchmark(self.reactor, buildParser().parse_args(["bench", *arguments]))

    def run_(self, *arguments: str) -> tuple[bool, str]:
        """
        @return: whether all went well, and what is printed.
        """
        output = StringIO()
        running = Deferred.fromCoroutine(self.benchmark(*arguments).run(output, self.errors))
        self.reactor.advance(10)
        return self.successResultOf(running), output.getvalue()

    def test_table(self) -> None:
        """
        Unless told otherwise all scenarios are measured, and a table says how and with what.
        """
        right, output = self.run_("--options", "key=secret:mode=fast2")
        self.assertTrue(right)
        self.assertRegex(output, r"(?m)^Twisted: +\d")
        self.assertRegex(output, r"(?m)^options: +key=\.\.\.:mode=fast2\n")
        self.assertRegex(output, r"(?m)^one way, 200 MB +rate +500 +500 +500  MB/s$")
        self.assertRegex(output, r"(?m)^1000 idle sessions +CPU of the server +5\.00 ")
        self.assertEqual(self.errors.getvalue(), "")
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        roles = [process.role for process in self.reactor.processes if process.role != "serve"]
        self.assertEqual(roles, ["sink"] * 3 + ["echo"] * 3 + ["pingpong"] * 6 + ["idle"])

    def test_json(self) -> None:
        """
        With --json there is nothing but JSON, with what was asked for.
        """
        right, output = self.run_("pingpong", "echo", "--json", "--rounds=2", "--options=key=k")
        self.assertTrue(right)
        found = json.loads(output)
        self.assertEqual(
            found["settings"],
            {"options": "key=...", "megabytes": 200, "sessions": 1000, "seconds": 10, "rounds": 2},
        )
        self.assertEqual(list(found["scenarios"]), ["echo", "pingpong"])
        self.assertEqual(len(found["scenarios"]["echo"]["figures"]["rate"]["rounds"]), 2)

    def test_failed(self) -> None:
        """
        A scenario that fails is told, and so is the failure as such.
        """

        def prepare(process: FakeProcess) -> None:
            if process.role == "echo":
                process.end(1, "peer: ConnectionLost: gone\n")
            else:
                self.reactor.behave(process)

        self.reactor.prepare = prepare
        right, output = self.run_("oneway", "echo")
        self.assertFalse(right)
        self.assertIn("echo, 200 MB FAILED: echo: ConnectionLost: gone", output)
        self.assertIn("one way, 200 MB", output)

    def test_refused(self) -> None:
        """
        What cannot be done is an error before any process is started.
        """
        for arguments, expected in (
            (("dance",), "scenario must be one of"),
            (("--options", "mode=warp"), "mode must be one of"),
            (("--plot", "/no/where.png"), "--plot"),
            (("many", "--sessions", "1000000000"), "need a socket each"),
        ):
            error = self.assertRaises(ValueError, self.benchmark, *arguments)
            self.assertIn(expected, str(error))
        self.assertEqual(self.reactor.processes, [])

    def test_fewSockets(self) -> None:
        """
        How many sessions there might be does not matter where there is one.
        """
        right, _ = self.run_("echo", "--sessions", "1000000000")
        self.assertTrue(right)

    def test_plot(self) -> None:
        """
        A picture that cannot be written does not cost the table.
        """
        if find_spec("matplotlib") is None:
            raise SkipTest("matplotlib is not installed")
        path = f"{self.mktemp()}.png"
        self.assertTrue(self.run_("echo", "--plot", path)[0])
        self.assertTrue(Path(path).exists())
        os.remove(path)
        os.mkdir(path)
        right, output = self.run_("echo", "--plot", path)
        self.assertFalse(right)
        self.assertIn("echo, 200 MB", output)
        self.assertRegex(self.errors.getvalue(), r"^kcptwisted bench: --plot: .*directory")

    def test_progress(self) -> None:
        """
        On a terminal there is a bar, which is gone in the end.
        """
        self.errors = Terminal()
        self.run_("echo", "idle", "--rounds=1")
        shown = self.errors.getvalue()
        self.assertIn("1/2   0 s  1000 idle sessions", shown)
        self.assertIn("1/2  10 s  1000 idle sessions", shown)
        self.assertTrue(shown.endswith(" \r"))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stop(self) -> None:
        """
        To stop it ends its processes.
        """
        benchmark = self.benchmark("idle")
        running = Deferred.fromCoroutine(benchmark.run(StringIO(), self.errors))
        self.reactor.advance(1)
        self.successResultOf(benchmark.stop())
        self.assertEqual([process.signals for process in self.reactor.processes], [["KILL"]] * 2)
        self.reactor.advance(10)
        self.failureResultOf(running, Stopped)


class ArgumentTests(SynchronousTestCase):
    """
    Tests for L{kcptwisted.commands.bench.arguments}.
    """

    def refuse(self, *arguments: str) -> str:
        """
        @return: what is said of a wrong command line.
        """
        errors = StringIO()
        self.patch(sys, "stderr", errors)
        exiting = self.assertRaises(SystemExit, buildParser().parse_args, ["bench", *arguments])
        self.assertEqual(exiting.code, 2)
        return errors.getvalue()

    def test_numbers(self) -> None:
        """
        Numbers must be numbers, and more than 0.
        """
        for name in ("megabytes", "sessions", "seconds", "rounds"):
            self.assertIn(f"--{name}: must be more than 0, not -1", self.refuse(f"--{name}=-1"))
            self.assertIn("value: 'many'", self.refuse(f"--{name}=many"))
        self.assertIn("must be more than 0, not nan", self.refuse("--seconds=nan"))
        self.assertIn("invalid int value: '1.5'", self.refuse("--rounds=1.5"))
