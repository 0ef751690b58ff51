"""
L{kcptwisted.fec.decoder} before it is certain of the peer's counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.fec.autotune import SAMPLES
from kcptwisted.fec.decoder import FECDecoder
from kcptwisted.fec.encoder import FECEncoder
from kcptwisted.stats import SessionStats
from kcptwisted.wire.fec import FEC_HEADER, PARITY
from tests.fec.shards import MANY_COUNTS, WHOLE, Counts, PeerTestCase, anyShard, dataShard


class ConfirmingTestCase(PeerTestCase):
    """
    A peer of which nothing is known yet.
    """

    def arrive(self, *seqids: int) -> list[bytes]:
        """
        Have just these shards of the peer's arrive, in this order.

        @return: what was rebuilt.
        """
        while len(self.packets) <= max(seqids):
            for packet in self.group()[1]:
                self.packets[FEC_HEADER.unpack_from(packet)[0]] = packet
        return self.take([self.packets[seqid] for seqid in seqids])

    def begin(self, own: Counts, peer: Counts, firstSeqid: int = 0) -> None:
        """
        Make both.
        """
        super().begin(own, peer, firstSeqid)
        self.packets: dict[int, bytes] = {}

    def searching(self) -> bool:
        """
        @return: whether the decoder holds what it takes to look for counts.
        """
        return self.decoder._tuner is not None


class OwnCountsTests(ConfirmingTestCase):
    """
    A peer with the same counts.
    """

    def test_nextGroup(self) -> None:
        """
        If the last data shard or the first parity shard of the first group is lost, nothing is
        rebuilt before the next group begins, and then at once.
        """
        for lost in (9, 10):
            self.begin((10, 3), (10, 3))
            arrived = [seqid for seqid in range(13) if seqid not in (4, lost)]
            self.assertEqual(self.arrive(*arrived), [], lost)
            # It begins, but where data ends has not been seen.
            self.assertEqual(self.arrive(13), [], lost)
            rebuilt = self.arrive(*range(14, 26))
            self.assertEqual(rebuilt, [self.sent[seqid] for seqid in (4, lost) if seqid < 10])
            self.assertFalse(self.searching())
            self.assertEqual((self.stats.FECErrs, self.stats.FECRetunes), (0, 0))

    def test_laterStart(self) -> None:
        """
        If what is heard first is not the first group, that may take one group more, since one edge
        is the end of many a group.
        """
        self.begin((10, 3), (10, 3))
        # As many as 37 data and 2 parity shards.
        self.assertEqual(self.arrive(*range(27, 50)), [])
        self.assertEqual(self.arrive(*range(50, 53)), [self.sent[20]])

    def test_pending(self) -> None:
        """
        All groups that waited are rebuilt, the oldest first, and once.
        """
        self.begin((10, 3), (10, 3))
        waiting = [seqid for seqid in range(39) if seqid % 13 not in (3, 10)]
        self.assertEqual(self.arrive(*waiting), [])
        # The second group shows where data ends.
        self.assertEqual(self.arrive(23, 39), [self.sent[each] for each in (3, 13, 23)])
        self.assertEqual(self.stats.FECRecovered, 3)
        self.assertEqual(self.arrive(3, 10, 16, 29, 36, *waiting), [])
        self.assertEqual(self.stats.FECRecovered, 3)

    def test_noLongerPending(self) -> None:
        """
        Groups that are too old by then are not.
        """
        self.begin((10, 3), (10, 3))
        self.arrive(*[seqid for seqid in range(65) if seqid % 13 not in (3, 10)])
        self.assertEqual(self.stats.FECShortShards, 1)
        self.assertEqual(self.arrive(62), [self.sent[each] for each in (13, 23, 33, 43)])

    def test_noStarts(self) -> None:
        """
        Where data ends is enough, if the last parity shard of each group is lost.
        """
        self.begin((10, 3), (10, 3))
        self.arrive(*[seqid for seqid in range(39) if seqid % 13 != 12])
        self.assertFalse(self.searching())
        self.assertEqual(self.arrive(*range(40, 49), 50), [self.sent[30]])

    def test_idle(self) -> None:
        """
        Once certain, a decoder holds nothing for the search, whatever its counts are.
        """
        for counts in MANY_COUNTS:
            self.begin(counts, counts)
            self.assertTrue(self.searching())
            self.whole(WHOLE)
            self.assertFalse(self.searching(), counts)
            self.assertRebuilds()
            self.assertFalse(self.searching(), counts)

    def test_idleAfterOthers(self) -> None:
        """
        Nor when it has found other counts, or found its own again.
        """
        self.begin((10, 3), (5, 2))
        self.whole(5)
        self.assertEqual((self.stats.FECRetunes, self.searching()), (1, False))
        self.take([dataShard(6, b"stray")])
        self.assertTrue(self.searching())
        # Until the stray shard is forgotten.
        self.whole(2 + SAMPLES // 7)
        self.assertEqual((self.stats.FECRetunes, self.searching()), (1, False))


class FirstGroupTests(ConfirmingTestCase):
    """
    The group of seqid 0.
    """

    def test_atOnce(self) -> None:
        """
        It is rebuilt at once if it shows where its data ends.
        """
        self.begin((10, 3), (10, 3))
        self.assertEqual(self.arrive(*range(4), *range(5, 10)), [])
        self.assertEqual(self.arrive(10), [self.sent[4]])
        # The others wait.
        self.assertEqual(self.arrive(*range(14, 25)), [])

    def test_otherParity(self) -> None:
        """
        It is, with another count of parity shards too.
        """
        for parity in (1, 2, 5, 40):
            self.begin((10, 3), (10, parity))
            self.assertEqual(self.arrive(*range(1, 11)), [self.sent[0]])

    def test_severalGroups(self) -> None:
        """
        But not if what arrived could as well be of several smaller groups, until a shard tells.
        """
        # Data, parity, data, parity: the second of each is here.
        self.begin((3, 2), (1, 1))
        self.assertEqual(self.arrive(0, 2, 3), [])
        self.begin((3, 2), (3, 2))
        self.assertEqual(self.arrive(0, 2, 3), [])
        self.assertEqual(self.arrive(4), [self.sent[1]])
        self.begin((3, 2), (3, 2))
        self.assertEqual(self.arrive(0, 2, 3, 5), [self.sent[1]])

    def test_burst(self) -> None:
        """
        So it is with larger ones, of which a burst of parity was lost.
        """
        self.begin((10, 3), (4, 2))
        self.assertEqual(self.arrive(*range(4), *range(6, 12)), [])

    def test_laterParity(self) -> None:
        """
        So it is if a parity shard could be of the next group.
        """
        self.begin((4, 6), (4, 1))
        self.assertEqual(self.arrive(0, 3, 4, 9), [])
        self.begin((4, 6), (4, 6))
        self.assertEqual(self.arrive(0, 3, 4, 9), [])
        self.assertEqual(self.arrive(8), self.sent[1:3])

    def test_doubted(self) -> None:
        """
        Nor is it after a contradiction.
        """
        self.begin((10, 3), (10, 3))
        self.take([anyShard(5000, PARITY, b"stray parity")])
        self.assertEqual(self.arrive(*range(1, 11)), [])

    def test_withoutCounts(self) -> None:
        """
        Nor by a side without FEC, which has no counts.
        """
        for peer in ((1, 1), (1, 3)):
            self.begin((0, 0), peer)
            self.assertEqual(self.arrive(1), [])


class OtherCountsTests(ConfirmingTestCase):
    """
    A peer with other counts.
    """

    def test_oneMore(self) -> None:
        """
        With one data shard more than the peer has, a lost first parity shard is not rebuilt as if
        it were data, in any group.
        """
        for group in range(4):
            self.begin((11, 2), (10, 3))
            first = 13 * group
            self.assertEqual(self.arrive(*range(first, first + 10), first + 11, first + 12), [])

    def test_withoutParity(self) -> None:
        """
        Nor after any number of shards of a peer that has been too slow to send parity.
        """
        self.begin((11, 2), (10, 3))
        for now in range(0, 500 * 1000, 500):
            self.take(self.encoder.encode([b"slow"], now))
        packets = self.encoder.encode([b"fast %d" % number for number in range(20)], 500_000)
        for packet in packets[:10], packets[11:13]:
            self.assertEqual(self.decoder.decode(packet)[1], [])

    def test_pending(self) -> None:
        """
        Groups that have waited are not rebuilt when the counts turn out to be others.
        """
        self.begin((11, 2), (10, 3))
        waiting = [seqid for seqid in range(26) if seqid % 13 != 10]
        self.assertEqual(self.arrive(*waiting), [])
        self.assertEqual(self.arrive(*range(26, 65)), [])
        self.assertEqual((self.stats.FECRetunes, self.stats.FECErrs), (1, 1))
        self.assertEqual(self.stats.FECRecovered, 0)
        self.assertRebuilds()

    def test_stray(self) -> None:
        """
        A stray shard where data ends does not make other counts be found.
        """
        self.begin((20, 10), (20, 10))
        self.take([*self.group()[1][:20], dataShard(20, b"stray")])
        for _ in range(25):
            self.whole(1)
            self.assertEqual(self.stats.FECRetunes, 0)
        self.assertRebuilds()

    def test_found(self) -> None:
        """
        Any counts are found, and by a side without FEC too.
        """
        for own in ((10, 3), (0, 0)):
            for peer in MANY_COUNTS:
                if peer in (own, (1, 1)):
                    continue
                self.begin(own, peer)
                self.whole(4 + 16 // sum(peer))
                self.assertEqual(self.stats.FECRetunes, 1, (own, peer))
                self.assertRebuilds()


def _counts(random: Random) -> Counts:
    """
    @return: counts of a peer.
    """
    return random.choice([1, 2, 3, 4, 5, 7, 10, 20]), random.choice([1, 2, 3, 5, 10])


class NeverWrongTests(SynchronousTestCase):
    """
    Peers, and links that lose, swap and repeat.
    """

    def sent(self, random: Random, peer: Counts) -> tuple[set[bytes], list[bytes]]:
        """
        @return: datagrams and packets of a peer, some too slow for parity.
        """
        first = random.choice([0, random.randrange(50)])
        encoder = FECEncoder(*peer, first * sum(peer))
        slow = random.choice([0, 0.2])
        now = 0
        datagrams = []
        packets = []
        for number in range(peer[0] * random.choice([2, 5, 20])):
            # Alike but for their numbers, like segments: what is put together wrongly looks right.
            datagrams.append(number.to_bytes(2, "big") + bytes(random.randrange(20, 24)))
            now += 500 * (random.random() < slow)
            packets += encoder.encode(datagrams[-1:], now)
        return set(datagrams), packets

    def lose(self, random: Random, packets: list[bytes], own: Counts, peer: Counts) -> list[bytes]:
        """
        @return: what arrives.
        """
        share = random.choice([0, 0.05, 0.2, 0.5])
        size = max(sum(random.choice([own, peer])), 2)
        gone = set(random.sample(range(size), random.randrange(min(4, size))))
        run = 0
        kept = []
        for packet in packets:
            if run:
                run -= 1
            elif random.random() < share / 4:
                run = random.randrange(8)
            elif FEC_HEADER.unpack_from(packet)[0] % size not in gone or random.random() < share:
                kept.append(packet)
        swapped = random.choice([0, 0, 1, 8])
        places = {id(each): at + random.random() * swapped for at, each in enumerate(kept)}
        kept.sort(key=lambda packet: places[id(packet)])
        return kept + kept[-2:]

    def others(self, random: Random, peer: Counts) -> Iterable[Counts]:
        """
        @return: counts of a side that would take this peer's shards for something else.
        """
        data, parity = peer
        yield peer
        yield _counts(random)
        yield data + 1, max(1, parity - 1)
        yield 2 * data + parity, parity
        yield data, parity + random.randrange(1, 4)
        yield 0, 0

    def test_links(self) -> None:
        """
        As long as the peer's counts stay the same nothing is ever rebuilt that was not sent, and
        nothing twice.
        """
        recovered = 0
        for seed in range(100):
            random = Random(seed)
            peer = _counts(random)
            datagrams, packets = self.sent(random, peer)
            for own in self.others(random, peer):
                decoder = FECDecoder(*own, SessionStats())
                rebuilt: Counter[bytes] = Counter()
                for packet in self.lose(random, packets, own, peer):
                    rebuilt.update(decoder.decode([packet])[1])
                self.assertLessEqual(set(rebuilt), datagrams, (seed, own, peer))
                self.assertEqual([each for each, times in rebuilt.items() if times > 1], [])
                recovered += len(rebuilt)
        self.assertGreater(recovered, 1000)
