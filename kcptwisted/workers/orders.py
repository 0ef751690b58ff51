"""
The lines that master and worker send each other, and the worker's end of that connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from twisted.internet.error import ConnectionDone, ReactorNotRunning
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from kcptwisted.interfaces import IKCPListeningPort

#: Reports of a worker: its port is open; the port cannot be opened, and why; the worker stops; all
#: its sessions have ended.
LISTENING = b"listening"
FAILED = b"failed"
STOPPING = b"stopping"
STOPPED = b"stopped"

#: The orders to tell what has been counted, and to show the sessions, with a number; the report of
#: that, with the same number and a line of the answer, or, at last, none.
COUNT = b"count"
LOOK = b"look"
ANSWER = b"answer"

#: The order to stop; what becomes of the sessions follows.
STOP = b"stop"

#: Seconds that a worker has to answer an order, and to end when there is nothing more to do.
ORDER_TIMEOUT = 10.0


class Orders(LineOnlyReceiver):
    """
    A worker's connection to its master, who can order it to stop.  It also stops when the master is
    gone.
    """

    delimiter = b"\n"
    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        kill: Callable[[], object],
        answers: Mapping[bytes, Callable[[bytes], Iterable[bytes]]] | None = None,
    ) -> None:
        """
        @param reactor: is stopped when the work is done.
        @param kill: ends this process at once.
        @param answers: by the order; each is given what belongs to it, and gives the lines of
            the answer.
        """
        self._reactor = reactor
        self._kill = kill
        self._answers = answers or {}
        self._port: IKCPListeningPort | None = None

    def listening(self, port: IKCPListeningPort) -> None:
        """
        Reports that C{port} is open.
        """
        self._port = port
        self._report(LISTENING)

    def failed(self, problem: Exception) -> None:
        """
        Reports that the port cannot be opened.
        """
        text = " ".join(f"{type(problem).__name__}: {problem}".split())
        self._report(FAILED + b" " + text.encode(errors="backslashreplace"))

    def _report(self, line: bytes) -> None:
        transport: Any = self.transport
        transport.write(line + self.delimiter)

    def lineReceived(self, line: bytes) -> None:
        """
        Carries out an order.
        """
        order, _, rest = line.partition(b" ")
        if order == STOP:
            self._report(STOPPING)
            self._stop(rest.decode())
        elif order in self._answers:
            number, _, question = rest.partition(b" ")
            for text in self._answers[order](question):
                self._report(b" ".join((ANSWER, number, text)))
            self._report(b" ".join((ANSWER, number)))

    def _stop(self, ending: str) -> None:
        if self._port is None:
            self._stopped()
        else:
            self._port.stopListening(sessions=ending).addBoth(lambda _: self._stopped())

    def _stopped(self) -> None:
        self._report(STOPPED)
        with suppress(ReactorNotRunning):
            self._reactor.stop()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Stops the port: the master is gone, or this process ends.
        """
        if reason.check(ConnectionDone):
            self._log.warn("The master is gone: this worker ends")
            self._reactor.callLater(ORDER_TIMEOUT, self._kill)
            self._stop("abort")
