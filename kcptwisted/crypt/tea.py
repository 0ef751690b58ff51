"""
TEA with 8 cycles, as kcp-go has it, in CFB mode (docs/wire.md, "Ciphers").
"""

from __future__ import annotations

import struct

from kcptwisted.crypt.blockcfb import blockCipher
from kcptwisted.crypt.cfb import CFBCipher
from kcptwisted.crypt.lanes import LANE_BYTES, ones

_CYCLES = 8
_DELTA = 0x9E3779B9


class TEA:
    """
    The block cipher TEA.
    """

    block = 8
    nativeName = "KCP_TEA"

    def __init__(self, key: bytes) -> None:
        """
        @param key: 16 bytes.
        """
        self.schedule = struct.unpack(">4I", key)

    def encryptBlocks(self, blocks: bytes) -> bytes:
        """
        Encrypts each block for itself.  A block is as wide as a lane.
        """
        one = ones(len(blocks) // LANE_BYTES)
        low = one * 0xFFFFFFFF
        k0, k1, k2, k3 = [one * word for word in self.schedule]
        delta = one * _DELTA
        both = int.from_bytes(blocks, "big")
        v0 = both >> 32 & low
        v1 = both & low
        total = 0
        for _ in range(_CYCLES):
            total += delta
            v0 = v0 + ((v1 << 4) + k0 ^ v1 + total ^ (v1 >> 5) + k1) & low
            v1 = v1 + ((v0 << 4) + k2 ^ v0 + total ^ (v0 >> 5) + k3) & low
        return (v0 << 32 | v1).to_bytes(len(blocks), "big")


def tea(key: bytes) -> CFBCipher:
    """
    Makes the cipher C{tea}.

    @param key: 16 bytes.
    """
    return blockCipher(TEA(key))
