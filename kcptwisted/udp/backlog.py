"""
Datagrams that the kernel has no room for yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice

from kcptwisted.interfaces import Address
from kcptwisted.udp.offload import MAXIMUM_SEGMENTS

#: The most datagrams that are kept.
MAXIMUM_DEFERRED = 4096


class Backlog:
    """
    Keeps datagrams in order, up to L{MAXIMUM_DEFERRED}.

    @ivar waiting: each datagram with its address.
    """

    def __init__(self) -> None:
        self.waiting: deque[tuple[bytes, Address]] = deque()

    def add(self, datagrams: Sequence[bytes], address: Address) -> int:
        """
        Returns how many are kept; there is no room for the rest.
        """
        kept = datagrams[: MAXIMUM_DEFERRED - len(self.waiting)]
        self.waiting.extend([(datagram, address) for datagram in kept])
        return len(kept)

    def next(self) -> tuple[list[bytes], Address]:
        """
        Returns the first datagrams, as many as go to one address in one call.  There must be one.
        """
        address = self.waiting[0][1]
        batch = []
        for datagram, destination in islice(self.waiting, MAXIMUM_SEGMENTS):
            if destination != address:
                break
            batch.append(datagram)
        return batch, address

    def remove(self, count: int) -> None:
        """
        Forgets the first C{count} datagrams.
        """
        for _ in range(count):
            self.waiting.popleft()

    def clear(self) -> int:
        """
        Forgets everything.

        @return: how many datagrams there were.
        """
        count = len(self.waiting)
        self.waiting.clear()
        return count
