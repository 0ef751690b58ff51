"""
Twofish with a key of 256 bits in CFB mode (docs/wire.md, "Ciphers").

After B. Schneier and others, "Twofish: A 128-Bit Block Cipher", 1998; sections are that paper's.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

import reedsolo

from kcptwisted.crypt.blockcfb import blockCipher
from kcptwisted.crypt.cfb import CFBCipher
from kcptwisted.crypt.lanes import LANE_BYTES, ones, rotateLeft

_ROUNDS = 16
_WORD = 0xFFFFFFFF

# Section 4.3.2: the matrix MDS, and its field's polynomial.
_MDS = (
    (0x01, 0xEF, 0x5B, 0x5B),
    (0x5B, 0xEF, 0xEF, 0x01),
    (0xEF, 0x5B, 0x01, 0xEF),
    (0xEF, 0x01, 0xEF, 0x5B),
)
_MDS_POLYNOMIAL = 0x169

# Section 4.3: the matrix RS, and its field's polynomial.
_RS = (
    (0x01, 0xA4, 0x55, 0x87, 0x5A, 0x58, 0xDB, 0x9E),
    (0xA4, 0x56, 0x82, 0xF3, 0x1E, 0xC6, 0x68, 0xE5),
    (0x02, 0xA1, 0xFC, 0xC1, 0x47, 0xAE, 0x3D, 0x19),
    (0xA4, 0x55, 0x87, 0x5A, 0x58, 0xDB, 0x9E, 0x03),
)
_RS_POLYNOMIAL = 0x14D

# Section 4.3.5: the permutations q0 and q1, each made of four of 4 bits.
_Q_PARTS = (
    ("817D6F320B59ECA4", "ECB81235F4A6709D", "BA5E6D90C8F32471", "D7F4126E9B3085CA"),
    ("28BDF76E31940AC5", "1E2B4C376DA5F908", "4C75169A0ED82B3F", "B951C3DE647F208A"),
)

# Section 4.3.2, the function h: which permutation a byte goes through between the words of the key,
# by its position in the word.
_Q_ORDER = ((1, 1, 0, 0, 1), (0, 1, 1, 0, 0), (0, 0, 0, 1, 1), (1, 0, 1, 1, 0))


def _product(a: int, b: int, polynomial: int) -> int:
    result: int = reedsolo.gf_mult_noLUT(a, b, polynomial, 256)
    return result


def _permutation(parts: Sequence[str]) -> list[int]:
    first, second, third, fourth = [[int(digit, 16) for digit in part] for part in parts]

    def mix(a: int, b: int) -> tuple[int, int]:
        return a ^ b, a ^ (b >> 1 | b << 3 & 8) ^ (a << 3 & 8)

    result = []
    for value in range(256):
        a, b = mix(value >> 4, value & 15)
        a, b = mix(first[a], second[b])
        result.append(fourth[b] << 4 | third[a])
    return result


@lru_cache(maxsize=1)
def _constants() -> tuple[list[list[int]], list[list[int]]]:
    """
    Returns q0 and q1, and for each column of MDS the product with each byte, as a word.
    """
    columns = [
        [
            sum(
                _product(row[column], value, _MDS_POLYNOMIAL) << 8 * i for i, row in enumerate(_MDS)
            )
            for value in range(256)
        ]
        for column in range(4)
    ]
    return [_permutation(parts) for parts in _Q_PARTS], columns


def _keyed(position: int, value: int, words: Sequence[bytes]) -> int:
    """
    Computes the function h for one byte.

    @param position: the position of the byte in its word.
    @param words: four words of the key.
    @return: the byte's part of the result.
    """
    permutations, columns = _constants()
    order = _Q_ORDER[position]
    for step, word in zip(order, reversed(words), strict=False):
        value = permutations[step][value] ^ word[position]
    return columns[position][permutations[order[-1]][value]]


def _subkeys(key: bytes) -> list[int]:
    """
    Returns the words K of section 4.3.1.
    """
    words = [key[at : at + 4] for at in range(0, len(key), 4)]
    keys = []
    for number in range(0, 40, 2):
        a = b = 0
        for position in range(4):
            a ^= _keyed(position, number, words[0::2])
            b ^= _keyed(position, number + 1, words[1::2])
        b = (b << 8 | b >> 24) & _WORD
        keys.append(a + b & _WORD)
        second = a + 2 * b & _WORD
        keys.append((second << 9 | second >> 23) & _WORD)
    return keys


def _boxes(key: bytes) -> list[list[int]]:
    """
    Returns the key-dependent S-boxes of section 4.3.4, each combined with its column of MDS.
    """
    words: list[bytes] = []
    for at in range(0, len(key), 8):
        word = []
        for row in _RS:
            total = 0
            for factor, byte in zip(row, key[at : at + 8], strict=True):
                total ^= _product(factor, byte, _RS_POLYNOMIAL)
            word.append(total)
        words.insert(0, bytes(word))
    return [[_keyed(position, value, words) for value in range(256)] for position in range(4)]


class Twofish:
    """
    The block cipher Twofish.
    """

    block = 16
    nativeName = "KCP_TWOFISH"

    def __init__(self, key: bytes) -> None:
        """
        @param key: 32 bytes.
        """
        self._keys = _subkeys(key)
        self._tables = _boxes(key)

    @property
    def schedule(self) -> Sequence[int]:
        """
        The 40 subkeys, then the four tables.
        """
        return [*self._keys, *[word for table in self._tables for word in table]]

    @staticmethod
    def _substitute(words: int, count: int, tables: Sequence[Sequence[int]]) -> int:
        """
        Computes the function g for each lane.
        """
        data = words.to_bytes(count * LANE_BYTES, "little")
        t0, t1, t2, t3 = tables
        results = [
            t0[a] ^ t1[b] ^ t2[c] ^ t3[d]
            for a, b, c, d in zip(data[0::8], data[1::8], data[2::8], data[3::8], strict=True)
        ]
        return int.from_bytes(struct.pack(f"<{count}Q", *results), "little")

    def encryptBlocks(self, blocks: bytes) -> bytes:
        """
        Encrypts each block for itself.  The four words of a block are in four lanes.
        """
        count = len(blocks) // self.block
        one = ones(count)
        low = one * _WORD
        keys = [one * key for key in self._keys]
        tables = self._tables
        # The function g of a word that is rotated by 8 bits: each byte is one place further.
        rotated = tables[1:] + tables[:1]
        words = struct.unpack(f"<{4 * count}I", blocks)
        a, b, c, d = [
            int.from_bytes(struct.pack(f"<{count}Q", *words[place::4]), "little") ^ keys[place]
            for place in range(4)
        ]
        for number in range(_ROUNDS):
            first = self._substitute(a, count, tables)
            second = self._substitute(b, count, rotated)
            c ^= first + second + keys[8 + 2 * number] & low
            d = rotateLeft(d, 1, low) ^ (first + 2 * second + keys[9 + 2 * number] & low)
            a, b, c, d = rotateLeft(c, 31, low), d, a, b
        columns = [
            struct.unpack(f"<{count}Q", (word ^ key).to_bytes(count * LANE_BYTES, "little"))
            for word, key in zip((c, d, a, b), keys[4:8], strict=True)
        ]
        return struct.pack(
            f"<{4 * count}I", *[word for row in zip(*columns, strict=True) for word in row]
        )


def twofish(key: bytes) -> CFBCipher:
    """
    Makes the cipher C{twofish}.

    @param key: 32 bytes.
    """
    return blockCipher(Twofish(key))
