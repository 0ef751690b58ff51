"""
Which ciphers there are, by the names that kcptun users know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from kcptwisted.crypt.interfaces import ICipher


@dataclass(frozen=True)
class CipherSpec:
    """
    A cipher that an endpoint can name.

    @ivar name: the value of C{crypt=}.
    @ivar keyBytes: length of the key; 0 if it takes none.
    @ivar overhead: bytes that it adds to a datagram.
    @ivar factory: module and function of this package that make it, imported when used; None
        means that datagrams go as they are.
    """

    name: str
    keyBytes: int
    overhead: int
    factory: str | None

    def make(self, key: bytes) -> ICipher | None:
        """
        @param key: C{keyBytes} bytes.
        """
        if self.factory is None:
            return None
        module, _, function = self.factory.partition(":")
        make: Callable[..., ICipher] = getattr(import_module(module), function)
        return make(key) if self.keyBytes else make()


_CFB_OVERHEAD = 20
_AEAD_OVERHEAD = 28

CIPHERS = {
    spec.name: spec
    for spec in (
        CipherSpec("null", 0, 0, None),
        CipherSpec("none", 0, _CFB_OVERHEAD, "kcptwisted.crypt.checksummed:NoneCipher"),
        CipherSpec("aes", 32, _CFB_OVERHEAD, "kcptwisted.crypt.cfb:aes"),
        CipherSpec("aes-192", 24, _CFB_OVERHEAD, "kcptwisted.crypt.cfb:aes"),
        CipherSpec("aes-128", 16, _CFB_OVERHEAD, "kcptwisted.crypt.cfb:aes"),
        CipherSpec("aes-128-gcm", 16, _AEAD_OVERHEAD, "kcptwisted.crypt.aead:aesGCM"),
        CipherSpec("aes-192-gcm", 24, _AEAD_OVERHEAD, "kcptwisted.crypt.aead:aesGCM"),
        CipherSpec("aes-256-gcm", 32, _AEAD_OVERHEAD, "kcptwisted.crypt.aead:aesGCM"),
        CipherSpec(
            "chacha20-poly1305", 32, _AEAD_OVERHEAD, "kcptwisted.crypt.aead:chacha20Poly1305"
        ),
    )
}
