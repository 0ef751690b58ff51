"""
Ciphers in CFB mode, many datagrams in one call (docs/wire.md, "Ciphers").

kcp-go encrypts each datagram as a CFB message of its own, from a fixed IV.  The first block is a
random nonce that nobody reads, and in CFB a block depends only on the block before it.  So the
datagrams of a batch, each padded to whole blocks, can be joined and handled as one long message.
When they are encrypted, the first block of each is masked with another key stream than the IV's,
and is as random as before.  When they are decrypted, only the first block of each is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

from kcptwisted.crypt.checksummed import RandomBytes
from kcptwisted.crypt.cutting import cut, uniform
from kcptwisted.crypt.framing import framing
from kcptwisted.wire.checked import CHECKED_OVERHEAD, NONCE

#: kcp-go's fixed IV; ciphers with smaller blocks use its beginning.
INITIALIZATION_VECTOR = bytes.fromhex("a7734f9c12ac1b01a415f2c1fc78e66b")


class CFBMode(Protocol):
    """
    A block cipher in CFB mode, with its key.

    @ivar block: length of a block in bytes.
    """

    block: int

    def encrypt(self, joined: bytes, lengths: list[int]) -> bytes:
        """
        Encrypts messages.  The first block of each may be masked with any key stream.

        @param joined: the messages, each padded to whole blocks, joined.
        @param lengths: the lengths of the messages without the padding, in bytes.
        @return: the encrypted messages, joined.
        """

    def decrypt(self, joined: bytes) -> bytes:
        """
        Decrypts messages.  The first block of each may come out wrong.

        @param joined: the messages, each padded to whole blocks, joined.
        @return: the decrypted messages, joined.
        """


class CFBCipher:
    """
    Encrypts datagrams with kcp-go's header in CFB mode.

    @ivar mode: the block cipher in CFB mode, with its key.
    """

    overhead = CHECKED_OVERHEAD

    def __init__(self, mode: CFBMode, randomBytes: RandomBytes = os.urandom) -> None:
        """
        @param mode: the block cipher in CFB mode, with its key.
        @param randomBytes: returns as many random bytes as it is asked for.
        """
        self.mode = mode
        self._block = mode.block
        self._padding = [bytes(-length % mode.block) for length in range(mode.block)]
        self._randomBytes = randomBytes
        self._framing = framing(mode.block)

    def seal(self, datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Adds the headers and encrypts.
        """
        lengths = [len(datagram) + CHECKED_OVERHEAD for datagram in datagrams]
        nonces = self._randomBytes(NONCE * len(lengths))
        sealed = self.mode.encrypt(self._framing.frame(datagrams, lengths, nonces), lengths)
        return cut(sealed, lengths, block=self._block)

    def open(self, datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        """
        Decrypts, checks and removes the headers.
        """
        lengths = list(map(len, datagrams))
        opened = self._framing.unframe(self.mode.decrypt(self._padded(datagrams, lengths)), lengths)
        return opened, len(lengths) - len(opened)

    def _padded(self, datagrams: Sequence[bytes], lengths: list[int]) -> bytes:
        """
        @return: the datagrams, each padded to whole blocks, joined.
        """
        block, padding = self._block, self._padding
        if uniform(lengths):
            # And so of one padding.
            return padding[lengths[0] % block].join(datagrams) + padding[lengths[-1] % block]
        pieces: list[bytes] = []
        for datagram, length in zip(datagrams, lengths, strict=True):
            pieces += (datagram, padding[length % block])
        return b"".join(pieces)
