"""
What every cipher does with datagrams that no peer sent, or that were damaged on the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.crypt.cipher import Cipher
from kcptwisted.crypt.registry import CIPHERS
from tests.crypt.everycipher import everyCipher, keyOf, madeCiphers
from tests.properties import given, settings, strategies

PAYLOAD = b"a payload of more than one block"

#: Where a packet may be changed without harm: in what of the nonce nothing else depends on.
UNCHECKED = {
    **{name: range(16) for name in ("none", "xor")},
    **{name: range(8) for name in ("3des", "blowfish", "cast5", "tea", "xtea")},
    "salsa20": range(8, 16),
}

#: The most that xor opens.
MASKED = 1500


class HostileTests(SynchronousTestCase):
    """
    Nothing is raised, all that does not open is counted, and good datagrams beside it open.
    """

    def ciphers(self, first: int = 0) -> Iterator[tuple[str, Cipher]]:
        """
        @return: each cipher with its name in the registry, in all ways that it is done.
        """
        for name, cipher in everyCipher(first).items():
            yield name.partition(",")[0], cipher
        yield from madeCiphers(first).items()

    def check(self, cipher: Cipher, wrong: list[bytes], name: str) -> None:
        """
        See that none of some packets opens, together, alone and among good ones.
        """
        self.assertEqual(cipher.open(wrong), ([], len(wrong)), name)
        good = cipher.seal([b"first", PAYLOAD, b""])
        mixed = [good[0]]
        for packet in wrong:
            mixed += [packet, good[1]]
        opened, refused = cipher.open([*mixed, good[2]])
        self.assertEqual(refused, len(wrong), name)
        self.assertEqual(opened, [b"first", *[PAYLOAD] * len(wrong), b""], name)
        for packet in wrong[:3]:
            self.assertEqual(cipher.open([packet]), ([], 1), name)

    def test_all(self) -> None:
        """
        The ciphers here are all that there are.
        """
        self.assertEqual({name for name, _ in self.ciphers()}, set(CIPHERS) - {"null"})

    def test_wrongKey(self) -> None:
        """
        What was sealed with another key does not open.
        """
        others = dict(self.ciphers(first=1))
        for name, cipher in self.ciphers():
            if keyOf(name):
                sealed = others[name].seal([b"", b"x", PAYLOAD, bytes(1000)])
                self.check(cipher, sealed, name)

    def test_truncated(self) -> None:
        """
        Nor does what was cut short, at any place.
        """
        for name, cipher in self.ciphers():
            (packet,) = cipher.seal([PAYLOAD])
            self.check(cipher, [packet[:length] for length in range(len(packet))], name)

    def test_lengthened(self) -> None:
        """
        Nor does what has become longer.
        """
        for name, cipher in self.ciphers():
            (packet,) = cipher.seal([PAYLOAD])
            self.check(cipher, [packet + bytes(count) for count in range(1, 40)], name)

    def test_flipped(self) -> None:
        """
        Nor does a packet of which any one bit has changed, but for bits of the nonce on which
        nothing depends.
        """
        for name, cipher in self.ciphers():
            (packet,) = cipher.seal([PAYLOAD])
            changed: list[bytes] = []
            harmless: list[bytes] = []
            for position in range(len(packet)):
                for bit in range(8):
                    other = bytearray(packet)
                    other[position] ^= 1 << bit
                    (harmless if position in UNCHECKED.get(name, ()) else changed).append(
                        bytes(other)
                    )
            self.check(cipher, changed, name)
            self.assertEqual(cipher.open(harmless), ([PAYLOAD] * len(harmless), 0), name)

    def test_bytesChanged(self) -> None:
        """
        Nor does one of which a byte has become any other.
        """
        for name, cipher in self.ciphers():
            (packet,) = cipher.seal([b"x"])
            at = len(packet) - 1
            changed = [packet[:at] + bytes([packet[at] ^ value]) for value in range(1, 256)]
            self.check(cipher, changed, name)

    def test_swapped(self) -> None:
        """
        Nor does the beginning of one packet with the end of another.
        """
        for name, cipher in self.ciphers():
            one, other = cipher.seal([PAYLOAD, PAYLOAD[::-1]])
            self.check(cipher, [one[:-8] + other[-8:], other[:20] + one[20:]], name)

    def test_small(self) -> None:
        """
        Nor do empty packets, nor any of one byte.
        """
        for name, cipher in self.ciphers():
            self.check(cipher, [b"", *[bytes([value]) for value in range(256)], b""], name)

    def test_largest(self) -> None:
        """
        Nor do random bytes, as many as UDP carries.
        """
        for name, cipher in self.ciphers():
            self.check(cipher, [Random(1).randbytes(65507), bytes(65507)], name)

    def test_largestSealed(self) -> None:
        """
        But what was sealed to that length opens, where the cipher can seal as much.
        """
        for name, cipher in self.ciphers():
            longest = MASKED if name == "xor" else 65507
            payload = Random(2).randbytes(longest - cipher.overhead)
            (packet,) = cipher.seal([payload])
            self.assertEqual(len(packet), longest, name)
            self.assertEqual(cipher.open([b"", packet, b"x"]), ([payload], 2), name)
            self.check(cipher, [packet[:-1], b"", packet[1:]], name)

    def test_repeated(self) -> None:
        """
        The same packet opens as often as it comes: the ARQ core tells copies, not the cipher.
        """
        for name, cipher in self.ciphers():
            (packet,) = cipher.seal([PAYLOAD])
            self.assertEqual(cipher.open([packet] * 3), ([PAYLOAD] * 3, 0), name)
            self.assertEqual(cipher.open([packet]), ([PAYLOAD], 0), name)

    @settings(max_examples=40)
    @given(strategies.lists(strategies.binary(max_size=80), max_size=6))
    def test_anyBytes(self, packets: list[bytes]) -> None:
        """
        Whatever bytes arrive, each packet is opened or counted, and good ones around them open.
        """
        for name, cipher in self.ciphers():
            good = cipher.seal([b"first", b"last"])
            opened, refused = cipher.open([good[0], *packets, good[1]])
            self.assertEqual(len(opened) + refused, len(packets) + 2, name)
            self.assertEqual((opened[0], opened[-1]), (b"first", b"last"), name)
