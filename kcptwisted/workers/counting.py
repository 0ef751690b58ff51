"""
The counts of a worker, as its master learns them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from kcptwisted.metrics.snapshot import Snapshot, decode, merged
from kcptwisted.workers.orders import COUNT

#: Seconds that a worker has to tell what it has counted.
COUNT_TIMEOUT = 2.0


class WorkerCounts:
    """
    Asks one worker for its counts.  What its former processes have told still counts, so that sums
    never go down; what such a process counted after it was last asked is not known.
    """

    _log = Logger()

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: tells the time.
        """
        self._reactor = reactor
        self._former: list[Snapshot] = []
        self._last: list[Snapshot] = []
        self._number = 0
        self._arriving: list[Snapshot] = []
        self._waiting: Deferred[None] | None = None

    def ask(self, order: Callable[[bytes], object]) -> Deferred[list[Snapshot]]:
        """
        Asks.

        @param order: writes a line to the worker.
        @return: fires with the counts, those of former processes included; with what it told last
            if it does not answer in time.
        """
        if self._waiting is None:
            self._waiting = Deferred()
            self._number += 1
            self._arriving = []
            timeout = self._reactor.callLater(COUNT_TIMEOUT, self._answer)
            self._waiting.addCallback(lambda _: timeout.active() and timeout.cancel())
            order(b"%s %d" % (COUNT, self._number))
        answer: Deferred[list[Snapshot]] = Deferred()
        self._waiting.addCallback(lambda _: answer.callback(self.known()))
        return answer

    def told(self, line: bytes) -> None:
        """
        Takes a line of the answer: the number of the question, and one account; the last line has
        no account.
        """
        number, _, text = line.partition(b" ")
        if number != b"%d" % self._number or self._waiting is None:
            return
        if not text:
            self._last = self._arriving
            self._answer()
            return
        try:
            self._arriving.append(decode(text.decode()))
        except ValueError:
            self._log.warn("A worker's counts cannot be read: {text!r}", text=text[:100])

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def ended(self) -> None:
        """
        Takes note that the process has ended.
        """
        self._former = merged([*self._former, *(each.past() for each in self._last)])
        self._last = []
        self._answer()

    def known(self) -> list[Snapshot]:
        """
        Returns what the worker has told.
        """
        return merged([*self._former, *self._last])
