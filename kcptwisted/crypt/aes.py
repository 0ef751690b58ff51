"""
AES in CFB mode.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.algorithms import AES

from kcptwisted.crypt.cfb import CFBCipher
from kcptwisted.crypt.openssl import openSSLCipher


def aes(key: bytes) -> CFBCipher:
    """
    Makes the cipher C{aes}.

    @param key: 16, 24 or 32 bytes.
    """
    return openSSLCipher(AES(key))
