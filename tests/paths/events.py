"""
What happens when.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from math import ceil
from typing import Protocol

#: When the first run begins, milliseconds; ts fields are not 0 then.
BEGIN = 100_000


class Receiver(Protocol):
    """
    What datagrams arrive at.
    """

    def receive(self, datagrams: list[bytes]) -> None:
        """
        Takes what has arrived.
        """


class Events:
    """
    What will happen, and the time.

    @ivar now: milliseconds.
    """

    def __init__(self, grain: float = 0.0) -> None:
        """
        @param grain: milliseconds; datagrams arrive together that arrive in one of them, as at a
            busy receiver.  This makes fast paths faster to simulate.
        """
        self.now = float(BEGIN)
        self._grain = grain
        self._serial = 0
        self._heap: list[tuple[float, int, Receiver | None, bytes | Callable[[], object]]] = []

    @property
    def milliseconds(self) -> int:
        """
        What the clocks of all ends show.
        """
        return int(self.now)

    def seconds(self) -> float:
        """
        Returns the seconds since the beginning.
        """
        return (self.now - BEGIN) / 1000

    def at(self, seconds: float, call: Callable[[], object]) -> None:
        """
        Has something done so many seconds after the beginning.
        """
        self.atMillisecond(BEGIN + seconds * 1000, call)

    def atMillisecond(self, time: float, call: Callable[[], object]) -> None:
        """
        Has something done at a time of the ends' clocks.
        """
        self._push(max(time, self.now), None, call)

    def arrive(self, receiver: Receiver, datagram: bytes, delay: float) -> None:
        """
        Has a datagram arrive.

        @param delay: seconds from now.
        """
        time = self.now + delay * 1000
        if self._grain:
            time = ceil(time / self._grain) * self._grain
        self._push(time, receiver, datagram)

    def _push(
        self, time: float, receiver: Receiver | None, what: bytes | Callable[[], object]
    ) -> None:
        self._serial += 1
        heappush(self._heap, (time, self._serial, receiver, what))

    def runUntil(self, done: Callable[[], bool], limit: float) -> None:
        """
        Goes on until something is done, or so many seconds since the beginning have passed.
        """
        heap = self._heap
        end = BEGIN + limit * 1000
        while heap and heap[0][0] <= end:
            if done():
                return
            time, _, receiver, what = heappop(heap)
            self.now = time
            if not isinstance(what, bytes):
                what()
            elif receiver is not None:
                arrived = [what]
                while heap and heap[0][0] == time and heap[0][2] is receiver:
                    following = heappop(heap)[3]
                    assert isinstance(following, bytes)
                    arrived.append(following)
                receiver.receive(arrived)
        self.now = max(self.now, end)
