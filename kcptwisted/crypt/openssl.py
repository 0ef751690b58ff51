"""
CFB by OpenSSL, through C{cryptography}.
"""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher
from zope.interface import implementer

from kcptwisted.crypt.cfb import INITIALIZATION_VECTOR, CFBCipher, ICFBMode
from kcptwisted.crypt.checksummed import RandomBytes

try:
    # cryptography >= 47 warns about the old place, and is to drop it.
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:
    from cryptography.hazmat.primitives.ciphers.modes import CFB


@implementer(ICFBMode)
class OpenSSLCFB:
    """
    One context for each direction, that goes on from batch to batch: making one costs more than
    encrypting a datagram.
    """

    def __init__(self, algorithm: BlockCipherAlgorithm) -> None:
        """
        @param algorithm: the block cipher, with its key.
        @raise cryptography.exceptions.UnsupportedAlgorithm: if this build of OpenSSL does without
            it.
        """
        self.block = algorithm.block_size // 8
        cipher = Cipher(algorithm, CFB(INITIALIZATION_VECTOR[: self.block]))
        self._encrypt = cipher.encryptor().update
        self._decrypt = cipher.decryptor().update

    def encrypt(self, joined: bytes, lengths: list[int]) -> bytes:
        """
        Encrypt.
        """
        return self._encrypt(joined)

    def decrypt(self, joined: bytes) -> bytes:
        """
        Decrypt.
        """
        return self._decrypt(joined)


def openSSLCipher(
    algorithm: BlockCipherAlgorithm, randomBytes: RandomBytes = os.urandom
) -> CFBCipher:
    """
    @param algorithm: the block cipher, with its key.
    @param randomBytes: gives so many random bytes.
    @raise cryptography.exceptions.UnsupportedAlgorithm: if this build of OpenSSL does without it.
    """
    return CFBCipher(OpenSSLCFB(algorithm), randomBytes)
