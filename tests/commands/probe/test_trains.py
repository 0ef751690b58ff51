"""
Tests for L{kcptwisted.commands.probe.trains}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.probe.records import Probe
from kcptwisted.commands.probe.trains import Train, durationOf, limitOf, mbit, rateOf
from tests.properties import given, strategies

#: Bytes of a probe, and seconds of the way.
SIZE, WAY = 1000, 0.05


def train(sent: float, line: float, lost: int = 0, interval: float = 0.0) -> Train:
    """
    @param sent: the rate at which it leaves, bits a second.
    @param line: the rate of the line.
    @param lost: each so-manyth is lost; 0 for none.
    @param interval: of the peer's ACKs.
    @return: a train.
    """
    made = Train(sent, 0.5)
    gap, slot, free = 8 * SIZE / sent, 8 * SIZE / line, 0.0
    for number in range(round(0.5 / gap)):
        probe = Probe(SIZE, number * gap)
        free = max(free, probe.sent) + slot
        if not lost or number % lost:
            probe.answered = WAY + free
            if interval:
                probe.answered += interval - probe.answered % interval
        made.probes.append(probe)
    return made


class TrainTests(SynchronousTestCase):
    """
    Trains over a line.
    """

    @given(
        strategies.floats(2e6, 50e6),
        strategies.floats(1e6, 100e6),
        strategies.sampled_from([0.0, 0.01, 0.04]),
    )
    def test_delivered(self, sent: float, line: float, interval: float) -> None:
        """
        What is delivered is the line's rate, or what was sent if that is less.
        """
        found = train(sent, line, interval=interval)
        assert found.delivered is not None and found.sent is not None
        expected = min(sent, line)
        self.assertLess(abs(found.delivered - expected), 0.06 * expected)
        self.assertAlmostEqual(found.sent / sent, 1, 6)

    def test_lastInterval(self) -> None:
        """
        That the peer's last interval is not filled makes nothing less of it.
        """
        found = train(8e6, 20e6, interval=0.04)
        self.assertAlmostEqual((found.delivered or 0) / 8e6, 1, 2)

    def test_limit(self) -> None:
        """
        A queue that grows, losses that do, and a host that does not send are limits.
        """
        self.assertEqual(limitOf(train(8e6, 20e6), 0.0, 0.01), "")
        self.assertIn("queue", limitOf(train(8e6, 5e6), 0.0, 0.01))
        self.assertIn("lost", limitOf(train(8e6, 20e6, lost=4), 0.0, 0.01))
        slow = train(8e6, 20e6)
        slow.rate = 20e6
        self.assertIn("this host", limitOf(slow, 0.0, 0.01))

    def test_noLimit(self) -> None:
        """
        What was lost before, or differed before, is none.
        """
        self.assertEqual(limitOf(train(8e6, 20e6, lost=4), 0.25, 0.01), "")
        self.assertEqual(limitOf(train(8e6, 7.8e6), 0.0, 0.03), "")

    def test_unanswered(self) -> None:
        """
        Without answers, and with one, nothing is known.
        """
        empty = train(8e6, 20e6, lost=1)
        self.assertEqual((empty.delivered, empty.loss, empty.growth), (None, 1, 0))
        empty.probes[0].answered = 1.0
        self.assertIsNone(empty.delivered)
        self.assertEqual((Train(1e6, 1).sent, Train(1e6, 1).loss), (None, 0))

    def test_rate(self) -> None:
        """
        The path's is the best that was delivered; ACKs in a burst make no more of it than was sent.
        """
        burst = train(2e6, 50e6)
        for number, probe in enumerate(burst.probes):
            probe.answered = 1.0 + 0.002 * number
        self.assertAlmostEqual((rateOf([burst]) or 0) / 2e6, 1, 6)
        rate = rateOf([train(2e6, 5e6), train(8e6, 5e6)])
        self.assertAlmostEqual((rate or 0) / 5e6, 1, 1)
        self.assertIsNone(rateOf([]))

    def test_duration(self) -> None:
        """
        Several of the peer's intervals, within bounds.
        """
        self.assertEqual(durationOf(0.0, 0.01), 0.1)
        self.assertAlmostEqual(durationOf(0.03, 0.1), 0.18)
        self.assertEqual(durationOf(0.03, 0.3), 0.3)
        self.assertEqual(durationOf(5.0, 0.3), 0.8)

    def test_mbit(self) -> None:
        """
        Rates for people.
        """
        self.assertEqual([mbit(0.94e6), mbit(250e6)], ["0.9 Mbit/s", "250 Mbit/s"])
