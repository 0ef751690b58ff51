"""
CFB mode by OpenSSL, through C{cryptography}.
"""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher

from kcptwisted.crypt.cfb import INITIALIZATION_VECTOR, CFBCipher
from kcptwisted.crypt.checksummed import RandomBytes

try:
    # cryptography >= 47 warns about the old place, and is to drop it.
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:
    from cryptography.hazmat.primitives.ciphers.modes import CFB


class OpenSSLCFB:
    """
    A block cipher of OpenSSL in CFB mode.  It keeps one context for each direction from batch to
    batch, because making a context costs more than encrypting a datagram.
    """

    def __init__(self, algorithm: BlockCipherAlgorithm) -> None:
        """
        @param algorithm: the block cipher, with its key.
        @raise cryptography.exceptions.UnsupportedAlgorithm: if this build of OpenSSL has no such
            cipher.
        """
        self.block = algorithm.block_size // 8
        cipher = Cipher(algorithm, CFB(INITIALIZATION_VECTOR[: self.block]))
        self._encrypt = cipher.encryptor().update
        self._decrypt = cipher.decryptor().update

    def encrypt(self, joined: bytes, lengths: list[int]) -> bytes:
        """
        Encrypts messages.
        """
        return self._encrypt(joined)

    def decrypt(self, joined: bytes) -> bytes:
        """
        Decrypts messages.
        """
        return self._decrypt(joined)


def openSSLCipher(
    algorithm: BlockCipherAlgorithm, randomBytes: RandomBytes = os.urandom
) -> CFBCipher:
    """
    Makes the cipher of a block cipher that OpenSSL has.

    @param algorithm: the block cipher, with its key.
    @param randomBytes: returns as many random bytes as it is asked for.
    @raise cryptography.exceptions.UnsupportedAlgorithm: if this build of OpenSSL has no such
        cipher.
    """
    return CFBCipher(OpenSSLCFB(algorithm), randomBytes)
