"""
Tests for L{kcptwisted.arq.limits}: paths too short for the congestion control.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.limits import (
    FEW,
    LEAST_UNGOVERNED,
    LONG_ROUND_TRIP,
    MANY_LOST,
    SHORT_PATH_START,
    SHORT_PATH_WINDOW,
    UNLIMITED,
    SendLimits,
)
from kcptwisted.arq.rtt import RoundTripEstimator
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.congestion.registry import CONTROLS, LEAST_ROUND_TRIP

BBR = ARQSettings(congestion=CONTROLS["bbr"], sendWindow=8192)
FIRST = 1000


class ShortPathTestCase(SynchronousTestCase):
    """
    Holds the limits of a conversation that has sent nothing.
    """

    def make(self, settings: ARQSettings = BBR) -> SendLimits:
        """
        @return: new limits.
        """
        self.rtt = RoundTripEstimator(settings.interval, settings.nodelay)
        return SendLimits(settings, self.rtt, FIRST)


class WindowTests(ShortPathTestCase):
    """
    The window while the congestion control does nothing.
    """

    def test_grows(self) -> None:
        """
        It begins small, grows by what is acknowledged, and stays at its most.
        """
        limits = self.make()
        for acknowledged, window in (
            (0, SHORT_PATH_START),
            (1, SHORT_PATH_START + 1),
            (100, SHORT_PATH_START + 100),
            (SHORT_PATH_WINDOW - SHORT_PATH_START, SHORT_PATH_WINDOW),
            (1 << 40, SHORT_PATH_WINDOW),
        ):
            self.assertEqual(limits.window(FIRST + acknowledged, 8192), window)
            self.assertEqual(limits.congestionWindow(FIRST + acknowledged), window * 1400)

    def test_smaller(self) -> None:
        """
        The send window, the peer's and a cap count if they are smaller.
        """
        una = FIRST + 1000
        limits = self.make(replace(BBR, sendWindow=50))
        self.assertEqual(limits.window(una, 8192), 50)
        self.assertEqual(limits.window(una, 40), 40)
        limits.cap = 30
        self.assertEqual(limits.window(una, 40), 30)
        self.assertEqual(limits.window(una, 20), 20)

    def test_nothingElse(self) -> None:
        """
        Bytes are not limited otherwise.
        """
        self.assertEqual(self.make().room(0), UNLIMITED)

    def test_none(self) -> None:
        """
        Without a congestion control there is no such window.
        """
        limits = self.make(replace(BBR, congestion=None))
        self.assertEqual(limits.window(FIRST, 8192), 8192)
        self.assertEqual(limits.congestionWindow(FIRST), 0)

    def test_kcp(self) -> None:
        """
        KCP's window rules from the beginning, whatever the round trip.
        """
        limits = self.make(replace(BBR, congestion=CONTROLS["kcp"]))
        assert limits.governor is not None
        self.assertEqual(limits.window(FIRST, 8192), 8192)
        self.assertEqual(limits.room(0), 1400)
        self.assertEqual(limits.congestionWindow(FIRST), 1400)

    def test_worthQueueing(self) -> None:
        """
        As much as such a window is worth queueing, so little before anything is known of the path.
        """
        limits = self.make()
        self.assertEqual(limits.worthQueueing(FIRST), LEAST_UNGOVERNED)
        most = SHORT_PATH_WINDOW * 1376
        self.assertEqual(limits.worthQueueing(FIRST + 100 - SHORT_PATH_START), 100 * 1376)
        self.assertEqual(limits.worthQueueing(FIRST + 1000), most)
        small = self.make(replace(BBR, sendWindow=10))
        self.assertEqual(small.worthQueueing(FIRST + 1000), LEAST_UNGOVERNED)
        none = self.make(replace(BBR, congestion=None))
        self.assertEqual(none.worthQueueing(FIRST), 8192 * 1376)


class BeginTests(ShortPathTestCase):
    """
    When the congestion control begins.
    """

    def begins(self, limits: SendLimits, *samples: int) -> bool:
        """
        @return: whether it has begun after these samples of the round trip.
        """
        for sample in samples:
            self.rtt.sample(sample)
            limits.noteRoundTrip(0, {}, FEW + 1)
        return limits.governor is not None

    def test_long(self) -> None:
        """
        It begins if all round trips are long enough.
        """
        self.assertFalse(self.begins(self.make(), LEAST_ROUND_TRIP - 1))
        self.assertTrue(self.begins(self.make(), LEAST_ROUND_TRIP))
        self.assertTrue(self.begins(self.make(), 300))

    def test_onceShort(self) -> None:
        """
        One that was shorter says that the path is short, unless the smoothed one becomes long.
        """
        limits = self.make()
        self.assertFalse(self.begins(limits, 1, *[20] * 100))
        self.assertLess(self.rtt.smoothed, LONG_ROUND_TRIP)
        self.assertTrue(self.begins(limits, *[100] * 10))

    def test_ends(self) -> None:
        """
        The first round trips may have been long because ACKs waited at the peer: when one is short,
        the control ends its work, as if it had not begun.
        """
        limits = self.make()
        self.assertTrue(self.begins(limits, 20))
        self.rtt.sample(LEAST_ROUND_TRIP)
        self.assertGreaterEqual(self.rtt.least, limits.governsAbove)
        self.rtt.sample(LEAST_ROUND_TRIP - 1)
        self.assertLess(self.rtt.least, limits.governsAbove)
        limits.noteShortPath(0)
        self.assertIs(limits.governor, None)
        self.assertEqual(limits.governsAbove, 0)
        self.assertFalse(self.begins(limits, 20))

    def test_staysForLosses(self) -> None:
        """
        It stays if anything was lost, or if the path was known to be short when it began.
        """
        limits = self.make()
        self.assertTrue(self.begins(limits, 20))
        assert limits.governor is not None
        limits.governor.rate.lost = 1
        limits.noteShortPath(0)
        self.assertIsNot(limits.governor, None)
        self.assertEqual(limits.governsAbove, 0)
        queued = self.make()
        self.assertTrue(self.begins(queued, 1, *[100] * 10))
        self.assertEqual(queued.governsAbove, 0)
        lost = self.make()
        lost.noteLoss(MANY_LOST, 0, {})
        self.assertEqual(lost.governsAbove, 0)

    def test_few(self) -> None:
        """
        It does not if there is little to send, with what is in flight.
        """
        limits = self.make()
        self.rtt.sample(50)
        limits.noteRoundTrip(0, {}, FEW)
        limits.noteRoundTrip(0, dict.fromkeys(range(FEW - 1), (0, b"")), 1)
        self.assertIs(limits.governor, None)
        limits.noteRoundTrip(0, dict.fromkeys(range(FEW), (0, b"")), 1)
        self.assertIsNot(limits.governor, None)

    def test_lost(self) -> None:
        """
        It begins if many are lost at once.
        """
        limits = self.make()
        for _ in range(10):
            limits.noteLoss(MANY_LOST - 1, 0, {})
        self.assertIs(limits.governor, None)
        limits.noteLoss(MANY_LOST, 0, {})
        self.assertIsNot(limits.governor, None)

    def test_outstanding(self) -> None:
        """
        What is in flight then counts.
        """
        limits = self.make()
        limits.noteLoss(MANY_LOST, 0, {FIRST: (0, bytes(100)), FIRST + 1: (0, bytes(50))})
        assert limits.governor is not None
        self.assertEqual(limits.governor.inFlight(0), 150 + 2 * 24)

    def test_none(self) -> None:
        """
        Where there is none, none begins.
        """
        limits = self.make(replace(BBR, congestion=None))
        limits.noteLoss(1000, 0, {})
        self.assertFalse(self.begins(limits, 100))

    def test_rest(self) -> None:
        """
        After a rest it begins anew, when it is needed again.
        """
        limits = self.make()
        self.assertTrue(self.begins(limits, 50))
        limits.rest(1000)
        self.assertIs(limits.governor, None)
        self.assertEqual(limits.pacer.rate, 0)
        self.assertTrue(self.begins(limits, 50))

    def test_configured(self) -> None:
        """
        Another control takes its place at once, or when it is needed.
        """
        limits = self.make()
        self.assertTrue(self.begins(limits, 50))
        limits.configure(replace(BBR, congestion=None), 0, {})
        self.assertIs(limits.governor, None)
        limits.configure(replace(BBR, congestion=CONTROLS["kcp"]), 0, {})
        self.assertIsNot(limits.governor, None)
        limits.configure(BBR, 0, {})
        self.assertIs(limits.governor, None)
