"""
Tests for L{kcptwisted.crypt.blowfish}.
"""

from __future__ import annotations

from cryptography.hazmat.decrepit.ciphers.algorithms import Blowfish
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm
from twisted.trial.unittest import SynchronousTestCase

from tests.crypt.opensslcases import OpenSSLTestsMixin


class BlowfishTests(OpenSSLTestsMixin, SynchronousTestCase):
    """
    Tests for L{kcptwisted.crypt.blowfish.blowfish}.

    Blowfish goes through its key again and again until all subkeys are made.  So the published
    examples for keys of 8 and 16 bytes are examples for 32, with the key repeated.
    """

    names = {32: "blowfish"}
    keys = [bytes(range(32)), bytes(range(32, 0, -1))]
    block = 8
    # B. Schneier's vectors.txt, by E. Young: "ecb test data", and the last of "set_key test data".
    blocks = (
        ("00" * 32, "0000000000000000", "4ef997456198dd78"),
        ("ff" * 32, "ffffffffffffffff", "51866fd5b85ecb8a"),
        ("3000000000000000" * 4, "1000000000000001", "7d856f9a613063f2"),
        ("0123456789abcdef" * 4, "1111111111111111", "61f9c3802281b096"),
        ("fedcba9876543210" * 4, "0123456789abcdef", "0aceab0fc6a0a28d"),
        (
            "f0e1d2c3b4a5968778695a4b3c2d1e0f0011223344556677",
            "fedcba9876543210",
            "05044b62fa52d080",
        ),
    )
    # The same file, "chaining mode test data", cfb64.
    examples = (
        (
            "0123456789abcdeff0e1d2c3b4a59687" * 2,
            "fedcba9876543210",
            "37363534333231204e6f77206973207468652074696d6520666f722000",
            "e73214a2822139caf26ecf6d2eb9e76e3da3de04d1517200519d57a6c3",
        ),
    )

    def algorithm(self, key: bytes) -> BlockCipherAlgorithm:
        """
        @return: Blowfish.
        """
        return Blowfish(key)
