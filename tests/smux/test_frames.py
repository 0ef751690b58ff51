"""
Frames of smux, byte by byte.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.smux.frames import (
    FIN,
    NAMES,
    NOP,
    PSH,
    SYN,
    UPD,
    Frame,
    FrameParser,
    header,
    update,
)
from tests.properties import given, strategies

_uint32 = strategies.integers(0, 0xFFFFFFFF)

_frames = strategies.one_of(
    strategies.tuples(strategies.sampled_from([SYN, FIN, NOP]), _uint32).map(
        lambda drawn: Frame(*drawn)
    ),
    strategies.tuples(strategies.integers(0, 3), strategies.binary(min_size=1, max_size=40)).map(
        lambda drawn: Frame(PSH, *drawn)
    ),
    strategies.tuples(_uint32, _uint32, _uint32).map(
        lambda drawn: Frame(UPD, drawn[0], b"", *drawn[1:])
    ),
)


def joined(frames: list[Frame]) -> list[Frame]:
    """
    @return: the frames, with what belongs to one PSH, or to several of a stream, in one.
    """
    found: list[Frame] = []
    for frame in frames:
        if found and frame.command == found[-1].command == PSH and frame.stream == found[-1].stream:
            found[-1] = found[-1]._replace(payload=found[-1].payload + frame.payload)
        else:
            found.append(frame)
    return found


def encoded(version: int, frame: Frame) -> bytes:
    """
    @return: a frame on the wire.
    """
    if frame.command == UPD:
        return update(frame.stream, frame.consumed, frame.window)
    return header(version, frame.command, len(frame.payload), frame.stream) + frame.payload


class LayoutTests(SynchronousTestCase):
    """
    What is on the wire.
    """

    def test_syn(self) -> None:
        """
        The first frame of a client of kcptun, as it was recorded.
        """
        self.assertEqual(header(1, SYN, 0, 3), bytes.fromhex("0100000003000000"))

    def test_others(self) -> None:
        """
        Numbers are little-endian.
        """
        self.assertEqual(header(2, PSH, 0x8001, 0x01020304), bytes.fromhex("0202018004030201"))
        self.assertEqual(header(2, NOP, 0, 0), bytes.fromhex("0203000000000000"))
        self.assertEqual(
            update(5, 0x01020304, 65536), bytes.fromhex("0204080005000000 04030201 00000100")
        )


class ParserTests(SynchronousTestCase):
    """
    L{FrameParser}.
    """

    def test_piecesOfPush(self) -> None:
        """
        Bytes of a PSH are passed on as they come.
        """
        parser = FrameParser(1)
        data = encoded(1, Frame(PSH, 3, b"abcdef"))
        self.assertEqual(parser.parse(data[:5]), [])
        self.assertEqual(parser.parse(data[5:10]), [Frame(PSH, 3, b"ab")])
        self.assertEqual(parser.parse(data[10:13]), [Frame(PSH, 3, b"cde")])
        self.assertEqual(
            parser.parse(data[13:] + header(1, FIN, 0, 3)), [Frame(PSH, 3, b"f"), Frame(FIN, 3)]
        )

    def test_emptyPush(self) -> None:
        """
        A PSH without data is nothing.
        """
        parser = FrameParser(2)
        self.assertEqual(parser.parse(header(2, PSH, 0, 3) + header(2, SYN, 0, 5)), [Frame(SYN, 5)])
        self.assertIsNone(parser.error)

    def test_longestPush(self) -> None:
        """
        A PSH may have 65535 bytes, whatever the peer's frame size.
        """
        parser = FrameParser(1)
        [frame] = parser.parse(encoded(1, Frame(PSH, 3, bytes(65535))))
        self.assertEqual(len(frame.payload), 65535)

    def refused(self, data: bytes, version: int = 2) -> str:
        """
        @return: what is wrong with C{data}, before which there is a good frame.
        """
        parser = FrameParser(version)
        self.assertEqual(parser.parse(header(version, SYN, 0, 3) + data), [Frame(SYN, 3)])
        self.assertIsNotNone(parser.error)
        # Nothing is read any more.
        self.assertEqual(parser.parse(header(version, SYN, 0, 5)), [])
        return str(parser.error)

    def test_errors(self) -> None:
        """
        What no peer may send is named, and frames before it are returned.
        """
        self.assertEqual(
            self.refused(header(1, SYN, 0, 5)), "a frame of version 1 in a session of version 2"
        )
        self.assertEqual(
            self.refused(header(0, PSH, 0, 5), 1), "a frame of version 0 in a session of version 1"
        )
        self.assertEqual(self.refused(header(2, 5, 0, 5)), "a frame with the unknown command 5")
        self.assertEqual(
            self.refused(header(1, UPD, 8, 5) + bytes(8), 1),
            "a UPD frame in a session of version 1",
        )
        self.assertEqual(
            self.refused(header(2, UPD, 7, 5) + bytes(8)), "a UPD frame with a length of 7"
        )
        for command in (SYN, FIN, NOP):
            self.assertEqual(
                self.refused(header(2, command, 1, 5) + b"x"),
                f"a {NAMES[command]} frame with a length of 1",
            )

    @given(
        strategies.sampled_from([1, 2]),
        strategies.lists(_frames, max_size=12),
        strategies.lists(strategies.integers(1, 30), max_size=40),
    )
    def test_anyCuts(self, version: int, frames: list[Frame], cuts: list[int]) -> None:
        """
        However a byte stream is cut, the same frames come out.
        """
        frames = [frame for frame in frames if version == 2 or frame.command != UPD]
        data = b"".join(encoded(version, frame) for frame in frames)
        parser = FrameParser(version)
        found: list[Frame] = []
        for cut in cuts:
            found += parser.parse(data[:cut])
            data = data[cut:]
        found += parser.parse(data)
        self.assertIsNone(parser.error)
        self.assertEqual(joined(found), joined(frames))

    @given(strategies.sampled_from([1, 2]), strategies.lists(strategies.binary(max_size=60)))
    def test_anyBytes(self, version: int, pieces: list[bytes]) -> None:
        """
        Whatever comes, the parser raises nothing.
        """
        parser = FrameParser(version)
        for piece in pieces:
            parser.parse(piece)
