"""
Tests for L{kcptwisted.arq.pacing}, by itself; C{test_rate} has it at work.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.pacing import LEAST_BURST, LEAST_ROUND_TRIP, TICK, Pacer, fitting
from kcptwisted.options import KCPOptions
from kcptwisted.wire.segment import OVERHEAD
from tests.properties import given, strategies

MTU = 1000
#: Full segments.
QUEUE = [(0, bytes(MTU - OVERHEAD))] * 1000


def fit(pacer: Pacer, queue: list[tuple[int, bytes]], count: int) -> int:
    """
    Returns how many segments may leave.
    """
    return fitting(queue, count, pacer.room) if pacer.rate else count


class PacerTestCase(SynchronousTestCase):
    """
    Lets segments of a thousand bytes leave.
    """

    def take(self, pacer: Pacer, count: int = len(QUEUE)) -> int:
        """
        Let leave what may.

        @return: how many segments of C{count}.
        """
        fits = fit(pacer, QUEUE, count)
        pacer.take(fits * MTU)
        return fits


class LimitTests(PacerTestCase):
    """
    A rate limit.
    """

    def test_none(self) -> None:
        """
        Without one, and without a round trip, nothing waits.
        """
        pacer = Pacer(MTU, 0, True)
        pacer.advance(0, 1000, 0)
        self.assertEqual((self.take(pacer), self.take(pacer)), (1000, 1000))
        self.assertFalse(pacer.short)
        self.assertIs(pacer.deadline(MTU, 1000), None)

    def test_burst(self) -> None:
        """
        At first, and after any pause, 20 ms' worth may leave, or two full segments.
        """
        for limit, burst in ((1000, 2), (100_000, 2), (1_000_000, 20)):
            pacer = Pacer(MTU, limit, True)
            for now in (0, 1_000_000):
                pacer.advance(now, 1000, 0)
                self.assertEqual(self.take(pacer), burst)
                self.assertEqual(self.take(pacer), 0)
                self.assertTrue(pacer.short)

    def test_rate(self) -> None:
        """
        The bucket fills at the rate, to the byte.
        """
        pacer = Pacer(MTU, 100_000, False)
        pacer.take(2 * MTU)
        for now in range(1, 100):
            pacer.advance(now, 1000, 0)
            self.assertEqual(self.take(pacer), now % 10 == 0)

    def test_smallSegments(self) -> None:
        """
        Each segment takes what it has, with its header.
        """
        pacer = Pacer(MTU, 100_000, False)
        small = [(0, bytes(100 - OVERHEAD))] * 30
        self.assertEqual(fit(pacer, small, 30), 20)
        pacer.take(1950)
        self.assertEqual(fit(pacer, small, 30), 0)
        self.assertEqual(fit(pacer, [(0, bytes(50 - OVERHEAD)), *small], 30), 1)

    def test_debt(self) -> None:
        """
        What leaves all the same is owed, for a second at most.
        """
        pacer = Pacer(MTU, 100_000, False)
        pacer.take(12 * MTU)
        pacer.advance(109, 1000, 0)
        self.assertEqual(self.take(pacer), 0)
        pacer.advance(110, 1000, 0)
        self.assertEqual(self.take(pacer), 1)
        pacer.take(1_000_000_000)
        pacer.advance(1119, 1000, 0)
        self.assertEqual(self.take(pacer), 0)
        pacer.advance(1120, 1000, 0)
        self.assertEqual(self.take(pacer), 1)

    def test_deadline(self) -> None:
        """
        The deadline is when the next segment may leave, or more of those that wait within a tick.
        """
        pacer = Pacer(MTU, 1_000_000, False)
        pacer.advance(500, 1000, 0)
        self.assertIs(pacer.deadline(MTU, 10), None)
        pacer.take(20 * MTU)
        self.assertEqual(pacer.deadline(MTU, 1), 501)
        self.assertEqual(pacer.deadline(MTU, 7), 507)
        self.assertEqual(pacer.deadline(MTU, 1000), 500 + TICK)
        pacer.take(50 * MTU)
        self.assertEqual(pacer.deadline(MTU, 1000), 551)

    @given(
        strategies.integers(1, 10_000_000),
        strategies.lists(
            strategies.tuples(strategies.integers(0, 3000), strategies.integers(1, 100)),
            min_size=1,
            max_size=30,
        ),
        strategies.sampled_from([0.0, 30.0]),
    )
    def test_anySpan(self, limit: int, steps: list[tuple[int, int]], roundTrip: float) -> None:
        """
        In any span of time no more leaves than its length at the rate and one burst; and at a
        deadline something may leave.
        """
        pacer = Pacer(MTU, limit, True)
        burst = max(2 * MTU, limit * LEAST_ROUND_TRIP // 1000)
        now = 0
        left: list[tuple[int, int]] = []
        for pause, count in steps:
            now += pause
            deadline = pacer.deadline(MTU, count)
            pacer.advance(now, 1000, roundTrip)
            if deadline is not None and deadline <= now:
                self.assertGreater(fit(pacer, QUEUE, count), 0)
            left.append((now, self.take(pacer, count) * MTU))
            for index, (start, _) in enumerate(left):
                total = sum([size for _, size in left[index:]])
                self.assertLessEqual(total, limit * (now - start) / 1000 + burst)
            deadline = pacer.deadline(MTU, count)
            self.assertTrue(deadline is None or deadline > now)


class RoundTripTests(PacerTestCase):
    """
    Windows that are spread over the round trip.
    """

    def test_short(self) -> None:
        """
        Round trips below two ticks are not paced, those from there on are.
        """
        pacer = Pacer(MTU, 0, True)
        for roundTrip, rate in ((0, 0), (19.9, 0), (20, 20_000_000), (19.9, 0)):
            pacer.advance(0, 200, roundTrip)
            self.assertEqual(pacer.rate, rate)

    def test_off(self) -> None:
        """
        Pacing can be turned off, beside a rate limit too.
        """
        pacer = Pacer(MTU, 0, False)
        pacer.advance(0, 200, 1000)
        self.assertEqual((pacer.rate, self.take(pacer)), (0, 1000))
        pacer = Pacer(MTU, 1_000_000, False)
        pacer.advance(0, 200, 1000)
        self.assertEqual((pacer.rate, self.take(pacer)), (1_000_000, 20))

    def test_rate(self) -> None:
        """
        Two windows' worth may leave a round trip.
        """
        pacer = Pacer(MTU, 0, True)
        pacer.advance(0, 1000, 200)
        self.assertEqual(pacer.rate, 10_000_000)
        self.take(pacer)
        pacer.advance(10, 1000, 200)
        self.assertEqual(self.take(pacer), 100)
        for window, roundTrip, rate in ((2000, 200, 20_000_000), (2000, 400, 10_000_000)):
            pacer.advance(10, window, roundTrip)
            self.assertEqual(pacer.rate, rate)

    def test_burst(self) -> None:
        """
        At once may leave two ticks' worth, but at least 64 segments.
        """
        for window, burst in ((1000, 200), (10, LEAST_BURST), (0, LEAST_BURST)):
            pacer = Pacer(MTU, 0, True)
            pacer.advance(0, 1000, 200)
            pacer.advance(0, window, 200)
            self.assertEqual(self.take(pacer), burst)

    def test_small(self) -> None:
        """
        Windows that fit into one burst are not paced until one is wider; then they are.
        """
        pacer = Pacer(MTU, 0, True)
        for window, paced in ((LEAST_BURST, False), (LEAST_BURST + 1, True), (LEAST_BURST, True)):
            pacer.advance(0, window, 200)
            self.assertEqual(pacer.rate > 0, paced)

    def test_changes(self) -> None:
        """
        The time until now counts at the rate that held until now, whatever holds from now on.
        """
        pacer = Pacer(MTU, 0, True)
        pacer.advance(0, 1000, 200)
        pacer.take(200 * MTU)
        self.assertEqual(pacer.deadline(MTU, 1000), TICK)
        pacer.advance(TICK, 10, 2000)
        self.assertEqual(self.take(pacer), 64)

    def test_smallerWins(self) -> None:
        """
        Of a rate limit and pacing the smaller rate holds, and the smaller burst.
        """
        for limit, window, rate, burst in (
            (100_000, 1000, 100_000, 2),
            (11_000_000, 1000, 10_000_000, 200),
            (1_000_000_000, 1000, 10_000_000, 200),
            (150_000, 10, 100_000, 3),
        ):
            pacer = Pacer(MTU, limit, True)
            for now in (0, 1_000_000):
                pacer.advance(now, window, 200)
                self.assertEqual((pacer.rate, self.take(pacer)), (rate, burst))


class OptionTests(SynchronousTestCase):
    """
    What L{KCPOptions.arqSettings} makes of C{rateLimit} and C{pacing}.
    """

    def settings(self, **options: int) -> tuple[int, bool]:
        """
        @return: the settings that C{options} give.
        """
        settings = KCPOptions(environ={}, **options).arqSettings(0)  # type: ignore[arg-type]
        return settings.rateLimit, settings.pacing

    def test_asGiven(self) -> None:
        """
        They are as given, by default no limit and pacing.
        """
        self.assertEqual(self.settings(), (0, True))
        self.assertEqual(self.settings(rateLimit=130_000, pacing=False), (130_000, False))

    def test_parity(self) -> None:
        """
        With FEC the limit leaves room for parity, and is still one, however small.
        """
        shards = {"dataShards": 10, "parityShards": 3}
        self.assertEqual(self.settings(rateLimit=130_000, **shards)[0], 100_000)
        self.assertEqual(self.settings(rateLimit=1, **shards)[0], 1)
        self.assertEqual(self.settings(rateLimit=0, **shards)[0], 0)
