"""
The test stream, which measurements and tests send.  It is made from a seed.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import shake_128

#: Bytes after which the stream repeats.  A prime: so a shift by a power of two is noticed.
STREAM_PERIOD = 1000003

#: Each session of a client begins so many bytes further into the stream than the previous one.
SESSION_SHIFT = 7919


@lru_cache(maxsize=4)
def _period(seed: int) -> bytes:
    return shake_128(seed.to_bytes(8, "little")).digest(STREAM_PERIOD)


class Pattern:
    """
    The test stream of one seed: the first L{STREAM_PERIOD} bytes of SHAKE128 of the seed, a
    little-endian u64, again and again.  It keeps its place in the stream.
    """

    def __init__(self, seed: int = 1, session: int = 0) -> None:
        """
        @param seed: the seed of the stream.
        @param session: the number of the session in its client.
        """
        self._period = _period(seed)
        self._at = session * SESSION_SHIFT % STREAM_PERIOD

    def take(self, count: int) -> bytes:
        """
        Returns the next C{count} bytes.
        """
        piece = self._period[self._at : self._at + count]
        self._at += len(piece)
        if self._at < STREAM_PERIOD:
            return piece
        self._at = 0
        pieces = [piece]
        count -= len(piece)
        while count > 0:
            pieces.append(self._period[:count])
            count -= len(pieces[-1])
            self._at = len(pieces[-1]) % STREAM_PERIOD
        return b"".join(pieces)

    def matches(self, data: bytes) -> bool:
        """
        Returns True if the next bytes of the stream are C{data}.
        """
        end = self._at + len(data)
        if end >= STREAM_PERIOD:
            return self.take(len(data)) == data
        # Without a copy of the expected bytes.
        at, self._at = self._at, end
        return self._period.startswith(data, at)
