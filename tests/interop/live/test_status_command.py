"""
C{kcptwisted status} in a process of its own.
"""

from __future__ import annotations

import json
import os
from signal import SIGINT
from typing import Any
from urllib.request import urlopen

from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tests.programs import ProgramTestCase, freePort, reactor


class StatusTests(ProgramTestCase):
    """
    The page to try.
    """

    async def state(self, port: int) -> dict[str, Any]:
        """
        @return: what the page tells.
        """
        url = f"http://127.0.0.1:{port}/state?sort=peer"
        text = await deferToThread(lambda: urlopen(url, timeout=30).read())
        state: dict[str, Any] = json.loads(text)
        return state

    async def test_shows(self) -> None:
        """
        It shows both ends of all connections, which send, until it is interrupted.
        """
        port = freePort()
        program = self.start(
            *("-m", "kcptwisted", "status", "--sessions", "3"),
            *("--endpoint", f"tcp:{port}:interface=127.0.0.1"),
        )
        await program.printed(f"3 connections .* tcp:{port}:")
        for _ in range(100):
            state = await self.state(port)
            if state["live"] == 6 and all(each["in"] > 10_000 for each in state["ports"]):
                break
            await deferLater(reactor, 0.1)
        self.assertEqual(state["live"], 6)
        self.assertEqual({each["name"] for each in state["ports"]} & {"clients"}, {"clients"})
        os.kill(program.transport.pid, SIGINT)
        await program.ended()
        self.assertEqual(program.status, 0, program.output)

    async def test_wrong(self) -> None:
        """
        What is no endpoint ends it with a line.
        """
        program = self.start("-m", "kcptwisted", "status", "--endpoint", "nonsense:1")
        await program.printed("failed: ")
        await program.ended()
        self.assertEqual(program.status, 1)
        self.assertNotIn("Traceback", program.output)
