"""
Tests for L{kcptwisted.services.kcptun.snappy}.
"""

from __future__ import annotations

import sys
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.services.kcptun.snappy import (
    IDENTIFIER,
    CompressionError,
    CompressionMissing,
    Framer,
    Unframer,
)
from tests import kcptun

#: A smux frame: SYN of stream 3; and what kcptun makes of it (stored, with its checksum).
SYN = bytes.fromhex("0100000003000000")
SYN_CHUNK = bytes.fromhex("010c00004439ac2f") + SYN


class FramerTests(SynchronousTestCase):
    """
    Compressing.
    """

    def test_bytes(self) -> None:
        """
        The identifier comes once; what does not compress is stored, as kcptun does.
        """
        framer = Framer()
        self.assertEqual(framer.compress(SYN), IDENTIFIER + SYN_CHUNK)
        self.assertEqual(framer.compress(SYN), SYN_CHUNK)

    def test_compresses(self) -> None:
        """
        What compresses is compressed, and comes out of an independent reader.
        """
        data = b"hello, hello, hello. " * 400
        chunks = Framer().compress(data)
        self.assertLess(len(chunks), len(data) // 8)
        self.assertEqual(kcptun.unframe(chunks), data)

    def test_oneChunk(self) -> None:
        """
        Each call gives exactly one chunk, up to the largest frame of kcptun's.
        """
        framer = Framer()
        framer.compress(SYN)
        for data in (b"x", b"x" * 8200, bytes(range(256)) * 128 + b"12345678"):
            chunk = framer.compress(data)
            self.assertEqual(len(chunk), 4 + int.from_bytes(chunk[1:4], "little"))
            self.assertEqual(kcptun.unframe(chunk), data)


class CountingBuffer(bytearray):
    """
    Counts how often something is taken out.
    """

    deletions = 0

    def __delitem__(self, where: Any) -> None:
        self.deletions += 1
        super().__delitem__(where)


class UnframerTests(SynchronousTestCase):
    """
    Decompressing.
    """

    def read(self, *pieces: bytes) -> bytes:
        """
        @return: what comes out.
        """
        unframer = Unframer()
        return b"".join(map(unframer.decompress, pieces))

    def assertCorrupt(self, told: str, data: bytes) -> None:
        """
        It is refused, at once or byte by byte.
        """
        for pieces in ([data], [bytes([byte]) for byte in data]):
            problem = self.assertRaises(CompressionError, self.read, *pieces)
            self.assertIn(told, str(problem))

    def test_recorded(self) -> None:
        """
        What kcptun has sent comes out, also in pieces of one byte.
        """
        data = IDENTIFIER + SYN_CHUNK
        self.assertEqual(self.read(data), SYN)
        self.assertEqual(self.read(*[bytes([byte]) for byte in data]), SYN)

    def test_pieces(self) -> None:
        """
        However the stream is cut, the same comes out; and nothing that is complete is held back.
        """

        @given(st.lists(st.binary(max_size=300)), st.lists(st.integers(1, 40), min_size=1))
        def check(frames: list[bytes], cuts: list[int]) -> None:
            framer, unframer = Framer(), Unframer()
            found = b""
            for number, frame in enumerate(frames):
                chunk = framer.compress(frame)
                while chunk:
                    size = cuts[number % len(cuts)]
                    found += unframer.decompress(chunk[:size])
                    chunk = chunk[size:]
                self.assertEqual(found, b"".join(frames[: number + 1]))

        check()

    def test_skipped(self) -> None:
        """
        Chunks that are to be skipped, padding and repeated identifiers are, and a long one is not
        kept meanwhile.
        """
        for skipped in (b"\x80\x00\x00\x00", b"\xfe\x03\x00\x00abc", IDENTIFIER):
            data = IDENTIFIER + SYN_CHUNK + skipped + SYN_CHUNK
            self.assertEqual(self.read(data), SYN * 2)
            self.assertEqual(self.read(*[bytes([byte]) for byte in data]), SYN * 2)
        unframer = Unframer()
        unframer.decompress(IDENTIFIER + b"\x81\xff\xff\xff")
        for _ in range(255):
            self.assertEqual(unframer.decompress(bytes(65536)), b"")
            self.assertLess(sys.getsizeof(unframer._buffer), 200_000)
        self.assertEqual(unframer.decompress(bytes(65535) + SYN_CHUNK), SYN)

    def test_longSkipped(self) -> None:
        """
        A long one may also come in one piece, between others.
        """
        for length in (65532, 65533, 76495, 300_000):
            skipped = b"\x80" + length.to_bytes(3, "little") + bytes(length)
            data = IDENTIFIER + SYN_CHUNK + skipped + SYN_CHUNK
            self.assertEqual(self.read(data), SYN * 2)
            self.assertEqual(self.read(data[:50], data[50:1000], data[1000:]), SYN * 2)

    def test_manySkipped(self) -> None:
        """
        Many short ones cost no more than other chunks.
        """
        buffer = CountingBuffer()
        unframer = Unframer()
        unframer._buffer = buffer
        unframer.decompress(IDENTIFIER + SYN_CHUNK + b"\x80\x00\x00\x00" * 10_000)
        self.assertLess(buffer.deletions, 5)

    def test_corrupt(self) -> None:
        """
        No identifier, a wrong checksum, a type that may not be skipped, a chunk that is too long.
        """
        self.assertCorrupt("does not begin with snappy's identifier", SYN_CHUNK)
        wrong = SYN_CHUNK[:-1] + b"\x01"
        self.assertCorrupt("checksum", IDENTIFIER + wrong)
        for kind in (0x02, 0x7F):
            self.assertCorrupt("chunk type", IDENTIFIER + bytes([kind]) + b"\x01\x00\x00a")
        self.assertCorrupt("longer than any may be", IDENTIFIER + b"\x00\xff\xff\xff")
        self.assertCorrupt("corrupt", IDENTIFIER + b"\x00\x06\x00\x00\x00\x00\x00\x00\xff\xff")

    def test_missing(self) -> None:
        """
        Without the library the error says what to do.
        """
        self.patch(sys, "modules", {**sys.modules, "cramjam": None})
        for make in (Framer, Unframer):
            problem = self.assertRaises(CompressionMissing, make)
            self.assertIn("pip install 'kcptwisted[kcptun]', or give --nocomp", str(problem))
