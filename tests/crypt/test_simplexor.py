"""
Tests for L{kcptwisted.crypt.simplexor}.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Sequence
from functools import cache
from random import Random
from typing import TYPE_CHECKING

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.crypt import simplexor
from kcptwisted.crypt.checksummed import CheckedCipher, RandomBytes
from kcptwisted.crypt.interfaces import ICipher
from kcptwisted.crypt.simplexor import AcceleratedXOR, PythonXOR, simpleXOR
from tests.crypt.backends import NO_ACCELERATOR, native
from tests.crypt.bythebook import LENGTHS, checked, xor
from tests.properties import given, strategies

if TYPE_CHECKING:
    _Base = SynchronousTestCase
else:
    _Base = object

#: The most that a datagram can hold, as docs/wire.md has it: 1500 bytes with the header.
MOST = 1480


def pbkdf2(password: bytes, salt: bytes, rounds: int, length: int) -> bytes:
    """
    PBKDF2-HMAC-SHA1 by RFC 8018, section 5.2.
    """
    result = b""
    number = 0
    while len(result) < length:
        number += 1
        last = hmac.digest(password, salt + number.to_bytes(4, "big"), "sha1")
        block = last
        for _ in range(rounds - 1):
            last = hmac.digest(password, last, "sha1")
            block = xor(block, last)
        result += block
    return result[:length]


@cache
def maskOf(key: bytes) -> bytes:
    """
    The mask, as docs/wire.md has it.
    """
    return pbkdf2(key, b"sH3CIVoF#rWLtJo6", 32, 1500)


class ReferenceTests(SynchronousTestCase):
    """
    The function above that the cipher is held against.
    """

    def test_published(self) -> None:
        """
        It meets RFC 6070's examples.
        """
        for password, salt, rounds, expected in (
            (b"password", b"salt", 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"),
            (b"password", b"salt", 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"),
            (
                b"passwordPASSWORDpassword",
                b"saltSALTsaltSALTsaltSALTsaltSALTsalt",
                4096,
                "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038",
            ),
        ):
            made = pbkdf2(password, salt, rounds, len(expected) // 2)
            self.assertEqual(made.hex(), expected)


class XORTestsMixin(_Base):
    """
    Tests for both ways to do it.
    """

    key = b"any key"

    def make(self, key: bytes, randomBytes: RandomBytes = os.urandom) -> CheckedCipher:
        """
        @return: what is tested.
        """
        raise NotImplementedError

    def checkBatches(self, batches: Sequence[list[bytes]]) -> None:
        """
        See that batches are sealed and opened as they should.
        """
        cipher = self.make(self.key)
        mask = maskOf(self.key)
        for batch in batches:
            clear = [xor(packet, mask)[16:] for packet in cipher.seal(batch)]
            self.assertEqual(clear, [checked(payload)[16:] for payload in batch])
            packets = [xor(checked(payload, bytes(range(16))), mask) for payload in batch]
            self.assertEqual(cipher.open(packets), (batch, 0))

    def test_interface(self) -> None:
        """
        It is a cipher, and adds twenty bytes.
        """
        cipher = self.make(self.key)
        verifyObject(ICipher, cipher, tentative=True)
        self.assertEqual(cipher.overhead, 20)

    def test_definition(self) -> None:
        """
        A packet is nonce, checksum and payload, masked, for keys of any length.
        """
        nonce = bytes(range(100, 116))
        for key in (b"k", bytes(32), bytes(range(200))):
            cipher = self.make(key, lambda count: nonce[:count])
            for payload in (b"", b"payload", bytes(MOST)):
                self.assertEqual(
                    cipher.seal([payload]), [xor(checked(payload, nonce), maskOf(key))]
                )

    def test_lengths(self) -> None:
        """
        Packets of any length are sealed and opened, in one batch and alone.
        """
        payloads = [Random(length).randbytes(length) for length in (*LENGTHS, MOST)]
        self.checkBatches([payloads, payloads[::-1], *[[payload] for payload in payloads]])

    def test_nothing(self) -> None:
        """
        No datagrams give no packets, and no packets no datagrams.
        """
        cipher = self.make(self.key)
        self.assertEqual(cipher.seal([]), [])
        self.assertEqual(cipher.open([]), ([], 0))

    def test_tooLong(self) -> None:
        """
        A datagram that the mask does not cover is refused, not lost, and none is sealed with it.
        """
        cipher = self.make(self.key)
        error = self.assertRaises(ValueError, cipher.seal, [b"x", bytes(MOST + 1), b"y"])
        self.assertIn("crypt=xor", str(error))
        self.assertIn(f"{MOST} bytes, not {MOST + 1}", str(error))

    def test_opensNoLonger(self) -> None:
        """
        Packets longer than the mask are counted and dropped, even if all of the mask fits them;
        those around them are opened.
        """
        cipher = self.make(self.key)
        good = cipher.seal([b"a", bytes(MOST)])
        for length in (MOST + 1, 3000 - 20, 65507 - 20):
            packet = xor(checked(bytes(length)), maskOf(self.key) + maskOf(self.key) * 50)
            self.assertEqual(cipher.open([good[0], packet, good[1]]), ([b"a", bytes(MOST)], 1))
            self.assertEqual(cipher.open([packet]), ([], 1))
        clear = checked(bytes(MOST + 1))
        packet = xor(clear, maskOf(self.key)) + clear[1500:]
        self.assertEqual(cipher.open([packet]), ([], 1))


class PythonXORTests(XORTestsMixin, SynchronousTestCase):
    """
    Tests for L{PythonXOR}.
    """

    def make(self, key: bytes, randomBytes: RandomBytes = os.urandom) -> CheckedCipher:
        """
        @return: what is tested.
        """
        return PythonXOR(key, randomBytes)

    @given(strategies.lists(strategies.binary(max_size=99), max_size=6))
    def test_anyBatch(self, batch: list[bytes]) -> None:
        """
        A batch of any datagrams is sealed and opened as by the book.
        """
        self.checkBatches([batch])


class AcceleratedXORTests(XORTestsMixin, SynchronousTestCase):
    """
    Tests for L{AcceleratedXOR}.
    """

    skip = NO_ACCELERATOR

    def make(self, key: bytes, randomBytes: RandomBytes = os.urandom) -> CheckedCipher:
        """
        @return: what is tested.
        """
        return AcceleratedXOR(key, native(), randomBytes)

    @given(strategies.lists(strategies.binary(max_size=99), max_size=8))
    def test_anyPackets(self, packets: list[bytes]) -> None:
        """
        Whatever the packets, C and Python make the same of them.
        """
        slow = PythonXOR(self.key).transform(packets)
        self.assertEqual(list(self.make(self.key).transform(packets)), list(slow))

    def test_chosen(self) -> None:
        """
        Where there is an accelerator endpoints use it.
        """
        self.assertIsInstance(simpleXOR(self.key), AcceleratedXOR)


class ChoiceTests(SynchronousTestCase):
    """
    Tests for L{simpleXOR}.
    """

    def test_python(self) -> None:
        """
        Without the accelerator it is Python that does it.
        """
        self.patch(simplexor, "accelerator", lambda: None)
        self.assertIsInstance(simpleXOR(b"key"), PythonXOR)
