"""
When segments in flight time out.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush


class Resend:
    """
    What is known of a segment that has been sent more than once.

    @ivar sent: when its last copy left, milliseconds.
    @ivar deadline: when that copy times out, milliseconds.
    @ivar transmissions: copies sent.
    @ivar beforeTimeout: its last copy left before the timeout of the one before; no further copy
        leaves before this one's timeout.
    @ivar misses: how often ACKs that could have counted for that copy did not.
    """

    __slots__ = ("beforeTimeout", "deadline", "misses", "sent", "transmissions")

    def __init__(self) -> None:
        self.sent = 0
        self.deadline = 0
        self.transmissions = 1
        self.beforeTimeout = False
        self.misses = 0


#: Segments that left together with the same timeout: the deadline, the batch's number, the timeout
#: and the sns.  Of two with the same deadline the earlier one comes first.
_Batch = tuple[int, int, int, Sequence[int]]


class ResendDeadlines:
    """
    The timeouts of the segments in flight, kept by batch: a flush costs one entry however many
    segments it sent, and finding what is due touches only what is due.

    An entry is not removed when its segments are acknowledged; it is skipped when it comes up.

    @ivar first: the earliest deadline, milliseconds; None if there is no entry.
    """

    __slots__ = ("_batches", "_count", "first")

    def __init__(self) -> None:
        self._batches: list[_Batch] = []
        self._count = 0
        self.first: int | None = None

    def __len__(self) -> int:
        return len(self._batches)

    def add(self, now: int, timeout: int, sns: Sequence[int]) -> None:
        """
        Segments left.

        @param now: milliseconds.
        @param timeout: milliseconds.
        @param sns: not wrapped, ascending.
        """
        self._count += 1
        deadline = now + timeout
        heappush(self._batches, (deadline, self._count, timeout, sns))
        if self.first is None or deadline < self.first:
            self.first = deadline

    def due(self, now: int, una: int, resends: dict[int, Resend]) -> list[tuple[int, int]]:
        """
        Takes out the segments whose last copy has timed out.  Some may have been acknowledged.

        @param una: the first sn in flight.
        @return: (sn, timeout in milliseconds) pairs.
        """
        batches = self._batches
        due: list[tuple[int, int]] = []
        while batches and batches[0][0] <= now:
            deadline, _, timeout, sns = heappop(batches)
            for sn in _from(sns, una):
                resend = resends.get(sn)
                if resend is None or resend.deadline == deadline:
                    due.append((sn, timeout))
        self.forget(una)
        return due

    def forget(self, una: int) -> None:
        """
        Removes the first entries, as far as all their segments have been acknowledged.

        @param una: the first sn in flight.
        """
        batches = self._batches
        while batches and batches[0][3][-1] < una:
            heappop(batches)
        self.first = batches[0][0] if batches else None

    def clear(self) -> None:
        """
        Nothing is in flight any more.
        """
        self._batches.clear()
        self.first = None


def _from(sns: Sequence[int], una: int) -> Sequence[int]:
    if isinstance(sns, range):
        return range(max(sns.start, una), sns.stop)
    return sns
