"""
XTEA with 32 cycles in CFB mode (docs/wire.md, "Ciphers").
"""

from __future__ import annotations

import struct

from kcptwisted.crypt.blockcfb import blockCipher
from kcptwisted.crypt.cfb import CFBCipher
from kcptwisted.crypt.lanes import LANE_BYTES, ones

_CYCLES = 32
_DELTA = 0x9E3779B9


class XTEA:
    """
    The block cipher XTEA.
    """

    block = 8
    nativeName = "KCP_XTEA"

    def __init__(self, key: bytes) -> None:
        """
        @param key: 16 bytes.
        """
        words = struct.unpack(">4I", key)
        schedule = []
        total = 0
        for _ in range(_CYCLES):
            schedule.append(total + words[total & 3] & 0xFFFFFFFF)
            total = total + _DELTA & 0xFFFFFFFF
            schedule.append(total + words[total >> 11 & 3] & 0xFFFFFFFF)
        self.schedule = schedule

    def encryptBlocks(self, blocks: bytes) -> bytes:
        """
        Encrypts each block for itself.  A block is as wide as a lane.
        """
        one = ones(len(blocks) // LANE_BYTES)
        low = one * 0xFFFFFFFF
        both = int.from_bytes(blocks, "big")
        v0 = both >> 32 & low
        v1 = both & low
        halves = iter(self.schedule)
        for first, second in zip(halves, halves, strict=True):
            v0 = v0 + ((v1 << 4 ^ v1 >> 5) + v1 ^ one * first) & low
            v1 = v1 + ((v0 << 4 ^ v0 >> 5) + v0 ^ one * second) & low
        return (v0 << 32 | v1).to_bytes(len(blocks), "big")


def xtea(key: bytes) -> CFBCipher:
    """
    Makes the cipher C{xtea}.

    @param key: 16 bytes.
    """
    return blockCipher(XTEA(key))
