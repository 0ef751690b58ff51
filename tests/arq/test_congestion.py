"""
Tests for L{kcptwisted.arq.congestion}.
"""

from __future__ import annotations

from kcptwisted.arq.congestion import (
    CongestionControl,
    NoCongestionControl,
    StandardCongestionControl,
)
from twisted.trial.unittest import SynchronousTestCase

from tests.properties import given, strategies

MSS = 1000


class NoCongestionControlTests(SynchronousTestCase):
    """
    Tests for L{NoCongestionControl}.
    """

    def test_class(self) -> None:
        """
        It is a L{CongestionControl}.
        """
        self.assertIsInstance(NoCongestionControl(), CongestionControl)

    def test_noLimit(self) -> None:
        """
        Nothing that happens sets a limit.
        """
        control = NoCongestionControl()
        control.onAck(1, 10)
        control.onFastRetransmit(10, 2)
        control.onTimeout()
        self.assertIs(control.window, None)


class StandardCongestionControlTests(SynchronousTestCase):
    """
    Tests for L{StandardCongestionControl}.
    """

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.control = StandardCongestionControl(MSS)

    def arrivals(self, count: int) -> list[int | None]:
        """
        Let C{count} datagrams move una, and note the window after each.
        """
        windows = []
        for _ in range(count):
            self.control.onAck(1, 1000)
            windows.append(self.control.window)
        return windows

    def test_class(self) -> None:
        """
        It is a L{CongestionControl}.
        """
        self.assertIsInstance(self.control, CongestionControl)

    def test_beginning(self) -> None:
        """
        It begins with one segment and a threshold of two.
        """
        self.assertEqual((self.control.window, self.control.ssthresh), (1, 2))

    def test_slowStart(self) -> None:
        """
        Below the threshold each arrival adds one segment.
        """
        self.control.onFastRetransmit(20, 0)
        self.control.onTimeout()
        self.assertEqual((self.control.window, self.control.ssthresh), (1, 5))
        self.assertEqual(self.arrivals(4), [2, 3, 4, 5])

    def test_avoidance(self) -> None:
        """
        From the threshold on the window grows by mss²/incr + mss/16 bytes an arrival: from 2 to
        3 in two, from 3 to 4 in three more.
        """
        self.assertEqual(self.arrivals(1), [2])
        self.assertEqual(self.arrivals(5), [2, 3, 3, 3, 4])

    def test_avoidanceFurtherUp(self) -> None:
        """
        From 10 to 11 it takes seven arrivals, of 162.5 bytes at first and less each time.
        """
        self.control.onFastRetransmit(20, 0)
        self.assertEqual(self.control.window, 10)
        self.assertEqual(self.arrivals(7), [10, 10, 10, 10, 10, 10, 11])

    def test_fastRetransmit(self) -> None:
        """
        A fast retransmission halves, and allows for the ACKs that brought it about.
        """
        self.control.onFastRetransmit(20, 3)
        self.assertEqual((self.control.window, self.control.ssthresh), (13, 10))

    def test_fastRetransmitOfFew(self) -> None:
        """
        The threshold is never below two.
        """
        self.control.onFastRetransmit(1, 2)
        self.assertEqual((self.control.window, self.control.ssthresh), (4, 2))

    def test_avoidanceAfterFastRetransmit(self) -> None:
        """
        What is gained until a fast retransmission counts no longer after it.
        """
        self.arrivals(100)
        self.control.onFastRetransmit(4, 0)
        self.assertEqual(self.control.window, 2)
        self.assertEqual(self.arrivals(2), [2, 3])

    def test_timeout(self) -> None:
        """
        A timeout halves the threshold and begins again from one segment.
        """
        self.control.onFastRetransmit(20, 2)
        self.control.onTimeout()
        self.assertEqual((self.control.window, self.control.ssthresh), (1, 6))

    def test_timeoutOfFew(self) -> None:
        """
        The threshold is never below two after a timeout either.
        """
        self.control.onTimeout()
        self.assertEqual((self.control.window, self.control.ssthresh), (1, 2))

    def test_remoteWindow(self) -> None:
        """
        There is no use in growing beyond the peer's window.
        """
        self.control.onFastRetransmit(200, 0)
        self.control.onTimeout()
        for _ in range(100):
            self.control.onAck(1, 7)
        self.assertEqual(self.control.window, 7)

    def test_batch(self) -> None:
        """
        Several arrivals told at once count like the same number told one by one.
        """
        other = StandardCongestionControl(MSS)
        other.onAck(25, 1000)
        self.arrivals(25)
        self.assertEqual(other.window, self.control.window)

    @given(
        strategies.lists(
            strategies.tuples(
                strategies.sampled_from(["ack", "fast", "timeout"]), strategies.integers(0, 500)
            ),
            max_size=50,
        )
    )
    def test_neverShut(self, events: list[tuple[str, int]]) -> None:
        """
        Whatever happens, at least one segment may be in flight.
        """
        control = StandardCongestionControl(MSS)
        for event, number in events:
            if event == "ack":
                control.onAck(number, number)
            elif event == "fast":
                control.onFastRetransmit(number, number)
            else:
                control.onTimeout()
            self.assertGreaterEqual(control.window or 0, 1)
            self.assertGreaterEqual(control.ssthresh, 2)
