"""
Recognising session-opening datagrams that were recorded and sent again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from hashlib import blake2b

#: Datagrams that are remembered at most; beyond that the oldest are forgotten.
MAXIMUM = 65536

#: Bytes of a fingerprint.
_FINGERPRINT = 8


class ReplayMemory:
    """
    Fingerprints of the plain datagrams that opened sessions, or could have.

    Behind an authenticating cipher nobody without the key can make or change a datagram.  Whoever
    has recorded one can only send it again, with the same plain text.  Two datagrams that were made
    to open sessions have different plain texts: they differ in conv, in the ts of the first
    segment, or in the token of the hello.  The cipher's nonce would do as well, but is not known
    where sessions are opened.  Without such a cipher this is of no use.

    The fingerprints are keyed, so that nobody can make datagrams with the same fingerprint.
    """

    __slots__ = ("_key", "_known", "_order")

    def __init__(self, key: bytes) -> None:
        """
        @param key: up to 64 bytes that nobody else knows.
        """
        self._key = key
        self._order: deque[bytes] = deque()
        self._known: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._order)

    def _fingerprint(self, datagram: bytes) -> bytes:
        return blake2b(datagram, digest_size=_FINGERPRINT, key=self._key).digest()

    def seen(self, datagram: bytes) -> bool:
        """
        Returns True if C{datagram} is remembered.  It is not remembered by being asked for.
        """
        return self._fingerprint(datagram) in self._known

    def remember(self, datagrams: Iterable[bytes]) -> None:
        """
        Takes note of datagrams.  One that is known keeps its age.
        """
        for fingerprint in map(self._fingerprint, datagrams):
            if fingerprint in self._known:
                continue
            self._known.add(fingerprint)
            self._order.append(fingerprint)
            if len(self._order) > MAXIMUM:
                self._known.discard(self._order.popleft())
