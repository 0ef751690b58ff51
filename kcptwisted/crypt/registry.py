"""
The ciphers by name.  The names are kcptun's; users can add ciphers of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from twisted.plugin import IPlugin, getPlugins
from zope.interface import Attribute, Interface, implementer

from kcptwisted.crypt.cipher import Cipher


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
    @ivar keyBytes: length of the key in bytes; 0 if the cipher takes no key.
    @ivar overhead: bytes that the cipher adds to a datagram.
    @ivar factory: makes the cipher, a provider of L{kcptwisted.crypt.interfaces.ICipher}.  It is
        called with the key, or without arguments if C{keyBytes} is 0.  A string
        C{"module:function"} is imported when the cipher is first used.  None means that datagrams
        are sent as they are.
    @ivar anyKey: True if a key may have any length but 0.
    @ivar authenticates: True if the cipher detects every change of a datagram that is made without
        the key.
    """

    name: str
    keyBytes: int
    overhead: int
    factory: str | Callable[..., Cipher] | None
    anyKey: bool = False
    authenticates: bool = False

    def make(self, key: bytes) -> Cipher | None:
        """
        Makes the cipher.

        @param key: C{keyBytes} bytes.
        @return: the cipher; None if datagrams are sent as they are.
        @raise ValueError: if the key has another length, this build of OpenSSL has no such cipher,
            or the cipher's overhead is not C{overhead}.
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
            cipher: Cipher = factory(key) if self.keyBytes else factory()
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

#: All ciphers by name.  L{registerCipher} adds one.
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
    Adds a cipher of the user's own to those that endpoints of this process can name.

    @raise ValueError: if the name is taken or is not of small letters, digits and hyphens.
    """
    if not re.fullmatch("[a-z0-9-]+", spec.name):
        raise ValueError(f"name must be small letters, digits and hyphens, not {spec.name!r}")
    if spec.name in CIPHERS:
        raise ValueError(f"name must be a new one: there is a cipher {spec.name!r} already")
    CIPHERS[spec.name] = spec


def findCipher(name: str) -> CipherSpec:
    """
    Finds a cipher by name: among L{CIPHERS}, then among the Twisted plugins that provide
    L{ICipherSpec}.

    @raise ValueError: if there is no such cipher.  The message names those that there are.
    """
    spec = CIPHERS.get(name)
    if spec is not None:
        return spec
    plugins: dict[str, Any] = {plugin.name: plugin for plugin in getPlugins(ICipherSpec)}
    if name not in plugins:
        raise ValueError(f"crypt must be one of {', '.join([*CIPHERS, *plugins])}, not {name!r}")
    found: CipherSpec = plugins[name]
    return found
