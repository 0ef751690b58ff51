"""
Running programs, for the tests.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installedReactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"

#: Seconds for one program's next line or end.
PATIENCE = 30

reactor: Any = installedReactor


class Program(ProcessProtocol):
    """
    A running program.

    @ivar output: what it has printed, warnings and errors included.
    @ivar status: its exit status; None while it runs, or if a signal ended it.
    """

    transport: IProcessTransport

    def __init__(self) -> None:
        self.output = ""
        self.status: int | None = None
        self._ended = False
        self._awaited: list[tuple[re.Pattern[str], Deferred[re.Match[str]]]] = []
        self._ends: list[Deferred[None]] = []

    def write(self, text: str) -> None:
        """
        Give it input.
        """
        self.transport.writeToChild(0, text.encode())

    def closeInput(self) -> None:
        """
        End its input.
        """
        self.transport.closeChildFD(0)

    def printed(self, pattern: str) -> Deferred[re.Match[str]]:
        """
        @return: fires with the first match of C{pattern} in the output, or fails when the program
            ends without one.
        """
        found: Deferred[re.Match[str]] = Deferred()
        found.addTimeout(PATIENCE, reactor, self._tooLate(f"{pattern!r} was not printed"))
        self._awaited.append((re.compile(pattern), found))
        self._look()
        return found

    def ended(self) -> Deferred[None]:
        """
        @return: fires when the program has ended.
        """
        if self._ended:
            return succeed(None)
        end: Deferred[None] = Deferred()
        end.addTimeout(PATIENCE, reactor, self._tooLate("the program did not end"))
        self._ends.append(end)
        return end

    def stop(self) -> Deferred[None]:
        """
        Kill it if it still runs.

        @return: fires when it is gone.
        """
        if not self._ended:
            self.transport.signalProcess("KILL")
        return self.ended()

    def _tooLate(self, what: str) -> Any:
        def complain(result: object, seconds: float) -> None:
            raise AssertionError(f"{what} within {seconds:g} s: {self.output}")

        return complain

    def _look(self) -> None:
        for item in list(self._awaited):
            pattern, found = item
            match = pattern.search(self.output)
            if match is not None:
                self._awaited.remove(item)
                found.callback(match)

    def outReceived(self, data: bytes) -> None:
        """
        Note what it prints.
        """
        self.output += data.decode()
        self._look()

    errReceived = outReceived

    def processEnded(self, reason: Failure) -> None:
        """
        Tell all who wait.
        """
        self._ended = True
        self.status = getattr(reason.value, "exitCode", None)
        for pattern, found in self._awaited:
            problem = AssertionError(f"{pattern.pattern!r} was never printed: {self.output}")
            found.errback(problem)
        self._awaited.clear()
        ends, self._ends = self._ends, []
        for end in ends:
            end.callback(None)


class ProgramTestCase(TestCase):
    """
    Starts programs that do not outlive the test.
    """

    timeout = 120

    def start(self, *arguments: str) -> Program:
        """
        @param arguments: of the Python interpreter.
        """
        return self.spawn(sys.executable, arguments)

    def spawn(
        self, executable: str, arguments: Sequence[str], descriptors: Mapping[int, int] = {}
    ) -> Program:
        """
        @param descriptors: of this process, by what they are in the program.
        """
        program = Program()
        directory = self.mktemp()
        os.mkdir(directory)
        path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path),
            "PYTHONUTF8": "1",
            "PYTHONUNBUFFERED": "1",
        }
        reactor.spawnProcess(
            program,
            executable,
            [executable, *arguments],
            environment,
            directory,
            childFDs={0: "w", 1: "r", 2: "r", **descriptors},
        )
        self.addCleanup(program.stop)
        return program

    def startExample(self, name: str, *arguments: str) -> Program:
        """
        @param name: of a file in examples/.
        """
        return self.start(str(EXAMPLES / name), *arguments)

    async def startServer(self, name: str, *arguments: str) -> tuple[Program, int]:
        """
        @return: the program, and the port it printed.
        """
        program = self.startExample(name, *arguments)
        match = await program.printed(r"listening on port (\d+)\n")
        return program, int(match[1])


def freePort() -> int:
    """
    @return: a UDP port of the loopback interface where nothing listens.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
