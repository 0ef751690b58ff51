"""
Which ciphers there are, by the names that kcptun users know; and how to add others.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from twisted.plugin import IPlugin, getPlugins
from zope.interface import Attribute, Interface, implementer

from kcptwisted.crypt.interfaces import ICipher


class ICipherSpec(Interface):
    """
    A cipher that an endpoint can name: a L{CipherSpec}, as a Twisted plugin provides it.
    """

    name: str = Attribute("The value of C{crypt=}.")


@implementer(IPlugin, ICipherSpec)
@dataclass(frozen=True)
class CipherSpec:
    """
    A cipher that an endpoint can name.

    @ivar name: the value of C{crypt=}: small letters, digits and hyphens.
    @ivar keyBytes: length of the key; 0 if it takes none.
    @ivar overhead: bytes that it adds to a datagram.
    @ivar factory: takes the key, or nothing if there is none, and makes a provider of
        L{ICipher}; may be given as C{"module:function"}, which is imported when it is used.  None
        means that datagrams go as they are.
    @ivar anyKey: a key of another length, but not an empty one, will do as well.
    @ivar authenticates: what passes it comes from somebody who has the key, unchanged.
    """

    name: str
    keyBytes: int
    overhead: int
    factory: str | Callable[..., ICipher] | None
    anyKey: bool = False
    authenticates: bool = False

    def make(self, key: bytes) -> ICipher | None:
        """
        @param key: C{keyBytes} bytes.
        @return: the cipher; None if there is none.
        @raise ValueError: if the key is too short or too long, this build of OpenSSL does without
            the cipher, or the cipher has another overhead.
        """
        if len(key) != self.keyBytes and not (self.anyKey and key):
            raise ValueError(
                f"crypt={self.name} takes {self.keyBytes} bytes of key, not {len(key)}"
            )
        if self.factory is None:
            return None
        factory: Any = self.factory
        if isinstance(factory, str):
            module, _, function = factory.partition(":")
            factory = getattr(import_module(module), function)
        from cryptography.exceptions import UnsupportedAlgorithm

        try:
            cipher: ICipher = factory(key) if self.keyBytes else factory()
        except UnsupportedAlgorithm as problem:
            raise ValueError(
                f"crypt={self.name} is missing from this build of OpenSSL"
            ) from problem
        if cipher.overhead != self.overhead:
            raise ValueError(
                f"crypt={self.name} adds {cipher.overhead} bytes, not {self.overhead} as specified"
            )
        return cipher


_CHECKED = 20
_AEAD = 28

#: By name.  L{registerCipher} adds to it.
CIPHERS = {
    spec.name: spec
    for spec in (
        CipherSpec("null", 0, 0, None),
        CipherSpec("none", 0, _CHECKED, "kcptwisted.crypt.checksummed:NoneCipher"),
        CipherSpec("aes", 32, _CHECKED, "kcptwisted.crypt.aes:aes"),
        CipherSpec("aes-192", 24, _CHECKED, "kcptwisted.crypt.aes:aes"),
        CipherSpec("aes-128", 16, _CHECKED, "kcptwisted.crypt.aes:aes"),
        CipherSpec("sm4", 16, _CHECKED, "kcptwisted.crypt.sm4:sm4"),
        CipherSpec("twofish", 32, _CHECKED, "kcptwisted.crypt.twofish:twofish"),
        CipherSpec("3des", 24, _CHECKED, "kcptwisted.crypt.tripledes:tripleDES"),
        CipherSpec("blowfish", 32, _CHECKED, "kcptwisted.crypt.blowfish:blowfish"),
        CipherSpec("cast5", 16, _CHECKED, "kcptwisted.crypt.cast5:cast5"),
        CipherSpec("tea", 16, _CHECKED, "kcptwisted.crypt.tea:tea"),
        CipherSpec("xtea", 16, _CHECKED, "kcptwisted.crypt.xtea:xtea"),
        CipherSpec("salsa20", 32, _CHECKED, "kcptwisted.crypt.salsa20:salsa20"),
        CipherSpec("xor", 32, _CHECKED, "kcptwisted.crypt.simplexor:simpleXOR", anyKey=True),
        CipherSpec("aes-128-gcm", 16, _AEAD, "kcptwisted.crypt.aead:aesGCM", authenticates=True),
        CipherSpec("aes-192-gcm", 24, _AEAD, "kcptwisted.crypt.aead:aesGCM", authenticates=True),
        CipherSpec("aes-256-gcm", 32, _AEAD, "kcptwisted.crypt.aead:aesGCM", authenticates=True),
        CipherSpec(
            "chacha20-poly1305",
            32,
            _AEAD,
            "kcptwisted.crypt.aead:chacha20Poly1305",
            authenticates=True,
        ),
    )
}


def registerCipher(spec: CipherSpec) -> None:
    """
    Let endpoints of this process name a cipher of the caller's own.

    @raise ValueError: if the name is taken or will not do.
    """
    if not re.fullmatch("[a-z0-9-]+", spec.name):
        raise ValueError(f"name must be small letters, digits and hyphens, not {spec.name!r}")
    if spec.name in CIPHERS:
        raise ValueError(f"name must be a new one: there is a cipher {spec.name!r} already")
    CIPHERS[spec.name] = spec


def findCipher(name: str) -> CipherSpec:
    """
    Look among the known ciphers, then among Twisted plugins that provide L{ICipherSpec}.

    @raise ValueError: names the ciphers that there are.
    """
    spec = CIPHERS.get(name)
    if spec is not None:
        return spec
    plugins: dict[str, Any] = {plugin.name: plugin for plugin in getPlugins(ICipherSpec)}
    if name not in plugins:
        raise ValueError(f"crypt must be one of {', '.join([*CIPHERS, *plugins])}, not {name!r}")
    found: CipherSpec = plugins[name]
    return found
