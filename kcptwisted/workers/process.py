"""
The process of a worker, as its master sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from kcptwisted.workers.role import ORDERS, REPORTS

#: Bytes of the longest line; a longer one is cut.
LONGEST_LINE = 1 << 16

#: Seconds to wait for the end of a process's output when the process has ended: others may hold it
#: open.
LAST_OUTPUT = 1.0

_OUTPUT, _ERRORS = 1, 2


class Lines:
    """
    Cuts a stream into lines.
    """

    def __init__(self, take: Callable[[bytes], object]) -> None:
        """
        @param take: called with each line, without its end.
        """
        self._take = take
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """
        Takes the next bytes.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._rest) > LONGEST_LINE:
            self.end()

    def end(self) -> None:
        """
        Passes on what is left, which is a line, too: the stream has ended.
        """
        rest, self._rest = self._rest, b""
        if rest:
            self._take(rest)


class WorkerProcess(ProcessProtocol):
    """
    One process of a worker, until it ends.
    """

    transport: IProcessTransport

    def __init__(
        self,
        reactor: Any,
        reported: Callable[[bytes], object],
        said: Callable[[str, bool], object],
        ended: Callable[[str], object],
    ) -> None:
        """
        @param reported: called with each line that is for the master.
        @param said: called with each other line, and whether it came by standard error.
        @param ended: called, once, with how the process ended.
        """
        self._reactor = reactor
        self._ended: Callable[[str], object] | None = ended
        self._lines = {
            _OUTPUT: Lines(lambda line: said(line.decode(errors="backslashreplace"), False)),
            _ERRORS: Lines(lambda line: said(line.decode(errors="backslashreplace"), True)),
            REPORTS: Lines(reported),
        }

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """
        Takes what the process has written.
        """
        self._lines[childFD].feed(data)

    def processExited(self, reason: Failure) -> None:
        """
        Takes note that the process has ended; the rest of its output may still arrive.
        """
        self._reactor.callLater(LAST_OUTPUT, self._finish, reason)

    def processEnded(self, reason: Failure) -> None:
        """
        Takes note that the process has ended, and so has its output.
        """
        self._finish(reason)

    def _finish(self, reason: Failure) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            for lines in self._lines.values():
                lines.end()
            ended(reason.getErrorMessage())

    def order(self, line: bytes) -> None:
        """
        Writes an order to the process, if it still reads.
        """
        with suppress(KeyError):
            self.transport.writeToChild(ORDERS, line + b"\n")

    def signal(self, name: str) -> None:
        """
        Sends a signal, unless the process has ended.
        """
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess(name)
