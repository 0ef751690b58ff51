"""
Ciphers in CFB mode, many datagrams in one call (docs/wire.md, "Ciphers").

kcp-go encrypts each datagram as a CFB message of its own from a fixed IV.  Its first block is a
random nonce that nobody reads, and in CFB a block depends on the one before it only.  So datagrams,
each padded to whole blocks, can be joined and go through one long message: going out, the first
block is masked with other key stream than the IV's but is as random as before; coming in, only that
block comes out wrong.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from zlib import crc32

from zope.interface import Attribute, Interface, implementer

from kcptwisted.crypt.checksummed import (
    CHECKED_OVERHEAD,
    CRC,
    NONCE,
    RandomBytes,
    addHeaders,
    paddings,
)
from kcptwisted.crypt.interfaces import ICipher

#: kcp-go's fixed IV; ciphers with smaller blocks use its beginning.
INITIALIZATION_VECTOR = bytes.fromhex("a7734f9c12ac1b01a415f2c1fc78e66b")


class ICFBMode(Interface):
    """
    A block cipher in CFB mode.
    """

    block: int = Attribute("Bytes of a block.")

    def encrypt(pieces: list[bytes]) -> bytes:
        """
        @param pieces: what L{addHeaders} gives: messages of whole blocks, each in L{PIECES} pieces.
        @return: all of it, joined.  What the first block of a message is encrypted with does not
            matter.
        """

    def decrypt(joined: bytes) -> bytes:
        """
        @param joined: messages of whole blocks.
        @return: the same, but the first block of each message need not be right.
        """


@implementer(ICipher)
class CFBCipher:
    """
    Datagrams with kcp-go's header, in CFB mode.

    @ivar mode: the cipher, with its key.
    """

    overhead = CHECKED_OVERHEAD

    def __init__(self, mode: ICFBMode, randomBytes: RandomBytes = os.urandom) -> None:
        """
        @param mode: the cipher, with its key.
        @param randomBytes: gives so many random bytes.
        """
        self.mode = mode
        self._block = mode.block
        self._padding = paddings(mode.block)
        self._randomBytes = randomBytes
        self._encrypt = mode.encrypt
        self._decrypt = mode.decrypt

    def seal(self, datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Add the headers and encrypt.
        """
        block = self._block
        sealed = self._encrypt(addHeaders(datagrams, self._randomBytes, self._padding))
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
