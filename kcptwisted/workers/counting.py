"""
The counts of a worker, as its master learns them.
"""

from __future__ import annotations

from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.metrics.snapshot import Snapshot, decode, merged


class WorkerCounts:
    """
    What one worker has counted.  What its former processes have told still counts, so that sums
    never go down; what such a process counted after it was last asked is not known.
    """

    _log = Logger()

    def __init__(self) -> None:
        self._former: list[Snapshot] = []
        self._last: list[Snapshot] = []

    def told(self, lines: list[bytes]) -> list[Snapshot]:
        """
        Takes the answer: an account a line.

        @return: what is known.
        """
        last = []
        for line in lines:
            try:
                last.append(decode(line.decode()))
            except ValueError:
                self._log.warn("A worker's counts cannot be read: {line!r}", line=line[:100])
        self._last = last
        return self.known()

    def silent(self, reason: Failure) -> list[Snapshot]:
        """
        There was no answer.

        @return: what is known.
        """
        self._log.debug("A worker does not tell its counts: {why}", why=reason.getErrorMessage())
        return self.known()

    def ended(self) -> None:
        """
        Takes note that the process has ended.
        """
        self._former = merged([*self._former, *(each.past() for each in self._last)])
        self._last = []

    def known(self) -> list[Snapshot]:
        """
        Returns what the worker has told.
        """
        return merged([*self._former, *self._last])
