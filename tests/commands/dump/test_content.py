"""
Tests for L{kcptwisted.commands.dump.content}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.dump.content import OutOfBand, Shard, readContent
from kcptwisted.wire.control import NO_TOKEN, Hello, encodeBlock
from kcptwisted.wire.fec import (
    DATA,
    OUT_OF_BAND,
    OUT_OF_BAND_SEQID,
    PARITY,
    dataShard,
    outOfBandPacket,
    packParityHeader,
)
from kcptwisted.wire.segment import ACK, PUSH, WASK, WINS, Segment
from tests.properties import given, strategies

TOKEN = b"12345678"


def segment(cmd: int = PUSH, sn: int = 5, data: bytes = b"") -> bytes:
    """
    @return: an encoded segment.
    """
    return Segment(0xC0FFEE, cmd, 0, 128, 1234, sn, 4, data).encode()


class ContentTests(SynchronousTestCase):
    """
    Tests for L{readContent}.
    """

    def test_segments(self) -> None:
        """
        All segments are there with their fields, in order.
        """
        datagram = segment(ACK, 7) + segment(PUSH, 8, b"abc")
        content = readContent(datagram, len(datagram))
        one, other = content.segments
        self.assertEqual(one[:8], (0xC0FFEE, ACK, 0, 128, 1234, 7, 4, 0))
        self.assertEqual((other.sn, other.length, other.data), (8, 3, b"abc"))
        self.assertEqual((content.shard, content.outOfBand, content.problem), (None, None, ""))
        self.assertEqual((content.conv, content.isKCP), (0xC0FFEE, True))

    def test_control(self) -> None:
        """
        Control frames of WASK and WINS are read; other data of theirs is not.
        """
        block = encodeBlock(NO_TOKEN, TOKEN, [Hello(5, 9)])
        for cmd in (WASK, WINS):
            for padding in (b"", bytes(50)):
                datagram = segment(cmd, 0, block + padding)
                (view,) = readContent(datagram, len(datagram)).segments
                assert view.block is not None
                self.assertEqual(view.block.frames, (Hello(5, 9),))
        for cmd, data in ((WASK, bytes(40)), (PUSH, block)):
            datagram = segment(cmd, 0, data)
            self.assertIsNone(readContent(datagram, len(datagram)).segments[0].block)

    def test_fec(self) -> None:
        """
        FEC's header is taken off; parity has no segments.
        """
        shard = dataShard(9, segment())
        content = readContent(shard, len(shard))
        self.assertEqual((content.shard, len(content.segments)), (Shard(9, DATA), 1))
        shard = packParityHeader(10, PARITY) + bytes(40)
        content = readContent(shard, len(shard))
        self.assertEqual(
            (content.shard, content.segments, content.conv), (Shard(10, PARITY), (), None)
        )

    def test_outOfBand(self) -> None:
        """
        An out-of-band packet says its conversation and how long it is.
        """
        datagram = outOfBandPacket(3, b"abc")
        content = readContent(datagram, len(datagram))
        self.assertEqual(content.outOfBand, OutOfBand(3, 3))
        self.assertEqual(content.shard, Shard(OUT_OF_BAND_SEQID, OUT_OF_BAND))
        self.assertEqual(content.conv, 3)

    def test_cut(self) -> None:
        """
        Of what the capture has cut, that is read which it has, and nothing is amiss.
        """
        datagram = segment(ACK) + segment(PUSH, 6, bytes(100))
        for whole, start in ((datagram, 0), (dataShard(1, datagram), 8)):
            for kept in range(start + 24, len(whole)):
                content = readContent(whole[:kept], len(whole))
                self.assertEqual(content.problem, "")
                self.assertEqual(len(content.segments), 1 + (kept >= start + 48))
            self.assertEqual(content.segments[1].length, 100)
            self.assertEqual(len(content.segments[1].data), 99)

    def test_malformed(self) -> None:
        """
        What is malformed is said, and the segments before it are there.
        """
        good = segment(ACK)
        for bad, problem in (
            (b"abc", "3 bytes that are no segment"),
            (segment(85), "24 bytes that are no segment"),
            (segment(PUSH, 1, b"abc")[:-1], "a segment that says 3 bytes and has 2"),
        ):
            content = readContent(good + bad, len(good + bad))
            self.assertEqual((len(content.segments), content.problem), (1, problem))
        for datagram, problem in (
            (b"", "no segment"),
            (dataShard(1, b""), "no segment"),
            (dataShard(1, good)[:7], "a FEC packet without its header"),
            (dataShard(1, good)[:-1], "a shard that says 26 bytes and has 31"),
            (dataShard(1, good) + b"ab", "2 bytes after the shard"),
            (
                outOfBandPacket(3, b"")[:6] + b"\5\0\1\2\3",
                "an out-of-band packet without a conversation id",
            ),
        ):
            self.assertEqual(readContent(datagram, len(datagram)).problem, problem)

    @given(strategies.binary(max_size=100), strategies.integers(0, 50))
    def test_garbage(self, datagram: bytes, more: int) -> None:
        """
        Nothing is raised.
        """
        for start in (b"", bytes(4) + b"\xf1\0", bytes(4) + b"\xf2\0", bytes(4) + b"\xf3\0"):
            readContent(start + datagram, len(start + datagram) + more)
