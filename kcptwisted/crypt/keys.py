"""
From a passphrase to a key.
"""

from __future__ import annotations

from hashlib import pbkdf2_hmac

_SALT = b"kcp-go"
_ROUNDS = 4096


def deriveKey(passphrase: str, length: int = 32) -> bytes:
    """
    kcptun's derivation (docs/wire.md, "Ciphers").

    @param length: bytes wanted.  kcptun makes 32 and takes the first that the cipher needs; those
        are the same whatever the length is.
    """
    return pbkdf2_hmac("sha1", passphrase.encode("utf-8"), _SALT, _ROUNDS, length)
