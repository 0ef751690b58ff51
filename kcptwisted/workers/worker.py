"""
One of the workers of a port, as its master sees it: a process, and another one when it has died.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from kcptwisted.metrics.snapshot import Snapshot
from kcptwisted.workers.asking import Questions
from kcptwisted.workers.counting import WorkerCounts
from kcptwisted.workers.delays import RestartDelays
from kcptwisted.workers.orders import (
    ANSWER,
    COUNT,
    FAILED,
    LISTENING,
    LOOK,
    ORDER_TIMEOUT,
    STOP,
    STOPPED,
    STOPPING,
)
from kcptwisted.workers.process import WorkerProcess

#: Seconds from the start of a process until it listens.
START_TIME = 60.0

#: Lines that are kept of what a process said.
KEPT_LINES = 20

#: Starts a process.
Spawn = Callable[[WorkerProcess], object]

#: Passes on a line that a process printed, and whether it came by standard error.
Printer = Callable[[str, bool], object]


class WorkerFailed(Exception):
    """
    A worker has not come to listen.
    """


class Worker:
    """
    Starts processes, one at a time.

    @ivar listening: fires when the first one listens; fails with L{WorkerFailed} if it does not.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, number: int, spawn: Spawn, printer: Printer, stopLimit: float
    ) -> None:
        """
        @param number: of the worker, from 0 on.
        @param stopLimit: seconds that it lets its connections close.
        """
        self._reactor = reactor
        self._number = number
        self._spawn = spawn
        self._print = printer
        # How long each kind of ending may take, seconds; an ending that is not here has no limit.
        self._limits = {"close": stopLimit, "abort": 0.0}
        self._limit: float | None = None
        self._delays = RestartDelays()
        self._questions = Questions(reactor)
        self._counts = WorkerCounts()
        self._process: WorkerProcess | None = None
        self._serves = False
        self._born = 0.0
        self._said: deque[str] = deque(maxlen=KEPT_LINES)
        # When the process is killed, or the next one started.
        self._timer: IDelayedCall | None = None
        self._gone: Deferred[None] | None = None
        self.listening: Deferred[None] = Deferred()

    def start(self) -> None:
        """
        Starts a process.
        """
        self._timer = None
        self._serves = False
        self._born = self._reactor.seconds()
        process = self._process = WorkerProcess(
            self._reactor, self._reported, self._saidLine, self._ended
        )
        self._allow(START_TIME, "has not come to listen")
        try:
            self._spawn(process)
        except OSError as problem:
            self._ended(f"could not be started: {problem}")

    def stop(self, ending: str) -> Deferred[None]:
        """
        Ends the process, and starts no other.  May be called again to end its sessions sooner.

        @param ending: what becomes of the sessions.
        @return: fires when the process is gone.
        """
        self._gone = self._gone or Deferred()
        self._limit = self._limits.get(ending)
        process = self._process
        if process is None:
            self._setTimer(None)
            return succeed(None)
        if self._serves:
            process.order(b"%s %s" % (STOP, ending.encode()))
            self._allow(ORDER_TIMEOUT, "does not answer")
        else:
            process.signal("TERM")
            self._allow(ORDER_TIMEOUT, "does not end")
        gone: Deferred[None] = Deferred()
        self._gone.chainDeferred(gone)
        return gone

    def count(self) -> Deferred[list[Snapshot]]:
        """
        Asks for what the worker has counted.

        @return: fires with that, former processes included.
        """
        if self._process is None or not self._serves:
            return succeed(self._counts.known())
        asked = self._questions.ask(self._process.order, COUNT)
        return asked.addCallbacks(self._counts.told, self._counts.silent)

    def look(self, question: bytes) -> Deferred[list[bytes]]:
        """
        Asks for what L{kcptwisted.status.elsewhere.Looks} answers.

        @return: fires with that; fails if the worker does not answer.
        """
        if self._process is None or not self._serves:
            return fail(ConnectionLost())
        return self._questions.ask(self._process.order, LOOK, question)

    def signal(self, name: str) -> None:
        """
        Sends a signal to the process, if there is one.
        """
        if self._process is not None:
            self._process.signal(name)

    # What the process does.

    def _reported(self, line: bytes) -> None:
        word, _, rest = line.partition(b" ")
        if word == LISTENING and self._gone is None:
            self._serves = True
            self._setTimer(None)
            if not self.listening.called:
                self.listening.callback(None)
        elif word == ANSWER:
            self._questions.told(rest)
        elif word == FAILED:
            self._saidLine(rest.decode(errors="backslashreplace"), True)
            self._kill("cannot listen")
        elif word == STOPPING:
            self._setTimer(None)
            if self._limit is not None:
                self._allow(self._limit + ORDER_TIMEOUT, "does not stop")
        elif word == STOPPED:
            self._allow(ORDER_TIMEOUT, "does not end")

    def _saidLine(self, line: str, error: bool) -> None:
        self._said.append(line)
        self._print(f"worker {self._number}: {line}", error)

    def _ended(self, how: str) -> None:
        self._setTimer(None)
        self._process = None
        self._questions.ended()
        self._counts.ended()
        if self._gone is not None:
            self._gone.callback(None)
        elif not self.listening.called:
            self.listening.errback(
                WorkerFailed("\n".join([f"worker {self._number}: {how}", *self._said]))
            )
        else:
            self._replace(how)

    def _replace(self, how: str) -> None:
        pause = self._delays.pauseAfter(self._reactor.seconds() - self._born)
        self._log.warn(
            "Worker {number} has ended: {how} The next one starts in {pause:g} s",
            number=self._number,
            how=how,
            pause=pause,
        )
        self._setTimer(self._reactor.callLater(pause, self.start))

    # Time.

    def _setTimer(self, timer: IDelayedCall | None) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = timer

    def _allow(self, seconds: float, fault: str) -> None:
        self._setTimer(
            self._reactor.callLater(seconds, self._kill, f"{fault} within {seconds:g} s")
        )

    def _kill(self, fault: str) -> None:
        self._log.error("Worker {number} {fault}: killed", number=self._number, fault=fault)
        if self._process is not None:
            self._process.signal("KILL")
