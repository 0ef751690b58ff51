"""
Tests for L{kcptwisted.fec.encoder}.
"""

from __future__ import annotations

import struct

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.fec.encoder import FECEncoder, sequenceLimit
from kcptwisted.fec.reedsolomon import ReedSolomon
from kcptwisted.wire.fec import DATA, PARITY


def _headers(packets: list[bytes]) -> list[tuple[int, int]]:
    """
    @return: seqid and type of each.
    """
    return [struct.unpack_from("<IH", packet) for packet in packets]


class FECEncoderTests(SynchronousTestCase):
    """
    Tests for L{FECEncoder}.
    """

    def test_data(self) -> None:
        """
        A data shard is seqid, type, size and the datagram; size counts itself.
        """
        packets = FECEncoder(3, 1).encode([b"first", b""], 0)
        self.assertEqual(
            packets,
            [b"\0\0\0\0\xf1\0\x07\0first", b"\x01\0\0\0\xf1\0\x02\0"],
        )

    def test_parity(self) -> None:
        """
        After so many data shards come the parity shards, with the numbers that follow: the code
        over size and datagram, padded with zeros to the longest.
        """
        packets = FECEncoder(2, 2).encode([b"short", b"longer one"], 0)
        self.assertEqual(_headers(packets), [(0, DATA), (1, DATA), (2, PARITY), (3, PARITY)])
        self.assertEqual(
            [packet[6:] for packet in packets[2:]],
            ReedSolomon(2, 2).encode([b"\x07\0short" + bytes(5), b"\x0c\0longer one"]),
        )

    def test_groups(self) -> None:
        """
        Groups follow each other, whatever the batches are.
        """
        encoder = FECEncoder(2, 1)
        packets = []
        for batch in ([b"a"], [b"b", b"c"], [], [b"d", b"e"]):
            packets += encoder.encode(batch, 0)
        self.assertEqual(
            _headers(packets),
            [(0, DATA), (1, DATA), (2, PARITY), (3, DATA), (4, DATA), (5, PARITY), (6, DATA)],
        )

    def test_groupsApart(self) -> None:
        """
        Each group's parity is of that group alone.
        """
        encoder = FECEncoder(2, 1)
        first = encoder.encode([b"a", b"b"], 0)
        second = encoder.encode([b"a", b"b"], 0)
        self.assertEqual(first[2][6:], second[2][6:])

    def test_unfinished(self) -> None:
        """
        A group that is not full has no parity.
        """
        self.assertEqual(len(FECEncoder(10, 3).encode([b"datagram"] * 9, 0)), 9)

    def test_missing(self) -> None:
        """
        It tells how many datagrams would fill the group that has been begun.
        """
        encoder = FECEncoder(3, 2)
        told = []
        for _ in range(7):
            told.append(encoder.missing)
            encoder.encode([b"datagram"], 0)
        self.assertEqual(told, [0, 2, 1, 0, 2, 1, 0])
        encoder.encode([b"datagram"] * 4, 0)
        self.assertEqual(encoder.missing, 1)

    def test_sequenceLimit(self) -> None:
        """
        Numbers end at the last whole group below 2^32 - 1.
        """
        self.assertEqual(sequenceLimit(13), 4294967287)
        self.assertEqual(sequenceLimit(2), 4294967294)
        self.assertEqual(sequenceLimit(3), 4294967295)

    def test_wrap(self) -> None:
        """
        After the last group numbers begin at 0 again.
        """
        last = sequenceLimit(3) - 3
        packets = FECEncoder(2, 1, last).encode([b"a", b"b", b"c", b"d"], 0)
        self.assertEqual(
            [seqid for seqid, _ in _headers(packets)],
            [last, last + 1, last + 2, 0, 1, 2],
        )


class ExpiryTests(SynchronousTestCase):
    """
    Groups whose last two data shards are far apart in time.
    """

    def encode(self, *times: int, dataShards: int = 3) -> list[tuple[int, int]]:
        """
        Send one datagram at each time.
        """
        encoder = FECEncoder(dataShards, 2)
        packets = []
        for now in times:
            packets += encoder.encode([b"datagram"], now)
        return _headers(packets)

    def test_inTime(self) -> None:
        """
        Less than 500 ms apart they have parity.
        """
        self.assertEqual(
            self.encode(0, 0, 499),
            [(0, DATA), (1, DATA), (2, DATA), (3, PARITY), (4, PARITY)],
        )

    def test_late(self) -> None:
        """
        500 ms apart they have none, but its numbers are skipped all the same.
        """
        self.assertEqual(
            self.encode(1000, 1000, 1500, 1500),
            [(0, DATA), (1, DATA), (2, DATA), (5, DATA)],
        )

    def test_lastTwo(self) -> None:
        """
        It is the last two that matter, not those before them.
        """
        self.assertEqual(len(self.encode(0, 10_000, 10_499)), 5)

    def test_nextGroup(self) -> None:
        """
        Nor does the time between two groups matter.
        """
        self.assertEqual(len(self.encode(0, 0, 0, 10_000, 10_000, 10_000)), 10)

    def test_firstGroup(self) -> None:
        """
        Nor when the first group begins.
        """
        self.assertEqual(len(self.encode(10_000, 10_000, 10_000)), 5)

    def test_oneShard(self) -> None:
        """
        A group of one shard, that has no last two, always has parity.
        """
        self.assertEqual(
            self.encode(0, 10_000, dataShards=1),
            [(0, DATA), (1, PARITY), (2, PARITY), (3, DATA), (4, PARITY), (5, PARITY)],
        )

    def test_wrapWithoutParity(self) -> None:
        """
        Numbers begin again at 0 also when the last group had no parity.
        """
        last = sequenceLimit(3) - 3
        encoder = FECEncoder(2, 1, last)
        packets = encoder.encode([b"a"], 0) + encoder.encode([b"b"], 500)
        packets += encoder.encode([b"c"], 500)
        self.assertEqual([seqid for seqid, _ in _headers(packets)], [last, last + 1, 0])
