"""
CFB mode for the block ciphers that are implemented here: by the accelerator where there is one,
else in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from kcptwisted.crypt.cfb import INITIALIZATION_VECTOR, CFBCipher
from kcptwisted.native import Accelerator, Scratch, accelerator


class BlockCipher(Protocol):
    """
    A block cipher with its key.
    """

    @property
    def block(self) -> int:
        """
        Length of a block in bytes.
        """

    @property
    def nativeName(self) -> str:
        """
        The cipher's name in C{accelerator.h}.
        """

    @property
    def schedule(self) -> Sequence[int]:
        """
        The key schedule as the accelerator takes it: 32-bit words.
        """

    def encryptBlocks(self, blocks: bytes) -> bytes:
        """
        Encrypts each block for itself.

        @param blocks: any number of blocks, joined.
        """


def _xor(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "little") ^ int.from_bytes(b, "little")).to_bytes(len(a), "little")


class PythonCFB:
    """
    CFB mode in Python.  A cipher in Python is fast only with many blocks at once.  So decryption
    takes all blocks of a batch together; encryption takes the first block of each message, then the
    second of each, and so on.
    """

    def __init__(self, cipher: BlockCipher) -> None:
        """
        @param cipher: encrypts the blocks.
        """
        self.block = cipher.block
        self._encryptBlocks = cipher.encryptBlocks
        self._start = INITIALIZATION_VECTOR[: cipher.block]

    def encrypt(self, joined: bytes, lengths: list[int]) -> bytes:
        """
        Encrypts all messages side by side.
        """
        size = self.block
        messages = []
        start = 0
        for length in lengths:
            end = start + length + -length % size
            messages.append(joined[start:end])
            start = end
        # The longest first: so those that still have blocks stand before the others.
        order = sorted(range(len(messages)), key=lambda number: -len(messages[number]))
        longest = len(messages[order[0]]) if order else 0
        chain = self._start * len(messages)
        columns = []
        for at in range(0, longest, size):
            plain = b"".join([messages[number][at : at + size] for number in order])
            chain = _xor(plain, self._encryptBlocks(chain[: len(plain)]))
            columns.append(chain)
        sealed = [b""] * len(messages)
        for place, number in enumerate(order):
            own = slice(place * size, (place + 1) * size)
            sealed[number] = b"".join(
                [column[own] for column in columns[: len(messages[number]) // size]]
            )
        return b"".join(sealed)

    def decrypt(self, joined: bytes) -> bytes:
        """
        Decrypts all blocks together.
        """
        return _xor(joined, self._encryptBlocks((self._start + joined)[: len(joined)]))


class AcceleratedCFB:
    """
    CFB mode by the accelerator.
    """

    def __init__(self, cipher: BlockCipher, native: Accelerator) -> None:
        """
        @param cipher: has the name and the key schedule.
        """
        self.block = cipher.block
        self._start = INITIALIZATION_VECTOR[: cipher.block]
        self._cipher = getattr(native.lib, cipher.nativeName)
        self._schedule = native.ffi.new("uint32_t[]", list(cipher.schedule))
        self._native = native
        self._scratch = Scratch(native)

    def encrypt(self, joined: bytes, lengths: list[int]) -> bytes:
        """
        Encrypts messages.
        """
        return self._run(self._native.lib.kcp_cfb_encrypt, joined)

    def decrypt(self, joined: bytes) -> bytes:
        """
        Decrypts messages.
        """
        return self._run(self._native.lib.kcp_cfb_decrypt, joined)

    def _run(self, function: Any, data: bytes) -> bytes:
        size = len(data)
        memory, result = self._scratch.reserve(size)
        function(self._cipher, self._schedule, self._start, data, size, memory)
        transformed: bytes = result[:size]
        return transformed


def blockCipher(cipher: BlockCipher) -> CFBCipher:
    """
    Returns the cipher in CFB mode, by the accelerator if there is one.
    """
    native = accelerator()
    return CFBCipher(PythonCFB(cipher) if native is None else AcceleratedCFB(cipher, native))
