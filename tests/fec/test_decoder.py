"""
Tests for L{kcptwisted.fec.decoder}.
"""

from __future__ import annotations

import struct
from collections import deque
from gc import get_referents

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.segment import ACK, Segment
from kcptwisted.fec.decoder import HORIZON, FECDecoder
from kcptwisted.fec.encoder import FECEncoder, sequenceLimit
from kcptwisted.fec.packet import DATA, PARITY
from kcptwisted.stats import SessionStats
from tests.properties import given, settings, strategies


def _packet(seqid: int, kind: int, rest: bytes) -> bytes:
    return struct.pack("<IH", seqid, kind) + rest


def _data(seqid: int, datagram: bytes) -> bytes:
    return _packet(seqid, DATA, struct.pack("<H", len(datagram) + 2) + datagram)


def _datagrams(count: int) -> list[bytes]:
    """
    @return: datagrams of different lengths.
    """
    return [b"datagram %d " % number * (1 + number % 3) for number in range(count)]


def _heldShards(decoder: FECDecoder, length: int) -> int:
    """
    @return: how many shards of C{length} bytes are held, wherever.
    """
    count = 0
    unseen: list[object] = [decoder]
    while unseen:
        for referent in get_referents(unseen.pop()):
            if isinstance(referent, bytes):
                count += len(referent) == length
            elif isinstance(referent, (dict, list, deque, tuple)) or (
                type(referent).__module__ == "kcptwisted.fec.decoder"
            ):
                unseen.append(referent)
    return count


class DecoderTestCase(SynchronousTestCase):
    """
    Holds an encoder and a decoder for groups of three and two.
    """

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.make(3, 2)

    def make(self, data: int, parity: int, firstSeqid: int = 0) -> None:
        """
        Begin with other counts.
        """
        self.stats = SessionStats()
        self.decoder = FECDecoder(data, parity, self.stats)
        self.encoder = FECEncoder(data, parity, firstSeqid) if data else FECEncoder(3, 2)


class PassTests(DecoderTestCase):
    """
    What is handed on as it comes.
    """

    def test_data(self) -> None:
        """
        Data shards are handed on at once, parity is kept.
        """
        datagrams = _datagrams(3)
        packets = self.encoder.encode(datagrams, 0)
        for packet, datagram in zip(packets, datagrams, strict=False):
            self.assertEqual(self.decoder.decode([packet]), ([datagram], []))
        self.assertEqual(self.decoder.decode(packets[3:]), ([], []))
        self.assertEqual((self.stats.FECDataShards, self.stats.FECParityShards), (3, 2))
        self.assertEqual((self.stats.FECRecovered, self.stats.FECErrs), (0, 0))

    def test_plain(self) -> None:
        """
        Datagrams of segments without FEC headers are handed on among the others.
        """
        plain = Segment(1, ACK, 0, 1, 2, 3, 4, b"").encode()
        self.assertEqual(
            self.decoder.decode([plain, _data(0, b"data"), plain]), ([plain, b"data", plain], [])
        )
        self.assertEqual(self.stats.FECErrs, 0)

    def test_paddingIsCutOff(self) -> None:
        """
        What a data shard holds beyond its size is not of the datagram.
        """
        self.assertEqual(self.decoder.decode([_data(0, b"data") + bytes(9)]), ([b"data"], []))

    def test_withoutCounts(self) -> None:
        """
        A side without FEC takes a peer's headers off, and does without parity.
        """
        self.make(0, 0)
        datagrams = _datagrams(3)
        packets = self.encoder.encode(datagrams, 0)
        self.assertEqual(self.decoder.decode(packets[1:]), (datagrams[1:], []))
        self.assertEqual(self.stats.FECErrs, 0)
        self.assertEqual((self.stats.FECDataShards, self.stats.FECParityShards), (2, 2))


