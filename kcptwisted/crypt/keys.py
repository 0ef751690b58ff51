"""
Derives a key from a passphrase.
"""

from __future__ import annotations

from hashlib import pbkdf2_hmac

_SALT = b"kcp-go"
_ITERATIONS = 4096


def deriveKey(passphrase: str, length: int = 32) -> bytes:
    """
    Derives a key as kcptun does (docs/wire.md, "Ciphers").

    @param length: length of the key in bytes.  kcptun always derives 32 and uses as many of them,
        from the first on, as the cipher needs: these are the same bytes for every length.
    """
    return pbkdf2_hmac("sha1", passphrase.encode("utf-8"), _SALT, _ITERATIONS, length)
