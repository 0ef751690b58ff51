"""
The test stream, made of a seed: what measurements and tests send.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import shake_128

#: A prime, so that no slip by a power of two goes unseen.
PERIOD = 1000003

#: How many bytes further into the stream each session of a client begins than the one before it.
SESSION_SHIFT = 7919


@lru_cache(maxsize=4)
def _period(seed: int) -> bytes:
    return shake_128(seed.to_bytes(8, "little")).digest(PERIOD)


class Pattern:
    """
    Walks along the test stream of one seed: the first L{PERIOD} bytes of SHAKE128 of the seed as a
    little-endian u64, over and over.
    """

    def __init__(self, seed: int = 1, session: int = 0) -> None:
        """
        @param seed: of the stream.
        @param session: which of a client's sessions this is for.
        """
        self._period = _period(seed)
        self._at = session * SESSION_SHIFT % PERIOD

    def take(self, count: int) -> bytes:
        """
        @return: the next C{count} bytes.
        """
        piece = self._period[self._at : self._at + count]
        self._at += len(piece)
        if self._at < PERIOD:
            return piece
        self._at = 0
        pieces = [piece]
        count -= len(piece)
        while count > 0:
            pieces.append(self._period[:count])
            count -= len(pieces[-1])
            self._at = len(pieces[-1]) % PERIOD
        return b"".join(pieces)

    def matches(self, data: bytes) -> bool:
        """
        @return: whether C{data} is what comes next.
        """
        end = self._at + len(data)
        if end >= PERIOD:
            return self.take(len(data)) == data
        # Without a copy of what is expected.
        at, self._at = self._at, end
        return self._period.startswith(data, at)
