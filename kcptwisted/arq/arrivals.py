"""
The latest copy that is known to have arrived, and what it overtook.
"""

from __future__ import annotations

from collections.abc import Mapping

from kcptwisted.arq.copies import Copy
from kcptwisted.arq.runs import NEVER, Runs


class LatestArrival:
    """
    Of the copies that were acknowledged around a gap, the one that left last: RACK.segment of RFC
    8985.  Of those that left in the same millisecond it is the one with the largest sn.

    @ivar roundTrip: its round trip, milliseconds.
    """

    __slots__ = ("_sent", "_sn", "roundTrip")

    def __init__(self) -> None:
        self._sent = NEVER
        self._sn = NEVER
        self.roundTrip = 0

    def advance(
        self, newly: list[tuple[int, int]], runs: Runs, copies: Mapping[int, Copy], now: int
    ) -> bool:
        """
        Takes what a batch newly acknowledged.

        @param newly: (sn, when the acknowledged copy left, as its ACK says); sorted by that, the
            latest first.
        @param runs: when copies left.
        @param copies: of segments that were sent again.
        @param now: milliseconds.
        @return: whether a segment that was sent once arrived after one that had left later.
        """
        newly.sort(key=_departure, reverse=True)
        before = self._sent, self._sn
        for sn, sent in newly:
            if (sent, sn) <= before:
                break
            # A peer may say anything.
            copy = copies.get(sn)
            if runs.has(sn, sent) if copy is None else sent <= copy.sent:
                self._sent, self._sn = sent, sn
                # What left in the same millisecond may have left later.
                self.roundTrip = max(now - sent, 1)
                break
        sn, sent = newly[-1]
        return (sent, sn) < before and sn not in copies

    def overtook(self, sent: int, sn: int) -> bool:
        """
        Returns True if it left later than a copy.

        @param sent: when that left, milliseconds; L{NEVER} if there is none.
        @param sn: its sn.
        """
        return NEVER < sent <= self._sent and (sent < self._sent or sn < self._sn)


def _departure(ack: tuple[int, int]) -> tuple[int, int]:
    sn, sent = ack
    return sent, sn
