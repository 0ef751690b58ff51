"""
Clients of programs with workers.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL
from typing import Any, NamedTuple, cast

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import connectProtocol
from twisted.internet.protocol import connectionDone
from twisted.internet.task import deferLater
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from kcptwisted.endpoints import KCPClientEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.session import KCPTransport
from tests.programs import PATIENCE, Program, ProgramTestCase

reactor: Any = installed

OPTIONS = KCPOptions(key="sesame", keepAlive=0.5, deadAfter=20, environ={})

#: Connections that are made at most to reach a certain worker of two.
ATTEMPTS = 60

#: Seconds between two looks.
PAUSE = 0.05


class Who(NamedTuple):
    """
    Whom a client has reached.

    @ivar endpoint: the number of the program's endpoint.
    @ivar worker: the number of the worker.
    @ivar pid: of its process.
    """

    endpoint: int
    worker: int | None
    pid: int


class Asker(LineOnlyReceiver):
    """
    A client.

    @ivar lost: fires with the reason when the connection is over.
    """

    delimiter = b"\n"

    def __init__(self) -> None:
        self.lost: Deferred[BaseException | None] = Deferred()
        self._answers: list[Deferred[bytes]] = []

    @property
    def session(self) -> KCPTransport:
        """
        The transport, by its type.
        """
        return cast(KCPTransport, self.transport)

    def ask(self, line: bytes) -> Deferred[bytes]:
        """
        @return: fires with the answer.
        """
        answer: Deferred[bytes] = Deferred()
        self._answers.append(answer)
        self.sendLine(line)
        return answer.addTimeout(PATIENCE, reactor)

    async def who(self) -> Who:
        """
        @return: whom it has reached.
        """
        return Who(*json.loads(await self.ask(b"who")))

    async def stats(self) -> dict[str, int]:
        """
        @return: the counters of its worker's port.
        """
        found: dict[str, int] = json.loads(await self.ask(b"stats"))
        return found

    def lineReceived(self, line: bytes) -> None:
        """
        An answer.
        """
        self._answers.pop(0).callback(line)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell all who wait.
        """
        for answer in self._answers:
            answer.errback(reason)
        self._answers.clear()
        self.lost.callback(reason.value)


class WorkersCase(ProgramTestCase):
    """
    Runs a program with workers, and connects to it.
    """

    timeout = 100

    async def program(self, *endpoints: str) -> tuple[Program, list[int]]:
        """
        @return: a running L{tests.workers.program}, and its ports.
        """
        program = self.start("-m", "tests.workers.program", *endpoints)
        ports = []
        for index in range(len(endpoints)):
            match = await program.printed(rf"(?m)^endpoint {index} on port (\d+)$")
            ports.append(int(match[1]))
        return program, ports

    def twistd(self, *arguments: str) -> Program:
        """
        Run twistd, as from a shell.
        """
        script = Path(self.mktemp())
        script.mkdir()
        script = (script / "twistd").absolute()
        script.write_text("from twisted.scripts.twistd import run\nrun()\n")
        return self.start(str(script), *arguments)

    async def connect(self, port: int, options: KCPOptions = OPTIONS) -> Asker:
        """
        @return: a client that is connected.
        """
        asker = Asker()
        await connectProtocol(KCPClientEndpoint(reactor, "127.0.0.1", port, options), asker)
        self.addCleanup(asker.session.abortConnection)
        return asker

    async def reach(self, port: int, *wanted: int) -> list[tuple[Asker, Who]]:
        """
        Connect until certain workers have been reached.

        @param wanted: their numbers, once for each connection.
        @return: the connections, in that order.
        """
        found: dict[int, list[tuple[Asker, Who]]] = {}
        for _ in range(ATTEMPTS):
            asker = await self.connect(port)
            who = await asker.who()
            assert who.worker is not None
            found.setdefault(who.worker, []).append((asker, who))
            if all(len(found.get(number, [])) >= wanted.count(number) for number in wanted):
                return [found[number].pop(0) for number in wanted]
        raise AssertionError(f"not reached: {wanted}")

    def kill(self, pid: int) -> None:
        """
        End a process without a word.

        @param pid: of a worker.
        """
        os.kill(pid, SIGKILL)

    def killIfAlive(self, pid: int) -> None:
        """
        The same, for one that should have ended.
        """
        with suppress(ProcessLookupError):
            os.kill(pid, SIGKILL)

    async def eventually(self, condition: Callable[[], bool]) -> None:
        """
        Assert that something becomes true in reasonable time.
        """
        for _ in range(int(PATIENCE / PAUSE)):
            if condition():
                return
            await deferLater(reactor, PAUSE)
        raise AssertionError("not within reasonable time")

    async def assertFree(self, port: int) -> None:
        """
        Assert that a UDP port becomes free: no process has it open.
        """
        await self.eventually(lambda: isFree(port))


def isFree(port: int) -> bool:
    """
    Whether no process has a UDP port open.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def isLinux() -> bool:
    """
    Whether there can be workers.
    """
    return sys.platform.startswith("linux")
