"""
Blowfish in CFB mode.
"""

from __future__ import annotations

from cryptography.hazmat.decrepit.ciphers.algorithms import Blowfish

from kcptwisted.crypt.cfb import CFBCipher
from kcptwisted.crypt.openssl import openSSLCipher


def blowfish(key: bytes) -> CFBCipher:
    """
    Makes the cipher C{blowfish}.

    @param key: 32 bytes.
    """
    return openSSLCipher(Blowfish(key))
