"""
From a passphrase to a key.
"""

from __future__ import annotations

from hashlib import pbkdf2_hmac

_SALT = b"kcp-go"
_ROUNDS = 4096
DERIVED_BYTES = 32


def deriveKey(passphrase: str) -> bytes:
    """
    kcptun's derivation (docs/wire.md, "Ciphers").

    @return: L{DERIVED_BYTES} bytes; a cipher takes the first that it needs.
    """
    return pbkdf2_hmac("sha1", passphrase.encode("utf-8"), _SALT, _ROUNDS, DERIVED_BYTES)
