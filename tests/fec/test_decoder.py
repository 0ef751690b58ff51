"""
Tests for L{kcptwisted.fec.decoder}.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from kcptwisted.fec.decoder import FECDecoder
from kcptwisted.fec.encoder import sequenceLimit
from kcptwisted.stats import SessionStats
from kcptwisted.wire.fec import DATA, PARITY
from kcptwisted.wire.segment import ACK, Segment
from tests.fec.shards import DecoderTestCase, anyShard, datagramsOf, dataShard, heldShards
from tests.properties import given, settings, strategies


class PassTests(DecoderTestCase):
    """
    What is handed on as it comes.
    """

    def test_data(self) -> None:
        """
        Data shards are handed on at once, parity is kept.
        """
        datagrams = datagramsOf(3)
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
            self.decoder.decode([plain, dataShard(0, b"data"), plain]),
            ([plain, b"data", plain], []),
        )
        self.assertEqual(self.stats.FECErrs, 0)

    def test_paddingIsCutOff(self) -> None:
        """
        What a data shard holds beyond its size is not of the datagram.
        """
        self.assertEqual(self.decoder.decode([dataShard(0, b"data") + bytes(9)]), ([b"data"], []))

    def test_withoutCounts(self) -> None:
        """
        A side without FEC takes a peer's headers off, and does without parity.
        """
        self.make(0, 0)
        datagrams = datagramsOf(3)
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
        datagrams = datagramsOf(3)
        packets = self.encoder.encode(datagrams, 0)
        self.assertEqual(self.decoder.decode([packets[0], packets[2]])[1], [])
        self.assertEqual(self.decoder.decode([packets[4]]), ([], [datagrams[1]]))
        self.assertEqual(self.stats.FECRecovered, 1)

    def test_tooManyLost(self) -> None:
        """
        With too few shards nothing is rebuilt.
        """
        packets = self.encoder.encode(datagramsOf(3), 0)
        self.assertEqual(self.decoder.decode([packets[0], packets[3]]), ([datagramsOf(1)[0]], []))
        self.assertEqual(self.stats.FECRecovered, 0)

    def test_late(self) -> None:
        """
        What arrives after its group is complete is handed on and rebuilds nothing again.
        """
        datagrams = datagramsOf(3)
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
        packets = self.encoder.encode(datagramsOf(3), 0)
        self.assertEqual(self.decoder.decode([packets[4]] * 5), ([], []))
        self.assertEqual(self.decoder.decode([packets[0]] * 3)[1], [])
        self.assertEqual(self.decoder.decode([packets[3]])[1], datagramsOf(3)[1:])
        self.assertEqual(self.stats.FECErrs, 0)

    def test_inOneBatch(self) -> None:
        """
        Several groups of a batch are rebuilt, each for itself.
        """
        datagrams = datagramsOf(9)
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

    @settings(max_examples=60)
    @given(strategies.integers(1, 8), strategies.integers(1, 5), strategies.data())
    def test_anyOrder(self, data: int, parity: int, draw: strategies.DataObject) -> None:
        """
        Whichever shards of a group arrive, in whatever order and however often: if they are enough
        all datagrams come out, rebuilt ones once; if not, just those that arrived.
        """
        self.make(data, parity)
        datagrams = draw.draw(
            strategies.lists(strategies.binary(max_size=30), min_size=data, max_size=data)
        )
        packets = self.encoder.encode(datagrams, 0)
        order = draw.draw(strategies.lists(strategies.integers(0, data + parity - 1), max_size=20))
        plain, recovered = self.decoder.decode([packets[position] for position in order])
        arrived = [position for position in order if position < data]
        self.assertEqual(plain, [datagrams[position] for position in arrived])
        # Once it is complete a group is done with: what comes later is not missing.
        first = list(dict.fromkeys(order))[:data]
        missing = [position for position in range(data) if position not in first]
        self.assertEqual(
            recovered,
            [datagrams[position] for position in missing] if len(first) == data else [],
        )
        self.assertEqual(self.stats.FECRecovered, len(recovered))


class LengthTests(DecoderTestCase):
    """
    Groups of shards of different lengths.
    """

    def check(self, datagrams: list[bytes], change: Callable[[bytes], bytes]) -> None:
        """
        Whichever one or two of three datagrams are lost, they are rebuilt.

        @param change: done to each parity shard on the way.
        """
        for lost in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2)):
            self.make(3, 2)
            packets = self.encoder.encode(datagrams, 0)
            arrived = [packets[number] for number in range(3) if number not in lost]
            arrived += map(change, packets[3 : 3 + len(lost)])
            self.assertEqual(self.decoder.decode(arrived)[1], [datagrams[each] for each in lost])
        self.assertEqual(self.stats.FECErrs, 0)

    def test_mixed(self) -> None:
        """
        Short shards are padded with zeros to the longest of the group, be that lost or not.
        """
        lengths = (0, 1, 24, 1392)
        for first in lengths:
            for second in lengths:
                for third in lengths:
                    datagrams = [b"\xff" * first, b"\x01" * second, b"\x80" * third]
                    self.check(datagrams, lambda shard: shard)

    def test_parityLonger(self) -> None:
        """
        Parity longer than any datagram of its group rebuilds them all the same, whatever the bytes
        at its end are.
        """
        datagrams = [b"one", b"second", b"3"]
        self.check(datagrams, lambda shard: shard + bytes(40))
        self.check(datagrams, lambda shard: shard + b"\xff" * 40)

    def test_parityShorter(self) -> None:
        """
        Parity shorter than a datagram of its group still rebuilds those that are not longer than
        it, and nothing is raised.
        """
        datagrams = [b"one", b"much longer than the others", b"two"]
        packets = self.encoder.encode(datagrams, 0)
        short = [parity[: 6 + 2 + 3] for parity in packets[3:]]
        self.assertEqual(self.decoder.decode([packets[1], *short])[1], [b"one", b"two"])
        self.make(3, 2)
        self.assertEqual(self.decoder.decode([packets[0], packets[2], packets[3][:6]])[1], [])
        self.assertEqual(self.stats.FECErrs, 1)

    def test_paddedData(self) -> None:
        """
        A data shard that was padded with zeros on the way counts like one that was not.
        """
        datagrams = [b"one", b"second", b"3"]
        packets = self.encoder.encode(datagrams, 0)
        self.assertEqual(
            self.decoder.decode([packets[0] + bytes(50), packets[2] + bytes(9), packets[4]]),
            ([b"one", b"3"], [b"second"]),
        )


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
        Data with a number that no group has is handed on, as kcp-go does, but is of no group: it is
        counted and rebuilds nothing.
        """
        self.make(10, 3)
        limit = sequenceLimit(13)
        for seqid in (limit, limit + 1, 0xFFFFFFFF):
            packets = [dataShard(seqid, b"data"), anyShard(seqid, PARITY, b"parity")]
            self.assertEqual(self.decoder.decode(packets), ([b"data"], []))
        self.assertEqual(self.stats.FECErrs, 6)
        self.assertEqual((self.stats.FECDataShards, self.stats.FECParityShards), (3, 3))
        self.assertEqual(heldShards(self.decoder, len(dataShard(0, b"data"))), 0)
        self.assertEqual(heldShards(self.decoder, len(anyShard(0, PARITY, b"parity"))), 0)

    def test_belowLimit(self) -> None:
        """
        The last number is that of a parity shard.
        """
        self.make(10, 3)
        self.decoder.decode([anyShard(sequenceLimit(13) - 1, PARITY, b"parity")])
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

    @given(strategies.lists(strategies.binary(max_size=20), max_size=10))
    def test_anyBytes(self, packets: list[bytes]) -> None:
        """
        Whatever bytes arrive, nothing is raised.
        """
        FECDecoder(3, 2, SessionStats()).decode(packets)

    @given(
        strategies.lists(
            strategies.builds(
                anyShard,
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
