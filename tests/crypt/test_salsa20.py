"""
Tests for L{kcptwisted.crypt.salsa20}.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.crypt import salsa20 as module
from kcptwisted.crypt.checksummed import CheckedCipher, RandomBytes
from kcptwisted.crypt.interfaces import ICipher
from kcptwisted.crypt.joined import JoinedCipher
from kcptwisted.crypt.salsa20 import PythonSalsa20, acceleratedSalsa20, salsa20
from tests.crypt.backends import NO_ACCELERATOR, native
from tests.crypt.bythebook import LENGTHS, checked, xor
from tests.properties import given, settings, strategies

if TYPE_CHECKING:
    _Base = SynchronousTestCase
else:
    _Base = object

#: ECRYPT's verified test vectors for Salsa20/20 with keys of 256 bits, sets 1 and 6, vector 0 each:
#: key, nonce, where in the key stream, what is there.
STREAMS = (
    (
        "8000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000",
        0,
        "e3be8fdd8beca2e3ea8ef9475b29a6e7003951e1097a5c38d23b7a5fad9f6844"
        "b22c97559e2723c7cbbd3fe4fc8d9a0744652a83e72a9c461876af4d7ef1a117",
    ),
    (
        "8000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000",
        192,
        "57be81f47b17d9ae7c4ff15429a73e10acf250ed3a90a93c711308a74c6216a9"
        "ed84cd126da7f28e8abf8bb63517e1ca98e712f4fb2e1a6aed9fdc73291faa17",
    ),
    (
        "0053a6f94c9ff24598eb3e91e4378add3083d6297ccf2275c81b6ec11467ba0d",
        "0d74db42a91077de",
        0,
        "f5fad53f79f9df58c4aea0d0ed9a9601f278112ca7180d565b420a48019670ea"
        "f24ce493a86263f677b46ace1924773d2bb25571e1aa8593758fc382b1280b71",
    ),
    (
        "0053a6f94c9ff24598eb3e91e4378add3083d6297ccf2275c81b6ec11467ba0d",
        "0d74db42a91077de",
        65472,
        "b70c50139c63332ef6e77ac54338a4079b82bec9f9a403dfea821b83f7860791"
        "650ef1b2489d0590b1de772eeda4e3bcd60fa7ce9cd623d9d2fd5758b8653e70",
    ),
)


BATCHES = strategies.lists(
    strategies.lists(strategies.binary(max_size=150), max_size=5), min_size=1, max_size=2
)

_COLUMNS = [[(5 * start + 4 * step) % 16 for step in range(4)] for start in range(4)]
_ROWS = [[4 * row + (row + step) % 4 for step in range(4)] for row in range(4)]


def _block(words: list[int]) -> bytes:
    """
    The hash function of D. Bernstein's specification.
    """
    x = list(words)
    for _ in range(10):
        for a, b, c, d in _COLUMNS + _ROWS:
            for to, one, other, distance in (
                (b, a, d, 7),
                (c, b, a, 9),
                (d, c, b, 13),
                (a, d, c, 18),
            ):
                total = x[one] + x[other] & 0xFFFFFFFF
                x[to] ^= (total << distance | total >> 32 - distance) & 0xFFFFFFFF
    return struct.pack("<16I", *[a + b & 0xFFFFFFFF for a, b in zip(x, words, strict=True)])


def keyStream(key: bytes, nonce: bytes, length: int) -> bytes:
    """
    The key stream, one block after another.
    """
    blocks = []
    for number in range(-(-length // 64)):
        middle = nonce + number.to_bytes(8, "little")
        state = b"expa" + key[:16] + b"nd 3" + middle + b"2-by" + key[16:] + b"te k"
        blocks.append(_block(list(struct.unpack("<16I", state))))
    return b"".join(blocks)[:length]


def packetOf(key: bytes, payload: bytes, nonce: bytes) -> bytes:
    """
    @return: what kcp-go sends.
    """
    plain = checked(payload, nonce)
    return nonce[:8] + xor(plain[8:], keyStream(key, nonce[:8], len(plain) - 8))


class ReferenceTests(SynchronousTestCase):
    """
    The function above that the cipher is held against.
    """

    def test_published(self) -> None:
        """
        It meets the published examples.
        """
        for key, nonce, at, expected in STREAMS:
            made = keyStream(bytes.fromhex(key), bytes.fromhex(nonce), at + 64)
            self.assertEqual(made[at:].hex(), expected)


class Salsa20TestsMixin(_Base):
    """
    Tests for both ways to do it.
    """

    key = bytes(range(32))

    def make(self, key: bytes, randomBytes: RandomBytes = os.urandom) -> CheckedCipher:
        """
        @return: what is tested.
        """
        raise NotImplementedError

    def packets(self, payloads: Sequence[bytes]) -> list[bytes]:
        """
        @return: what kcp-go sends.
        """
        random = Random(len(payloads))
        return [packetOf(self.key, payload, random.randbytes(16)) for payload in payloads]

    def checkBatches(self, batches: Sequence[list[bytes]]) -> None:
        """
        See that batches are sealed and opened as they should.
        """
        cipher = self.make(self.key)
        for batch in batches:
            for packet, payload in zip(cipher.seal(batch), batch, strict=True):
                stream = keyStream(self.key, packet[:8], len(packet) - 8)
                self.assertEqual(xor(packet[8:], stream)[8:], checked(payload)[16:])
            self.assertEqual(cipher.open(self.packets(batch)), (batch, 0))

    def test_interface(self) -> None:
        """
        It is a cipher, and adds twenty bytes.
        """
        cipher = self.make(self.key)
        verifyObject(ICipher, cipher, tentative=True)
        self.assertEqual(cipher.overhead, 20)

    def test_published(self) -> None:
        """
        The key stream that is added after the nonce is that of the published examples.
        """
        for key, nonce, at, expected in STREAMS:
            packet = bytes.fromhex(nonce) + bytes(at + 64)
            (transformed,) = self.make(bytes.fromhex(key)).transform([packet])
            self.assertEqual(transformed[:8], packet[:8])
            self.assertEqual(transformed[8 + at :].hex(), expected)

    def test_seal(self) -> None:
        """
        The first eight bytes of the nonce are sent as they are, the others are not.
        """
        nonce = bytes(range(16))
        cipher = self.make(self.key, lambda count: nonce[:count])
        self.assertEqual(cipher.seal([b"payload"]), [packetOf(self.key, b"payload", nonce)])

    def test_lengths(self) -> None:
        """
        Packets of any length are sealed and opened, in one batch and alone.
        """
        payloads = [Random(length).randbytes(length) for length in LENGTHS]
        self.checkBatches([payloads, payloads[::-1], *[[payload] for payload in payloads[:70]]])

    def test_nothing(self) -> None:
        """
        No datagrams give no packets, and no packets no datagrams.
        """
        cipher = self.make(self.key)
        self.assertEqual(cipher.seal([]), [])
        self.assertEqual(cipher.open([]), ([], 0))

    def test_shorter(self) -> None:
        """
        Packets that end within the nonce stay as they are, whatever comes before and after them.
        """
        cipher = self.make(self.key)
        short = [bytes(range(length)) for length in range(9)]
        self.assertEqual(list(cipher.transform(short)), short)
        (whole,) = cipher.transform([bytes(100)])
        around = [bytes(100), *short, bytes(100), *short]
        self.assertEqual(list(cipher.transform(around)), [whole, *short, whole, *short])
        self.assertEqual(list(cipher.transform([b"", bytes(100)])), [b"", whole])


class PythonSalsa20Tests(Salsa20TestsMixin, SynchronousTestCase):
    """
    Tests for L{PythonSalsa20}.
    """

    def make(self, key: bytes, randomBytes: RandomBytes = os.urandom) -> CheckedCipher:
        """
        @return: what is tested.
        """
        return PythonSalsa20(key, randomBytes)

    @settings(max_examples=20)
    @given(BATCHES)
    def test_anyBatches(self, batches: list[list[bytes]]) -> None:
        """
        Batches of any datagrams are sealed and opened as by the book.
        """
        self.checkBatches(batches)


class AcceleratedSalsa20Tests(Salsa20TestsMixin, SynchronousTestCase):
    """
    Tests for L{acceleratedSalsa20}.
    """

    skip = NO_ACCELERATOR

    def make(self, key: bytes, randomBytes: RandomBytes = os.urandom) -> CheckedCipher:
        """
        @return: what is tested.
        """
        return acceleratedSalsa20(key, native(), randomBytes)

    @given(strategies.lists(strategies.binary(max_size=200), max_size=8))
    def test_anyPackets(self, packets: list[bytes]) -> None:
        """
        Whatever the packets, C and Python make the same of them.
        """
        slow = PythonSalsa20(self.key).transform(packets)
        self.assertEqual(list(self.make(self.key).transform(packets)), list(slow))

    def test_chosen(self) -> None:
        """
        Where there is an accelerator endpoints use it.
        """
        self.assertIsInstance(salsa20(self.key), JoinedCipher)


class ChoiceTests(SynchronousTestCase):
    """
    Tests for L{salsa20}.
    """

    def test_python(self) -> None:
        """
        Without the accelerator it is Python that does it.
        """
        self.patch(module, "accelerator", lambda: None)
        self.assertIsInstance(salsa20(bytes(32)), PythonSalsa20)