class RebuildTests(DecoderTestCase):
    """
    What is rebuilt from parity.
    """

    def test_oneLost(self) -> None:
        """
        A lost datagram is rebuilt as soon as there are enough shards.
        """
        datagrams = _datagrams(3)
        packets = self.encoder.encode(datagrams, 0)
        self.assertEqual(self.decoder.decode([packets[0], packets[2]])[1], [])
        self.assertEqual(self.decoder.decode([packets[4]]), ([], [datagrams[1]]))
        self.assertEqual(self.stats.FECRecovered, 1)

    def test_tooManyLost(self) -> None:
        """
        With too few shards nothing is rebuilt.
        """
        packets = self.encoder.encode(_datagrams(3), 0)
        self.assertEqual(self.decoder.decode([packets[0], packets[3]]), ([_datagrams(1)[0]], []))
        self.assertEqual(self.stats.FECRecovered, 0)

    def test_late(self) -> None:
        """
        What arrives after its group is complete is handed on and rebuilds nothing again.
        """
        datagrams = _datagrams(3)
        packets = self.encoder.encode(datagrams, 0)
        self.decoder.decode([packets[0], packets[3], packets[4]])
        self.assertEqual(self.stats.FECRecovered, 2)
        self.assertEqual(self.decoder.decode(packets[1:2] + packets[3:]), (datagrams[1:2], []))
        self.assertEqual(self.decoder.decode(packets), (datagrams, []))
        self.assertEqual(self.stats.FECRecovered, 2)

    def test_duplicates(self) -> None:
        """
        A shard counts once for its group, however often it comes.
        """
        packets = self.encoder.encode(_datagrams(3), 0)
        self.assertEqual(self.decoder.decode([packets[4]] * 5), ([], []))
        self.assertEqual(self.decoder.decode([packets[0]] * 3)[1], [])
        self.assertEqual(self.decoder.decode([packets[3]])[1], _datagrams(3)[1:])
        self.assertEqual(self.stats.FECErrs, 0)

    def test_inOneBatch(self) -> None:
        """
        Several groups of a batch are rebuilt, each for itself.
        """
        datagrams = _datagrams(9)
        packets = self.encoder.encode(datagrams, 0)
        kept = [packet for position, packet in enumerate(packets) if position % 5 != 1]
        plain, recovered = self.decoder.decode(kept)
        self.assertEqual(plain, [d for position, d in enumerate(datagrams) if position % 3 != 1])
        self.assertEqual(recovered, datagrams[1::3])

    def test_emptyDatagram(self) -> None:
        """
        A lost datagram without bytes is rebuilt without bytes.
        """
        packets = self.encoder.encode([b"one", b"", b"three"], 0)
        self.assertEqual(self.decoder.decode([packets[0], packets[2], packets[3]])[1], [b""])

    def test_wrap(self) -> None:
        """
        Groups before and after the wrap of the numbers are rebuilt.
        """
        self.make(3, 2, sequenceLimit(5) - 10)
        datagrams = _datagrams(15)
        packets = self.encoder.encode(datagrams, 0)
        kept = [packet for position, packet in enumerate(packets) if position % 5 != 2]
        self.assertEqual(self.decoder.decode(kept)[1], datagrams[2::3])
        self.assertEqual((self.stats.FECErrs, self.stats.FECShortShards), (0, 0))

    def test_reorderedAcrossWrap(self) -> None:
        """
        Shards from before the wrap are taken after those behind it.
        """
        self.make(3, 2, sequenceLimit(5) - 5)
        datagrams = _datagrams(6)
        packets = self.encoder.encode(datagrams, 0)
        recovered = self.decoder.decode(packets[6:] + packets[1:5])[1]
        self.assertEqual(recovered, [datagrams[3], datagrams[0]])

    @settings(max_examples=60)
    @given(strategies.integers(1, 8), strategies.integers(1, 5), strategies.data())
    def test_anyOrder(self, data: int, parity: int, draw: strategies.DataObject) -> None:
        """
        Whichever shards of a group arrive, in whatever order and however often: if they are enough
        all datagrams come out, rebuilt ones once; if not, just those that arrived.
        """
        stats = SessionStats()
        decoder = FECDecoder(data, parity, stats)
        datagrams = draw.draw(
            strategies.lists(strategies.binary(max_size=30), min_size=data, max_size=data)
        )
        packets = FECEncoder(data, parity).encode(datagrams, 0)
        order = draw.draw(strategies.lists(strategies.integers(0, data + parity - 1), max_size=20))
        plain, recovered = decoder.decode([packets[position] for position in order])
        arrived = [position for position in order if position < data]
        self.assertEqual(plain, [datagrams[position] for position in arrived])
        # Once it is complete a group is done with: what comes later is not missing.
        first = list(dict.fromkeys(order))[:data]
        missing = [position for position in range(data) if position not in first]
        self.assertEqual(
            recovered,
            [datagrams[position] for position in missing] if len(first) == data else [],
        )
        self.assertEqual(stats.FECRecovered, len(recovered))


