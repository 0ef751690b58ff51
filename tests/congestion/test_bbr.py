"""
Tests for L{kcptwisted.congestion.bbr} and its parts.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.congestion import bbr
from kcptwisted.congestion.bbr import BBR
from kcptwisted.congestion.control import Acknowledgement, CongestionControl
from kcptwisted.congestion.startup import CAREFUL_GAIN, STARTUP_GAIN
from tests.properties import given, strategies

SEGMENT = 1000
ROUND_TRIP = 50


class Wire:
    """
    A path that carries C{rate} bytes a millisecond, in steps of one round: as many segments arrive
    in it as the control sends, but no more than the path carries.

    @ivar rate: bytes a millisecond.
    @ivar queue: milliseconds that round trips are longer, whatever is sent.
    @ivar wayBack: what is known of these to be on the way back.
    @ivar loss: the share that is lost, whatever is sent.
    @ivar now: milliseconds.
    """

    def __init__(self, control: CongestionControl, rate: int = 1000) -> None:
        self.control = control
        self.rate = rate
        self.queue = self.wayBack = 0
        self.loss = 0.0
        self.isAppLimited = False
        self.now = 1000
        self.delivered = self.lost = 0

    def round(self, share: float = 1.0) -> Acknowledgement:
        """
        Lets a round pass.

        @param share: of what the control allows, what is sent.
        @return: what was told.
        """
        control, time = self.control, ROUND_TRIP + self.queue
        paced = control.pacingRate * time // 1000 if control.pacingRate else control.window
        sent = int(min(paced, control.window) * share)
        passed = min(int(sent * (1 - self.loss)), self.rate * time)
        ack = Acknowledgement()
        ack.sentDelivered = self.delivered
        self.now += time
        self.delivered += passed
        self.lost += sent - passed
        ack.now, ack.roundTrip, ack.interval = self.now, time, time
        ack.wayBack = self.wayBack
        ack.delivered = ack.rateDelivered = passed
        ack.lost = ack.rateLost = sent - passed
        ack.totalDelivered, ack.totalLost = self.delivered, self.lost
        ack.inFlight = ack.priorInFlight = ack.sentInFlight = sent
        ack.isAppLimited = self.isAppLimited
        control.onAck(ack)
        return ack

    def rounds(self, count: int) -> None:
        """
        Lets rounds pass.
        """
        for _ in range(count):
            self.round()


class BBRTests(SynchronousTestCase):
    """
    Tests for L{BBR}.
    """

    def setUp(self) -> None:
        """
        Begin anew, on a path of 1000 segments a second.
        """
        self.control = BBR(SEGMENT, ROUND_TRIP)
        self.wire = Wire(self.control)

    def steady(self) -> None:
        """
        Go on to a rate that is kept.
        """
        self.wire.rounds(12)
        for _ in range(30):
            if self.control.state == bbr.CRUISE:
                return
            self.wire.round()
        self.fail("the rate is never kept")

    def test_first(self) -> None:
        """
        The first window is paced over the round trip if that is known.
        """
        self.assertEqual(self.control.window, 16 * SEGMENT)
        self.assertEqual(self.control.pacingRate, int(STARTUP_GAIN * 16 * SEGMENT * 1000 / 50))
        self.assertEqual(BBR(SEGMENT).pacingRate, 0)

    def test_startUp(self) -> None:
        """
        In start-up the rate grows by much in each round.
        """
        rates = []
        for _ in range(3):
            self.wire.rate = 1 << 30
            self.wire.round()
            rates.append(self.control.pacingRate)
        self.assertEqual(self.control.state, bbr.STARTUP)
        self.assertGreater(rates[2], 3 * rates[0])

    def test_finds(self) -> None:
        """
        It finds what the path carries, and leaves start-up.
        """
        self.steady()
        self.assertLess(abs(self.control.model.rate - 1_000_000), 30_000)
        self.assertEqual(self.control.model.minimumRoundTrip, ROUND_TRIP)
        self.assertLess(abs(self.control.pacingRate - 1_000_000), 60_000)

    def test_careful(self) -> None:
        """
        While a queue builds up in start-up the rate grows more slowly.
        """
        self.wire.rate = 1 << 30
        self.wire.rounds(2)
        rate = self.control.pacingRate / self.control.model.rate
        self.assertLess(abs(rate - STARTUP_GAIN), 0.2)
        self.wire.queue = 8
        self.wire.rounds(2)
        rate = self.control.pacingRate / self.control.model.rate
        self.assertLess(abs(rate - CAREFUL_GAIN), 0.1)

    def test_overload(self) -> None:
        """
        A round that loses very much ends start-up at once.
        """
        self.wire.rounds(2)
        self.wire.rate = 300
        self.wire.rounds(2)
        self.assertNotEqual(self.control.state, bbr.STARTUP)
        self.assertLess(self.control.model.rate, 500_000)

    def test_lossInStartUp(self) -> None:
        """
        Random loss does not end start-up while the rate grows.
        """
        self.wire.rate = 1 << 30
        self.wire.loss = 0.15
        self.wire.rounds(6)
        self.assertEqual(self.control.state, bbr.STARTUP)

    def test_unluckyRound(self) -> None:
        """
        Nor does a round in which most of a few segments are lost by chance: the rate grew even so.
        """
        self.wire.rate = 1 << 30
        self.wire.rounds(1)
        self.wire.loss = 0.6
        self.wire.rounds(1)
        self.assertEqual(self.control.state, bbr.STARTUP)

    def test_queueOfOthers(self) -> None:
        """
        Nor does a queue while the rate grows, as it may be on the way back.
        """
        self.wire.rate = 1 << 30
        self.wire.rounds(2)
        self.wire.queue = 30
        self.wire.rounds(3)
        self.assertEqual(self.control.state, bbr.STARTUP)

    def test_wayBack(self) -> None:
        """
        The queue of the peer's data on the way back does not make it slower.
        """
        self.steady()
        before = self.control.pacingRate
        self.wire.queue = self.wire.wayBack = 12
        self.wire.rounds(1)
        self.assertEqual(self.control.state, bbr.CRUISE)
        self.assertGreater(self.control.pacingRate, 0.98 * before)

    def test_appLimited(self) -> None:
        """
        A round that shows what the application sends does not count as one that shows the path.
        """
        self.wire.isAppLimited = True
        for _ in range(10):
            self.wire.round(0.01)
        self.assertEqual(self.control.state, bbr.STARTUP)

    def test_shortQueue(self) -> None:
        """
        The rate is lower than what the path carries while there is a queue.
        """
        self.steady()
        before = self.control.pacingRate
        self.wire.queue = 12
        self.wire.rounds(1)
        self.assertEqual(self.control.state, bbr.CRUISE)
        self.assertLess(self.control.pacingRate, 0.96 * before)

    def test_triesMore(self) -> None:
        """
        More is tried after some rounds, and used at once if the path carries it.
        """
        self.steady()
        self.wire.rate = 2000
        for _ in range(25):
            self.wire.round()
            if self.control.model.rate > 1_900_000:
                return
        self.fail("what the path carries is not found")

    def test_slower(self) -> None:
        """
        If the path carries less, with a queue that grows, that is followed within a few rounds.
        """
        self.steady()
        self.wire.rate, self.wire.queue = 250, 60
        self.wire.rounds(6)
        self.assertLess(self.control.model.rate, 400_000)

    def test_randomLoss(self) -> None:
        """
        What the path loses however little is sent is sent on top.
        """
        self.wire.loss = 0.1
        self.wire.rounds(60)
        self.assertGreater(self.control.model.rate, 900_000)
        self.assertLess(abs(self.control.model.loss - 0.1), 0.05)

    def test_policed(self) -> None:
        """
        Losses that come of sending too much, without a queue, lower the rate.
        """
        self.steady()
        before = self.control.pacingRate
        self.wire.rate = 800
        self.wire.rounds(40)
        self.assertEqual(self.control.model.minimumRoundTrip, ROUND_TRIP)
        self.assertLess(self.control.pacingRate, 0.9 * before)
        lost, sent = self.wire.lost, self.wire.delivered + self.wire.lost
        self.wire.rounds(40)
        lost, sent = self.wire.lost - lost, self.wire.delivered + self.wire.lost - sent
        self.assertLess(lost / sent, 0.1)

    def test_standing(self) -> None:
        """
        If a queue stands for rounds, little is in flight for a while; if it is left then, that is
        tried less often.
        """
        self.steady()
        self.wire.queue = 30
        times = []
        for _ in range(400):
            before = self.control.state
            self.wire.round(0.1 if before == bbr.PROBE_RTT else 1.0)
            if before != bbr.PROBE_RTT and self.control.state == bbr.PROBE_RTT:
                times.append(self.wire.now)
                self.assertLessEqual(self.control.window, self.control.model.product)
        self.assertGreater(len(times), 2)
        self.assertGreater(times[2] - times[1], times[1] - times[0])

    def test_stale(self) -> None:
        """
        A minimum of the round trips that was not seen for ten seconds is measured again.
        """
        self.steady()
        self.wire.queue = 5
        for _ in range(300):
            self.wire.round(0.1 if self.control.state == bbr.PROBE_RTT else 1.0)
        self.assertEqual(self.control.model.minimumRoundTrip, ROUND_TRIP + 5)

    def test_timeout(self) -> None:
        """
        A timeout with nothing heard makes the window small, and ACKs let it grow; not so if ACKs
        have come.
        """
        self.steady()
        window = self.control.window
        self.control.onTimeout(self.wire.now + 10, window)
        self.assertEqual(self.control.window, window)
        self.control.onTimeout(self.wire.now + 1000, window)
        self.assertEqual(self.control.window, bbr.MINIMUM_WINDOW * SEGMENT)
        self.wire.round()
        self.assertEqual(self.control.window, 3 * bbr.MINIMUM_WINDOW * SEGMENT)
        self.wire.rounds(20)
        self.assertGreater(self.control.window, window // 2)
        self.assertLess(self.control.window, 2 * window)

    def test_spuriousTimeout(self) -> None:
        """
        A timeout that was wrong is undone.
        """
        self.steady()
        window = self.control.window
        self.control.onTimeout(self.wire.now + 1000, window)
        self.control.onSpuriousLoss(self.wire.now + 1001)
        self.assertEqual(self.control.window, window)

    def test_pathChanged(self) -> None:
        """
        On another path all begins anew, and ACKs of the former one tell nothing.
        """
        self.steady()
        self.control.onPathChanged(self.wire.now + ROUND_TRIP // 2)
        self.assertEqual(self.control.window, 16 * SEGMENT)
        self.wire.round()
        self.assertEqual(self.control.model.minimumRoundTrip, 0)
        self.wire.queue = 30
        self.wire.rounds(2)
        self.assertEqual(self.control.model.minimumRoundTrip, 80)
        self.assertEqual(self.control.state, bbr.STARTUP)

    def test_lossOfOtherPath(self) -> None:
        """
        Losses from before the round trip became much shorter are not put down to the path.
        """
        self.wire.queue = 50
        self.wire.loss = 0.1
        self.control.model.farther(0, 100)
        self.wire.rate = 1 << 30
        self.wire.rounds(4)
        self.assertGreater(self.control.model.loss, 0)
        self.wire.queue, self.wire.loss = 0, 0.0
        self.wire.round()
        self.assertEqual(self.control.model.loss, 0)

    def test_configure(self) -> None:
        """
        Windows are at least some segments of the size that is set.
        """
        self.control.configure(2 * SEGMENT)
        self.assertEqual(self.control.window, 32 * SEGMENT)

    @given(
        strategies.lists(
            strategies.tuples(
                strategies.integers(1, 5000),
                strategies.integers(0, 200),
                strategies.floats(0, 0.9),
                strategies.sampled_from([0.0, 0.01, 1.0]),
            ),
            max_size=60,
        )
    )
    def test_always(self, rounds: list[tuple[int, int, float, float]]) -> None:
        """
        Whatever a path does, some segments may be in flight, and something leaves.
        """
        control = BBR(SEGMENT, ROUND_TRIP)
        wire = Wire(control)
        for wire.rate, wire.queue, wire.loss, share in rounds:
            wire.round(share)
            self.assertGreaterEqual(control.window, bbr.MINIMUM_WINDOW * SEGMENT)
            self.assertGreater(control.pacingRate, 0)
