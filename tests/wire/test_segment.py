"""
Tests for L{kcptwisted.wire.segment}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.wire.segment import (
    ACK,
    OVERHEAD,
    PUSH,
    WASK,
    WINS,
    Segment,
    begins,
    carries,
    controlSegment,
    decodeSegments,
    firstHeader,
    packSegments,
)
from tests.properties import given, strategies

#: The first segment of a session of kcptun's, as it was on the wire.
RECORDED = bytes.fromhex(
    "027ae21e51000002f1000000000000000000000012000000ff060000734e61507059010c00004439ac2f"
)

_uint32 = strategies.integers(0, 0xFFFFFFFF)
_segments = strategies.builds(
    Segment,
    conv=_uint32,
    cmd=strategies.sampled_from([PUSH, ACK, WASK, WINS]),
    frg=strategies.integers(0, 0xFF),
    wnd=strategies.integers(0, 0xFFFF),
    ts=_uint32,
    sn=_uint32,
    una=_uint32,
    data=strategies.binary(max_size=100),
)


class CodecTests(SynchronousTestCase):
    """
    Tests for L{Segment.encode} and L{decodeSegments}.
    """

    def test_recorded(self) -> None:
        """
        A segment that kcptun sent is read field by field.
        """
        self.assertEqual(
            decodeSegments(RECORDED),
            [Segment(0x1EE27A02, PUSH, 0, 512, 241, 0, 0, RECORDED[24:])],
        )

    def test_littleEndian(self) -> None:
        """
        Each field is at its place, the lowest byte first.
        """
        segment = Segment(0x04030201, PUSH, 5, 0x0706, 0x0B0A0908, 0x0F0E0D0C, 0x13121110, b"ab")
        self.assertEqual(
            segment.encode(),
            bytes([1, 2, 3, 4, 81, 5, 6, 7, *range(8, 20), 2, 0, 0, 0]) + b"ab",
        )

    def test_commands(self) -> None:
        """
        The four commands have KCP's numbers.
        """
        self.assertEqual((PUSH, ACK, WASK, WINS), (81, 82, 83, 84))

    @given(strategies.lists(_segments, max_size=5))
    def test_roundTrip(self, segments: list[Segment]) -> None:
        """
        Whatever segments a datagram was made of come out of it.
        """
        datagram = b"".join([segment.encode() for segment in segments])
        self.assertEqual(decodeSegments(datagram), segments)

    @given(strategies.lists(_segments, min_size=1, max_size=3), strategies.data())
    def test_cutShort(self, segments: list[Segment], data: strategies.DataObject) -> None:
        """
        A datagram that ends inside of a segment is refused.
        """
        datagram = b"".join([segment.encode() for segment in segments])
        last = OVERHEAD + len(segments[-1].data)
        missing = data.draw(strategies.integers(1, last - 1))
        self.assertRaises(ValueError, decodeSegments, datagram[:-missing])


class PackTests(SynchronousTestCase):
    """
    Tests for L{packSegments}.
    """

    def test_joins(self) -> None:
        """
        Segments share a datagram for as long as they fit, to the last byte.
        """
        self.assertEqual(
            packSegments([b"aaa", b"bb", b"c", b"dddddd", b"e"], 6),
            [b"aaabbc", b"dddddd", b"e"],
        )

    def test_nothing(self) -> None:
        """
        No segments make no datagram.
        """
        self.assertEqual(packSegments([], 1400), [])

    @given(strategies.integers(60, 200), strategies.data())
    def test_packs(self, mtu: int, data: strategies.DataObject) -> None:
        """
        Order is kept, nothing is lost or cut, no datagram is empty or exceeds the mtu, and none
        has room for what begins the next.
        """
        payloads = strategies.binary(max_size=mtu - OVERHEAD)
        segments = [
            Segment(1, PUSH, 0, 32, 0, sn, 0, payload)
            for sn, payload in enumerate(data.draw(strategies.lists(payloads, max_size=20)))
        ]
        datagrams = packSegments([segment.encode() for segment in segments], mtu)
        groups = [decodeSegments(datagram) for datagram in datagrams]
        self.assertEqual([segment for group in groups for segment in group], segments)
        self.assertTrue(all(0 < len(datagram) <= mtu for datagram in datagrams))
        for datagram, following in zip(datagrams, groups[1:], strict=False):
            self.assertGreater(len(datagram) + len(following[0].encode()), mtu)


class ControlSegmentTests(SynchronousTestCase):
    """
    Tests for L{controlSegment}.
    """

    def test_fields(self) -> None:
        """
        It has no sn, and a ts that wraps around.
        """
        for data in (b"", b"frames"):
            segment = controlSegment(7, WASK, 32, (1 << 32) + 9, 5, data)
            self.assertEqual(segment, Segment(7, WASK, 0, 32, 9, 0, 5, data).encode())


class LookTests(SynchronousTestCase):
    """
    Tests for L{firstHeader}, L{begins} and L{carries}.
    """

    def test_firstHeader(self) -> None:
        """
        The fields stand in the order of the wire, the length of the data at the end.
        """
        datagram = Segment(7, PUSH, 1, 2, 3, 4, 5, b"data").encode()
        self.assertEqual(firstHeader(datagram), (7, PUSH, 1, 2, 3, 4, 5, 4))
        self.assertIs(firstHeader(datagram[: OVERHEAD - 1]), None)
        self.assertIs(firstHeader(Segment(7, WINS + 1, 1, 2, 3, 4, 5, b"").encode()), None)

    def test_begins(self) -> None:
        """
        A datagram is a conversation's if it begins with a segment of it, whatever follows.
        """
        for cmd in (PUSH, ACK, WASK, WINS):
            datagram = Segment(7, cmd, 0, 1, 2, 3, 4, b"data").encode()
            self.assertTrue(begins(datagram, 7))
            self.assertTrue(begins(datagram + b"x", 7))
            self.assertFalse(begins(datagram, 8))
            self.assertFalse(begins(datagram[: OVERHEAD - 1], 7))
        for cmd in (PUSH - 1, WINS + 1):
            self.assertFalse(begins(Segment(7, cmd, 0, 1, 2, 3, 4, b"").encode(), 7))

    def test_carries(self) -> None:
        """
        A command is found wherever it stands, and not in the data of a segment.
        """
        push = Segment(7, PUSH, 0, 1, 2, 3, 4, bytes([WINS]) * 50).encode()
        answer = Segment(7, WINS, 0, 1, 2, 0, 4, b"").encode()
        for datagram in (answer, push + answer, answer + push, push + push + answer):
            self.assertTrue(carries(datagram, WINS))
        for datagram in (b"", push, push + push, push + answer[:-1]):
            self.assertFalse(carries(datagram, WINS))

    @given(strategies.binary(max_size=200), strategies.integers(0, 255))
    def test_anyBytes(self, datagram: bytes, cmd: int) -> None:
        """
        Any bytes may be looked at.
        """
        begins(datagram, 7)
        carries(datagram, cmd)
