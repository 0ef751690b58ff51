"""
Tests for L{kcptwisted.commands.probe.statistics}.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.probe.records import Probe
from kcptwisted.commands.probe.statistics import (
    eventsOf,
    intervalOf,
    jitterOf,
    lossOf,
    percentile,
    roundTripsOf,
)
from tests.properties import given, strategies

TIMES = strategies.lists(strategies.floats(0, 100), min_size=1, max_size=50)


def probe(sent: float, answered: float | None, answer: int = 0) -> Probe:
    """
    @return: a probe of 100 bytes.
    """
    made = Probe(100, sent)
    made.answered, made.answer = answered, answer
    return made


def groupsOf(random: Random, count: int, there: float, back: float) -> list[list[Probe]]:
    """
    @param there: the share that is lost on the way there.
    @return: groups of four whose ACKs share a datagram.
    """
    groups = []
    for number in range(count):
        comesBack = random.random() >= back
        arrived = [random.random() >= there for _ in range(4)]
        groups.append([probe(0, 1 if comesBack and one else None, number) for one in arrived])
    return groups


class RoundTripTests(SynchronousTestCase):
    """
    Round trips.
    """

    def test_known(self) -> None:
        """
        Of a hundred each percentile is one of them.
        """
        values = [float(value) for value in range(1, 101)]
        Random(1).shuffle(values)
        found = roundTripsOf(values)
        assert found is not None
        self.assertEqual(
            (found.count, found.minimum, found.median, found.p90, found.p99), (100, 1, 50, 90, 99)
        )
        self.assertIsNone(roundTripsOf([]))

    @given(TIMES, strategies.floats(0, 1), strategies.floats(0, 1))
    def test_percentiles(self, values: list[float], one: float, other: float) -> None:
        """
        They are among the values, in order, and so many values are not above.
        """
        low, high = sorted((one, other))
        self.assertIn(percentile(values, one), values)
        self.assertLessEqual(percentile(values, low), percentile(values, high))
        below = sum(value <= percentile(values, one) for value in values)
        self.assertGreaterEqual(below, one * len(values) - 1e-9)
        self.assertEqual((percentile(values, 0), percentile(values, 1)), (min(values), max(values)))

    def test_jitter(self) -> None:
        """
        As RFC 3550 has it: a sixteenth of what is new each time.
        """
        self.assertEqual(jitterOf([3.0, 3.0, 3.0]), 0)
        self.assertEqual(jitterOf([0.0, 16.0]), 1)
        self.assertEqual(jitterOf([0.0, 16.0, 0.0]), 1 + (16 - 1) / 16)
        self.assertAlmostEqual(jitterOf([0.0, 8.0] * 200), 8, 3)

    @given(TIMES, strategies.floats(0, 100))
    def test_jitterBounds(self, values: list[float], delay: float) -> None:
        """
        It is no more than the largest difference, and a constant delay does not change it.
        """
        found = jitterOf(values)
        self.assertTrue(0 <= found <= max(values) - min(values) + 1e-9)
        self.assertAlmostEqual(found, jitterOf([value + delay for value in values]), 6)


class LossTests(SynchronousTestCase):
    """
    Losses each way.
    """

    def test_none(self) -> None:
        """
        Where nothing is lost that is told of both ways; without groups nothing is.
        """
        found = lossOf(groupsOf(Random(1), 50, 0, 0))
        assert found is not None
        self.assertEqual((found.sent, found.both, found.there, found.back), (200, 0, 0, 0))
        self.assertIsNone(lossOf([]))

    @given(strategies.floats(0, 0.4), strategies.floats(0, 0.4), strategies.integers(0, 1 << 32))
    def test_told(self, there: float, back: float, seed: int) -> None:
        """
        Of many groups both are found, and together they are what is missing.
        """
        found = lossOf(groupsOf(Random(seed), 2000, there, back))
        assert found is not None and found.there is not None and found.back is not None
        self.assertLess(abs(found.there - there), 0.05)
        self.assertLess(abs(found.back - back), 0.07)
        both = 1 - (1 - found.there) * (1 - found.back)
        self.assertLess(abs(found.both - both), 0.02)

    @given(
        strategies.lists(
            strategies.lists(
                strategies.tuples(strategies.booleans(), strategies.integers(1, 3)),
                min_size=4,
                max_size=4,
            ),
            max_size=40,
        )
    )
    def test_anything(self, outcomes: Sequence[Sequence[tuple[bool, int]]]) -> None:
        """
        Whatever comes, all shares are shares.
        """
        found = lossOf(
            [[probe(0, 1 if came else None, answer) for came, answer in each] for each in outcomes]
        )
        if found is None:
            self.assertEqual(len(outcomes), 0)
            return
        for share in (found.both, found.there, found.back, found.worst):
            self.assertTrue(share is None or 0 <= share <= 1, found)
        self.assertEqual(found.there is None, bool(found.why))

    def test_apart(self) -> None:
        """
        Where each ACK has a datagram of its own, which way is lost cannot be told.
        """
        groups = [[probe(0, 1, 4 * number + each) for each in range(4)] for number in range(50)]
        groups[3][1].answered = None
        found = lossOf(groups)
        assert found is not None
        self.assertEqual((found.there, found.back, found.both), (None, None, 1 / 200))
        self.assertEqual(found.worst, 1 / 200)

    def test_few(self) -> None:
        """
        Nor from a few groups, or from none that came back.
        """
        for groups in (groupsOf(Random(1), 5, 0, 0), groupsOf(Random(1), 50, 1, 0)):
            found = lossOf(groups)
            assert found is not None
            self.assertEqual((found.there, found.back), (None, None))


class IntervalTests(SynchronousTestCase):
    """
    When ACKs come.
    """

    def test_events(self) -> None:
        """
        What comes at once is one event, in the order of the answers.
        """
        probes = [probe(0, 2.0), probe(0, 1.0), probe(0, None), probe(0, 1.0005)]
        self.assertEqual(eventsOf(probes), [(1.0, 200), (2.0, 100)])

    def test_interval(self) -> None:
        """
        It is the usual time from one to the next.
        """
        probes = [probe(0, 0.03 * (number // 5)) for number in range(100)]
        self.assertAlmostEqual(intervalOf(probes) or 0, 0.03)
        self.assertIsNone(intervalOf(probes[:10]))
        self.assertIsNone(intervalOf([]))
