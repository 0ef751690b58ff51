"""
Triple DES in CFB mode, with three keys.
"""

from __future__ import annotations

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES

from kcptwisted.crypt.cfb import CFBCipher
from kcptwisted.crypt.openssl import openSSLCipher


def tripleDES(key: bytes) -> CFBCipher:
    """
    Makes the cipher C{3des}.

    @param key: 24 bytes.
    """
    return openSSLCipher(TripleDES(key))
