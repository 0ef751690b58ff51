"""
Tests for L{kcptwisted.timing.portlimit}.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from twisted.python.failure import Failure

from kcptwisted.timing.portlimit import LEAST_PART, LONGEST_PAUSE, PortLimit
from tests.clocks import ClockTestCase

#: Bytes a second.
RATE = 1_000_000

#: Bytes of a datagram of those that send much, and of the others.
LARGE, SMALL = 1000, 100


class Sharing:
    """
    Sends as the limit lets it.

    @ivar left: bytes that wait.
    @ivar sent: bytes that it sent, and when.
    @ivar visits: how often it was flushed.
    """

    scheduled: int | None = None
    due: int | None = None

    def __init__(self, case: PortLimitTestCase, size: int) -> None:
        self._case = case
        self._size = size
        self.left = 0
        self.sent: list[tuple[int, int]] = []
        self.visits = 0

    def write(self, size: int) -> None:
        """
        Have more to send.
        """
        self.left += size
        self._case.clock.wantFlush(self)

    def flush(self, now: int) -> None:
        """
        Send what may be sent.
        """
        self.visits += 1
        limit = self._case.limit
        if not self.left:
            return
        room, sent = limit.room(self, now), 0
        while sent < room and self.left:
            size = min(self._size, self.left)
            sent += size
            self.left -= size
        limit.spend(sent)
        if sent:
            self.sent.append((now, sent))
            self._case.order.append(self)
        limit.flushed(self, sent, self.left > 0, now)

    def failed(self, reason: Failure) -> None:
        """
        Fail the test.
        """
        reason.raiseException()

    @property
    def total(self) -> int:
        """
        Bytes that it sent.
        """
        return sum([size for _, size in self.sent])


class PortLimitTestCase(ClockTestCase):
    """
    Some that share a limit.
    """

    def setUp(self) -> None:
        """
        Nobody sends.
        """
        super().setUp()
        self.limit = PortLimit(self.clock, RATE)
        #: Who has sent, in that order.
        self.order: list[Sharing] = []

    def sharing(self, size: int = LARGE) -> Sharing:
        """
        Another one.
        """
        return Sharing(self, size)

    def run_(self, milliseconds: int) -> None:
        """
        Let time pass.
        """
        for _ in range(milliseconds):
            self.reactor.advance(0.001)
            while any(call.getTime() <= self.reactor.seconds() for call in self.reactor.calls):
                self.reactor.advance(0)


class RateTests(PortLimitTestCase):
    """
    How much leaves.
    """

    def test_one(self) -> None:
        """
        One that sends all it can sends what the rate allows, and never much more.
        """
        one = self.sharing()
        one.write(10 * RATE)
        self.run_(2000)
        self.assertApproximates(one.total, 2 * RATE, 0.02 * RATE)
        span: Counter[int] = Counter()
        for now, size in one.sent:
            span[now // 100] += size
        self.assertLess(max(span.values()), RATE // 10 + RATE // 50 + LEAST_PART)

    def test_spent(self) -> None:
        """
        What leaves without asking counts: the others send so much less.
        """
        one = self.sharing()
        one.write(10 * RATE)
        for _ in range(100):
            self.limit.spend(RATE // 100 // 4)
            self.run_(10)
        self.assertApproximates(one.total, RATE * 3 // 4, 0.03 * RATE)

    def test_overspent(self) -> None:
        """
        However much leaves without asking, one of those that wait gets its turn now and then.
        """
        several = [self.sharing() for _ in range(3)]
        for one in several:
            one.write(RATE)
        self.run_(10)
        for one in several:
            one.sent.clear()
        for _ in range(500):
            self.limit.spend(RATE // 10)
            self.run_(10)
        turns = sorted(now for one in several for now, _ in one.sent)
        self.assertGreaterEqual(len(turns), 3)
        self.assertLess(len(turns), 10)
        self.assertTrue(all(one.total for one in several))
        self.assertLess(max(b - a for a, b in pairwise(turns)), 2 * LONGEST_PAUSE)

    def test_changed(self) -> None:
        """
        Another rate counts from then on.
        """
        one = self.sharing()
        one.write(10 * RATE)
        self.run_(1000)
        self.limit.setRate(RATE // 10)
        one.sent.clear()
        self.run_(1000)
        self.assertApproximates(one.total, RATE // 10, 2 * LEAST_PART)
        self.limit.setRate(2 * RATE)
        one.sent.clear()
        self.run_(1000)
        self.assertApproximates(one.total, 2 * RATE, 0.03 * RATE)

    def test_slow(self) -> None:
        """
        A rate of less than a datagram a second is kept on the average.
        """
        self.limit.setRate(500)
        one, other = self.sharing(), self.sharing()
        one.write(RATE)
        other.write(RATE)
        self.run_(60_000)
        # What may leave at once in the beginning was that of the former rate.
        self.assertLess(one.total + other.total, 60 * 500 + RATE // 50 + 2 * LEAST_PART)
        self.assertGreater(min(one.total, other.total), 30 * 500 - 2 * LEAST_PART)

    def test_idle(self) -> None:
        """
        While nobody waits nothing is planned, and nothing kept.
        """
        one = self.sharing()
        for _ in range(10):
            one.write(SMALL)
            self.run_(50)
            self.assertEqual(self.reactor.getDelayedCalls(), [])
        one.write(RATE // 10)
        self.run_(500)
        self.assertEqual((one.left, self.reactor.getDelayedCalls()), (0, []))

    def test_forgotten(self) -> None:
        """
        After the last of those that wait nothing is left behind.
        """
        one, other = self.sharing(), self.sharing()
        one.write(RATE)
        other.write(RATE)
        self.run_(100)
        self.limit.forget(one)
        self.run_(100)
        visits = one.visits
        self.run_(100)
        self.assertEqual(one.visits, visits)
        self.limit.forget(other)
        self.limit.forget(other)
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class FairnessTests(PortLimitTestCase):
    """
    Who sends how much.
    """

    def test_equal(self) -> None:
        """
        Those that send all they can share what there is, whatever the size of their datagrams.
        """
        several = [self.sharing(size) for size in (1400, 1000, 100, 1400)]
        for one in several:
            one.write(10 * RATE)
        self.run_(4000)
        for one in several:
            self.assertApproximates(one.total, RATE, 0.03 * RATE)

    def test_steady(self) -> None:
        """
        One that comes often with little, but more than its share in all, gets no more than one that
        comes once with much.
        """
        bulk, steady = self.sharing(), self.sharing()
        bulk.write(10 * RATE)
        for _ in range(2000):
            steady.write(800)
            self.run_(1)
        self.assertApproximates(steady.total, bulk.total, 0.03 * RATE)

    def test_needs(self) -> None:
        """
        One that wants less than its share gets all it wants, at once; the others share the rest.
        """
        bulk = [self.sharing() for _ in range(10)]
        for one in bulk:
            one.write(10 * RATE)
        small = self.sharing(SMALL)
        self.run_(100)
        before = [one.total for one in bulk]
        for turn in range(200):
            small.write(SMALL)
            self.reactor.advance(0)
            self.assertEqual((turn, small.left), (turn, 0))
            self.run_(10)
        rest = (2 * RATE - small.total) / 10
        for one, sent in zip(bulk, before, strict=True):
            self.assertApproximates(one.total - sent, rest, 0.03 * RATE)

    def test_debt(self) -> None:
        """
        One that sends more than it was let, such as copies, pays for it with its own turns.
        """
        wasteful, other = self.sharing(), self.sharing()
        wasteful.write(10 * RATE)
        other.write(10 * RATE)
        copies = 0
        for _ in range(200):
            self.run_(10)
            size = wasteful.total // 2 - copies
            copies += size
            self.limit.spend(size)
            self.limit.flushed(wasteful, size, True, self.clock.now())
        self.assertApproximates(wasteful.total + copies, other.total, 0.05 * RATE)

    def test_inOrder(self) -> None:
        """
        Those that want to send a little, and have to wait because they are too many, have their
        turns in the order in which they came, before those that send much, and none that comes
        later goes before them.
        """
        bulk = [self.sharing() for _ in range(10)]
        for one in bulk:
            one.write(10 * RATE)
        self.run_(100)
        self.order.clear()
        crowd = [self.sharing(SMALL) for _ in range(600)]
        for small in crowd[:500]:
            small.write(SMALL)
        for small in crowd[500:]:
            self.run_(1)
            small.write(SMALL)
        self.run_(50)
        self.assertEqual([one for one in self.order if one not in bulk], crowd)
        # Those that came together had 50 ms to themselves.
        self.assertGreater(self.order.index(crowd[499]), 498)
        self.assertLess(self.order.index(crowd[499]), 505)

    def test_returned(self) -> None:
        """
        What one does not use the others have.
        """
        one, other = self.sharing(), self.sharing()
        one.write(RATE)
        other.write(RATE // 4)
        self.run_(1000)
        self.assertEqual(other.left, 0)
        self.assertApproximates(one.total, RATE * 3 // 4, 0.03 * RATE)


class CostTests(PortLimitTestCase):
    """
    What it costs.
    """

    def test_many(self) -> None:
        """
        With thousands that send little and often, and want more than there is, no turn is work for
        all of them.
        """
        several = [self.sharing(SMALL) for _ in range(3000)]
        # A tenth of a second's worth for each.
        for one in several:
            one.write(10 * SMALL)
        self.reactor.advance(0)
        before = sum(one.visits for one in several)
        self.run_(1000)
        visits = sum(one.visits for one in several) - before
        sent = sum(one.total for one in several)
        self.assertApproximates(sent, RATE, 0.1 * RATE)
        # Each visit sends all that the session has.
        self.assertLess(visits, 1.1 * RATE / (10 * SMALL))

    def test_everyoneServed(self) -> None:
        """
        Each of thousands that send little has its turn before any other has its second.
        """
        several = [self.sharing(SMALL) for _ in range(1000)]
        for one in several:
            one.write(LEAST_PART)
        self.run_(3200)
        self.assertEqual([one.left for one in several], [0] * 1000)
