"""
What a bad network does to datagrams; for tests and demonstrations.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from random import Random


@dataclass(frozen=True)
class Link:
    """
    The conditions of one direction of a path.

    @ivar delay: seconds that every datagram takes.
    @ivar jitter: seconds; each datagram takes up to so much longer, at random, and may so be
        overtaken.
    @ivar loss: the share of datagrams that are lost, 0 to 1.
    @ivar reorder: the share that take C{reorderDelay} longer.
    @ivar reorderDelay: seconds.
    @ivar duplicate: the share that arrive twice.
    @ivar corrupt: the share in which one bit is changed.
    @ivar mtu: the largest UDP payload that passes, bytes; larger ones are lost.
    @raise ValueError: names the field that is out of bounds.
    """

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    reorder: float = 0.0
    reorderDelay: float = 0.01
    duplicate: float = 0.0
    corrupt: float = 0.0
    mtu: int = 65507

    def __post_init__(self) -> None:
        for name in ("loss", "reorder", "duplicate", "corrupt"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be 0 to 1, not {getattr(self, name)}")
        for field in fields(self):
            if getattr(self, field.name) < 0:
                raise ValueError(f"{field.name} must not be negative: {getattr(self, field.name)}")


class LinkModel:
    """
    Decides each datagram's fate, from a seeded generator: the same seed and the same datagrams give
    the same fates.

    @ivar passed: datagrams let through, copies not counted.
    @ivar lost: datagrams lost.
    @ivar corrupted: datagrams changed.
    """

    def __init__(self, link: Link, random: Random) -> None:
        """
        @param random: the source of all chance.
        """
        self.link = link
        self._random = random
        self.passed = 0
        self.lost = 0
        self.corrupted = 0

    def arrivals(self, datagram: bytes) -> list[tuple[float, bytes]]:
        """
        @return: what arrives of one datagram, each with the seconds that it takes.
        """
        link = self.link
        if len(datagram) > link.mtu or self._happens(link.loss):
            self.lost += 1
            return []
        self.passed += 1
        copies = 2 if self._happens(link.duplicate) else 1
        return [(self._delay(), self._damage(datagram)) for _ in range(copies)]

    def _happens(self, share: float) -> bool:
        return share > 0 and self._random.random() < share

    def _delay(self) -> float:
        link = self.link
        delay = link.delay
        if link.jitter:
            delay += self._random.random() * link.jitter
        if self._happens(link.reorder):
            delay += link.reorderDelay
        return delay

    def _damage(self, datagram: bytes) -> bytes:
        if not datagram or not self._happens(self.link.corrupt):
            return datagram
        self.corrupted += 1
        bit = self._random.randrange(8 * len(datagram))
        damaged = bytearray(datagram)
        damaged[bit // 8] ^= 1 << bit % 8
        return bytes(damaged)
