"""
Tests for L{kcptwisted.crypt.blockcfb}: the two ways to do CFB, held against each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.crypt import blockcfb
from kcptwisted.crypt.blockcfb import AcceleratedCFB, BlockCipher, PythonCFB, blockCipher
from kcptwisted.crypt.cfb import CFBCipher
from kcptwisted.crypt.tea import TEA, tea
from kcptwisted.crypt.twofish import Twofish, twofish
from kcptwisted.crypt.xtea import XTEA, xtea
from tests.crypt.backends import NO_ACCELERATOR, native
from tests.crypt.bythebook import IV, checked, decryptCFB, encryptCFB
from tests.properties import given, settings, strategies

CIPHERS = (TEA(bytes(range(16))), XTEA(bytes(range(16))), Twofish(bytes(range(32))))

BATCHES = strategies.lists(
    strategies.lists(strategies.binary(max_size=90), max_size=6), min_size=1, max_size=3
)


class PythonCFBTests(SynchronousTestCase):
    """
    Tests for L{PythonCFB}.
    """

    @settings(max_examples=30)
    @given(BATCHES)
    def test_anyBatches(self, batches: list[list[bytes]]) -> None:
        """
        Batches of any datagrams are sealed and opened as by the book.
        """
        for cipher in CIPHERS:
            iv = IV[: cipher.block]
            mode = CFBCipher(PythonCFB(cipher))
            for batch in batches:
                clear = [decryptCFB(cipher.encryptBlocks, iv, p)[16:] for p in mode.seal(batch)]
                self.assertEqual(clear, [checked(datagram)[16:] for datagram in batch])
                packets = [encryptCFB(cipher.encryptBlocks, iv, checked(d)) for d in batch]
                self.assertEqual(mode.open(packets), (batch, 0))

    def test_empty(self) -> None:
        """
        Nothing is encrypted and decrypted to nothing.
        """
        for cipher in CIPHERS:
            mode = PythonCFB(cipher)
            self.assertEqual((mode.encrypt(b"", []), mode.decrypt(b"")), (b"", b""))


class AgreementTests(SynchronousTestCase):
    """
    Tests for L{AcceleratedCFB} beside L{PythonCFB}.
    """

    skip = NO_ACCELERATOR

    def pairs(self) -> Iterator[tuple[BlockCipher, PythonCFB, AcceleratedCFB]]:
        """
        @return: each cipher both ways.
        """
        for cipher in CIPHERS:
            yield cipher, PythonCFB(cipher), AcceleratedCFB(cipher, native())

    @settings(max_examples=60)
    @given(strategies.binary(max_size=300))
    def test_bytes(self, message: bytes) -> None:
        """
        A message is encrypted to the same bytes, and decrypted to the same, whatever was before.
        """
        for cipher, slow, fast in self.pairs():
            whole = message[: len(message) // cipher.block * cipher.block]
            for data in (whole, bytes(cipher.block), whole):
                encrypted = slow.encrypt(data, [len(data)])
                self.assertEqual(fast.encrypt(data, [len(data)]), encrypted)
                self.assertEqual(fast.decrypt(encrypted), data)
                self.assertEqual(fast.decrypt(data), slow.decrypt(data))

    @settings(max_examples=60)
    @given(BATCHES)
    def test_anyBatches(self, batches: list[list[bytes]]) -> None:
        """
        Each way opens what the other has sealed, whatever the lengths, and whatever was before.
        """
        for _, slow, fast in self.pairs():
            for sealing, opening in ((slow, fast), (fast, slow)):
                sealer, opener = CFBCipher(sealing), CFBCipher(opening)
                for batch in batches:
                    self.assertEqual(opener.open(sealer.seal(batch)), (batch, 0))

    @given(strategies.lists(strategies.binary(max_size=90), max_size=6))
    def test_anyBytes(self, packets: list[bytes]) -> None:
        """
        What the one refuses the other does.
        """
        for _, slow, fast in self.pairs():
            self.assertEqual(CFBCipher(fast).open(packets), CFBCipher(slow).open(packets))

    def test_empty(self) -> None:
        """
        Nothing is encrypted and decrypted to nothing.
        """
        for _, _, mode in self.pairs():
            self.assertEqual((mode.encrypt(b"", []), mode.decrypt(b"")), (b"", b""))


class ChoiceTests(SynchronousTestCase):
    """
    Tests for L{blockCipher}.
    """

    def check(self) -> None:
        """
        The ciphers that endpoints use are those above.
        """
        for cipher, made in (
            (CIPHERS[0], tea(bytes(range(16)))),
            (CIPHERS[1], xtea(bytes(range(16)))),
            (CIPHERS[2], twofish(bytes(range(32)))),
        ):
            iv = IV[: cipher.block]
            packet = encryptCFB(cipher.encryptBlocks, iv, checked(b"payload " * 5))
            self.assertEqual(made.open([packet]), ([b"payload " * 5], 0))

    def modes(self) -> list[str]:
        """
        @return: the classes of mode that are made for L{blockCipher}.
        """
        made: list[str] = []
        for name in ("PythonCFB", "AcceleratedCFB"):
            original = getattr(blockcfb, name)

            def note(*args: Any, name: str = name, original: Any = original) -> Any:
                made.append(name)
                return original(*args)

            self.patch(blockcfb, name, note)
        blockCipher(CIPHERS[0])
        return made

    def test_python(self) -> None:
        """
        Without the accelerator it is Python that does it.
        """
        self.patch(blockcfb, "accelerator", lambda: None)
        self.check()
        self.assertEqual(self.modes(), ["PythonCFB"])

    def test_accelerated(self) -> None:
        """
        With it, it is C.
        """
        self.check()
        self.assertEqual(self.modes(), ["AcceleratedCFB"])

    test_accelerated.skip = NO_ACCELERATOR  # type: ignore[attr-defined]
