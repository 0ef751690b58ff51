"""
The processes of a measurement: each runs L{kcptwisted.commands.bench.peer}.
"""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError, fail, gatherResults, succeed
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

import kcptwisted

# What a peer's process runs.  With C{-m} it would take the sources of the current directory, such
# as those of a clone, for this package, and measure those.
_RUN_PEER = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1));"
    " runpy.run_module('kcptwisted.commands.bench.peer', run_name='__main__', alter_sys=True)"
)
_PLACE = str(Path(kcptwisted.__file__).resolve().parent.parent)

#: Seconds that a process may take to end after the end of its input.
EXIT_TIMEOUT = 10


class PeerFailed(Exception):
    """
    A process has failed.  The message is what it printed.
    """


class Peer(ProcessProtocol):
    """
    One process.

    @ivar ended: True if the process has ended.
    """

    transport: IProcessTransport

    def __init__(self, reactor: Any, role: str) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param role: what the process does, for people.
        """
        self._reactor = reactor
        self._role = role
        self._buffer = b""
        self._errors = b""
        self._lines: deque[str] = deque()
        self._reading: Deferred[str] | None = None
        self._whenEnded: list[Deferred[None]] = []
        self._status: int | None = None
        self.ended = False

    def read(self) -> Deferred[str]:
        """
        Reads a line.

        @return: fires with the next line that the process prints; fails with L{PeerFailed} if the
            process ends first.
        """
        if self._lines:
            return succeed(self._lines.popleft())
        if self.ended:
            return fail(self._failed())
        self._reading = Deferred()
        return self._reading

    async def readResult(self) -> dict[str, Any]:
        """
        Reads a line of JSON, and returns its value.
        """
        found: dict[str, Any] = json.loads(await self.read())
        return found

    async def ask(self) -> dict[str, Any]:
        """
        Asks a server what it has used so far, and returns its answer.
        """
        # A process that is ending has closed its pipes, and readResult says why it ended.
        with suppress(KeyError):
            self.transport.writeToChild(0, b"\n")
        return await self.readResult()

    async def finish(self) -> None:
        """
        Closes the input of the process, and waits for its end.

        @raise PeerFailed: if the process does not end in time, or ends with an error.
        """
        if not self.ended:
            self.transport.closeChildFD(0)
            try:
                await self.whenEnded().addTimeout(EXIT_TIMEOUT, self._reactor)
            except TimeoutError:
                raise PeerFailed(f"{self._role}: did not end within {EXIT_TIMEOUT} s") from None
        if self._status != 0:
            raise self._failed()

    def kill(self) -> Deferred[None]:
        """
        Kills the process.

        @return: fires when it has ended.
        """
        # It may have ended, with pipes that are open for a moment longer.
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")
        return self.whenEnded()

    def whenEnded(self) -> Deferred[None]:
        """
        Returns a Deferred that fires when the process has ended.
        """
        if self.ended:
            return succeed(None)
        self._whenEnded.append(Deferred())
        return self._whenEnded[-1]

    def _failed(self) -> PeerFailed:
        words = self._errors.decode(errors="replace").strip().splitlines()
        ending = "by a signal" if self._status is None else f"with status {self._status}"
        said = words[-1] if words else f"ended {ending}"
        return PeerFailed(f"{self._role}: {said.removeprefix('peer: ')}")

    def outReceived(self, data: bytes) -> None:
        """
        Takes what the process prints.
        """
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        self._lines.extend(line.decode() for line in lines)
        if self._lines and self._reading is not None:
            reading, self._reading = self._reading, None
            reading.callback(self._lines.popleft())

    def errReceived(self, data: bytes) -> None:
        """
        Keeps what the process prints to standard error.
        """
        self._errors += data

    def processEnded(self, reason: Failure) -> None:
        """
        Takes note of the process' end.
        """
        self.ended = True
        self._status = getattr(reason.value, "exitCode", None)
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.errback(self._failed())
        waiting, self._whenEnded = self._whenEnded, []
        for one in waiting:
            one.callback(None)


class Peers:
    """
    Starts processes, and ends each after its use.

    @ivar stopped: True if L{stop} was called.
    """

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorProcess} and
            L{twisted.internet.interfaces.IReactorTime}.
        """
        self._reactor = reactor
        self._started: list[Peer] = []
        self.stopped = False

    @asynccontextmanager
    async def running(self, role: str, endpoint: str, /, **options: object) -> AsyncIterator[Peer]:
        """
        Runs a process while the context lasts.

        @param role: "serve" or the role of a client.
        @param endpoint: its endpoint string.
        @param options: further options of its command line.
        """
        peer = Peer(self._reactor, "server" if role == "serve" else role)
        command = [sys.executable, "-c", _RUN_PEER, _PLACE, role, endpoint]
        command += [f"--{name}={value}" for name, value in options.items()]
        self._reactor.spawnProcess(peer, sys.executable, command, dict(os.environ))
        self._started.append(peer)
        try:
            yield peer
            await peer.finish()
        finally:
            if not peer.ended:
                await peer.kill()

    @asynccontextmanager
    async def serving(self, role: str, endpoint: str) -> AsyncIterator[tuple[Peer, int]]:
        """
        Runs a server while the context lasts.

        @param role: "echo" or "sink".
        @param endpoint: its endpoint string.
        @return: the server, and its port.
        """
        async with self.running("serve", endpoint, role=role) as server:
            said = await server.read()
            yield server, int(said.rpartition(":")[2])

    def pause(self, seconds: float) -> Deferred[None]:
        """
        Returns a Deferred that fires after so many seconds.
        """
        return deferLater(self._reactor, seconds)

    def stop(self) -> Deferred[list[None]]:
        """
        Kills all processes.

        @return: fires when all have ended.
        """
        self.stopped = True
        return gatherResults([peer.kill() for peer in self._started])
