"""
CFB for the block ciphers that no library does: by the accelerator where there is one, else in
Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zope.interface import Attribute, Interface, implementer

from kcptwisted.crypt.cfb import INITIALIZATION_VECTOR, CFBCipher, ICFBMode
from kcptwisted.native import Accelerator, Scratch, accelerator


class IBlockCipher(Interface):
    """
    A block cipher of ours, with its key.
    """

    block: int = Attribute("Bytes of a block.")
    nativeName: str = Attribute("What C{accelerator.h} calls it.")
    schedule: Sequence[int] = Attribute("The 32-bit words that the accelerator makes use of.")

    def encryptBlocks(blocks: bytes) -> bytes:
        """
        @param blocks: any number of blocks.
        @return: each of them encrypted for itself.
        """


def _xor(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "little") ^ int.from_bytes(b, "little")).to_bytes(len(a), "little")


@implementer(ICFBMode)
class PythonCFB:
    """
    In Python, where a cipher is quick only with many blocks at once: decryption takes all blocks of
    a batch together, encryption the first of each message, then the second of each, and so on.
    """

    def __init__(self, cipher: IBlockCipher) -> None:
        """
        @param cipher: what encrypts the blocks.
        """
        self.block = cipher.block
        self._encryptBlocks = cipher.encryptBlocks
        self._start = INITIALIZATION_VECTOR[: cipher.block]

    def encrypt(self, joined: bytes, lengths: list[int]) -> bytes:
        """
        Encrypt all messages side by side.
        """
        size = self.block
        messages = []
        start = 0
        for length in lengths:
            end = start + length + -length % size
            messages.append(joined[start:end])
            start = end
        # The longest first: those that still have blocks are then always the first so many.
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
        Decrypt all blocks together.
        """
        return _xor(joined, self._encryptBlocks((self._start + joined)[: len(joined)]))


@implementer(ICFBMode)
class AcceleratedCFB:
    """
    In C.
    """

    def __init__(self, cipher: IBlockCipher, native: Accelerator) -> None:
        """
        @param cipher: gives its name and the words made of the key.
        """
        self.block = cipher.block
        self._start = INITIALIZATION_VECTOR[: cipher.block]
        self._cipher = getattr(native.lib, cipher.nativeName)
        self._schedule = native.ffi.new("uint32_t[]", list(cipher.schedule))
        self._native = native
        self._scratch = Scratch(native)

    def encrypt(self, joined: bytes, lengths: list[int]) -> bytes:
        """
        Encrypt.
        """
        return self._run(self._native.lib.kcp_cfb_encrypt, joined)

    def decrypt(self, joined: bytes) -> bytes:
        """
        Decrypt.
        """
        return self._run(self._native.lib.kcp_cfb_decrypt, joined)

    def _run(self, function: Any, data: bytes) -> bytes:
        size = len(data)
        memory, result = self._scratch.reserve(size)
        function(self._cipher, self._schedule, self._start, data, size, memory)
        transformed: bytes = result[:size]
        return transformed


def blockCipher(cipher: IBlockCipher) -> CFBCipher:
    """
    @return: the cipher in CFB mode, by whatever is fastest here.
    """
    native = accelerator()
    return CFBCipher(PythonCFB(cipher) if native is None else AcceleratedCFB(cipher, native))
