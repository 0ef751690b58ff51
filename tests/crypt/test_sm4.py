"""
Tests for L{kcptwisted.crypt.sm4}.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from twisted.trial.unittest import SynchronousTestCase

from tests.crypt.opensslcases import OpenSSLTestsMixin

_IV = "000102030405060708090a0b0c0d0e0f"
_PLAIN = "aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffffaaaaaaaabbbbbbbb"


class SM4Tests(OpenSSLTestsMixin, SynchronousTestCase):
    """
    Tests for L{kcptwisted.crypt.sm4.sm4}.
    """

    names = {16: "sm4"}
    keys = [bytes(range(16)), bytes(16)]
    block = 16
    # GB/T 32907-2016, A.1.
    blocks = (
        (
            "0123456789abcdeffedcba9876543210",
            "0123456789abcdeffedcba9876543210",
            "681edf34d206965e86b3e94f536e4246",
        ),
    )
    # draft-ribose-cfrg-sm4-10, A.2.4.
    examples = (
        (
            "0123456789abcdeffedcba9876543210",
            _IV,
            _PLAIN,
            "ac3236cb861dd316e6413b4e3c7524b769d4c54ed433b9a0346009beb37b2b3f",
        ),
        (
            "fedcba98765432100123456789abcdef",
            _IV,
            _PLAIN,
            "5dcccd25a84ba16560d7f265887068490d9b86ff20c3bfe115ffa02ca6192cc5",
        ),
    )

    def algorithm(self, key: bytes) -> BlockCipherAlgorithm:
        """
        @return: SM4.
        """
        return SM4(key)
