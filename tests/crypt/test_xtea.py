"""
Tests for L{kcptwisted.crypt.xtea}.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.crypt.xtea import XTEA
from tests.crypt.backends import NO_ACCELERATOR
from tests.crypt.bythebook import BlockFunction
from tests.crypt.ownciphers import (
    AcceleratedCFBTestsMixin,
    BlockTestsMixin,
    PythonCFBTestsMixin,
)

_COUNT = "000102030405060708090a0b0c0d0e0f"
_STEPS = "0123456712345678234567893456789a"

EXAMPLES = (
    # golang.org/x/crypto, xtea_test.go.
    (_COUNT, "4142434445464748", "497df3d072612cb5"),
    (_COUNT, "4141414141414141", "e78f2d13744341d8"),
    (_COUNT, "5a5b6e278948d77f", "4141414141414141"),
    ("00" * 16, "4142434445464748", "a0390589f8b8efa5"),
    ("00" * 16, "4141414141414141", "ed23375a821a8c2d"),
    ("00" * 16, "70e1225d6e4e7655", "4141414141414141"),
    # Bouncy Castle, XTEATest.java, after S. Shepherd's page.
    ("00" * 16, "0000000000000000", "dee9d4d8f7131ed9"),
    ("00" * 16, "0102030405060708", "065c1b8975c6a816"),
    (_STEPS, "0000000000000000", "1ff9a0261ac64264"),
    (_STEPS, "0102030405060708", "8c67155b2ef91ead"),
    # K. Lockstone's teavect.htm, the one with 32 cycles.
    ("27f917b1c1da899360e2acaaa6eb923d", "af20a390547571aa", "d26428af0a202283"),
)


def encrypt(key: bytes, block: bytes) -> bytes:
    """
    XTEA as R. Needham and D. Wheeler give it.
    """
    mask = 0xFFFFFFFF
    k = struct.unpack(">4I", key)
    y, z = struct.unpack(">2I", block)
    total = 0
    for _ in range(32):
        y = (y + ((((z << 4) ^ (z >> 5)) + z) ^ (total + k[total & 3]))) & mask
        total = (total + 0x9E3779B9) & mask
        z = (z + ((((y << 4) ^ (y >> 5)) + y) ^ (total + k[total >> 11 & 3]))) & mask
    return struct.pack(">2I", y, z)


class ReferenceTests(SynchronousTestCase):
    """
    The function above that the cipher is held against.
    """

    def test_published(self) -> None:
        """
        It meets the published examples.
        """
        for key, block, encrypted in EXAMPLES:
            self.assertEqual(encrypt(bytes.fromhex(key), bytes.fromhex(block)).hex(), encrypted)


class XTEATestsMixin:
    """
    What is tested.
    """

    keys: Sequence[bytes] = [bytes(range(16)), b"\xff" * 16]
    block = 8
    blocks: Sequence[tuple[str, str, str]] = EXAMPLES

    def blockCipher(self, key: bytes) -> XTEA:
        """
        @return: XTEA.
        """
        return XTEA(key)

    def encryptBlock(self, key: bytes) -> BlockFunction:
        """
        @return: XTEA by the book.
        """
        return lambda block: encrypt(key, block)


class XTEATests(XTEATestsMixin, BlockTestsMixin, SynchronousTestCase):
    """
    Tests for L{XTEA}.
    """

    examples = EXAMPLES


class PythonXTEATests(XTEATestsMixin, PythonCFBTestsMixin, SynchronousTestCase):
    """
    XTEA in CFB mode, in Python.
    """


class AcceleratedXTEATests(XTEATestsMixin, AcceleratedCFBTestsMixin, SynchronousTestCase):
    """
    XTEA in CFB mode, in C.
    """

    skip = NO_ACCELERATOR
