"""
How long L{kcptwisted.fec.decoder} keeps groups.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import combinations
from random import Random

from kcptwisted.fec.decoder import HORIZON, MAXIMUM_STRAYS, FECDecoder
from kcptwisted.fec.encoder import sequenceLimit
from kcptwisted.fec.reedsolomon import MAXIMUM_PATTERNS, recoveryFactors
from kcptwisted.wire.fec import DATA, PARITY
from tests.fec.shards import (
    MANY_COUNTS,
    WHOLE,
    Counts,
    DecoderTestCase,
    PeerTestCase,
    anyShard,
    datagramsOf,
    heldShards,
    isDataShard,
)


class HorizonTests(DecoderTestCase):
    """
    How long groups are kept.
    """

    def groups(self, count: int) -> list[list[bytes]]:
        """
        @return: packets by group.
        """
        packets = self.encoder.encode(datagramsOf(3 * count), 0)
        return [packets[start : start + 5] for start in range(0, len(packets), 5)]

    def test_within(self) -> None:
        """
        A group is rebuilt with three others after it.
        """
        groups = self.groups(4)
        self.decoder.decode(groups[0][:2])
        self.decoder.decode([group[0] for group in groups[1:]])
        self.assertEqual(self.decoder.decode([groups[0][4]])[1], [datagramsOf(3)[2]])
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
        self.assertEqual(self.decoder.decode([groups[0][0]]), ([datagramsOf(1)[0]], []))

    def test_straggler(self) -> None:
        """
        A shard from far behind does not make the newest groups be given up.
        """
        groups = self.groups(6)
        self.decoder.decode(groups[5][:2])
        self.decoder.decode([groups[0][4]])
        self.assertEqual(self.decoder.decode([groups[5][3]])[1], [datagramsOf(18)[17]])

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
        self.assertEqual(self.decoder.decode(groups[0][1:4])[1], [datagramsOf(1)[0]])

    def test_farJump(self) -> None:
        """
        After a pause in which many groups were lost, the next ones are rebuilt.
        """
        groups = self.groups(50)
        self.decoder.decode(groups[0][:2])
        self.assertEqual(self.decoder.decode(groups[49][1:4])[1], [datagramsOf(150)[147]])


class WrapTests(PeerTestCase):
    """
    Numbers that begin again at 0.
    """

    def make(self, own: Counts, peer: Counts, groups: int) -> None:
        """
        Begin so many of the peer's groups before the wrap.
        """
        self.begin(own, peer, sequenceLimit(sum(peer)) - groups * sum(peer))

    def test_rebuilt(self) -> None:
        """
        Groups before and after the wrap are rebuilt, and none is given up.
        """
        for counts in MANY_COUNTS:
            self.make(counts, counts, WHOLE + 3)
            self.whole(WHOLE)
            self.assertRebuilds(8)
            self.assertEqual((self.stats.FECErrs, self.stats.FECShortShards), (0, 0))
            self.assertEqual(self.stats.FECRetunes, 0)

    def test_tuned(self) -> None:
        """
        So they are when the peer's counts had to be found first.
        """
        for own in ((0, 0), (4, 7)):
            for peer in MANY_COUNTS:
                self.make(own, peer, 300 // sum(peer) + 8)
                self.whole(300 // sum(peer) + 5)
                self.assertRebuilds(8)

    def test_tuning(self) -> None:
        """
        Counts are also found from shards on both sides of the wrap.
        """
        for peer in MANY_COUNTS:
            self.make((0, 0), peer, 1)
            self.whole(300 // sum(peer) + 5)
            self.assertRebuilds()

    def test_withoutParity(self) -> None:
        """
        Groups are still right when the last one before the wrap had no parity.
        """
        self.make((3, 2), (3, 2), WHOLE + 1)
        self.whole(WHOLE)
        for now in (0, 0, 500):
            datagrams = datagramsOf(1)
            self.assertEqual(self.decoder.decode(self.encoder.encode(datagrams, now))[0], datagrams)
        self.assertRebuilds()

    def test_reordered(self) -> None:
        """
        Shards from before the wrap are taken after those behind it.
        """
        self.make((3, 2), (3, 2), WHOLE + 1)
        self.whole(WHOLE)
        before, after = self.group(), self.group()
        rebuilt = self.take(after[1][1:] + before[1][1:])
        self.assertEqual(rebuilt, [after[0][0], before[0][0]])


class SkippedParityTests(PeerTestCase):
    """
    A peer that sends so slowly that it leaves parity out.
    """

    def test_laterGroups(self) -> None:
        """
        After groups without parity the next ones are rebuilt: their numbers have been skipped.
        """
        for own in ((3, 2), (0, 0)):
            self.begin(own, (3, 2))
            self.whole(5)
            for now in range(0, 20 * 500, 500):
                self.decoder.decode(self.encoder.encode(datagramsOf(1), now))
            self.decoder.decode(self.encoder.encode(datagramsOf(1), 10_000))
            self.assertRebuilds()
            self.assertEqual(self.stats.FECErrs, 0)

    def test_sameGroup(self) -> None:
        """
        What is lost of a group without parity stays lost, and is counted when the group is old.
        """
        self.begin((3, 2), (3, 2))
        self.whole(WHOLE)
        packets = [self.encoder.encode(datagramsOf(1), now)[0] for now in (0, 0, 500)]
        self.take([packets[0], packets[2]])
        self.assertRebuilds(HORIZON)
        self.assertEqual(self.stats.FECShortShards, 0)
        self.assertRebuilds(1)
        self.assertEqual(self.stats.FECShortShards, 1)


class MemoryTests(DecoderTestCase):
    """
    How much is held.
    """

    length = 100

    def flood(self, seqids: Iterable[int]) -> int:
        """
        Take a shard for each number.

        @return: how many shards were held at most.
        """
        most = 0
        size = struct.pack("<H", self.length - 6)
        for seqid in seqids:
            kind = DATA if isDataShard(seqid, self.counts) else PARITY
            self.decoder.decode([anyShard(seqid, kind, size + bytes(self.length - 8))])
            most = max(most, heldShards(self.decoder, self.length))
        return most

    def make(self, data: int, parity: int, firstSeqid: int = 0) -> None:
        """
        Remember the counts.
        """
        super().make(data, parity, firstSeqid)
        self.counts = (data, parity)

    def test_jumps(self) -> None:
        """
        No more is held than the newest group and three behind it, and some that may be strays,
        whatever the numbers are.
        """
        limit = sequenceLimit(5)
        for step in (5, 1, 7, 10_000_019, limit - 6):
            most = self.flood([number * step % limit for number in range(300)])
            self.assertLessEqual(most, (HORIZON + 1) * 5 + MAXIMUM_STRAYS)
            self.assertGreater(most, 1)
        self.assertEqual(HORIZON, 3)

    def test_neverComplete(self) -> None:
        """
        Groups that lack one shard each fill what may be held: with as many shards as there are data
        shards a group would be done with.
        """
        for data, parity in ((10, 3), (2, 20), (128, 128)):
            size = data + parity
            for positions in (range(1, data), range(size - data + 1, size)):
                self.make(data, parity)
                most = self.flood(
                    [
                        (WHOLE + group) * size + position
                        for group in range(8)
                        for position in positions
                    ]
                )
                self.assertEqual(most, (HORIZON + 1) * (data - 1))
                self.assertEqual(self.stats.FECShortShards, 8 - (HORIZON + 1))

    def test_complete(self) -> None:
        """
        Of groups that are done with nothing is held.
        """
        self.make(10, 3)
        self.flood(range(13 * 20))
        self.assertEqual(heldShards(self.decoder, self.length), 0)

    def test_random(self) -> None:
        """
        Random numbers fill no more.
        """
        self.make(20, 5)
        random = Random(1)
        seqids = [random.randrange(25 * 12) for _ in range(1000)]
        seqids += [random.randrange(sequenceLimit(25)) for _ in range(1000)]
        most = self.flood(seqids)
        self.assertLessEqual(most, (HORIZON + 1) * 25 + MAXIMUM_STRAYS)
        self.assertGreater(most, 19)

    def test_tuning(self) -> None:
        """
        While the peer's counts are in doubt all that arrives is kept, of as many groups: from the
        beginning on, and after a contradiction.
        """
        for parity in (3, 1, 90):
            size = 10 + parity
            for begun in (False, True):
                self.make(10, parity)
                if begun:
                    self.decoder.decode([anyShard(0, PARITY, bytes(94))])
                else:
                    self.decoder = FECDecoder(10, parity, self.stats)
                # Where data ends is never seen.
                seqids = [seqid for seqid in range(WHOLE * size, 12 * size) if seqid % size != 10]
                self.assertEqual(self.flood(seqids), (HORIZON + 1) * (size - 1))
                self.assertEqual(heldShards(self.decoder, self.length), (HORIZON + 1) * (size - 1))

    def test_patterns(self) -> None:
        """
        Of the many ways to lose shards the coefficients of only so many are remembered.
        """
        recoveryFactors.cache_clear()
        self.make(10, 3)
        for lost in combinations(range(10), 2):
            for parity in combinations(range(10, 13), 2):
                datagrams = datagramsOf(10)
                packets = self.encoder.encode(datagrams, 0)
                kept = [number for number in (*range(10), *parity) if number not in lost]
                rebuilt = self.decoder.decode([packets[number] for number in kept])[1]
                self.assertEqual(rebuilt, [datagrams[number] for number in lost])
        known = recoveryFactors.cache_info()
        self.assertGreater(known.misses, 2 * MAXIMUM_PATTERNS)
        self.assertEqual(known.currsize, MAXIMUM_PATTERNS)
