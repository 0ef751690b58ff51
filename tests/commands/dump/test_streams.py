"""
Tests for L{kcptwisted.commands.dump.streams}.
"""

from __future__ import annotations

from itertools import pairwise
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.dump.streams import MOST_WAITING, SNAPPY, StreamReader
from kcptwisted.smux.frames import FIN, NOP, PSH, SYN, UPD, Frame, header, update
from tests.properties import given, strategies

FRAMES = [Frame(SYN, 3), Frame(PSH, 3, b"hello"), Frame(UPD, 3, b"", 5, 9), Frame(FIN, 3)]

STREAM = (
    header(2, SYN, 0, 3) + header(2, PSH, 5, 3) + b"hello" + update(3, 5, 9) + header(2, FIN, 0, 3)
)


def joined(frames: list[Frame]) -> list[Frame]:
    """
    @return: frames with the parts of each PSH together.
    """
    found: list[Frame] = []
    for frame in frames:
        if found and frame.command == PSH == found[-1].command:
            frame = frame._replace(payload=found.pop().payload + frame.payload)
        found.append(frame)
    return found


class StreamTests(SynchronousTestCase):
    """
    Tests for L{StreamReader}.
    """

    def read(self, reader: StreamReader, *segments: tuple[int, bytes]) -> list[Frame]:
        """
        @return: the frames of segments.
        """
        return [frame for sn, data in segments for frame in reader.take(sn, data, isWhole=True)]

    @given(strategies.lists(strategies.integers(0, len(STREAM)), max_size=6), strategies.randoms())
    def test_cut(self, places: list[int], random: Random) -> None:
        """
        Wherever segments begin, and in whatever order they come, the frames are the same.
        """
        cuts = sorted({0, *places, len(STREAM)})
        segments = [
            (number, STREAM[start:end]) for number, (start, end) in enumerate(pairwise(cuts))
        ]
        random.shuffle(segments)
        reader = StreamReader(None)
        self.assertEqual(joined(self.read(reader, *segments)), FRAMES)
        assert reader.smux is not None
        self.assertEqual(reader.smux.frames, {SYN: 1, UPD: 1, FIN: 1})
        self.assertEqual((reader.smux.version, reader.smux.data), (2, 5))

    def test_recognised(self) -> None:
        """
        A stream that begins with a frame is smux: also the server's, which opens no stream.
        """
        for version in (1, 2):
            for first in (
                header(version, SYN, 0, 3),
                header(version, PSH, 9, 3),
                header(version, NOP, 0, 0),
            ):
                reader = StreamReader(None)
                self.read(reader, (0, first))
                assert reader.smux is not None
                self.assertEqual(reader.smux.version, version)
        reader = StreamReader(None)
        self.read(reader, (0, update(3, 1, 2)))
        self.assertIsNotNone(reader.smux)

    def test_others(self) -> None:
        """
        Other streams are given up.
        """
        for first in (
            b"GET / HTTP/1.1",
            b"\x16\x03\x01\x00\x20\x01\x00\x00",
            header(3, SYN, 0, 3),
            header(1, UPD, 8, 3),
            header(2, UPD, 7, 3),
            header(1, SYN, 1, 3),
            header(1, SYN, 0, 0),
            header(1, 5, 0, 3),
            header(1, NOP, 0, 3),
        ):
            reader = StreamReader(None)
            self.assertEqual(self.read(reader, (0, first), (1, STREAM)), [])
            self.assertEqual((reader.smux, reader.isCompressed), (None, False))

    def test_compressed(self) -> None:
        """
        kcptun's compression is recognised, and not read.
        """
        for cuts in ([SNAPPY], [SNAPPY[:4], SNAPPY[4:]]):
            reader = StreamReader(None)
            self.assertEqual(self.read(reader, *enumerate([*cuts, STREAM])), [])
            self.assertEqual((reader.smux, reader.isCompressed), (None, True))

    def test_given(self) -> None:
        """
        A version that is given is taken, and none if smux is not wanted.
        """
        reader = StreamReader(1)
        self.assertEqual(self.read(reader, (0, STREAM)), [])
        assert reader.smux is not None
        self.assertIn("version 2", reader.smux.problem)
        reader = StreamReader(None, isOff=True)
        self.assertEqual(self.read(reader, (0, STREAM)), [])
        self.assertIsNone(reader.smux)

    def test_broken(self) -> None:
        """
        What is no frame ends the reading, and is told; frames before it are there.
        """
        reader = StreamReader(None)
        self.assertEqual(self.read(reader, (0, STREAM + b"\x07" * 8), (1, STREAM)), FRAMES)
        assert reader.smux is not None
        self.assertIn("version 7", reader.smux.problem)

    def test_gaps(self) -> None:
        """
        What is not whole, or too much before a missing segment, ends the reading.
        """
        reader = StreamReader(2)
        self.assertEqual(reader.take(0, STREAM, False), [])
        assert reader.smux is not None
        self.assertEqual(reader.smux.problem, "a segment is not whole")
        reader = StreamReader(2)
        piece = bytes(1 << 20)
        for sn in range(1, 9):
            self.read(reader, (sn, piece))
            self.assertLessEqual(reader._waiting, MOST_WAITING + len(piece))
        assert reader.smux is not None
        self.assertEqual((reader.smux.problem, reader._ahead), ("too much is missing", {}))
