"""
Runs C{gopeer} as a child process of the test.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from functools import cache
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from tests.interop.gopeer import BuildError, buildGoPeer

#: Set to "required", a peer that is missing makes the tests fail instead of being skipped.
VARIABLE = "KCPTWISTED_INTEROP"

#: What a client tells at the end.
Result = dict[str, Any]


class PeerFailed(Exception):
    """
    The peer ended with an error, or too early.
    """


def skipReason(missing: str | None) -> str | None:
    """
    @param missing: why the peer cannot be had, or None.
    @return: why to skip, or None.
    """
    return None if os.environ.get(VARIABLE) == "required" else missing


@cache
def _buildOnce() -> str | BuildError:
    # A failure is remembered as well: a build that failed would be slow to fail again.
    try:
        return buildGoPeer()
    except BuildError as problem:
        return problem


def goPeerBinary() -> str:
    """
    @return: the path of the program.
    @raise BuildError: if it cannot be built.
    """
    built = _buildOnce()
    if isinstance(built, BuildError):
        raise built
    return built


class _GoPeer(ProcessProtocol):
    """
    One run of the program.

    @ivar ended: fires when the process is gone.
    @ivar succeeded: whether it then said that all was right.
    @ivar errors: what it said on standard error.
    """

    def __init__(self, arguments: list[str]) -> None:
        """
        @param arguments: of the program.
        """
        self._arguments = arguments
        self._output = b""
        self._alive = True
        self.succeeded = False
        self.errors = b""
        self.ended: Deferred[None] = Deferred()

    def start(self, reactor: Any, binary: str) -> None:
        """
        Start the process.
        """
        reactor.spawnProcess(self, binary, ["gopeer", *self._arguments], env=dict(os.environ))

    def outReceived(self, data: bytes) -> None:
        """
        Gather lines.
        """
        self._output += data
        while b"\n" in self._output:
            line, self._output = self._output.split(b"\n", 1)
            self.lineReceived(line.decode())

    def errReceived(self, data: bytes) -> None:
        """
        Keep.
        """
        self.errors += data

    def lineReceived(self, line: str) -> None:
        """
        Subclasses know what the program says.
        """
        raise NotImplementedError

    def processEnded(self, reason: Failure) -> None:
        """
        The process is gone.
        """
        self._alive = False
        self.succeeded = reason.check(ProcessDone) is not None
        self.ended.callback(None)

    def failure(self) -> PeerFailed:
        """
        @return: what to tell about a run that failed.
        """
        return PeerFailed(f"gopeer {' '.join(self._arguments)}: {self.errors.decode().strip()}")

    @property
    def counters(self) -> dict[str, int]:
        """
        kcp-go's counters, once the process that was started with C{-snmp} has ended.
        """
        found: dict[str, int] = json.loads(self.errors.splitlines()[-1])
        return found

    def kill(self) -> Deferred[None]:
        """
        @return: L{ended}.
        """
        if self._alive and self.transport is not None:
            # If it has just exited, processEnded is about to be called.
            with suppress(ProcessExitedAlready):
                self.transport.signalProcess("KILL")
        return self.ended


class GoServer(_GoPeer):
    """
    A server.

    @ivar port: fires with its UDP port.
    """

    def __init__(self, role: str, *flags: str) -> None:
        """
        @param role: echo, sink or source.
        """
        super().__init__(["-listen", "127.0.0.1:0", "-role", role, "-stdin", *flags])
        self.port: Deferred[int] = Deferred()

    def lineReceived(self, line: str) -> None:
        """
        The first line names the port.
        """
        if line.startswith("listening "):
            self.port.callback(int(line.rsplit(":", 1)[1]))

    def processEnded(self, reason: Failure) -> None:
        """
        It should have told its port by now.
        """
        super().processEnded(reason)
        if not self.port.called:
            self.port.errback(self.failure())

    def stop(self) -> Deferred[None]:
        """
        End the server.

        @return: L{ended}.
        """
        if self._alive and self.transport is not None:
            self.transport.closeStdin()
        return self.ended


class GoClient(_GoPeer):
    """
    A client.

    @ivar result: fires with what it tells at the end, fails if something was wrong.
    """

    def __init__(self, role: str, port: int, *flags: str) -> None:
        """
        @param role: echo, sink or source.
        @param port: the server's.
        """
        super().__init__(["-dial", f"127.0.0.1:{port}", "-role", role, *flags])
        self.result: Deferred[Result] = Deferred()
        self._found: Result = {}

    def lineReceived(self, line: str) -> None:
        """
        The only line is the result.
        """
        self._found = json.loads(line)

    def processEnded(self, reason: Failure) -> None:
        """
        Tell how it went.
        """
        super().processEnded(reason)
        if self.succeeded:
            self.result.callback(self._found)
        else:
            self.result.errback(self.failure())
