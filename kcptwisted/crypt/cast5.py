"""
CAST5 (CAST-128) in CFB mode.
"""

from __future__ import annotations

from cryptography.hazmat.decrepit.ciphers.algorithms import CAST5

from kcptwisted.crypt.cfb import CFBCipher
from kcptwisted.crypt.openssl import openSSLCipher


def cast5(key: bytes) -> CFBCipher:
    """
    Makes the cipher C{cast5}.

    @param key: 16 bytes.
    """
    return openSSLCipher(CAST5(key))
