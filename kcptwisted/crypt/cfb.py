"""
Block ciphers in CFB mode, many datagrams in one call (docs/wire.md, "Ciphers").

kcp-go encrypts each datagram as a CFB message of its own from a fixed IV.  Its first block is a
random nonce that nobody reads, and in CFB a block depends on the one before it only.  So one
long-lived context can take datagram after datagram, each padded to whole blocks: going out, the
first block is masked with other key stream than the IV's but is as random as before; coming in,
only that block comes out wrong.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from zlib import crc32

from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, algorithms
from zope.interface import implementer

from kcptwisted.crypt.checksummed import (
    CHECKED_OVERHEAD,
    CRC,
    NONCE,
    RandomBytes,
    addHeaders,
    paddings,
)
from kcptwisted.crypt.interfaces import ICipher

try:
    # cryptography >= 47 warns about the old place, and is to drop it.
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:
    from cryptography.hazmat.primitives.ciphers.modes import CFB

#: kcp-go's fixed IV; ciphers with smaller blocks use its beginning.
INITIALIZATION_VECTOR = bytes.fromhex("a7734f9c12ac1b01a415f2c1fc78e66b")


@implementer(ICipher)
class CFBCipher:
    """
    CFB over a block cipher of C{cryptography}.
    """

    overhead = CHECKED_OVERHEAD

    def __init__(
        self, algorithm: BlockCipherAlgorithm, randomBytes: RandomBytes = os.urandom
    ) -> None:
        """
        @param algorithm: the block cipher, with its key.
        @param randomBytes: gives so many random bytes.
        """
        self._block = algorithm.block_size // 8
        self._padding = paddings(self._block)
        self._randomBytes = randomBytes
        cipher = Cipher(algorithm, CFB(INITIALIZATION_VECTOR[: self._block]))
        self._encrypt = cipher.encryptor().update
        self._decrypt = cipher.decryptor().update

    def seal(self, datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Add the headers and encrypt.
        """
        block = self._block
        sealed = self._encrypt(b"".join(addHeaders(datagrams, self._randomBytes, self._padding)))
        packets = []
        start = 0
        for datagram in datagrams:
            end = start + len(datagram) + CHECKED_OVERHEAD
            packets.append(sealed[start:end])
            start = end + -end % block
        return packets

    def open(self, datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        """
        Decrypt, check and remove the headers.
        """
        block = self._block
        padding = self._padding
        pieces: list[bytes] = []
        for datagram in datagrams:
            pieces += (datagram, padding[len(datagram) % block])
        clear = self._decrypt(b"".join(pieces))
        opened = []
        start = 0
        for datagram in datagrams:
            end = start + len(datagram)
            payload = clear[start + CHECKED_OVERHEAD : end]
            crc = clear[start + NONCE : start + CHECKED_OVERHEAD]
            if crc == CRC.pack(crc32(payload)) and len(datagram) >= CHECKED_OVERHEAD:
                opened.append(payload)
            start = end + -end % block
        return opened, len(datagrams) - len(opened)


def aes(key: bytes) -> CFBCipher:
    """
    AES with 16, 24 or 32 bytes of key.
    """
    return CFBCipher(algorithms.AES(key))
