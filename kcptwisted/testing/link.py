"""
A model of what a bad network does to datagrams, for tests and demonstrations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from random import Random

from kcptwisted.testing.bottleneck import HEADERS, QUEUE, Bottleneck


@dataclass(frozen=True)
class Link:
    """
    The conditions of one direction of a path.

    @ivar delay: seconds that every datagram takes.
    @ivar jitter: seconds; each datagram takes up to this much longer, at random, so a later one may
        overtake it.
    @ivar loss: the share of datagrams that are lost, 0 to 1.
    @ivar reorder: the share of datagrams that take C{reorderDelay} longer, 0 to 1.
    @ivar reorderDelay: seconds.
    @ivar duplicate: the share of datagrams that arrive twice, 0 to 1.
    @ivar corrupt: the share of datagrams in which one bit is changed, 0 to 1.
    @ivar mtu: the largest UDP payload that passes, in bytes; larger ones are lost.
    @ivar rate: bytes a second that pass, headers included (see L{Bottleneck}); 0 for no limit.
    @ivar queue: bytes that may wait for the rate; datagrams that come when it is full are dropped.
    @ivar bottleneck: the line that this direction shares with others, instead of C{rate} and
        C{queue} of its own.
    @ivar fragments: larger ones pass all the same, if their sender does not forbid fragments.
    @ivar reportsMtu: the sender is told (ICMP) of those that are lost for their size.
    @raise ValueError: if a field is out of bounds.  The message names it.
    """

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    reorder: float = 0.0
    reorderDelay: float = 0.01
    duplicate: float = 0.0
    corrupt: float = 0.0
    mtu: int = 65507
    rate: float = 0.0
    queue: int = QUEUE
    bottleneck: Bottleneck | None = None
    fragments: bool = False
    reportsMtu: bool = False

    def __post_init__(self) -> None:
        for name in ("loss", "reorder", "duplicate", "corrupt"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be 0 to 1, not {getattr(self, name)}")
        for field in fields(self):
            if field.name != "bottleneck" and getattr(self, field.name) < 0:
                raise ValueError(f"{field.name} must not be negative: {getattr(self, field.name)}")
        if self.rate and self.bottleneck is not None:
            raise ValueError("rate must not be given with bottleneck, which has its own")


class LinkModel:
    """
    Decides what happens to each datagram, by a random generator: the same seed and the same
    datagrams at the same times give the same result.

    @ivar passed: how many datagrams passed; a copy does not count.
    @ivar passedBytes: bytes of these, each with L{HEADERS} more.
    @ivar lost: how many datagrams were lost, at random or because of C{mtu}.
    @ivar dropped: how many datagrams found the queue of the bottleneck full.
    @ivar corrupted: how many datagrams were changed.
    @ivar bottleneck: the line; None if there is no limit of the rate.
    """

    def __init__(
        self, link: Link, random: Random, seconds: Callable[[], float] = lambda: 0.0
    ) -> None:
        """
        @param link: the conditions.
        @param random: the generator of all random numbers.
        @param seconds: the clock, which a link with a rate needs.  It must not go back.
        """
        self._random = random
        self._seconds = seconds
        self.passed = 0
        self.passedBytes = 0
        self.lost = 0
        self.dropped = 0
        self.corrupted = 0
        self._own: Bottleneck | None = None
        self.link = link

    @property
    def link(self) -> Link:
        """
        The conditions.  May be changed at any time: datagrams that are under way arrive as before.
        """
        return self._link

    @link.setter
    def link(self, link: Link) -> None:
        self._link = link
        self.bottleneck = link.bottleneck or self._ownBottleneck(link)

    def _ownBottleneck(self, link: Link) -> Bottleneck | None:
        if not link.rate:
            return None
        if self._own is None:
            self._own = Bottleneck(link.rate, link.queue)
        # What waits there still waits.
        self._own.rate, self._own.queue = link.rate, link.queue
        return self._own

    def arrivals(self, datagram: bytes) -> list[tuple[float, bytes]]:
        """
        Decides what happens to one datagram.

        @return: what arrives: the seconds that it takes, and the datagram, once for each copy.
        """
        if self.isTooBig(datagram, False):
            self.lost += 1
            return []
        queued = 0.0
        if self.bottleneck is not None:
            left = self.bottleneck.enter(datagram, self._seconds())
            if left is None:
                self.dropped += 1
                return []
            queued = left
        if self._happens(self._link.loss):
            self.lost += 1
            return []
        self.passed += 1
        self.passedBytes += len(datagram) + HEADERS
        copies = 2 if self._happens(self._link.duplicate) else 1
        return [(queued + self._delay(), self._damage(datagram)) for _ in range(copies)]

    def isTooBig(self, datagram: bytes, whole: bool) -> bool:
        """
        Returns True if a datagram does not pass because of its size.

        @param whole: whether its sender forbids fragments.
        """
        link = self.link
        return len(datagram) > link.mtu and (whole or not link.fragments)

    def _happens(self, share: float) -> bool:
        return share > 0 and self._random.random() < share

    def _delay(self) -> float:
        link = self._link
        delay = link.delay
        if link.jitter:
            delay += self._random.random() * link.jitter
        if self._happens(link.reorder):
            delay += link.reorderDelay
        return delay

    def _damage(self, datagram: bytes) -> bytes:
        if not datagram or not self._happens(self._link.corrupt):
            return datagram
        self.corrupted += 1
        bit = self._random.randrange(8 * len(datagram))
        damaged = bytearray(datagram)
        damaged[bit // 8] ^= 1 << bit % 8
        return bytes(damaged)
