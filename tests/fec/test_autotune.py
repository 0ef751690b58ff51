"""
Tests for L{kcptwisted.fec.autotune}.
"""

from __future__ import annotations

from collections.abc import Iterable
from gc import get_referents
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.fec.autotune import SAMPLES, AutoTune
from kcptwisted.fec.encoder import sequenceLimit
from kcptwisted.wire.fec import MAXIMUM_SHARDS
from tests.fec.shards import MANY_COUNTS, Counts, isDataShard
from tests.properties import given, settings, strategies


class AutoTuneTestCase(SynchronousTestCase):
    """
    Holds one.
    """

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.tuner = AutoTune()

    def sample(self, counts: Counts, seqids: Iterable[int]) -> None:
        """
        Sample what a peer with these counts sends under these numbers, taken round at the wrap.
        """
        limit = sequenceLimit(sum(counts))
        for seqid in seqids:
            self.tuner.sample(seqid % limit, isDataShard(seqid % limit, counts))


class CleanTests(AutoTuneTestCase):
    """
    Shards that arrive one after another.
    """

    def check(self, counts: Counts, first: int, groups: int = 2) -> None:
        """
        Counts are found within so many groups and two shards, and never any others.  From then on
        they are found again, always if the samples have room for as much.
        """
        self.tuner = AutoTune()
        enough = groups * sum(counts) + 2
        found: set[Counts | None] = set()
        for seqid in range(first, first + enough):
            self.sample(counts, [seqid])
            found.add(self.tuner.find())
        self.assertEqual(found - {None}, {counts}, (counts, first))
        found = set()
        for seqid in range(first + enough, first + enough + SAMPLES):
            self.sample(counts, [seqid])
            found.add(self.tuner.find())
        if enough > SAMPLES:
            found.discard(None)
        self.assertEqual(found, {counts}, (counts, first))

    def test_fromTheFirst(self) -> None:
        """
        From the first number on.
        """
        for counts in MANY_COUNTS:
            self.check(counts, 0)

    def test_fromAnywhere(self) -> None:
        """
        From any other on, also in the middle of data or parity.
        """
        for counts in MANY_COUNTS:
            size = sum(counts)
            for first in (counts[0], 77_777 * size + 5):
                self.check(counts, first)

    def test_acrossWrap(self) -> None:
        """
        From just before the wrap on, where the edge between the last number and the first is none.
        """
        for counts in MANY_COUNTS:
            limit = sequenceLimit(sum(counts))
            self.check(counts, limit - sum(counts) - 3, 3)

    @settings(max_examples=150)
    @given(
        strategies.integers(2, MAXIMUM_SHARDS // 2).flatmap(
            lambda size: strategies.tuples(strategies.just(size), strategies.integers(1, size - 1))
        ),
        strategies.integers(0, 0xFFFF0000),
    )
    def test_any(self, sizes: tuple[int, int], first: int) -> None:
        """
        Any counts of which the samples have room for two groups are found, from any number on.
        """
        size, data = sizes
        self.tuner = AutoTune()
        self.sample((data, size - data), range(first, first + 2 * size + 2))
        self.assertEqual(self.tuner.find(), (data, size - data))


class DisorderTests(AutoTuneTestCase):
    """
    Shards that are lost, late or repeated before the first whole run.
    """

    def arrivals(self, counts: Counts, loss: float, random: Random) -> Iterable[int]:
        """
        @return: numbers as they arrive, from somewhere on.
        """
        first = random.randrange(10_000)
        late = {}
        for seqid in range(first, first + 40 * max(sum(counts), 25)):
            if random.random() < 0.1:
                late[seqid] = seqid + random.randrange(1, 12)
            elif random.random() >= loss:
                yield seqid
            if random.random() < 0.05:
                yield seqid - random.randrange(8)
            for held in [held for held, due in late.items() if due <= seqid]:
                del late[held]
                yield held

    def test_found(self) -> None:
        """
        The counts are found, and never any others.
        """
        for counts in MANY_COUNTS:
            for loss in (0.01, 0.05, 0.1, 0.2):
                self.tuner = AutoTune()
                found = set()
                arrivals = self.arrivals(counts, loss, Random(f"{counts} {loss}"))
                for number, seqid in enumerate(arrivals):
                    self.sample(counts, [seqid])
                    if number % 8 == 0:
                        found.add(self.tuner.find())
                self.assertEqual(found - {None}, {counts}, (counts, loss))

    @settings(max_examples=150)
    @given(
        strategies.tuples(strategies.integers(1, 30), strategies.integers(1, 30)),
        strategies.lists(strategies.integers(0, 150), max_size=300),
    )
    def test_neverWrong(self, counts: Counts, seqids: list[int]) -> None:
        """
        Whichever shards of a peer arrive, and in whatever order, no other counts are found.
        """
        self.tuner = AutoTune()
        self.sample(counts, seqids)
        self.assertIn(self.tuner.find(), (None, counts))


