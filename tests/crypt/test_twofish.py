"""
Tests for L{kcptwisted.crypt.twofish}.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.crypt.twofish import Twofish
from tests.crypt.backends import NO_ACCELERATOR
from tests.crypt.bythebook import BlockFunction
from tests.crypt.ownciphers import (
    AcceleratedCFBTestsMixin,
    BlockTestsMixin,
    PythonCFBTestsMixin,
)

#: The Twofish submission's ECB_IVAL.TXT, and ECB_TBL.TXT for keys of 256 bits, I=1 to 5, 49.
EXAMPLES = (
    (
        "0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff",
        "00000000000000000000000000000000",
        "37527be0052334b89f0cfccae87cfa20",
    ),
    ("00" * 32, "00000000000000000000000000000000", "57ff739d4dc92c1bd7fc01700cc8216f"),
    ("00" * 32, "57ff739d4dc92c1bd7fc01700cc8216f", "d43bb7556ea32e46f2a282b7d45b4e0d"),
    (
        "57ff739d4dc92c1bd7fc01700cc8216f00000000000000000000000000000000",
        "d43bb7556ea32e46f2a282b7d45b4e0d",
        "90afe91bb288544f2c32dc239b2635e6",
    ),
    (
        "d43bb7556ea32e46f2a282b7d45b4e0d57ff739d4dc92c1bd7fc01700cc8216f",
        "90afe91bb288544f2c32dc239b2635e6",
        "6cb4561c40bf0a9705931cb6d408e7fa",
    ),
    (
        "90afe91bb288544f2c32dc239b2635e6d43bb7556ea32e46f2a282b7d45b4e0d",
        "6cb4561c40bf0a9705931cb6d408e7fa",
        "3059d6d61753b958d92f4781c8640e58",
    ),
    (
        "248a7f3528b168acfdd1386e3f51e30c2e2158bc3e5fc714c1eeeca0ea696d48",
        "431058f4dbc7f734da4f02f04cc4f459",
        "37fe26ff1cf66175f5ddf4c33b97a205",
    ),
)


class TwofishTestsMixin:
    """
    What is tested.
    """

    keys: Sequence[bytes] = [bytes(range(32)), b"\xff" * 32]
    block = 16
    blocks: Sequence[tuple[str, str, str]] = EXAMPLES

    def blockCipher(self, key: bytes) -> Twofish:
        """
        @return: Twofish.
        """
        return Twofish(key)

    def encryptBlock(self, key: bytes) -> BlockFunction:
        """
        @return: a function that takes one block at a time, and has met the examples.
        """
        return Twofish(key).encryptBlocks


class TwofishTests(TwofishTestsMixin, BlockTestsMixin, SynchronousTestCase):
    """
    Tests for L{Twofish}.
    """

    examples = EXAMPLES

    def test_table(self) -> None:
        """
        It goes through the table of ECB_TBL.TXT, where each line's key and block come from the
        lines before, and ends with the last.
        """
        key, block = bytes(32), bytes(16)
        for _ in range(49):
            encrypted = Twofish(key).encryptBlocks(block)
            key, block = block + key[:16], encrypted
        self.assertEqual(block.hex(), "37fe26ff1cf66175f5ddf4c33b97a205")


class PythonTwofishTests(TwofishTestsMixin, PythonCFBTestsMixin, SynchronousTestCase):
    """
    Twofish in CFB mode, in Python.
    """


class AcceleratedTwofishTests(TwofishTestsMixin, AcceleratedCFBTestsMixin, SynchronousTestCase):
    """
    Twofish in CFB mode, in C.
    """

    skip = NO_ACCELERATOR
