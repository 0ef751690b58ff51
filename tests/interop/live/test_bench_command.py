"""
C{kcptwisted bench} with processes of its own.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.internet.task import deferLater

from kcptwisted.commands.bench.scenarios import SCENARIOS
from tests.programs import PATIENCE, Program, ProgramTestCase, reactor


class CommandTests(ProgramTestCase):
    """
    C{python -m kcptwisted bench}, in a process of its own that starts others.
    """

    def bench(self, *arguments: str) -> Program:
        """
        @return: one that runs.
        """
        return self.start("-m", "kcptwisted", "bench", *arguments)

    async def test_all(self) -> None:
        """
        Small runs of all scenarios, with FEC and a cipher, give figures that can be.
        """
        options = "key=k:mode=fast3:dataShards=10:parityShards=3"
        program = self.bench(
            "--megabytes=1",
            "--sessions=10",
            "--seconds=0.1",
            "--rounds=1",
            "--json",
            "--options",
            options,
        )
        await program.ended()
        self.assertEqual(program.status, 0, program.output)
        found = json.loads(program.output)
        self.assertEqual(set(found), {"machine", "settings", "scenarios"})
        self.assertEqual(list(found["scenarios"]), list(SCENARIOS))
        for name, scenario in found["scenarios"].items():
            self.assertIsNone(scenario["failed"])
            keys = {metric.key for metric in SCENARIOS[name].metrics}
            self.assertEqual(set(scenario["figures"]), keys)
            for figure in scenario["figures"].values():
                (value,) = figure["rounds"]
                self.assertEqual(value, figure["median"])
                self.assertGreaterEqual(value, 0)
        self.assertGreater(found["scenarios"]["oneway"]["figures"]["rate"]["median"], 0)
        pingpong = found["scenarios"]["pingpong"]["figures"]
        self.assertLessEqual(pingpong["p50"]["median"], pingpong["p99"]["median"])

    async def test_interrupted(self) -> None:
        """
        Ctrl-C ends it and its processes, and nothing more is printed.
        """
        program = self.bench("idle", "--sessions=3", "--seconds=60")
        children = await self.children(program, 2)
        program.transport.signalProcess("INT")
        await program.ended()
        self.assertEqual((program.status, program.output), (130, ""))
        self.assertEqual([child for child in children if alive(child)], [])

    async def test_killed(self) -> None:
        """
        If it is killed, and can end nothing, its processes notice and end themselves.
        """
        program = self.bench("idle", "--sessions=3", "--seconds=60")
        children = await self.children(program, 2)
        await program.stop()
        while any(map(alive, children)):
            await deferLater(reactor, 0.05)

    # What it waits for takes a second, or forever.
    test_killed.timeout = PATIENCE  # type: ignore[attr-defined]

    async def test_nobodyReads(self) -> None:
        """
        It ends, and not with status 0, if neither its results nor its errors can be printed.
        """
        program = self.bench("idle", "--sessions=1", "--seconds=0.1")
        for descriptor in (1, 2):
            program.transport.closeChildFD(descriptor)
        await program.ended()
        self.assertNotEqual(program.status, 0)

    async def children(self, program: Program, count: int) -> list[int]:
        """
        @return: the process ids of its children, when there are so many.
        """
        pid: Any = program.transport.pid
        path = Path(f"/proc/{pid}/task/{pid}/children")
        if not path.exists():
            raise SkipTest("this system does not tell a process's children")
        while len(found := path.read_text().split()) < count:
            await deferLater(reactor, 0.05)
        return [int(child) for child in found]

    async def test_wrong(self) -> None:
        """
        A wrong command line is one line, and exit status 2.
        """
        program = self.bench("--options", "mode=warp")
        await program.ended()
        self.assertEqual(program.status, 2)
        self.assertTrue(re.fullmatch(r"kcptwisted bench: mode must be .*\n", program.output))

    async def test_failed(self) -> None:
        """
        When a scenario fails the exit status is 1, and the reason is said.
        """
        program = self.bench("many", "--sessions=2", "--options", "key=k:maxSessions=1:timeout=0.5")
        await program.ended()
        self.assertEqual(program.status, 1)
        self.assertIn("ping-pong, 2 sessions FAILED: pingpong: TimeoutError", program.output)
        self.assertNotIn("Traceback", program.output)


def alive(pid: int) -> bool:
    """
    @return: whether there is such a process, that is not only waiting to be asked for its status.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
