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

from zope.interface import Attribute, Interface, implementer

from kcptwisted.crypt.checksummed import RandomBytes
from kcptwisted.crypt.framing import framing
from kcptwisted.crypt.interfaces import ICipher
from kcptwisted.wire.checked import CHECKED_OVERHEAD, NONCE

#: kcp-go's fixed IV; ciphers with smaller blocks use its beginning.
INITIALIZATION_VECTOR = bytes.fromhex("a7734f9c12ac1b01a415f2c1fc78e66b")


class ICFBMode(Interface):
    """
    A block cipher in CFB mode.
    """

    block: int = Attribute("Bytes of a block.")

    def encrypt(joined: bytes, lengths: list[int]) -> bytes:
        """
        @param joined: messages of whole blocks.
        @param lengths: of the messages without what pads them, bytes.
        @return: the messages encrypted.  What the first block of one is encrypted with does not
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
        self._padding = [bytes(-length % mode.block) for length in range(mode.block)]
        self._randomBytes = randomBytes
        self._framing = framing(mode.block)

    def seal(self, datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Add the headers and encrypt.
        """
        block = self._block
        lengths = [len(datagram) + CHECKED_OVERHEAD for datagram in datagrams]
        nonces = self._randomBytes(NONCE * len(lengths))
        sealed = self.mode.encrypt(self._framing.frame(datagrams, lengths, nonces), lengths)
        packets = []
        start = 0
        for length in lengths:
            end = start + length
            packets.append(sealed[start:end])
            start = end + -length % block
        return packets

    def open(self, datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        """
        Decrypt, check and remove the headers.
        """
        block = self._block
        lengths = list(map(len, datagrams))
        padding = self._padding
        pieces: list[bytes] = []
        for datagram, length in zip(datagrams, lengths, strict=True):
            pieces += (datagram, padding[length % block])
        opened = self._framing.unframe(self.mode.decrypt(b"".join(pieces)), lengths)
        return opened, len(lengths) - len(opened)
