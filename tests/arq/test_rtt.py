"""
Tests for L{kcptwisted.arq.rtt}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.rtt import RoundTripEstimator
from tests.properties import given, strategies


def _estimate(*samples: int, interval: int = 30, nodelay: bool = False) -> RoundTripEstimator:
    estimator = RoundTripEstimator(interval, nodelay)
    for sample in samples:
        estimator.sample(sample)
    return estimator


class RoundTripEstimatorTests(SynchronousTestCase):
    """
    Tests for L{RoundTripEstimator}; the numbers are worked out by hand from docs/wire.md.
    """

    def test_beginning(self) -> None:
        """
        Without a sample the timeout is 200 ms.
        """
        self.assertEqual(_estimate().timeout, 200)
        self.assertEqual(_estimate(nodelay=True).timeout, 200)

    def test_firstSample(self) -> None:
        """
        The first sample is the estimate, half of it the variation.
        """
        estimator = _estimate(100)
        self.assertEqual((estimator.smoothed, estimator.variation), (100, 50))
        self.assertEqual(estimator.timeout, 300)

    def test_sameAgain(self) -> None:
        """
        A sample like the estimate takes a quarter off the variation.
        """
        estimator = _estimate(100, 100)
        self.assertEqual((estimator.smoothed, estimator.variation), (100, 37.5))
        self.assertEqual(estimator.timeout, 250)

    def test_slower(self) -> None:
        """
        A slower round trip counts an eighth in the estimate and a quarter in the variation.
        """
        estimator = _estimate(100, 100, 180)
        self.assertEqual((estimator.smoothed, estimator.variation), (110, 48.125))
        self.assertEqual(estimator.timeout, 302)

    def test_suddenlyFaster(self) -> None:
        """
        A round trip that is faster by more than the variation counts 1/32 in it.
        """
        estimator = _estimate(100, 100, 180, 10)
        self.assertEqual(estimator.smoothed, 97.5)
        self.assertEqual(estimator.variation, 48.125 + (100 - 48.125) / 32)
        self.assertEqual(estimator.timeout, 296)

    def test_somewhatFaster(self) -> None:
        """
        A round trip that is faster by less than the variation counts a quarter in it.
        """
        estimator = _estimate(100, 80)
        self.assertEqual((estimator.smoothed, estimator.variation), (97.5, 42.5))

    def test_interval(self) -> None:
        """
        However steady the path is, a peer that flushes by the clock gets one interval's time.
        """
        self.assertEqual(_estimate(*[200] * 200, interval=40).timeout, 240)

    def test_lowerBound(self) -> None:
        """
        The timeout is at least 100 ms, or 30 ms with nodelay.
        """
        self.assertEqual(_estimate(1, interval=10).timeout, 100)
        self.assertEqual(_estimate(1, interval=10, nodelay=True).timeout, 30)

    def test_upperBound(self) -> None:
        """
        The timeout is at most a minute.
        """
        self.assertEqual(_estimate(59_000).timeout, 60_000)

    def test_zero(self) -> None:
        """
        A round trip too short to measure is a sample like others.
        """
        estimator = _estimate(0, 0, 8)
        self.assertTrue(1 <= estimator.smoothed <= 3)
        self.assertEqual(estimator.timeout, 100)

    @given(
        strategies.lists(strategies.integers(0, 60_000), min_size=1, max_size=30),
        strategies.integers(10, 5000),
        strategies.booleans(),
    )
    def test_bounds(self, samples: list[int], interval: int, nodelay: bool) -> None:
        """
        The estimate lies between the samples, the timeout between its bounds and not below the
        estimate and the interval.
        """
        estimator = _estimate(*samples, interval=interval, nodelay=nodelay)
        smoothed = estimator.smoothed
        lowest = 30 if nodelay else 100
        self.assertTrue(max(min(samples), 1) <= smoothed + 1e-6)
        self.assertTrue(smoothed <= max(*samples, 1) + 1e-6)
        self.assertGreaterEqual(estimator.variation, 0)
        self.assertTrue(lowest <= estimator.timeout <= 60_000)
        self.assertGreaterEqual(estimator.timeout, min(int(smoothed + interval), 60_000))
