"""
The header of kcp-go's ciphers that do not authenticate: nonce and CRC-32 (docs/wire.md, "Ciphers").
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from zlib import crc32

from kcptwisted.wire.checked import CHECKED_OVERHEAD, NONCE, packChecksum

RandomBytes = Callable[[int], bytes]


class CheckedCipher:
    """
    Adds the header and transforms whole packets.  Subclasses define the transformation.
    """

    overhead = CHECKED_OVERHEAD

    def __init__(self, randomBytes: RandomBytes = os.urandom) -> None:
        """
        @param randomBytes: returns as many random bytes as it is asked for.
        """
        self._randomBytes = randomBytes

    def transform(self, packets: Sequence[bytes]) -> Sequence[bytes]:
        """
        Encrypts or decrypts packets: both are the same operation.

        @return: the packets in order.  A packet that cannot be transformed is left out.
        """
        raise NotImplementedError

    def seal(self, datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Adds the headers and encrypts.
        """
        nonces = self._randomBytes(NONCE * len(datagrams))
        return list(
            self.transform(
                [
                    nonces[i * NONCE : (i + 1) * NONCE] + packChecksum(crc32(datagram)) + datagram
                    for i, datagram in enumerate(datagrams)
                ]
            )
        )

    def open(self, datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        """
        Decrypts, checks and removes the headers.
        """
        opened = []
        for packet in self.transform(datagrams):
            payload = packet[CHECKED_OVERHEAD:]
            if packet[NONCE:CHECKED_OVERHEAD] == packChecksum(crc32(payload)):
                opened.append(payload)
        return opened, len(datagrams) - len(opened)


class NoneCipher(CheckedCipher):
    """
    C{crypt=none}: the header without encryption.  It detects damage, and protects
    against nobody.
    """

    def transform(self, packets: Sequence[bytes]) -> Sequence[bytes]:
        """
        Returns the packets unchanged.
        """
        return packets
