"""
Tests for L{kcptwisted.testing.bottleneck}.
"""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.testing.bottleneck import HEADERS, Bottleneck, QueueingDelays
from kcptwisted.testing.link import Link, LinkModel

#: A datagram of which ten take a second at L{RATE}.
DATAGRAM = bytes(100 - HEADERS)
RATE = 1000.0


class QueueingDelaysTests(SynchronousTestCase):
    """
    Mean and percentiles.
    """

    def test_percentiles(self) -> None:
        """
        A percentile is the delay that so many do not exceed.
        """
        delays = QueueingDelays()
        order = [number / 1000 for number in range(1, 101)]
        Random(1).shuffle(order)
        for seconds in order:
            delays.add(seconds)
        found = [delays.percentile(percent) for percent in (0, 1, 50, 99, 99.5, 100)]
        self.assertEqual(found, [0.001, 0.001, 0.05, 0.099, 0.1, 0.1])
        self.assertAlmostEqual(delays.mean, 0.0505)
        self.assertEqual(delays.count, 100)

    def test_none(self) -> None:
        """
        Without datagrams there is no delay.
        """
        delays = QueueingDelays()
        self.assertEqual((delays.mean, delays.percentile(50)), (0, 0))


class BottleneckTests(SynchronousTestCase):
    """
    What a line does to datagrams.
    """

    def enter(self, line: Bottleneck, count: int, now: float = 0.0) -> list[float | None]:
        """
        @return: what becomes of so many datagrams that come at once.
        """
        return [
            None if left is None else round(left, 6)
            for left in (line.enter(DATAGRAM, now) for _ in range(count))
        ]

    def test_rate(self) -> None:
        """
        Datagrams leave one after the other, at the rate.
        """
        line = Bottleneck(RATE)
        self.assertEqual(self.enter(line, 3), [0.1, 0.2, 0.3])
        self.assertEqual(self.enter(line, 2, 0.25), [0.15, 0.25])
        self.assertEqual(self.enter(line, 1, 9), [0.1])
        self.assertEqual(line.enter(bytes(200 - HEADERS), 20), 0.2)

    def test_queue(self) -> None:
        """
        What finds the queue full is dropped and counted.  What is sent makes room.
        """
        line = Bottleneck(RATE, 300)
        self.assertEqual(self.enter(line, 5), [0.1, 0.2, 0.3, None, None])
        self.assertEqual(self.enter(line, 2, 0.05), [None, None])
        self.assertEqual(self.enter(line, 2, 0.1), [0.3, None])
        self.assertEqual((line.offered, line.dropped), (9, 5))
        self.assertEqual((line.offeredBytes, line.droppedBytes), (900, 500))

    def test_partlySent(self) -> None:
        """
        Of the datagram on the line only what is left takes room.
        """
        line = Bottleneck(RATE, 250)
        self.assertEqual(self.enter(line, 3), [0.1, 0.2, None])
        self.assertEqual(self.enter(line, 2, 0.06), [0.24, None])

    def test_idle(self) -> None:
        """
        What need not wait passes, however small the queue.
        """
        line = Bottleneck(RATE, 0)
        self.assertEqual(self.enter(line, 2), [0.1, None])
        self.assertEqual(self.enter(line, 2, 0.1), [0.1, None])

    def test_delays(self) -> None:
        """
        The waiting before the line is counted, without the time on the line; those dropped do not
        count.
        """
        line = Bottleneck(RATE, 400)
        self.assertEqual(line.queueingDelay(5), 0)
        self.enter(line, 6, 5)
        self.assertEqual(line.delays.count, 4)
        self.assertAlmostEqual(line.delays.mean, 0.15)
        self.assertEqual(line.delays.percentile(99), 0.3)
        self.assertAlmostEqual(line.queueingDelay(5.1), 0.3)
        self.assertEqual(line.queueingDelay(6), 0)

    def test_change(self) -> None:
        """
        A new rate holds for what comes; what waits leaves as before, and still takes its room.
        """
        line = Bottleneck(RATE, 400)
        self.assertEqual(self.enter(line, 3), [0.1, 0.2, 0.3])
        line.rate = RATE / 10
        self.assertEqual(self.enter(line, 2), [1.3, None])
        line.rate = RATE * 10
        self.assertEqual(self.enter(line, 2, 0.1), [1.21, None])

    def test_bounds(self) -> None:
        """
        Impossible values are errors that name the value.
        """
        for arguments, name in (((0,), "rate"), ((-1,), "rate"), ((1, -1), "queue")):
            problem = self.assertRaises(ValueError, Bottleneck, *arguments)
            self.assertIn(name, str(problem))


class LimitedLinkTests(SynchronousTestCase):
    """
    Links with a limited rate.
    """

    def arrivals(self, model: LinkModel, count: int) -> list[list[float]]:
        """
        @return: when the copies arrive of so many datagrams that are sent at once.
        """
        return [[round(delay, 6) for delay, _ in model.arrivals(DATAGRAM)] for _ in range(count)]

    def test_counts(self) -> None:
        """
        Delay comes on top of the time at the bottleneck.  Passed, lost and dropped are counted
        apart.
        """
        model = LinkModel(Link(delay=1, rate=RATE, queue=200, mtu=100), Random(1))
        self.assertEqual(self.arrivals(model, 3), [[1.1], [1.2], []])
        self.assertEqual(model.arrivals(bytes(101)), [])
        model.link = Link(rate=RATE, queue=300, loss=1)
        self.assertEqual(self.arrivals(model, 2), [[], []])
        self.assertEqual((model.passed, model.passedBytes), (2, 200))
        self.assertEqual((model.lost, model.dropped), (2, 2))

    def test_lossComesAfter(self) -> None:
        """
        What is lost at random has taken its time on the line, and a copy takes none.
        """
        model = LinkModel(Link(rate=RATE, loss=1), Random(1))
        self.arrivals(model, 4)
        model.link = Link(rate=RATE, duplicate=1)
        self.assertEqual(self.arrivals(model, 2), [[0.5, 0.5], [0.6, 0.6]])

    def test_setLink(self) -> None:
        """
        Other conditions do not empty the queue.
        """
        model = LinkModel(Link(rate=RATE), Random(1))
        self.arrivals(model, 3)
        model.link = Link(rate=RATE * 10, delay=5)
        self.assertEqual(self.arrivals(model, 1), [[5.31]])
        model.link = Link()
        self.assertIsNone(model.bottleneck)
        self.assertEqual(self.arrivals(model, 1), [[0]])

    def test_shared(self) -> None:
        """
        Links with the same bottleneck wait for each other.
        """
        line = Bottleneck(RATE, 300)
        near, far = (
            LinkModel(Link(delay=delay, bottleneck=line), Random(1)) for delay in (1.0, 2.0)
        )
        self.assertEqual(self.arrivals(near, 2), [[1.1], [1.2]])
        self.assertEqual(self.arrivals(far, 2), [[2.3], []])
        self.assertEqual(self.arrivals(near, 1), [[]])
        self.assertEqual((near.dropped, far.dropped, line.dropped), (1, 1, 2))

    def test_bounds(self) -> None:
        """
        A negative rate or queue, and two rates for one link, are errors that name the field.
        """
        for problem, name in (
            (self.assertRaises(ValueError, lambda: Link(rate=-1)), "rate"),
            (self.assertRaises(ValueError, lambda: Link(rate=1, queue=-1)), "queue"),
            (
                self.assertRaises(ValueError, lambda: Link(rate=1, bottleneck=Bottleneck(1))),
                "bottleneck",
            ),
        ):
            self.assertIn(name, str(problem))
