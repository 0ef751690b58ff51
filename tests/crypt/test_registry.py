"""
Tests for L{kcptwisted.crypt.registry}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.crypt.interfaces import ICipher
from kcptwisted.crypt.registry import CIPHERS

#: Key length and overhead as in docs/wire.md.
EXPECTED = {
    "null": (0, 0),
    "none": (0, 20),
    "aes": (32, 20),
    "aes-192": (24, 20),
    "aes-128": (16, 20),
    "aes-128-gcm": (16, 28),
    "aes-192-gcm": (24, 28),
    "aes-256-gcm": (32, 28),
    "chacha20-poly1305": (32, 28),
}


def _make(name: str) -> ICipher | None:
    spec = CIPHERS[name]
    return spec.make(bytes(range(spec.keyBytes)))


class RegistryTests(SynchronousTestCase):
    """
    Tests for L{CIPHERS}.
    """

    def test_names(self) -> None:
        """
        Each cipher is there under its name, with the length of its key and what it adds.
        """
        for name, (keyBytes, overhead) in EXPECTED.items():
            spec = CIPHERS[name]
            self.assertEqual((spec.name, spec.keyBytes, spec.overhead), (name, keyBytes, overhead))

    def test_keys(self) -> None:
        """
        Each is listed under its own name.
        """
        self.assertEqual([spec.name for spec in CIPHERS.values()], list(CIPHERS))

    def test_null(self) -> None:
        """
        null is no cipher at all.
        """
        self.assertIs(_make("null"), None)

    def test_made(self) -> None:
        """
        Each that is listed can be made, provides the interface, adds as much as it says, and opens
        what it sealed.
        """
        for name, spec in CIPHERS.items():
            cipher = _make(name)
            if cipher is None:
                continue
            verifyObject(ICipher, cipher)
            self.assertEqual(cipher.overhead, spec.overhead, name)
            sealed = cipher.seal([b"datagram", b""])
            self.assertEqual([len(packet) for packet in sealed], [8 + spec.overhead, spec.overhead])
            other = _make(name)
            assert other is not None
            self.assertEqual(other.open(sealed), ([b"datagram", b""], 0), name)

    def test_different(self) -> None:
        """
        No two ciphers read each other, though their keys begin alike.
        """
        ciphers = {name: cipher for name in CIPHERS if (cipher := _make(name)) is not None}
        for name, cipher in ciphers.items():
            sealed = cipher.seal([b"datagram " * 5])
            for other, opener in ciphers.items():
                if other != name:
                    self.assertEqual(opener.open(sealed), ([], 1), f"{name} by {other}")

    def test_wrongKeyLength(self) -> None:
        """
        A key of the wrong length is refused, not cut or padded.
        """
        for spec in CIPHERS.values():
            if spec.keyBytes:
                self.assertRaises(ValueError, spec.make, bytes(spec.keyBytes - 1))
