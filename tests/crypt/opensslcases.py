"""
What the tests of OpenSSL's ciphers have in common.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm

from kcptwisted.crypt.cfb import CFBMode
from kcptwisted.crypt.cipher import Cipher
from kcptwisted.crypt.openssl import OpenSSLCFB
from kcptwisted.crypt.registry import CIPHERS
from tests.crypt.bythebook import BlockFunction, blockFunction
from tests.crypt.cfbtests import CFBCipherTestsMixin, CFBModeTestsMixin


class OpenSSLTestsMixin(CFBCipherTestsMixin, CFBModeTestsMixin):
    """
    A cipher of OpenSSL's: the published examples hold for its algorithm, and the registry's cipher
    is that algorithm in CFB mode.

    @ivar name: the cipher's in the registry, by the length of the key.
    """

    names: dict[int, str]

    def algorithm(self, key: bytes) -> BlockCipherAlgorithm:
        """
        @return: the block cipher.
        """
        raise NotImplementedError

    def make(self, key: bytes) -> Cipher:
        """
        @return: the cipher that endpoints use.
        """
        cipher = CIPHERS[self.names[len(key)]].make(key)
        assert cipher is not None
        return cipher

    def mode(self, key: bytes) -> CFBMode:
        """
        @return: the mode that it is made with.
        """
        return OpenSSLCFB(self.algorithm(key))

    def encryptBlock(self, key: bytes) -> BlockFunction:
        """
        @return: the block cipher by itself.
        """
        return blockFunction(self.algorithm(key))
