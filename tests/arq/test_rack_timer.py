"""
Tests for L{kcptwisted.arq.rack}: its timer.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.recovery import DEAD_LINK
from kcptwisted.arq.reordering import MEMORY
from kcptwisted.arq.repeating import SMALL
from kcptwisted.arq.tailtimer import MAXIMUM_PROBES
from tests.arq.flight import SIZE, Flight


class TimerTests(SynchronousTestCase):
    """
    The tail: segments that no later one tells of.
    """

    def test_probe(self) -> None:
        """
        A segment is sent again when the timeout has passed since it left, room or not.  That is
        neither a loss nor a timeout.
        """
        flight = Flight()
        flight.send(10)
        recovery = flight.recovery
        self.assertEqual(recovery.due, 110)
        self.assertEqual(flight.take(109), [])
        self.assertEqual(flight.take(110, 0), [0])
        self.assertEqual((recovery.lost, recovery.newlyLost), (0, 0))
        self.assertFalse(recovery.timedOut or recovery.pending)
        stats = flight.stats
        self.assertEqual((stats.EarlyRetransSegs, stats.RetransSegs, stats.LostSegs), (1, 1, 0))

    def test_few(self) -> None:
        """
        No more than a few are.
        """
        flight = Flight()
        flight.send(0, 10)
        self.assertEqual(flight.take(100), list(range(MAXIMUM_PROBES)))
        self.assertEqual(flight.recovery.due, 100 + 100)

    def test_eachAtItsTime(self) -> None:
        """
        The others follow at their own time.
        """
        flight = Flight()
        for now in (0, 20, 40):
            flight.send(now)
        for now, sn in ((100, 0), (120, 1), (140, 2)):
            self.assertEqual(flight.recovery.due, now)
            self.assertEqual(flight.take(now), [sn])
        self.assertEqual(flight.recovery.due, 100 + 100)

    def test_backoff(self) -> None:
        """
        Without an answer the timeout grows by itself each time, or by half of it with C{nodelay},
        but not for the probe.  The second time and later it is a timeout, and what left more than a
        round trip before is lost.
        """
        for nodelay, times in ((False, [100, 200, 400, 700]), (True, [100, 200, 350, 550])):
            flight = Flight(nodelay)
            flight.send(0)
            seen, timeouts = [], []
            for _ in times:
                due = flight.recovery.due
                assert due is not None
                self.assertEqual(flight.take(due), [0])
                seen.append(due)
                timeouts.append(flight.recovery.timedOut)
            self.assertEqual(seen, times)
            self.assertEqual(timeouts, [False, True, True, True])
            self.assertEqual(flight.stats.LostSegs, 3)

    def test_longest(self) -> None:
        """
        It grows up to a minute.
        """
        flight = Flight(roundTrip=20_000)
        flight.send(0)
        due = 0
        waits = []
        for _ in range(5):
            before, due = due, flight.recovery.due or 0
            flight.take(due)
            waits.append(due - before)
        self.assertEqual(waits, [40_000, 40_000, 60_000, 60_000, 60_000])

    def test_timeout(self) -> None:
        """
        A timeout takes all for lost that left more than a round trip before; they leave as there is
        room.
        """
        flight = Flight()
        flight.settings = replace(flight.settings, mtu=SIZE)
        flight.recovery.configure(flight.settings)
        flight.send(0, 6)
        flight.take(100)
        flight.send(249)
        flight.send(251)
        recovery = flight.recovery
        self.assertEqual(flight.take(300, 2 * SIZE), [0, 1])
        self.assertTrue(recovery.timedOut and recovery.pending)
        self.assertEqual((recovery.lost, recovery.newlyLost), (5 * SIZE, 7 * SIZE))
        # 7 left at 251: it has its own time.
        self.assertEqual(flight.take(310), [2, 3, 4, 5, 6])
        self.assertEqual((flight.stats.EarlyRetransSegs, flight.stats.LostSegs), (4, 7))

    def test_answer(self) -> None:
        """
        An answer ends the growth.
        """
        flight = Flight()
        flight.send(0, 2)
        flight.take(100)
        flight.take(300)
        flight.ack(350, 0)
        self.assertEqual(flight.recovery.due, 300 + 100)
        self.assertEqual(flight.take(400), [1])
        self.assertFalse(flight.recovery.timedOut)

    def test_spurious(self) -> None:
        """
        If the answer is to an older copy, the timeout was none: what has not been sent again is not
        lost.
        """
        flight = Flight()
        flight.settings = replace(flight.settings, mtu=SIZE)
        flight.recovery.configure(flight.settings)
        flight.send(0, 10)
        flight.take(100)
        self.assertEqual(flight.take(300, 2 * SIZE), [0, 1])
        self.assertEqual(flight.recovery.lost, 8 * SIZE)
        flight.ack(310, 0, sent=0)
        self.assertTrue(flight.recovery.needless)
        self.assertEqual(flight.recovery.lost, 0)
        self.assertFalse(flight.recovery.pending)
        self.assertEqual(flight.stats.NeedlessRetrans, 1)
        # They are in flight as before, and are lost if they are overtaken.
        self.assertEqual(flight.take(310), [4, 5, 6, 7])
        flight.ack(320, 8)
        self.assertEqual(flight.stats.NeedlessRetrans, 1)
        flight.ack(321, 9)
        self.assertFalse(flight.recovery.pending)

    def test_spuriousTwice(self) -> None:
        """
        So it is after several timeouts in a row: of all that the first took for lost, and of what
        left between them.
        """
        flight = Flight()
        flight.settings = replace(flight.settings, mtu=SIZE)
        flight.recovery.configure(flight.settings)
        flight.send(0, 6)
        self.assertEqual(flight.take(100), [0, 1, 2, 3])
        self.assertEqual(flight.take(300, SIZE), [0])
        flight.send(310, 2)
        self.assertEqual(flight.take(600, SIZE), [0])
        self.assertEqual(flight.recovery.lost, 7 * SIZE)
        flight.ack(700, 0, sent=0)
        self.assertTrue(flight.recovery.needless)
        self.assertEqual((flight.recovery.lost, flight.recovery.pending), (0, False))
        # Each has its own time as before: 4 and 5 left first, then the probes.
        self.assertEqual(flight.take(700), [1, 2, 4, 5])
        flight.ack(710, 1, sent=0)
        self.assertFalse(flight.recovery.needless)

    def test_rightTimeout(self) -> None:
        """
        If the answer is to the copy, it was right, and what waits goes on to leave.
        """
        flight = Flight()
        flight.settings = replace(flight.settings, mtu=SIZE)
        flight.recovery.configure(flight.settings)
        flight.send(0, 10)
        flight.take(100)
        flight.take(300, 2 * SIZE)
        flight.ack(350, 0)
        self.assertFalse(flight.recovery.needless)
        self.assertEqual(flight.take(350), list(range(2, 10)))
        flight.ack(360, 1, sent=0)
        self.assertFalse(flight.recovery.needless)

    def test_unknownTimeout(self) -> None:
        """
        If only una acknowledges what was sent again, nobody knows yet.
        """
        flight = Flight()
        flight.settings = replace(flight.settings, mtu=SIZE)
        flight.recovery.configure(flight.settings)
        flight.send(0, 10)
        flight.take(100)
        self.assertEqual(flight.take(300, 2 * SIZE), [0, 1])
        flight.ack(360, una=1)
        self.assertFalse(flight.recovery.needless)
        flight.ack(361, 1, sent=0)
        self.assertTrue(flight.recovery.needless)
        self.assertEqual(flight.recovery.lost, 0)

    def test_patience(self) -> None:
        """
        After a probe that was needless, since the ACK was late, the timer begins anew with each
        ACK, for a while.
        """
        flight = Flight()
        flight.send(0, 2)
        self.assertEqual(flight.take(100), [0, 1])
        flight.ack(120, 0, sent=0)
        self.assertEqual(flight.stats.NeedlessRetrans, 1)
        flight.send(120)
        flight.ack(150, 1)
        self.assertEqual(flight.recovery.due, 150 + 100)
        now = 250
        for _ in range(MEMORY):
            flight.ack(now, flight.una)
            flight.send(now)
            self.assertEqual(flight.take(now + 100), [flight.una])
            now += 150
        flight.send(now)
        flight.ack(now + 20, flight.una)
        self.assertEqual(flight.recovery.due, now + 100)

    def test_patienceWithoutCopies(self) -> None:
        """
        So it does when nothing was sent again since, and when only una acknowledges.
        """
        flight = Flight()
        flight.send(0)
        self.assertEqual(flight.take(100), [0])
        flight.ack(120, 0, sent=0)
        flight.send(200, 3)
        flight.ack(250, una=2)
        self.assertEqual(flight.recovery.due, 250 + 100)
        flight.send(260)
        flight.ack(270, 2)
        self.assertEqual(flight.recovery.due, 270 + 100)

    def test_patienceProbesOnce(self) -> None:
        """
        And what left later is not sent again before that is over once more.
        """
        flight = Flight()
        flight.send(0)
        self.assertEqual(flight.take(100), [0])
        flight.ack(120, 0, sent=0)
        flight.send(200)
        flight.send(220)
        self.assertEqual(flight.take(300), [1])
        self.assertEqual(flight.recovery.due, 300 + 100)

    def test_lostAck(self) -> None:
        """
        A needless probe of which only una tells teaches nothing: the ACK was lost, and not late.
        """
        flight = Flight()
        flight.send(0, 2)
        self.assertEqual(flight.take(100), [0, 1])
        flight.ack(120, una=1)
        self.assertEqual(flight.stats.NeedlessRetrans, 1)
        self.assertIs(flight.recovery._learned, None)

    def test_patienceSmall(self) -> None:
        """
        But not if what waits is small.
        """
        flight = Flight()
        flight.send(0, 2)
        self.assertEqual(flight.take(100), [0, 1])
        flight.ack(120, 0, sent=0)
        flight.recovery.configure(replace(flight.settings, mtu=SMALL * SIZE + 1))
        flight.send(120)
        flight.send(130)
        flight.ack(150, 1)
        self.assertEqual(flight.recovery.due, 120 + 100)
        self.assertEqual(flight.take(220), [2])

    def test_unknownRoundTrip(self) -> None:
        """
        Before the first sample nothing is lost: the same few segments are sent again each time, and
        it is no timeout.
        """
        flight = Flight(roundTrip=0)
        flight.send(0, 10)
        seen = []
        for _ in range(4):
            due = flight.recovery.due
            assert due is not None
            seen.append(due)
            self.assertEqual(flight.take(due), list(range(MAXIMUM_PROBES)))
            self.assertFalse(flight.recovery.timedOut)
        self.assertEqual(seen, [200, 600, 1200, 2000])
        self.assertEqual((flight.recovery.lost, flight.stats.LostSegs), (0, 0))

    def test_unknownRoundTripOvertaken(self) -> None:
        """
        What was overtaken meanwhile leaves once.
        """
        flight = Flight(roundTrip=0)
        flight.settings = replace(flight.settings, mtu=SIZE)
        flight.recovery.configure(flight.settings)
        flight.send(0, 3)
        flight.recovery.expire([0, 1], 0)
        self.assertEqual(flight.take(0, SIZE), [0])
        self.assertEqual(flight.take(0), [1])
        flight.ack(20, 1)
        self.assertEqual(flight.recovery.due, 200)
        self.assertEqual(flight.take(200), [0, 2])

    def test_exhausted(self) -> None:
        """
        A segment is exhausted when it has been sent often, if nothing was acknowledged for long.
        """
        flight = Flight()
        flight.send(0)
        exhausted = []
        for _ in range(DEAD_LINK):
            flight.take(flight.recovery.due or 0)
            exhausted.append(flight.recovery.exhausted)
        self.assertEqual(exhausted, [False] * (DEAD_LINK - 2) + [True, True])
        due = flight.recovery.due or 0
        flight.progress = due - 9_999
        self.assertEqual(flight.take(due), [0])
        self.assertFalse(flight.recovery.exhausted)
