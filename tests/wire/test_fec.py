"""
Tests for L{kcptwisted.wire.fec}.
"""

from __future__ import annotations

import struct

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.wire.fec import (
    DATA,
    FEC_OVERHEAD,
    OUT_OF_BAND,
    OUT_OF_BAND_OVERHEAD,
    PARITY,
    SIZE_FIELD,
    UNCOVERED,
    dataShard,
    outOfBandData,
    outOfBandPacket,
    packetType,
    packParityHeader,
    shardDatagram,
    unpackDataHeader,
)
from kcptwisted.wire.segment import ACK, PUSH, WASK, WINS, Segment
from tests.properties import given, strategies

CONV = 0xDEADBEEF


def _segment(cmd: int, sn: int = 7, frg: int = 0) -> bytes:
    return Segment(CONV, cmd, frg, 32, 0, sn, 0, b"").encode()


def _fec(kind: int, rest: bytes, seqid: int = 0x01020304) -> bytes:
    return struct.pack("<IH", seqid, kind) + rest


def _data(datagram: bytes) -> bytes:
    return _fec(DATA, struct.pack("<H", len(datagram) + 2) + datagram)


class ShardTests(SynchronousTestCase):
    """
    Tests for the headers of shards.
    """

    def test_dataShard(self) -> None:
        """
        seqid, type, size and datagram; the size counts itself.
        """
        shard = dataShard(0x01020304, b"datagram")
        self.assertEqual(shard, b"\4\3\2\1\xf1\0\x0a\0datagram")
        self.assertEqual(unpackDataHeader(shard), (0x01020304, DATA, 10))

    def test_parityHeader(self) -> None:
        """
        seqid and type.
        """
        self.assertEqual(packParityHeader(0x01020304, PARITY), b"\4\3\2\1\xf2\0")

    def test_covered(self) -> None:
        """
        Parity covers the size and the datagram.
        """
        self.assertEqual((UNCOVERED, SIZE_FIELD), (6, 2))

    def test_shardDatagram(self) -> None:
        """
        What parity rebuilds has a size and zeros behind.
        """
        covered = dataShard(1, b"datagram")[UNCOVERED:]
        self.assertEqual(shardDatagram(covered), b"datagram")
        self.assertEqual(shardDatagram(covered + bytes(5)), b"datagram")
        self.assertEqual(shardDatagram(b"\2\0rest"), b"")
        for size in (b"\0\0", b"\1\0", b"\x0b\0", b"\xff\xff"):
            self.assertIs(shardDatagram(size + b"datagram"), None)


class PacketTypeTests(SynchronousTestCase):
    """
    Tests for L{packetType}.
    """

    def test_numbers(self) -> None:
        """
        The types have kcp-go's numbers, and the header its length.
        """
        self.assertEqual((DATA, PARITY, OUT_OF_BAND, FEC_OVERHEAD), (0xF1, 0xF2, 0xF3, 8))

    def test_fec(self) -> None:
        """
        The type stands after the seqid.
        """
        for kind in (DATA, PARITY, OUT_OF_BAND):
            self.assertEqual(packetType(_fec(kind, b"")), kind)

    def test_others(self) -> None:
        """
        Other types, and what is too short for one, are not of FEC.
        """
        for kind in (0, 0xF0, 0xF4, 0x01F1, 0xF100):
            self.assertIs(packetType(_fec(kind, b"rest")), None)
        self.assertIs(packetType(_fec(DATA, b"")[:5]), None)

    @given(strategies.sampled_from([PUSH, ACK, WASK, WINS]), strategies.integers(0, 255))
    def test_segments(self, cmd: int, frg: int) -> None:
        """
        A segment is never taken for FEC.
        """
        self.assertIs(packetType(_segment(cmd, frg=frg)), None)


class OutOfBandTests(SynchronousTestCase):
    """
    Tests for L{outOfBandPacket} and L{outOfBandData}.
    """

    def test_packet(self) -> None:
        """
        A packet is the seqid that no shard has, its type, size, conversation and data; size counts
        itself and what follows.
        """
        self.assertEqual(
            outOfBandPacket(CONV, b"hello"),
            b"\xff\xff\xff\xff\xf3\0\x0b\0" + struct.pack("<I", CONV) + b"hello",
        )
        self.assertEqual(len(outOfBandPacket(CONV, b"")), FEC_OVERHEAD + OUT_OF_BAND_OVERHEAD)

    @given(strategies.integers(0, 0xFFFFFFFF), strategies.binary(max_size=1400))
    def test_roundTrip(self, conv: int, data: bytes) -> None:
        """
        What was put in comes out, and the packet shows its type.
        """
        packet = outOfBandPacket(conv, data)
        self.assertEqual(outOfBandData(packet), data)
        self.assertEqual(packetType(packet), OUT_OF_BAND)

    def test_padded(self) -> None:
        """
        What follows beyond its size is not of its data.
        """
        self.assertEqual(outOfBandData(outOfBandPacket(CONV, b"data") + b"more"), b"data")

    def test_tooShort(self) -> None:
        """
        A packet that was cut short carries nothing.
        """
        packet = outOfBandPacket(CONV, b"data")
        for length in range(len(packet)):
            self.assertIs(outOfBandData(packet[:length]), None)

    def test_badSize(self) -> None:
        """
        Nor does one whose size has no room for the conversation, or is more than there is.
        """
        packet = outOfBandPacket(CONV, b"data")
        for size in (0, 1, 2, 5, 11, 0xFFFF):
            self.assertIs(outOfBandData(packet[:6] + struct.pack("<H", size) + packet[8:]), None)
        for size in (6, 9, 10):
            bad = packet[:6] + struct.pack("<H", size) + packet[8:]
            self.assertEqual(outOfBandData(bad), b"data"[: size - 6])

    def test_badSeqid(self) -> None:
        """
        Nor does one with the number of a shard.
        """
        packet = outOfBandPacket(CONV, b"data")
        for seqid in (0, 1, 0xFFFFFFFE):
            self.assertIs(outOfBandData(struct.pack("<I", seqid) + packet[4:]), None)

    @given(strategies.binary(max_size=40))
    def test_anyBytes(self, rest: bytes) -> None:
        """
        Whatever the bytes are, nothing is raised.
        """
        found = outOfBandData(b"\xff" * 4 + b"\xf3\0" + rest)
        self.assertTrue(found is None or rest.find(found) >= 0)
