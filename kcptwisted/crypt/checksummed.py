"""
The header of kcp-go's ciphers that do not authenticate: nonce and CRC-32 (docs/wire.md, "Ciphers").
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from zlib import crc32

from zope.interface import implementer

from kcptwisted.crypt.interfaces import ICipher
from kcptwisted.wire.checked import CHECKED_OVERHEAD, NONCE, packChecksum

RandomBytes = Callable[[int], bytes]


@implementer(ICipher)
class CheckedCipher:
    """
    The header, and a transformation of whole packets that subclasses define.
    """

    overhead = CHECKED_OVERHEAD

    def __init__(self, randomBytes: RandomBytes = os.urandom) -> None:
        """
        @param randomBytes: gives so many random bytes.
        """
        self._randomBytes = randomBytes

    def transform(self, packets: Sequence[bytes]) -> Sequence[bytes]:
        """
        Encrypt or decrypt packets, which are the same thing.

        @return: as many, or none for one that cannot be.
        """
        raise NotImplementedError

    def seal(self, datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Add the headers and encrypt.
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
        Decrypt, check and remove the headers.
        """
        opened = []
        for packet in self.transform(datagrams):
            payload = packet[CHECKED_OVERHEAD:]
            if packet[NONCE:CHECKED_OVERHEAD] == packChecksum(crc32(payload)):
                opened.append(payload)
        return opened, len(datagrams) - len(opened)


class NoneCipher(CheckedCipher):
    """
    C{crypt=none}: the header without encryption.  Guards against accidents, not against anybody.
    """

    def transform(self, packets: Sequence[bytes]) -> Sequence[bytes]:
        """
        Leave them as they are.
        """
        return packets
