"""
Tests for L{kcptwisted.arq.rack}: what was overtaken.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.reordering import MEMORY
from kcptwisted.arq.repeating import SMALL
from tests.arq.flight import SIZE, Flight


class OvertakenTests(SynchronousTestCase):
    """
    Segments that later ones overtook.
    """

    def test_atOnce(self) -> None:
        """
        They are lost at once, as long as no reordering is known, and counted as fast
        retransmissions.
        """
        flight = Flight()
        for now in (0, 10, 20):
            flight.send(now)
        flight.ack(70, 2)
        recovery = flight.recovery
        self.assertTrue(recovery.pending)
        self.assertEqual((recovery.lost, recovery.newlyLost), (2 * SIZE, 2 * SIZE))
        self.assertEqual(flight.take(70), [0, 1])
        self.assertFalse(recovery.pending)
        self.assertEqual((recovery.lost, recovery.newlyLost), (0, 0))
        self.assertFalse(recovery.timedOut)
        stats = flight.stats
        self.assertEqual((stats.FastRetransSegs, stats.RetransSegs), (2, 2))
        # The timer of the copies.
        self.assertEqual(recovery.due, 70 + 100)

    def test_oneFlush(self) -> None:
        """
        Of segments that left together the order tells which is later.
        """
        flight = Flight()
        flight.send(0, 10)
        flight.ack(50, 3, 5)
        self.assertEqual(flight.take(50), [0, 1, 2, 4])

    def test_copyOvertaken(self) -> None:
        """
        A copy is lost again if one that left after it is acknowledged, and not by one that left
        before.
        """
        flight = Flight()
        flight.send(0, 2)
        flight.send(10)
        flight.ack(50, 1)
        self.assertEqual(flight.take(50), [0])
        flight.ack(60, 2)
        self.assertFalse(flight.recovery.pending)
        flight.send(60)
        flight.ack(110, 3)
        self.assertEqual(flight.take(110), [0])
        self.assertEqual(flight.stats.FastRetransSegs, 2)

    def test_unaOnly(self) -> None:
        """
        What only una acknowledges overtakes nothing.
        """
        flight = Flight()
        flight.send(0, 2)
        flight.send(10, 2)
        flight.ack(60, una=2)
        self.assertFalse(flight.recovery.pending)
        self.assertEqual(flight.recovery.due, 10 + 100)

    def test_forged(self) -> None:
        """
        An ACK that echoes a time at which its segment did not leave overtakes nothing, nor does
        one that echoes a time before all.
        """
        flight = Flight()
        flight.send(0, 3)
        flight.send(10, 3)
        flight.ack(50, 2, sent=50)
        flight.ack(50, 4, sent=0)
        flight.ack(51, 5, sent=-1000)
        self.assertFalse(flight.recovery.pending)
        flight.ack(52, 1)
        self.assertEqual(flight.take(52), [0])
        # Of a copy no more is known than when the last left.
        flight.send(60)
        flight.ack(61, 0, sent=60)
        self.assertFalse(flight.recovery.pending)

    def test_room(self) -> None:
        """
        They wait for room, and leave in order.
        """
        flight = Flight()
        flight.settings = replace(flight.settings, mtu=SIZE)
        flight.recovery.configure(flight.settings)
        flight.send(0, 5)
        flight.ack(50, 4)
        self.assertEqual(flight.take(50, SIZE - 1), [])
        self.assertEqual(flight.recovery.lost, 4 * SIZE)
        self.assertEqual(flight.take(50, 3 * SIZE - 1), [0, 1])
        self.assertEqual(flight.recovery.lost, 2 * SIZE)
        self.assertTrue(flight.recovery.pending)
        self.assertEqual(flight.take(51), [2, 3])
        self.assertFalse(flight.recovery.pending)

    def test_largerThanFull(self) -> None:
        """
        A segment from the time of a larger MTU leaves where a full one may.
        """
        flight = Flight()
        flight.send(0, 2)
        flight.ack(50, 1)
        flight.recovery.configure(replace(flight.settings, mtu=SIZE - 1))
        self.assertEqual(flight.take(50, SIZE - 2), [])
        self.assertEqual(flight.take(50, SIZE - 1), [0])

    def test_arrivedMeanwhile(self) -> None:
        """
        What arrives before it could be sent again is lost no more, and no reason to slow down; and
        the path reorders.
        """
        flight = Flight()
        flight.send(0, 4)
        flight.ack(50, 2)
        flight.ack(51, 0)
        self.assertEqual(flight.recovery.lost, SIZE)
        self.assertFalse(flight.recovery.needless)
        flight.ack(52, 1)
        self.assertTrue(flight.recovery.needless)
        self.assertEqual(flight.recovery.lost, 0)
        self.assertFalse(flight.recovery.pending)
        self.assertEqual(flight.take(52), [])
        self.assertEqual(flight.stats.NeedlessRetrans, 0)
        flight.ack(53)
        self.assertFalse(flight.recovery.needless)


class ReorderingTests(SynchronousTestCase):
    """
    A path that reorders.
    """

    def setUp(self) -> None:
        """
        One segment was sent again needlessly.
        """
        self.flight = Flight()
        self.flight.send(0, 2)
        self.flight.ack(50, 1)
        self.assertEqual(self.flight.take(50), [0])
        self.flight.ack(55, 0, sent=0)

    def test_needless(self) -> None:
        """
        The ACK of the first copy tells.
        """
        self.assertTrue(self.flight.recovery.needless)
        self.assertEqual(self.flight.stats.NeedlessRetrans, 1)

    def test_window(self) -> None:
        """
        From then on what is overtaken has a quarter of the least round trip of time.
        """
        flight = self.flight
        flight.send(100, 3)
        flight.ack(150, 4)
        self.assertFalse(flight.recovery.pending)
        self.assertEqual(flight.recovery.due, 150 + 12)
        self.assertEqual(flight.take(161), [])
        self.assertEqual(flight.take(162), [2, 3])
        self.assertEqual(flight.stats.FastRetransSegs, 3)
        self.assertEqual(flight.recovery.newlyLost, 2 * SIZE)

    def test_small(self) -> None:
        """
        But not if it is small: a needless copy costs little then.
        """
        flight = self.flight
        flight.recovery.configure(replace(flight.settings, mtu=SMALL * SIZE + 1))
        flight.send(100, 3)
        flight.ack(150, 4)
        self.assertEqual(flight.take(150), [2, 3])

    def test_long(self) -> None:
        """
        It is longer at once if the segment came later than that.
        """
        flight = Flight()
        flight.send(0, 2)
        flight.ack(50, 1)
        self.assertEqual(flight.take(50), [0])
        # 30 ms after the one that overtook it: three quarters.
        flight.ack(80, 0, sent=0)
        flight.send(100, 2)
        flight.ack(150, 3)
        self.assertEqual(flight.recovery.due, 150 + 37)

    def test_remembered(self) -> None:
        """
        A segment that arrives within the window has it last.
        """
        flight = self.flight
        now = 100
        for count in range(2 * MEMORY - 2):
            flight.send(now, 2)
            flight.ack(now + 50, flight.una + 1)
            if count == MEMORY - 2:
                flight.send(now + 52)
                flight.ack(now + 55, flight.una)
                flight.ack(now + 102, flight.una)
            else:
                self.assertEqual(flight.take(now + 62), [flight.una])
                flight.ack(now + 120, flight.una)
            now += 200
        flight.send(now, 2)
        flight.ack(now + 50, flight.una + 1)
        self.assertEqual(flight.recovery.due, now + 62)

    def test_within(self) -> None:
        """
        What arrives within that time is not lost.
        """
        flight = self.flight
        flight.send(100, 3)
        flight.ack(150, 2, 4)
        flight.ack(155, 3)
        self.assertEqual(flight.take(170), [])
        self.assertIs(flight.recovery.due, None)

    def test_notAll(self) -> None:
        """
        If only some of what was taken for lost has arrived, there was loss.
        """
        flight = Flight()
        flight.send(0, 4)
        flight.ack(50, 2)
        self.assertEqual(flight.take(50), [0, 1])
        flight.ack(60, 0, sent=0)
        self.assertFalse(flight.recovery.needless)
        flight.ack(100, 1)
        self.assertFalse(flight.recovery.needless)
        self.assertEqual(flight.stats.NeedlessRetrans, 1)

    def test_blame(self) -> None:
        """
        What was lost in a recovery before is no reason to take a later one for right.
        """
        flight = Flight()
        flight.send(0, 3)
        flight.ack(50, 1)
        self.assertEqual(flight.take(50), [0])
        flight.send(90)
        flight.ack(100, 0, 2)
        flight.send(100, 2)
        flight.ack(140, 3)
        flight.ack(150, 5)
        self.assertEqual(flight.take(150), [4])
        flight.ack(151, 4, sent=100)
        self.assertTrue(flight.recovery.needless)

    def test_forgotten(self) -> None:
        """
        The window is forgotten after some recoveries without a sign of reordering.
        """
        flight = self.flight
        now = 100
        for _ in range(MEMORY):
            flight.send(now, 2)
            flight.ack(now + 50, flight.una + 1)
            self.assertEqual(flight.take(now + 61), [])
            self.assertEqual(flight.take(now + 62), [flight.una])
            flight.ack(now + 120, flight.una)
            now += 200
        flight.send(now, 2)
        flight.ack(now + 50, flight.una + 1)
        self.assertEqual(flight.take(now + 50), [flight.una])

    def test_bothCopies(self) -> None:
        """
        If both copies of a segment have arrived, the older one tells, in whatever order.
        """
        for sents in ((0, 50), (50, 0)):
            flight = Flight()
            flight.send(0, 2)
            flight.ack(50, 1)
            self.assertEqual(flight.take(50), [0])
            del flight.inFlight[0]
            flight.recovery.acknowledged([(0, sent) for sent in sents], 0, 2, 100)
            self.assertTrue(flight.recovery.needless)
            self.assertEqual(flight.stats.NeedlessRetrans, 1)

    def test_lostAck(self) -> None:
        """
        If una tells that a copy was needless, since it had not the time to arrive, the ACK of the
        first was lost: the path does not reorder.
        """
        flight = Flight()
        flight.send(0, 4)
        flight.ack(50, 2)
        self.assertEqual(flight.take(50), [0, 1])
        flight.ack(99, una=3)
        self.assertEqual(flight.stats.NeedlessRetrans, 2)
        self.assertTrue(flight.recovery.needless)
        self.assertIs(flight.recovery._learned, None)

    def test_copyArrived(self) -> None:
        """
        If it had, nobody knows.
        """
        flight = Flight()
        flight.send(0, 4)
        flight.ack(50, 2)
        self.assertEqual(flight.take(50), [0, 1])
        flight.ack(100, una=3)
        self.assertEqual(flight.stats.NeedlessRetrans, 0)
        self.assertFalse(flight.recovery.needless)
