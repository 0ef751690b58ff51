"""
The header of kcp-go's ciphers that do not authenticate: nonce and CRC-32 (docs/wire.md, "Ciphers").
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from zlib import crc32

from zope.interface import implementer

from kcptwisted.crypt.interfaces import ICipher

NONCE = 16
CRC = struct.Struct("<I")
#: Bytes before the payload.
CHECKED_OVERHEAD = NONCE + CRC.size

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
        packCrc = CRC.pack
        return list(
            self.transform(
                [
                    nonces[i * NONCE : (i + 1) * NONCE] + packCrc(crc32(datagram)) + datagram
                    for i, datagram in enumerate(datagrams)
                ]
            )
        )

    def open(self, datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        """
        Decrypt, check and remove the headers.
        """
        packCrc = CRC.pack
        opened = []
        for packet in self.transform(datagrams):
            payload = packet[CHECKED_OVERHEAD:]
            if packet[NONCE:CHECKED_OVERHEAD] == packCrc(crc32(payload)):
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
