"""
SM4 in CFB mode.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from kcptwisted.crypt.cfb import CFBCipher
from kcptwisted.crypt.openssl import openSSLCipher


def sm4(key: bytes) -> CFBCipher:
    """
    Makes the cipher C{sm4}.

    @param key: 16 bytes.
    """
    return openSSLCipher(SM4(key))
