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
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError, fail, gatherResults, succeed
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

#: Seconds that a process may take to end when its input has.
PARTING = 10


class PeerFailed(Exception):
    """
    A process did not do what it was told; its own words.
    """


class Peer(ProcessProtocol):
    """
    One process.

    @ivar ended: whether it is gone.
    """

    transport: IProcessTransport

    def __init__(self, reactor: Any, role: str) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param role: what it does, for people.
        """
        self._reactor = reactor
        self._role = role
        self._buffer = b""
        self._errors = b""
        self._lines: deque[str] = deque()
        self._reading: Deferred[str] | None = None
        self._gone: list[Deferred[None]] = []
        self._status: int | None = None
        self.ended = False

    def read(self) -> Deferred[str]:
        """
        @return: fires with the next line that it prints; fails with L{PeerFailed} if it ends first.
        """
        if self._lines:
            return succeed(self._lines.popleft())
        if self.ended:
            return fail(self._failed())
        self._reading = Deferred()
        return self._reading

    async def readResult(self) -> dict[str, Any]:
        """
        @return: the next line, which is JSON.
        """
        found: dict[str, Any] = json.loads(await self.read())
        return found

    async def ask(self) -> dict[str, Any]:
        """
        @return: what a server has used so far.
        """
        # A process that is ending has no pipes any more, and read says why it ended.
        with suppress(KeyError):
            self.transport.writeToChild(0, b"\n")
        return await self.readResult()

    async def finish(self) -> None:
        """
        End its input, and wait until it has ended.

        @raise PeerFailed: if it does not, or says that something was wrong.
        """
        if not self.ended:
            self.transport.closeChildFD(0)
            try:
                await self.gone().addTimeout(PARTING, self._reactor)
            except TimeoutError:
                raise PeerFailed(f"{self._role}: did not end within {PARTING} s") from None
        if self._status != 0:
            raise self._failed()

    def kill(self) -> Deferred[None]:
        """
        End it at once.

        @return: fires when it is gone.
        """
        # It may be gone, with pipes that outlive it for a moment.
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")
        return self.gone()

    def gone(self) -> Deferred[None]:
        """
        @return: fires when it is gone.
        """
        if self.ended:
            return succeed(None)
        self._gone.append(Deferred())
        return self._gone[-1]

    def _failed(self) -> PeerFailed:
        words = self._errors.decode(errors="replace").strip().splitlines()
        ending = "by a signal" if self._status is None else f"with status {self._status}"
        said = words[-1] if words else f"ended {ending}"
        return PeerFailed(f"{self._role}: {said.removeprefix('peer: ')}")

    def outReceived(self, data: bytes) -> None:
        """
        Take what it prints.
        """
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        self._lines.extend(line.decode() for line in lines)
        if self._lines and self._reading is not None:
            reading, self._reading = self._reading, None
            reading.callback(self._lines.popleft())

    def errReceived(self, data: bytes) -> None:
        """
        Keep what it complains about.
        """
        self._errors += data

    def processEnded(self, reason: Failure) -> None:
        """
        It is gone.
        """
        self.ended = True
        self._status = getattr(reason.value, "exitCode", None)
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.errback(self._failed())
        waiting, self._gone = self._gone, []
        for one in waiting:
            one.callback(None)


class Peers:
    """
    Starts processes, none of which outlives its use.

    @ivar stopped: whether all were ended by L{stop}.
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
        A process for as long as the context lasts.

        @param role: "serve", or a client's.
        @param options: further ones of its command line.
        """
        peer = Peer(self._reactor, "server" if role == "serve" else role)
        command = [sys.executable, "-m", "kcptwisted.commands.bench.peer", role, endpoint]
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
        A server for as long as the context lasts.

        @param role: "echo" or "sink".
        @return: it, and its port.
        """
        async with self.running("serve", endpoint, role=role) as server:
            said = await server.read()
            yield server, int(said.rpartition(":")[2])

    def pause(self, seconds: float) -> Deferred[None]:
        """
        @return: fires after so long.
        """
        return deferLater(self._reactor, seconds)

    def stop(self) -> Deferred[list[None]]:
        """
        End all of them.

        @return: fires when they are gone.
        """
        self.stopped = True
        return gatherResults([peer.kill() for peer in self._started])