class HorizonTests(DecoderTestCase):
    """
    How long groups are kept.
    """

    def groups(self, count: int) -> list[list[bytes]]:
        """
        @return: packets by group.
        """
        packets = self.encoder.encode(_datagrams(3 * count), 0)
        return [packets[start : start + 5] for start in range(0, len(packets), 5)]

    def test_within(self) -> None:
        """
        A group is rebuilt with three others after it.
        """
        groups = self.groups(4)
        self.decoder.decode(groups[0][:2])
        self.decoder.decode([group[0] for group in groups[1:]])
        self.assertEqual(self.decoder.decode([groups[0][4]])[1], [_datagrams(3)[2]])
        self.assertEqual(self.stats.FECShortShards, 0)

    def test_beyond(self) -> None:
        """
        With four others after it a group is given up, and counted.
        """
        groups = self.groups(5)
        self.decoder.decode(groups[0][:2])
        self.decoder.decode([group[0] for group in groups[1:]])
        self.assertEqual(self.stats.FECShortShards, 1)
        self.assertEqual(self.decoder.decode(groups[0][3:]), ([], []))
        self.assertEqual(self.stats.FECRecovered, 0)

    def test_lateData(self) -> None:
        """
        Data shards of a group that was given up are still handed on.
        """
        groups = self.groups(6)
        self.decoder.decode([groups[5][0]])
        self.assertEqual(self.decoder.decode([groups[0][0]]), ([_datagrams(1)[0]], []))

    def test_straggler(self) -> None:
        """
        A shard from far behind does not make the newest groups be given up.
        """
        groups = self.groups(6)
        self.decoder.decode(groups[5][:2])
        self.decoder.decode([groups[0][4]])
        self.assertEqual(self.decoder.decode([groups[5][3]])[1], [_datagrams(18)[17]])

    def test_completeIsNotShort(self) -> None:
        """
        Groups that were complete are not counted when they go.
        """
        for group in self.groups(10):
            self.decoder.decode(group)
        self.assertEqual(self.stats.FECShortShards, 0)

    def test_skipped(self) -> None:
        """
        A group of which nothing came before the next ones is still taken within the horizon.
        """
        groups = self.groups(4)
        self.decoder.decode([groups[3][0]])
        self.assertEqual(self.decoder.decode(groups[0][1:4])[1], [_datagrams(1)[0]])

    def test_farJump(self) -> None:
        """
        After a pause in which many groups were lost, the next ones are rebuilt.
        """
        groups = self.groups(50)
        self.decoder.decode(groups[0][:2])
        self.assertEqual(self.decoder.decode(groups[49][1:4])[1], [_datagrams(150)[147]])

    def test_memory(self) -> None:
        """
        No more is held than the newest group and three behind it, whatever the numbers are.
        """
        length = 100
        most = 0
        limit = sequenceLimit(5)
        for step in (5, 1, 7, 10_000_019, limit - 6):
            seqid = 0
            for _ in range(300):
                kind = DATA if seqid % 5 < 3 else PARITY
                size = struct.pack("<H", length)
                self.decoder.decode([_packet(seqid, kind, size + bytes(length - 2))])
                most = max(most, _heldShards(self.decoder, length))
                seqid = (seqid + step) % limit
        self.assertLessEqual(most, (HORIZON + 1) * 5)
        self.assertGreater(most, 1)
        self.assertEqual(HORIZON, 3)


