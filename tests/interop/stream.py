"""
The test stream: the same bytes that C{gopeer} makes of a seed.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256, shake_128

#: A prime, so that no slip by a power of two goes unseen.
PERIOD = 1000003


@lru_cache(maxsize=4)
def _period(seed: int) -> bytes:
    return shake_128(seed.to_bytes(8, "little")).digest(PERIOD)


class Pattern:
    """
    Walks along the test stream of one seed.

    @ivar digest: SHA-256 of what was taken or looked at.
    """

    def __init__(self, seed: int = 1) -> None:
        """
        @param seed: as C{gopeer -seed}.
        """
        self._period = _period(seed)
        self._at = 0
        self.digest = sha256()

    def take(self, count: int) -> bytes:
        """
        @return: the next C{count} bytes.
        """
        pieces = []
        while count > 0:
            piece = self._period[self._at : self._at + count]
            pieces.append(piece)
            count -= len(piece)
            self._at = (self._at + len(piece)) % PERIOD
        return b"".join(pieces)

    def matches(self, data: bytes) -> bool:
        """
        @return: whether C{data} is what comes next.
        """
        self.digest.update(data)
        return self.take(len(data)) == data


def streamHash(count: int) -> str:
    """
    @return: SHA-256 of the beginning of the test stream.
    """
    return sha256(Pattern().take(count)).hexdigest()
