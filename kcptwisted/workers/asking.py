"""
Questions that a master asks a worker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost, TimeoutError

#: Seconds that a worker has to answer.
ANSWER_TIMEOUT = 2.0


class Questions:
    """
    The questions that one worker was asked and has not answered.
    """

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: tells the time.
        """
        self._reactor = reactor
        self._number = 0
        # The lines of each answer as far as it has come.
        self._open: dict[bytes, tuple[Deferred[list[bytes]], list[bytes]]] = {}

    def ask(
        self, order: Callable[[bytes], object], what: bytes, more: bytes = b""
    ) -> Deferred[list[bytes]]:
        """
        Asks.

        @param order: writes a line to the worker.
        @param what: the order.
        @param more: what belongs to it.
        @return: fires with the lines of the answer.  Fails with L{TimeoutError} if there is none in
            time, and with L{ConnectionLost} if the process ends.
        """
        self._number += 1
        number = b"%d" % self._number
        answer: Deferred[list[bytes]] = Deferred(lambda _: self._forget(number))
        self._open[number] = answer, []
        timeout = self._reactor.callLater(ANSWER_TIMEOUT, self._fail, number, TimeoutError())
        answer.addBoth(_stopping, timeout)
        order(b" ".join((what, number, more)).rstrip())
        return answer

    def told(self, line: bytes) -> None:
        """
        Takes a line of an answer: the number of the question and the line; at the end only the
        number.
        """
        number, _, text = line.partition(b" ")
        if number not in self._open:
            return
        answer, lines = self._open[number]
        if text:
            lines.append(text)
        else:
            del self._open[number]
            answer.callback(lines)

    def ended(self) -> None:
        """
        Takes note that the process has ended.
        """
        for number in list(self._open):
            self._fail(number, ConnectionLost())

    def _forget(self, number: bytes) -> None:
        del self._open[number]

    def _fail(self, number: bytes, problem: Exception) -> None:
        answer, _ = self._open.pop(number)
        answer.errback(problem)


def _stopping(result: Any, timeout: Any) -> Any:
    if timeout.active():
        timeout.cancel()
    return result