class AmbiguityTests(AutoTuneTestCase):
    """
    Shards that more than one peer could have sent.
    """

    def check(self, counts: Counts, seqids: Iterable[int]) -> None:
        """
        Nothing is found.
        """
        self.tuner = AutoTune()
        self.sample(counts, seqids)
        self.assertIs(self.tuner.find(), None)

    def test_nothing(self) -> None:
        """
        No shards say nothing.
        """
        self.check((10, 3), [])

    def test_oneType(self) -> None:
        """
        Data alone, or parity alone, has no edges.
        """
        self.check((10, 3), range(10))
        self.check((10, 3), range(10, 13))

    def test_oneEdge(self) -> None:
        """
        It takes an edge of each kind.
        """
        self.check((10, 3), range(13))
        self.check((10, 3), range(10, 23))

    def test_gaps(self) -> None:
        """
        Where the shards at the edges are missing, the edges are.
        """
        self.check((10, 3), [seqid for seqid in range(200) if seqid % 13 not in (0, 10)])

    def test_multiples(self) -> None:
        """
        With one edge of each kind, groups could be as long as their numbers allow.
        """
        # As many as 36 and 3, from 30 on.
        self.check((10, 3), range(30, 40))
        self.sample((10, 3), range(40, 53))
        self.assertEqual(self.tuner.find(), (10, 3))


class ExpectedTests(AutoTuneTestCase):
    """
    Counts that somebody has thought of.
    """

    def check(self, seqids: Iterable[int], found: bool, counts: Counts = (10, 3)) -> None:
        """
        The counts are found, if they are expected; others are expected in vain.
        """
        self.tuner = AutoTune()
        self.sample(counts, seqids)
        self.assertEqual(self.tuner.find(counts), counts if found else None)
        for others in (None, (11, 2), (10, 2), (1, 1), (0, 0), (1, 0)):
            self.assertIs(self.tuner.find(others), None)

    def test_oneEach(self) -> None:
        """
        For those one edge of each kind is enough, for others it takes two.
        """
        for counts in MANY_COUNTS:
            if sum(counts) > 2:
                self.check(range(sum(counts) + 1), True, counts)
        self.check(range(24), True)
        self.sample((10, 3), range(24, 27))
        self.assertEqual(self.tuner.find(), (10, 3))
        self.assertEqual(self.tuner.find((11, 2)), (10, 3))

    def test_noStart(self) -> None:
        """
        That of the second kind alone is, if nothing else explains the samples.
        """
        self.check(range(11), False)
        self.check([*range(11), *range(14, 23)], False)
        self.check([*range(12), *range(14, 25)], True)

    def test_noEnd(self) -> None:
        """
        That of the first kind alone never is.
        """
        self.check([seqid for seqid in range(SAMPLES) if seqid % 13 != 10], False)
        self.check([seqid for seqid in range(SAMPLES) if seqid % 13 < 10], False)


class FirstGroupTests(AutoTuneTestCase):
    """
    What is known of the group of seqid 0.
    """

    def check(self, seqids: Iterable[int], last: int, known: bool) -> None:
        """
        It is known to have three data shards, or not.
        """
        self.tuner = AutoTune()
        for seqid in seqids:
            self.tuner.sample(seqid, seqid % 8 < 3)
        self.assertIs(self.tuner.isFirstGroup(3, last), known, (seqids, last))

    def test_edge(self) -> None:
        """
        It has to show where its data ends.
        """
        self.check([0, 1, 2, 3], 3, True)
        self.check([1, 2, 3], 3, True)
        for seqids in ([0, 1, 2], [0, 1, 3], [0, 1, 2, 4], [0, 1, 4, 5], []):
            self.check(seqids, 5, False)

    def test_smaller(self) -> None:
        """
        Nothing may be left that has more than one group there.
        """
        # As if it were one and one.
        self.check([0, 2, 3], 3, False)
        self.check([0, 2, 3, 4], 4, True)
        self.check([0, 2, 3, 9], 3, True)
        # As if it were three and one.
        self.check([1, 2, 3, 7], 7, False)
        self.check([1, 2, 3, 7], 6, False)
        self.check([1, 2, 3, 7], 3, True)
        for other in (4, 5, 6):
            self.check([1, 2, 3, 7, other], 7, True)


