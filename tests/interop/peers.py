"""
Runs C{gopeer}, and L{tests.interop.ours}, as child processes of the test.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, Signals
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest

from tests.interop.gopeer import BuildError, buildGoPeer

#: Set to "required", a peer that is missing makes the tests fail instead of being skipped.
VARIABLE = "KCPTWISTED_INTEROP"

#: What a client tells at the end, or on the way.
Result = dict[str, Any]

ROOT = str(Path(__file__).resolve().parents[2])


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


def goPeerBinary() -> str:
    """
    @return: the path of the program.
    @raise SkipTest: if it cannot be built; L{BuildError} where that is required.
    """
    try:
        return buildGoPeer()
    except BuildError as problem:
        missing = skipReason(str(problem))
        if missing is None:
            raise
        raise SkipTest(missing) from None


class _Peer(ProcessProtocol):
    """
    One run of a program that tells what happens line by line.

    @ivar ended: fires when the process is gone.
    @ivar succeeded: whether it then said that all was right.
    @ivar killed: whether L{kill} was what ended it, or tried to.
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
        self.killed = False
        self.errors = b""
        self.ended: Deferred[None] = Deferred()

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
        return PeerFailed(f"{' '.join(self._arguments)}: {self.errors.decode().strip()}")

    def kill(self) -> Deferred[None]:
        """
        @return: L{ended}.
        """
        self.killed = True
        self.signal(SIGKILL)
        return self.ended

    def signal(self, number: Signals) -> None:
        """
        Send a signal.
        """
        if self._alive and self.transport is not None:
            # If it has just exited, processEnded is about to be called.
            with suppress(ProcessExitedAlready):
                self.transport.signalProcess(number)

    def stop(self) -> Deferred[None]:
        """
        End the input of the process, which should end it.

        @return: L{ended}.
        """
        if self._alive and self.transport is not None:
            self.transport.closeStdin()
        return self.ended


class _GoPeer(_Peer):
    """
    One run of C{gopeer}.
    """

    def start(self, reactor: Any, binary: str) -> None:
        """
        Start the process.
        """
        reactor.spawnProcess(self, binary, ["gopeer", *self._arguments], env=dict(os.environ))

    @property
    def counters(self) -> dict[str, int]:
        """
        kcp-go's counters, once the process that was started with C{-snmp} has ended.
        """
        found: dict[str, int] = json.loads(self.errors.splitlines()[-1])
        return found


class _Narrator(_Peer):
    """
    Tells each event as a line of JSON.

    @ivar told: the events so far.
    """

    def __init__(self, arguments: list[str]) -> None:
        """
        @param arguments: of the program.
        """
        super().__init__(arguments)
        self.told: list[Result] = []
        self._awaited: list[tuple[Result, Deferred[Result]]] = []

    def tells(self, **items: object) -> Deferred[Result]:
        """
        @param items: of the event that is awaited.
        @return: fires with the first such event, which may have been told already; fails when the
            process ends without.
        """
        awaited: Deferred[Result] = Deferred()
        self._awaited.append((items, awaited))
        self._look()
        return awaited

    def _look(self) -> None:
        waiting, self._awaited = self._awaited, []
        for items, awaited in waiting:
            found = next((event for event in self.told if items.items() <= event.items()), None)
            if found is not None:
                awaited.callback(found)
            elif self._alive:
                self._awaited.append((items, awaited))
            else:
                awaited.errback(self.failure())

    def lineReceived(self, line: str) -> None:
        """
        Each is an event.
        """
        self.told.append(json.loads(line))
        self._look()

    def processEnded(self, reason: Failure) -> None:
        """
        No more is to come.
        """
        super().processEnded(reason)
        self._look()


class GoServer(_GoPeer):
    """
    A server.

    @ivar port: fires with its UDP port.
    @ivar told: what it has told at its end: of a server C{cpu}, seconds, and C{rss}, bytes.
    """

    def __init__(self, role: str, *flags: str, port: int = 0) -> None:
        """
        @param role: echo, sink or source.
        @param port: where to listen; 0 for wherever there is room.
        """
        super().__init__(["-listen", f"127.0.0.1:{port}", "-role", role, "-stdin", *flags])
        self.port: Deferred[int] = Deferred()
        self.told: Result = {}

    def lineReceived(self, line: str) -> None:
        """
        The first line names the port.
        """
        if line.startswith("listening "):
            self.port.callback(int(line.rsplit(":", 1)[1]))
        else:
            self.told = json.loads(line)

    def processEnded(self, reason: Failure) -> None:
        """
        It should have told its port by now.
        """
        super().processEnded(reason)
        if not self.port.called:
            self.port.errback(self.failure())


class GoRelay(GoServer):
    """
    A bad path to a server.
    """

    def __init__(self, target: int, *flags: str) -> None:
        """
        @param target: the server's port.
        """
        super().__init__("", "-relay", f"127.0.0.1:{target}", *flags)


class GoClient(_GoPeer):
    """
    A client.

    @ivar ready: fires when a client that was started with C{-ready} says that it is.
    @ivar result: fires with what it tells at the end, fails if something was wrong.
    """

    def __init__(self, role: str, port: int, *flags: str) -> None:
        """
        @param role: echo, sink or source.
        @param port: the server's.
        """
        super().__init__(["-dial", f"127.0.0.1:{port}", "-role", role, *flags])
        self.ready: Deferred[None] = Deferred()
        self.result: Deferred[Result] = Deferred()
        self._found: Result = {}

    def lineReceived(self, line: str) -> None:
        """
        The last line is the result.
        """
        if line == "ready":
            self.ready.callback(None)
        else:
            self._found = json.loads(line)

    def processEnded(self, reason: Failure) -> None:
        """
        Tell how it went.
        """
        super().processEnded(reason)
        if not self.ready.called:
            self.ready.errback(self.failure())
            # Few ask.
            self.ready.addErrback(lambda _: None)
        if self.succeeded:
            self.result.callback(self._found)
        else:
            self.result.errback(self.failure())


class GoCaller(_GoPeer, _Narrator):
    """
    A client that calls an echo server on one session after the other, and tells of each session.
    """

    def __init__(self, port: int, *flags: str) -> None:
        """
        @param port: the server's.
        """
        super().__init__(["-dial", f"127.0.0.1:{port}", "-role", "caller", *flags])


class OurProcess(_Narrator):
    """
    One end of ours in a process of its own; see L{tests.interop.ours}.
    """

    def __init__(self, role: str, endpoint: str) -> None:
        """
        @param role: listen or connect.
        @param endpoint: its string.
        """
        super().__init__([role, endpoint])

    def start(self, reactor: Any) -> None:
        """
        Start the process.
        """
        command = [sys.executable, "-m", "tests.interop.ours", *self._arguments]
        reactor.spawnProcess(self, sys.executable, command, env=dict(os.environ), path=ROOT)

    def say(self, text: str) -> Deferred[Result]:
        """
        Have a client send a line.

        @return: fires when its echo is there.
        """
        assert self.transport is not None
        self.transport.write(f"{text}\n".encode())
        return self.tells(event="received", text=text)
