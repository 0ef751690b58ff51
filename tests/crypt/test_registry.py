"""
Tests for L{kcptwisted.crypt.registry}.
"""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.crypt.checksummed import NoneCipher
from kcptwisted.crypt.cipher import Cipher
from kcptwisted.crypt.interfaces import ICipher
from kcptwisted.crypt.registry import CIPHERS, CipherSpec, findCipher
from tests.crypt.everycipher import keyOf, madeCiphers

#: Key length and overhead as in docs/wire.md.
EXPECTED = {
    "null": (0, 0),
    "none": (0, 20),
    "aes": (32, 20),
    "aes-192": (24, 20),
    "aes-128": (16, 20),
    "sm4": (16, 20),
    "twofish": (32, 20),
    "3des": (24, 20),
    "blowfish": (32, 20),
    "cast5": (16, 20),
    "tea": (16, 20),
    "xtea": (16, 20),
    "salsa20": (32, 20),
    "xor": (32, 20),
    "aes-128-gcm": (16, 28),
    "aes-192-gcm": (24, 28),
    "aes-256-gcm": (32, 28),
    "chacha20-poly1305": (32, 28),
}


class RegistryTests(SynchronousTestCase):
    """
    Tests for L{CIPHERS}.
    """

    def test_names(self) -> None:
        """
        The ciphers are those of kcp-go and kcptun, each under its name, with the length of its key
        and what it adds.
        """
        self.assertEqual(
            {name: (spec.keyBytes, spec.overhead) for name, spec in CIPHERS.items()}, EXPECTED
        )
        self.assertEqual([spec.name for spec in CIPHERS.values()], list(CIPHERS))

    def test_null(self) -> None:
        """
        null is no cipher at all.
        """
        self.assertIs(CIPHERS["null"].make(b""), None)

    def test_made(self) -> None:
        """
        Each that is listed can be made, provides the interface, adds as much as it says, and opens
        what it sealed.
        """
        others = madeCiphers()
        self.assertEqual({*others, "null"}, set(EXPECTED))
        for name, cipher in madeCiphers().items():
            spec = CIPHERS[name]
            verifyObject(ICipher, cipher, tentative=True)
            self.assertEqual(cipher.overhead, spec.overhead, name)
            sealed = cipher.seal([b"datagram", b""])
            self.assertEqual([len(packet) for packet in sealed], [8 + spec.overhead, spec.overhead])
            self.assertEqual(others[name].open(sealed), ([b"datagram", b""], 0), name)

    def test_different(self) -> None:
        """
        No two ciphers read each other, though their keys begin alike.
        """
        ciphers = madeCiphers()
        for name, cipher in ciphers.items():
            sealed = cipher.seal([b"datagram " * 5])
            for other, opener in ciphers.items():
                if other != name:
                    self.assertEqual(opener.open(sealed), ([], 1), f"{name} by {other}")

    def test_wrongKeyLength(self) -> None:
        """
        A key of the wrong length is refused, not cut or padded, and the error names the cipher,
        its length and what was given, but not the key.
        """
        for name, spec in CIPHERS.items():
            if spec.anyKey:
                continue
            for length in {0, 1, 16, 24, 32, spec.keyBytes - 1, spec.keyBytes + 1} - {
                spec.keyBytes,
                -1,
            }:
                error = self.assertRaises(ValueError, spec.make, b"\x5a" * length)
                self.assertIn(f"crypt={name} ", str(error))
                self.assertIn(f"{spec.keyBytes} bytes", str(error))
                self.assertIn(f"not {length}", str(error))
                self.assertNotIn("Z" * 3, str(error))

    def test_anyKey(self) -> None:
        """
        xor alone takes keys of any length, all different, but none that is empty.
        """
        self.assertEqual([name for name, spec in CIPHERS.items() if spec.anyKey], ["xor"])
        packets = set()
        for length in (1, 2, 31, 32, 33, 500):
            cipher = CIPHERS["xor"].make(b"k" * length)
            assert cipher is not None
            (packet,) = cipher.seal([bytes(100)])
            self.assertEqual(cipher.open([packet]), ([bytes(100)], 0))
            packets.add(packet[20:])
        self.assertEqual(len(packets), 6)
        error = self.assertRaises(ValueError, CIPHERS["xor"].make, b"")
        self.assertIn("crypt=xor", str(error))

    def test_unsupported(self) -> None:
        """
        What this build of OpenSSL does without is refused with the cipher's name.
        """

        def make(key: bytes) -> Cipher:
            raise UnsupportedAlgorithm("not here")

        error = self.assertRaises(ValueError, CipherSpec("rare", 3, 20, make).make, b"key")
        self.assertIn("crypt=rare", str(error))
        self.assertIn("OpenSSL", str(error))

    def test_otherOverhead(self) -> None:
        """
        A cipher that adds more or less than its specification says is refused: the mtu would be
        wrong.
        """
        for overhead in (19, 21):
            spec = CipherSpec("wrong", 0, overhead, NoneCipher)
            error = self.assertRaises(ValueError, spec.make, b"")
            self.assertIn(f"crypt=wrong adds 20 bytes, not {overhead}", str(error))


class FactoryTests(SynchronousTestCase):
    """
    How a L{CipherSpec} makes its cipher.
    """

    def test_function(self) -> None:
        """
        A function is called with the key, or with nothing if there is none.
        """
        given: list[tuple[bytes, ...]] = []

        def make(*key: bytes) -> Cipher:
            given.append(key)
            return NoneCipher()

        CipherSpec("x", 3, 20, make).make(b"key")
        CipherSpec("x", 0, 20, make).make(b"")
        self.assertEqual(given, [(b"key",), ()])

    def test_text(self) -> None:
        """
        A module and a function's name are imported when the cipher is made, not before.
        """
        spec = CipherSpec("x", 0, 20, "kcptwisted.crypt.checksummed:NoneCipher")
        self.assertIsInstance(spec.make(b""), NoneCipher)
        missing = CipherSpec("x", 0, 20, "kcptwisted.crypt.missing:make")
        self.assertRaises(ImportError, missing.make, b"")

    def test_everyKey(self) -> None:
        """
        All factories of the registry are named by text, so that importing it imports no cipher.
        """
        for name, spec in CIPHERS.items():
            if spec.factory is not None:
                self.assertIsInstance(spec.factory, str, name)
                self.assertEqual(len(keyOf(name)), spec.keyBytes)


class FindTests(SynchronousTestCase):
    """
    Tests for L{findCipher}.
    """

    def test_known(self) -> None:
        """
        A known name gives its cipher.
        """
        for name, spec in CIPHERS.items():
            self.assertIs(findCipher(name), spec)

    def test_unknown(self) -> None:
        """
        For an unknown one the error has it, and all that there are.
        """
        for name in ("rot13", "", "AES", "aes ", "aes-256"):
            error = self.assertRaises(ValueError, findCipher, name)
            self.assertIn("crypt", str(error))
            self.assertIn(", ".join(EXPECTED), str(error))
            self.assertIn(repr(name), str(error))
