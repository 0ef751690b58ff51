"""
Relays with many connections, and with more than the system allows.
"""

from __future__ import annotations

import resource
import shlex
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.endpoints import clientFromString
from twisted.internet.task import deferLater

from tests.programs import Program, freePort
from tests.services.relay.programs import Caller, Callers, RelaysCase, freeTCPPort, reactor

MANY = 1000

#: File descriptors of a relay, and more connections than that.
DESCRIPTORS, TOO_MANY = 64, 100


class LoadCase(RelaysCase):
    """
    A TCP server behind a relay of KCP.
    """

    timeout = 240

    async def asSetUp(self) -> int:
        """
        @return: the KCP port.
        """
        self.servers, target = await self.serve()
        port = freePort()
        self.distant = await self.limited(
            4 * MANY,
            *("--from", f"kcp:{port}:interface=127.0.0.1:key=k"),
            *("--to", f"tcp:127.0.0.1:{target}", "--quiet"),
        )
        return port

    async def limited(self, descriptors: int, *options: str) -> Program:
        """
        @return: C{twistd kcp-relay} that may have so many descriptors, when it listens.
        """
        script = Path(self.mktemp()).absolute()
        script.write_text("from twisted.scripts.twistd import run\nrun()\n")
        command = [sys.executable, str(script), "-n", "--pidfile=", "kcp-relay", *options]
        program = self.spawn(
            "/bin/sh", ["-c", f"ulimit -n {descriptors}; exec {shlex.join(command)}"]
        )
        await program.printed("Listening at")
        return program

    async def connectMany(self, port: int, number: int) -> list[Caller]:
        """
        @return: those that are connected, at once.
        """
        callers = Callers()
        self.addCleanup(self._abort, callers)
        endpoint = clientFromString(reactor, f"tcp:127.0.0.1:{port}:timeout=60")
        await DeferredList([endpoint.connect(callers) for _ in range(number)], consumeErrors=True)
        return callers.made


class LoadTests(LoadCase):
    """
    Both.
    """

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 5 * MANY:
        skip = f"the system allows {hard} file descriptors only"

    async def test_many(self) -> None:
        """
        All of a thousand connections at once get their answers, and leave one line each.
        """
        resource.setrlimit(resource.RLIMIT_NOFILE, (5 * MANY, self.hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (self.soft, self.hard))
        kcp, near = await self.asSetUp(), freeTCPPort()
        program = await self.limited(
            4 * MANY,
            *("--from", f"tcp:{near}:interface=127.0.0.1:backlog={MANY}"),
            *("--to", f"kcp:127.0.0.1:{kcp}:key=k"),
        )
        clients = await self.connectMany(near, MANY)
        self.assertEqual(len(clients), MANY)
        for client in clients:
            client.transport.write(b"question")
            client.transport.loseWriteConnection()
        first = await self.servers.first()
        await first.until(lambda: first.received == 8)
        answered = 0
        while answered < MANY:
            # There are more of them with each turn of the reactor.
            await deferLater(reactor, 0, lambda: None)
            for server in self.servers.made[answered:]:
                await server.ended()
                self.assertEqual(server.received, 8)
                server.transport.write(b"answer")
                server.transport.loseConnection()
                answered += 1
        await gatherResults([client.ended() for client in clients])
        self.assertEqual({(client.received, client.sawEnd) for client in clients}, {(6, True)})
        self.kill(program, "TERM")
        await program.ended()
        lines = program.output.splitlines()
        self.assertEqual(len([line for line in lines if ": closed; 8 bytes" in line]), MANY)
        self.assertLess(len(lines), MANY + 20)
        self.assertIn(f": {MANY} connections, 0 refused, 0 without target", program.output)

    async def test_descriptors(self) -> None:
        """
        When there are no descriptors, connections are reset with a reason in the log, and those
        that are there go on; afterwards all is as before.
        """
        kcp, near = await self.asSetUp(), freeTCPPort()
        program = await self.limited(
            DESCRIPTORS,
            *("--from", f"tcp:{near}:interface=127.0.0.1"),
            *("--to", f"kcp:127.0.0.1:{kcp}:key=k"),
        )
        before = await self.connect(near)
        server = await self.servers.first()
        clients = await self.connectMany(near, TOO_MANY)
        await program.printed("Too many open files|EMFILE")
        before.transport.write(b"still")
        await server.until(lambda: server.received == 5)
        for client in clients:
            client.transport.abortConnection()
        await gatherResults([client.over() for client in clients])
        self.servers.made.clear()
        found = self.servers.first()
        while not found.called:
            # The first ones may come before all descriptors are free.
            another = await self.connect(near)
            either: list[Deferred[Any]] = [found, another.over()]
            await DeferredList(either, fireOnOneCallback=True)
        self.assertNotIn("Traceback", program.output)