class StrayTests(AutoTuneTestCase):
    """
    A shard whose type is not what its number says.
    """

    @settings(max_examples=60)
    @given(
        strategies.sampled_from([counts for counts in MANY_COUNTS if sum(counts) <= 30]),
        strategies.integers(0, 400),
        strategies.integers(0, 100),
    )
    def test_delays(self, counts: Counts, stray: int, at: int) -> None:
        """
        It never makes other counts be found, and is forgotten with the samples of its time.
        """
        self.tuner = AutoTune()
        first = 2 * sum(counts) + 2
        self.sample(counts, range(first + at))
        self.tuner.sample(stray, not isDataShard(stray, counts))
        for done in range(first + at, first + at + SAMPLES, 7):
            self.assertIn(self.tuner.find(), (None, counts))
            self.sample(counts, range(done, done + 7))
        self.assertEqual(self.tuner.find(), counts)

    def test_whileKnown(self) -> None:
        """
        As long as it is remembered nothing is found.
        """
        self.sample((10, 3), range(130))
        self.tuner.sample(1000, not isDataShard(1000, (10, 3)))
        self.assertIs(self.tuner.find(), None)
        self.sample((10, 3), range(130, 130 + SAMPLES - 1))
        self.assertIs(self.tuner.find(), None)
        self.sample((10, 3), [130 + SAMPLES])
        self.assertEqual(self.tuner.find(), (10, 3))

    def test_replaced(self) -> None:
        """
        If a shard with the same number comes as it should, that counts.
        """
        self.sample((10, 3), range(60))
        self.tuner.sample(55, False)
        self.assertIs(self.tuner.find(), None)
        self.sample((10, 3), [55])
        self.assertEqual(self.tuner.find(), (10, 3))

    def test_repeated(self) -> None:
        """
        If it comes again, it is remembered from then on.
        """
        self.sample((10, 3), range(130))
        self.tuner.sample(1000, not isDataShard(1000, (10, 3)))
        self.sample((10, 3), range(130, 230))
        self.tuner.sample(1000, not isDataShard(1000, (10, 3)))
        self.sample((10, 3), range(230, 230 + SAMPLES - 1))
        self.assertIs(self.tuner.find(), None)
        self.sample((10, 3), [230 + SAMPLES])
        self.assertEqual(self.tuner.find(), (10, 3))

    def test_otherCounts(self) -> None:
        """
        When a peer's counts have changed, the new ones are found as soon as no shard with the old
        ones is remembered.
        """
        self.sample((10, 3), range(13 * 20))
        self.assertEqual(self.tuner.find(), (10, 3))
        self.sample((5, 2), range(7 * 40, 7 * 40 + SAMPLES))
        self.assertEqual(self.tuner.find(), (5, 2))


class MemoryTests(AutoTuneTestCase):
    """
    How much is remembered.
    """

    def test_bound(self) -> None:
        """
        No more shards than two of the largest groups have, and two, whatever arrives.
        """
        self.assertEqual(SAMPLES, 2 * MAXIMUM_SHARDS + 2)
        random = Random(1)
        most = 0
        for number in range(5 * SAMPLES):
            seqid = random.choice([number, random.randrange(1 << 32), random.randrange(50)])
            self.tuner.sample(seqid, random.random() < 0.5)
            held = [len(each) for each in get_referents(self.tuner) if hasattr(each, "__len__")]
            most = max(most, sum(held))
        self.assertEqual(most, SAMPLES)

    def test_repeated(self) -> None:
        """
        A shard that comes again drives out no other.
        """
        self.sample((10, 3), range(27))
        self.sample((10, 3), [5] * 2 * SAMPLES)
        self.assertEqual(self.tuner.find(), (10, 3))
