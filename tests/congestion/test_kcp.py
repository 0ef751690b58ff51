"""
Tests for L{kcptwisted.congestion.kcp}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.congestion.control import Acknowledgement, CongestionControl
from kcptwisted.congestion.kcp import INITIAL_SSTHRESH, KCPWindow
from tests.properties import given, strategies

SEGMENT = 1000


def arrival(count: int = 1, lost: int = 0, inFlight: int = 0, peer: int = 1000) -> Acknowledgement:
    """
    Returns what a batch says.

    @param count: how many datagrams moved una.
    @param lost: segments found lost.
    @param inFlight: segments in flight before.
    @param peer: the peer's window.
    """
    ack = Acknowledgement()
    ack.arrivals = count
    ack.lost = lost * SEGMENT
    ack.priorInFlight = inFlight * SEGMENT
    ack.peerWindow = peer
    return ack


class KCPWindowTests(SynchronousTestCase):
    """
    Tests for L{KCPWindow}.
    """

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.control = KCPWindow(SEGMENT, 0, 0)

    def arrivals(self, count: int) -> list[int]:
        """
        Let C{count} datagrams move una, and note the window after each, in segments.
        """
        windows = []
        for _ in range(count):
            self.control.onAck(arrival())
            windows.append(self.control.window // SEGMENT)
        return windows

    def lose(self, inFlight: int) -> None:
        """
        Let a segment be found lost.
        """
        self.control.onAck(arrival(0, 1, inFlight))

    def test_class(self) -> None:
        """
        It is a L{CongestionControl}.
        """
        self.assertIsInstance(self.control, CongestionControl)

    def test_beginning(self) -> None:
        """
        It begins with one segment and without a threshold, and paces nothing.
        """
        self.assertEqual(self.control.window, SEGMENT)
        self.assertEqual(self.control.ssthresh, INITIAL_SSTHRESH)
        self.assertEqual(self.control.pacingRate, 0)

    def test_slowStart(self) -> None:
        """
        Slow start runs until something is lost: each arrival adds a segment.
        """
        self.assertEqual(self.arrivals(500), list(range(2, 502)))

    def test_slowStartByBytes(self) -> None:
        """
        A datagram with the ACKs of many segments adds as many, as far as the threshold and the
        peer's window allow.
        """
        ack = arrival()
        ack.delivered = 20 * SEGMENT
        self.control.onAck(ack)
        self.assertEqual(self.control.window, 21 * SEGMENT)
        ack.peerWindow = 30
        self.control.onAck(ack)
        self.assertEqual(self.control.window, 30 * SEGMENT)
        self.lose(20)
        ack.arrivals = 0
        self.control.onTimeout(0, 0)
        self.control.onAck(ack)
        self.assertEqual(self.control.window, SEGMENT)
        ack.arrivals = 1
        self.control.onAck(ack)
        self.assertLess(self.control.window, 7 * SEGMENT)

    def test_slowStartAgain(self) -> None:
        """
        After a timeout slow start goes to the threshold.
        """
        self.lose(20)
        self.control.onTimeout(0, 0)
        self.assertEqual((self.control.window, self.control.ssthresh), (SEGMENT, 5))
        self.assertEqual(self.control.phase, "slow start")
        self.assertEqual(self.arrivals(4), [2, 3, 4, 5])
        self.assertEqual(self.control.phase, "avoidance")

    def test_avoidance(self) -> None:
        """
        From the threshold on the window grows by 1/window + 1/16 segments an arrival: from 2 to 3
        in two, from 3 to 4 in three more.
        """
        self.lose(4)
        self.assertEqual(self.control.window, 2 * SEGMENT)
        self.assertEqual(self.arrivals(5), [2, 3, 3, 3, 4])

    def test_avoidanceFurtherUp(self) -> None:
        """
        From 10 to 11 it takes seven arrivals.
        """
        self.lose(20)
        self.assertEqual(self.control.window, 10 * SEGMENT)
        self.assertEqual(self.arrivals(7), [10, 10, 10, 10, 10, 10, 11])

    def test_loss(self) -> None:
        """
        A loss halves what was in flight, and allows for the ACKs that showed it.
        """
        self.control = KCPWindow(SEGMENT, 0, 3)
        self.lose(20)
        self.assertEqual((self.control.window, self.control.ssthresh), (13 * SEGMENT, 10))

    def test_lossOfFew(self) -> None:
        """
        The threshold is never below two.
        """
        self.control = KCPWindow(SEGMENT, 0, 2)
        self.lose(1)
        self.assertEqual((self.control.window, self.control.ssthresh), (4 * SEGMENT, 2))

    def test_avoidanceAfterLoss(self) -> None:
        """
        What is gained until a loss counts no longer after it.
        """
        self.arrivals(100)
        self.lose(4)
        self.assertEqual(self.control.window, 2 * SEGMENT)
        self.assertEqual(self.arrivals(2), [2, 3])

    def test_timeout(self) -> None:
        """
        A timeout halves the threshold and begins again from one segment.
        """
        self.control = KCPWindow(SEGMENT, 0, 2)
        self.lose(20)
        self.control.onTimeout(0, 0)
        self.assertEqual((self.control.window, self.control.ssthresh), (SEGMENT, 6))

    def test_timeoutOfFew(self) -> None:
        """
        The threshold is never below two after a timeout either.
        """
        self.control.onTimeout(0, 0)
        self.assertEqual((self.control.window, self.control.ssthresh), (SEGMENT, 2))

    def test_spuriousTimeout(self) -> None:
        """
        A timeout that nothing was lost in is undone, so that slow start goes on.
        """
        self.arrivals(9)
        self.control.onTimeout(0, 0)
        self.control.onSpuriousLoss(1)
        self.assertEqual(self.control.window, 10 * SEGMENT)
        self.assertEqual(self.arrivals(2), [11, 12])

    def test_undoneOnce(self) -> None:
        """
        Only the last loss is undone, and only once.
        """
        self.arrivals(9)
        self.lose(10)
        self.control.onSpuriousLoss(1)
        self.lose(10)
        self.control.onTimeout(2, 0)
        self.control.onSpuriousLoss(3)
        self.control.onSpuriousLoss(4)
        self.assertEqual((self.control.window, self.control.ssthresh), (5 * SEGMENT, 5))

    def test_undoKeepsWhatGrew(self) -> None:
        """
        Undoing a loss does not make the window smaller than it has grown since.
        """
        self.lose(4)
        self.arrivals(100)
        before = self.control.window
        self.control.onSpuriousLoss(1)
        self.assertEqual(self.control.window, before)

    def test_peerWindow(self) -> None:
        """
        There is no use in growing beyond the peer's window.
        """
        for _ in range(100):
            self.control.onAck(arrival(peer=7))
        self.assertEqual(self.control.window, 7 * SEGMENT)

    def test_batch(self) -> None:
        """
        Several arrivals told at once count like the same number told one by one.
        """
        other = KCPWindow(SEGMENT, 0, 0)
        self.lose(10)
        other.onAck(arrival(0, 1, 10))
        other.onAck(arrival(25))
        self.arrivals(25)
        self.assertEqual(other.window, self.control.window)

    def test_configure(self) -> None:
        """
        With segments of another size the window has as many.
        """
        self.arrivals(4)
        self.control.configure(500)
        self.assertEqual(self.control.window, 2500)

    def test_anotherPath(self) -> None:
        """
        Another path begins with slow start from one segment.
        """
        self.lose(20)
        self.control.onPathChanged(1)
        self.assertEqual(self.arrivals(30), list(range(2, 32)))

    @given(
        strategies.lists(
            strategies.tuples(
                strategies.sampled_from(["ack", "loss", "timeout", "spurious"]),
                strategies.integers(0, 500),
            ),
            max_size=50,
        )
    )
    def test_neverShut(self, events: list[tuple[str, int]]) -> None:
        """
        Whatever happens, at least one segment may be in flight.
        """
        control = KCPWindow(SEGMENT, 0, 2)
        for event, number in events:
            if event == "ack":
                control.onAck(arrival(number, peer=number))
            elif event == "loss":
                control.onAck(arrival(1, 1, number, number))
            elif event == "timeout":
                control.onTimeout(0, number)
            else:
                control.onSpuriousLoss(0)
            self.assertGreaterEqual(control.window, SEGMENT)
            self.assertGreaterEqual(control.ssthresh, 2)
