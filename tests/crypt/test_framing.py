"""
Tests for L{kcptwisted.crypt.framing}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.crypt import framing as module
from kcptwisted.crypt.framing import AcceleratedFraming, Framing, PythonFraming, framing
from tests.crypt.backends import NO_ACCELERATOR, native
from tests.crypt.bythebook import LENGTHS, checked
from tests.properties import given, strategies

if TYPE_CHECKING:
    _Base = SynchronousTestCase
else:
    _Base = object

#: Bytes of a block.
BLOCKS = (8, 16)

#: About where one way to reckon the checksum gives way to another.
MORE_LENGTHS = range(60, 200)


def padded(packet: bytes, block: int) -> bytes:
    """
    @return: the packet in whole blocks.
    """
    return packet + bytes(-len(packet) % block)


class FramingTestsMixin(_Base):
    """
    A framing, held against packets by the book.
    """

    def make(self, block: int) -> Framing:
        """
        @return: what is tested.
        """
        raise NotImplementedError

    def test_frame(self) -> None:
        """
        Datagrams of all lengths become packets in whole blocks, each with its own nonce.
        """
        datagrams = [bytes([length % 251 + 1]) * length for length in (*LENGTHS, *MORE_LENGTHS)]
        nonces = [(number * 7919).to_bytes(16, "big") for number in range(len(datagrams))]
        lengths = [len(datagram) + 20 for datagram in datagrams]
        for block in BLOCKS:
            packets = [padded(checked(d, n), block) for d, n in zip(datagrams, nonces, strict=True)]
            framed = self.make(block).frame(datagrams, lengths, b"".join(nonces))
            self.assertEqual(framed, b"".join(packets))

    def test_unframe(self) -> None:
        """
        Packets with the right checksum are opened; with any byte of it, or of what they carry,
        changed they are not.
        """
        carried = [bytes(range(length % 256)) + bytes(length) for length in (0, 1, 43, 44, 45, 200)]
        for block in BLOCKS:
            framing = self.make(block)
            for datagram in carried:
                packet = checked(datagram)
                good = padded(packet, block)
                for place in range(16, len(packet)):
                    bad = bytearray(good)
                    bad[place] ^= 0x80
                    opened = framing.unframe(bytes(bad) + good, [len(packet)] * 2)
                    self.assertEqual(opened, [datagram])

    def test_short(self) -> None:
        """
        A packet that is too short for a header is not opened, whatever is behind it.
        """
        for block in BLOCKS:
            for length in range(20):
                short = padded(bytes(length), block)
                good = padded(checked(b"good"), block)
                opened = self.make(block).unframe(short + good, [length, 24])
                self.assertEqual(opened, [b"good"])

    def test_nothing(self) -> None:
        """
        Without packets there is nothing to do.
        """
        self.assertEqual(self.make(16).frame([], [], b""), b"")
        self.assertEqual(self.make(16).unframe(b"", []), [])


class PythonFramingTests(FramingTestsMixin, SynchronousTestCase):
    """
    Tests for L{PythonFraming}.
    """

    def make(self, block: int) -> Framing:
        """
        @return: what is tested.
        """
        return PythonFraming(block)


class AcceleratedFramingTests(FramingTestsMixin, SynchronousTestCase):
    """
    Tests for L{AcceleratedFraming}.
    """

    skip = NO_ACCELERATOR

    def make(self, block: int) -> Framing:
        """
        @return: what is tested.
        """
        return AcceleratedFraming(native(), block)

    @given(strategies.lists(strategies.binary(max_size=300), max_size=6))
    def test_anyBytes(self, packets: list[bytes]) -> None:
        """
        What is opened of any bytes is what L{PythonFraming} opens.
        """
        lengths = [len(packet) for packet in packets]
        for block in BLOCKS:
            joined = b"".join([padded(packet, block) for packet in packets])
            opened = self.make(block).unframe(joined, lengths)
            self.assertEqual(opened, PythonFraming(block).unframe(joined, lengths))


class ChoiceTests(SynchronousTestCase):
    """
    Tests for L{framing}.
    """

    def test_without(self) -> None:
        """
        Without the accelerator it is done in Python.
        """
        self.patch(module, "accelerator", lambda: None)
        self.assertIsInstance(framing(16), PythonFraming)

    def test_with(self) -> None:
        """
        Else in C.
        """
        self.assertIsInstance(framing(16), AcceleratedFraming)

    if NO_ACCELERATOR:
        test_with.skip = NO_ACCELERATOR  # type: ignore[attr-defined]
