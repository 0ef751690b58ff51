"""
Salsa20/20 as in kcp-go: the first 8 bytes of a packet are its nonce (docs/wire.md, "Ciphers").
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence

from kcptwisted.crypt.checksummed import CheckedCipher, RandomBytes
from kcptwisted.crypt.joined import JoinedCipher
from kcptwisted.crypt.lanes import LANE_BYTES, ones, rotateLeft
from kcptwisted.native import Accelerator, accelerator

_NONCE = 8
_BLOCK = 64
_DOUBLE_ROUNDS = 10

#: "expand 32-byte k", the words at 0, 5, 10 and 15.
_CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")

#: The words that a quarter round takes, columns then rows.
_QUARTERS = (
    (0, 4, 8, 12),
    (5, 9, 13, 1),
    (10, 14, 2, 6),
    (15, 3, 7, 11),
    (0, 1, 2, 3),
    (5, 6, 7, 4),
    (10, 11, 8, 9),
    (15, 12, 13, 14),
)


class PythonSalsa20(CheckedCipher):
    """
    Salsa20 in Python.  It generates the key stream of all packets of a batch together.
    """

    def __init__(self, key: bytes, randomBytes: RandomBytes = os.urandom) -> None:
        """
        @param key: 32 bytes.
        @param randomBytes: returns as many random bytes as it is asked for.
        """
        super().__init__(randomBytes)
        self._key = struct.unpack("<8I", key)

    def transform(self, packets: Sequence[bytes]) -> Sequence[bytes]:
        """
        Combines each packet, but for its nonce, with its key stream.
        """
        longest = max(map(len, packets), default=0)
        numbers = struct.pack(f"<{longest // _BLOCK + 1}Q", *range(longest // _BLOCK + 1))
        high = bytes(LANE_BYTES - 4)
        nonces: tuple[list[bytes], list[bytes]] = ([], [])
        counters = []
        padded = []
        for packet in packets:
            blocks = -(-len(packet[_NONCE:]) // _BLOCK)
            nonces[0].append((packet[:4] + high) * blocks)
            nonces[1].append((packet[4:_NONCE] + high) * blocks)
            counters.append(numbers[: blocks * LANE_BYTES])
            padded.append(packet[_NONCE:].ljust(blocks * _BLOCK, b"\0"))
        lanes = [int.from_bytes(b"".join(part), "little") for part in (*nonces, counters)]
        plain = b"".join(padded)
        stream = self._generate(len(plain) // _BLOCK, *lanes)
        mixed = (int.from_bytes(plain, "little") ^ int.from_bytes(stream, "little")).to_bytes(
            len(plain), "little"
        )
        results = []
        start = 0
        for packet, piece in zip(packets, padded, strict=True):
            rest = max(len(packet) - _NONCE, 0)
            results.append(packet[:_NONCE] + mixed[start : start + rest])
            start += len(piece)
        return results

    def _generate(self, count: int, nonce0: int, nonce1: int, counter: int) -> bytes:
        """
        Generates blocks of key stream.

        @param count: how many blocks.
        @param nonce0: lanes with the first word of each block's nonce.
        @param nonce1: lanes with the second word.
        @param counter: lanes with each block's number in its packet.
        @return: the blocks, joined.
        """
        one = ones(count)
        low = one * 0xFFFFFFFF
        c0, c1, c2, c3 = [one * word for word in _CONSTANTS]
        k0, k1, k2, k3, k4, k5, k6, k7 = [one * word for word in self._key]
        start = [c0, k0, k1, k2, k3, c1, nonce0, nonce1, counter, 0, c2, k4, k5, k6, k7, c3]
        x = list(start)
        for _ in range(_DOUBLE_ROUNDS):
            for a, b, c, d in _QUARTERS:
                x[b] ^= rotateLeft(x[a] + x[d] & low, 7, low)
                x[c] ^= rotateLeft(x[b] + x[a] & low, 9, low)
                x[d] ^= rotateLeft(x[c] + x[b] & low, 13, low)
                x[a] ^= rotateLeft(x[d] + x[c] & low, 18, low)
        words = [(word + first) & low for word, first in zip(x, start, strict=True)]
        stream = bytearray(count * _BLOCK)
        places = memoryview(stream).cast("Q")
        for pair in range(_BLOCK // LANE_BYTES):
            both = words[2 * pair] | words[2 * pair + 1] << 32
            # Both views copy bytes as they are, so the machine's byte order does not matter.
            column = memoryview(both.to_bytes(count * LANE_BYTES, "little")).cast("Q")
            places[pair :: _BLOCK // LANE_BYTES] = column
        return bytes(stream)


def acceleratedSalsa20(
    key: bytes, native: Accelerator, randomBytes: RandomBytes = os.urandom
) -> JoinedCipher:
    """
    Makes Salsa20 by the accelerator.

    @param key: 32 bytes.
    @param randomBytes: returns as many random bytes as it is asked for.
    """
    words = native.ffi.new("uint32_t[]", struct.unpack("<8I", key))
    return JoinedCipher(native, native.lib.kcp_salsa20, words, randomBytes)


def salsa20(key: bytes) -> CheckedCipher:
    """
    Makes the cipher C{salsa20}.

    @param key: 32 bytes.
    """
    native = accelerator()
    return PythonSalsa20(key) if native is None else acceleratedSalsa20(key, native)
