"""
Tests for L{kcptwisted.crypt.cast5}.
"""

from __future__ import annotations

from cryptography.hazmat.decrepit.ciphers.algorithms import CAST5
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm
from twisted.trial.unittest import SynchronousTestCase

from tests.crypt.opensslcases import OpenSSLTestsMixin


class CAST5Tests(OpenSSLTestsMixin, SynchronousTestCase):
    """
    Tests for L{kcptwisted.crypt.cast5.cast5}.
    """

    names = {16: "cast5"}
    keys = [bytes(range(16)), bytes(16)]
    block = 8
    # RFC 2144, B.1.
    blocks = (("0123456712345678234567893456789a", "0123456789abcdef", "238b4fe5847e44b2"),)
    # pyca/cryptography, cast5-cfb.txt, counts 0 and 1: made with OpenSSL, checked with Go's cast5
    # and Apple's CommonCrypto.
    examples = (
        (
            "085b8af6788fa6bc1a0b47dcf50fbd35",
            "58cb2b12bb52c6f1",
            "4b5a872260293312eea1a570fd39c788",
            "453d00cb11e1cf4e52ee11c1c22cd6b6",
        ),
        (
            "701ccc4c0e36e512ce077f5af6ccb957",
            "5337ddeaf89a00dd",
            "cc1172f2f80866d0768b25f70fcf6361aab7c627c8488f97525d7d88949beeea",
            "0cb41e41b55c3aa4f7a002e7ffbe438897769b9cb77e7a8ff9237d8e066fc64f",
        ),
    )

    def algorithm(self, key: bytes) -> BlockCipherAlgorithm:
        """
        @return: CAST-128.
        """
        return CAST5(key)
