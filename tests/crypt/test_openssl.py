"""
Tests for L{kcptwisted.crypt.openssl}.
"""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.crypt.openssl import OpenSSLCFB, openSSLCipher
from tests.crypt.bythebook import IV, blockFunction, decryptCFB, encryptCFB


class UnknownAlgorithm(BlockCipherAlgorithm):
    """
    One that OpenSSL has never heard of.
    """

    name = "Unknown"
    block_size = 128
    key_size = 128
    key_sizes = frozenset([128])


class OpenSSLCFBTests(SynchronousTestCase):
    """
    Tests for L{OpenSSLCFB}.
    """

    def setUp(self) -> None:
        """
        Make one.
        """
        self.encryptBlock = blockFunction(AES(bytes(16)))
        self.mode = OpenSSLCFB(AES(bytes(16)))

    def test_block(self) -> None:
        """
        Its block is the cipher's.
        """
        self.assertEqual(self.mode.block, 16)

    def test_goesOn(self) -> None:
        """
        From call to call each direction is one long message from kcp-go's IV on, whatever the
        other does.
        """
        plain = b"".join([bytes([number]) * 16 for number in range(6)])
        encrypted = encryptCFB(self.encryptBlock, IV, plain)
        self.assertEqual(self.mode.encrypt(plain[:32], [32]), encrypted[:32])
        clear = decryptCFB(self.encryptBlock, IV, plain)
        self.assertEqual(self.mode.decrypt(plain[:48]), clear[:48])
        self.assertEqual(self.mode.encrypt(b"", []), b"")
        self.assertEqual(self.mode.encrypt(plain[32:], [30, 31]), encrypted[32:])
        self.assertEqual(self.mode.decrypt(b""), b"")
        self.assertEqual(self.mode.decrypt(plain[48:]), clear[48:])

    def test_unsupported(self) -> None:
        """
        What this build of OpenSSL does without cannot be made.
        """
        self.assertRaises(UnsupportedAlgorithm, OpenSSLCFB, UnknownAlgorithm())
        self.assertRaises(UnsupportedAlgorithm, openSSLCipher, UnknownAlgorithm())