class RefusalTests(DecoderTestCase):
    """
    What is refused and counted.
    """

    def test_tooShort(self) -> None:
        """
        What has no room for a header is refused.
        """
        self.assertEqual(self.decoder.decode([b"", b"12345"]), ([], []))
        self.assertEqual(self.stats.FECErrs, 2)

    def test_beyondLimit(self) -> None:
        """
        Numbers that no group has are refused.
        """
        self.make(10, 3)
        limit = sequenceLimit(13)
        packets = [
            packet
            for seqid in (limit, limit + 1, 0xFFFFFFFF)
            for packet in (_data(seqid, b"data"), _packet(seqid, PARITY, b"parity"))
        ]
        self.assertEqual(self.decoder.decode(packets), ([], []))
        self.assertEqual(self.stats.FECErrs, 6)
        self.assertEqual((self.stats.FECDataShards, self.stats.FECParityShards), (0, 0))

    def test_belowLimit(self) -> None:
        """
        The last number is that of a parity shard.
        """
        self.make(10, 3)
        self.decoder.decode([_packet(sequenceLimit(13) - 1, PARITY, b"parity")])
        self.assertEqual((self.stats.FECErrs, self.stats.FECParityShards), (0, 1))

    def test_badSize(self) -> None:
        """
        A data shard whose size is less than two or more than there is, is refused and takes no
        part in its group.
        """
        packets = self.encoder.encode([b"abc", b"def", b"ghi"], 0)
        for size in (0, 1, 6, 0xFFFF):
            bad = packets[1][:6] + struct.pack("<H", size) + packets[1][8:]
            self.assertEqual(self.decoder.decode([bad]), ([], []))
        self.assertEqual(self.decoder.decode([packets[1][:6], packets[1][:7]]), ([], []))
        self.assertEqual(self.stats.FECErrs, 6)
        self.assertEqual(self.decoder.decode([packets[0], *packets[3:]])[1], [b"def", b"ghi"])

    def test_badRebuilt(self) -> None:
        """
        What parity rebuilds to nonsense is dropped and counted.
        """
        packets = self.encoder.encode([b"abc", b"def", b"ghi"], 0)
        damaged = packets[4][:7] + b"\xff" + packets[4][8:]
        self.assertEqual(self.decoder.decode([packets[0], packets[1], damaged])[1], [])
        self.assertEqual((self.stats.FECErrs, self.stats.FECRecovered), (1, 0))

    def test_otherCounts(self) -> None:
        """
        Of a peer with other counts data shards are handed on, and the contradiction is counted.
        """
        self.make(2, 1)
        datagrams = _datagrams(3)
        packets = FECEncoder(3, 2).encode(datagrams, 0)
        self.assertEqual(self.decoder.decode(packets), (datagrams, []))
        self.assertGreater(self.stats.FECErrs, 0)

    @given(strategies.lists(strategies.binary(max_size=20), max_size=10))
    def test_anyBytes(self, packets: list[bytes]) -> None:
        """
        Whatever bytes arrive, nothing is raised.
        """
        FECDecoder(3, 2, SessionStats()).decode(packets)

    @given(
        strategies.lists(
            strategies.builds(
                _packet,
                seqid=strategies.integers(0, 20) | strategies.integers(0, 0xFFFFFFFF),
                kind=strategies.sampled_from([DATA, PARITY, PARITY]),
                rest=strategies.sampled_from([b"", b"\2\0", b"\3\0x", b"\x09\0x"])
                | strategies.binary(max_size=12),
            ),
            max_size=30,
        ),
        strategies.sampled_from([(1, 1), (1, 5), (3, 2), (0, 0)]),
    )
    def test_anyShards(self, packets: list[bytes], counts: tuple[int, int]) -> None:
        """
        Whatever shards arrive, nothing is raised, and each is counted.
        """
        stats = SessionStats()
        plain, recovered = FECDecoder(*counts, stats).decode(packets)
        self.assertEqual(len(plain), stats.FECDataShards)
        self.assertEqual(len(recovered), stats.FECRecovered)
        self.assertGreaterEqual(
            stats.FECDataShards + stats.FECParityShards + stats.FECErrs, len(packets)
        )
