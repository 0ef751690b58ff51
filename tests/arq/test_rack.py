"""
Tests for L{kcptwisted.arq.rack}; whole transfers are in L{tests.arq.test_racktransfer}.
"""

from __future__ import annotations

from dataclasses import replace
from sys import getsizeof

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.rack import RackRecovery
from kcptwisted.arq.recovery import DEAD_LINK
from kcptwisted.arq.reordering import MEMORY
from kcptwisted.arq.rtt import RoundTripEstimator
from kcptwisted.arq.sendqueue import Fragment
from kcptwisted.arq.tailtimer import MAXIMUM_PROBES
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import OVERHEAD
from tests.arq.link import SETTINGS
from tests.properties import given, settings, strategies

SIZE = OVERHEAD + len(b"data")

#: More than all.
ROOM = 1 << 40


class Flight:
    """
    Segments in flight, and what recovers them.

    @ivar recovery: that.
    @ivar stats: its counters.
    @ivar inFlight: the segments.
    @ivar left: when the last copy of each left.
    @ivar una: the first in flight, or the next to be sent.
    """

    def __init__(self, nodelay: bool = False, roundTrip: int = 50, interval: int = 10) -> None:
        """
        @param roundTrip: what was measured before; the timeout is twice that, 100 ms at least
            without C{nodelay}.
        """
        self.settings = replace(
            SETTINGS,
            nodelay=nodelay,
            interval=interval,
            detectsLossByTime=True,
            deadLinkAfter=10_000,
        )
        self.inFlight: dict[int, Fragment] = {}
        self.stats = SessionStats()
        self.rtt = RoundTripEstimator(interval, nodelay)
        if roundTrip:
            self.rtt.sample(roundTrip)
            self.rtt.variation = 0.0
            self.rtt.timeout = 2 * roundTrip
        self.recovery = RackRecovery(self.settings, self.inFlight, self.rtt, self.stats)
        self.left: dict[int, int] = {}
        self.una = self.next = 0
        self.progress = 0

    def send(self, now: int, count: int = 1) -> None:
        """
        Let new segments leave.
        """
        if not self.inFlight:
            self.progress = now
        first, self.next = self.next, self.next + count
        for sn in range(first, self.next):
            self.inFlight[sn] = (0, b"data")
            self.left[sn] = now
        self.recovery.sent(now, first, self.next)

    def ack(self, now: int, *sns: int, una: int = 0, sent: int | None = None) -> None:
        """
        Let ACKs arrive.

        @param una: what they say beside.
        @param sent: when the copies left that they are of; the last copies by default.
        """
        before = self.una
        newly = [(sn, self.left[sn] if sent is None else sent) for sn in sns if sn in self.inFlight]
        for sn in [sn for sn in self.inFlight if sn < una or sn in sns]:
            del self.inFlight[sn]
        self.una = next(iter(self.inFlight), self.next)
        self.progress = now
        self.recovery.acknowledged(newly, before, self.una, now)

    def take(self, now: int, room: int = ROOM) -> list[int]:
        """
        @return: what is sent again.
        """
        again = self.recovery.take(now, self.una, self.progress, False, room)
        for sn in again:
            self.left[sn] = now
        return again


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
        self.assertEqual(flight.recovery.due, 100 + 200)

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
        self.assertEqual(flight.recovery.due, 100 + 200)

    def test_backoff(self) -> None:
        """
        Without an answer the timeout grows by itself each time, or by half of it with C{nodelay}.
        The second time and later it is a timeout, and what left more than a round trip before is
        lost.
        """
        for nodelay, times in ((False, [100, 300, 600, 1000]), (True, [100, 250, 450, 700])):
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
        self.assertEqual(waits, [40_000, 60_000, 60_000, 60_000, 60_000])

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


class ExpireTests(SynchronousTestCase):
    """
    Segments that the caller wants to be sent again.
    """

    def test_all(self) -> None:
        """
        All leave, and nothing is held against the path; then it is as if they had left for the
        first time.
        """
        flight = Flight()
        flight.send(0, 6)
        flight.take(100)
        flight.take(300)
        flight.recovery.expire(list(flight.inFlight), 310)
        self.assertTrue(flight.recovery.pending)
        self.assertEqual(flight.take(310), list(range(6)))
        recovery = flight.recovery
        self.assertFalse(recovery.timedOut or recovery.newlyLost or recovery.lost)
        self.assertEqual(recovery.due, 310 + 100)
        self.assertEqual(flight.take(410), list(range(4)))
        self.assertFalse(recovery.timedOut)

    def test_first(self) -> None:
        """
        The others keep their time.
        """
        flight = Flight()
        flight.send(0, 2)
        flight.recovery.expire([0], 50)
        self.assertEqual(flight.take(50), [0])
        self.assertEqual(flight.recovery.due, 100)
        self.assertEqual(flight.take(100), [1])

    def test_arrived(self) -> None:
        """
        If they had arrived, nothing is learnt from that.
        """
        flight = Flight()
        flight.send(0, 3)
        flight.recovery.expire([0, 1], 50)
        self.assertEqual(flight.take(50), [0, 1])
        flight.ack(60, 0, sent=0)
        self.assertFalse(flight.recovery.needless)
        self.assertIs(flight.recovery._learned, None)
        self.assertEqual(flight.stats.NeedlessRetrans, 1)


class MemoryTests(SynchronousTestCase):
    """
    What is held.
    """

    def test_idle(self) -> None:
        """
        With nothing in flight there is neither a time nor anything made for what was.
        """
        flight = Flight()
        flight.send(0, 3)
        flight.ack(50, 2)
        flight.take(50)
        flight.ack(100, 0, 1, 2)
        recovery = flight.recovery
        self.assertIs(recovery.due, None)
        self.assertFalse(recovery.pending or recovery.lost)
        for part in (recovery._runs, recovery._losses, recovery._latest, recovery._learned):
            self.assertIs(part, None)
        self.assertEqual(flight.take(10_000), [])
        self.assertLess(getsizeof(recovery), 170)

    def test_judgedLast(self) -> None:
        """
        What the last ACK shows is not lost.
        """
        flight = Flight()
        flight.send(0)
        flight.take(100)
        flight.ack(110, 0, sent=0)
        self.assertEqual(flight.stats.NeedlessRetrans, 1)
        assert flight.recovery._learned is not None
        self.assertEqual(flight.recovery._learned.patience, MEMORY)
        self.assertIs(flight.recovery.due, None)


#: What may happen: its name, and two numbers that tell how.
_EVENT = strategies.tuples(
    strategies.sampled_from(["send", "ack", "old", "una", "wait", "due", "expire", "forged"]),
    strategies.integers(0, 12),
    strategies.integers(0, 200),
)


class AlwaysTests(SynchronousTestCase):
    """
    What holds whatever happens.
    """

    @settings(max_examples=400)
    @given(
        strategies.lists(_EVENT, max_size=60),
        strategies.booleans(),
        strategies.sampled_from([0, 1, 50, 3000]),
        strategies.sampled_from([0, SIZE, 3 * SIZE, ROOM]),
    )
    def test_anything(
        self, events: list[tuple[str, int, int]], nodelay: bool, roundTrip: int, room: int
    ) -> None:
        """
        No segment in flight is forgotten, what is given is in flight and in order, what waits is
        counted, and in the end, when ACKs come as they should, all arrives.
        """
        flight = Flight(nodelay, roundTrip)
        flight.settings = replace(flight.settings, mtu=SIZE)
        flight.recovery.configure(flight.settings)
        now = 0
        for name, first, second in events:
            sn = flight.una + first
            if name == "send":
                flight.send(now, first + 1)
            elif name == "ack" and sn in flight.inFlight:
                flight.ack(now, sn)
            elif name == "old" and sn in flight.inFlight:
                flight.ack(now, sn, sent=flight.left[sn] - second)
            elif name == "forged" and sn in flight.inFlight:
                flight.ack(now, sn, sent=now - second)
            elif name == "una" and flight.inFlight:
                flight.ack(now, una=min(sn, flight.next))
            elif name == "expire" and flight.inFlight:
                flight.recovery.expire(list(flight.inFlight)[: first + 1], now)
            elif name == "wait":
                now += second
            elif name == "due" and flight.recovery.due is not None:
                now = max(now, flight.recovery.due)
            self.check(flight)
            recovery = flight.recovery
            if recovery.pending or (recovery.due is not None and recovery.due <= now):
                self.taken(flight, now, room)
        for _ in range(200):
            if not flight.inFlight:
                break
            if not flight.recovery.pending:
                assert flight.recovery.due is not None
                now = max(now, flight.recovery.due)
            again = self.taken(flight, now, ROOM)
            now += 20
            if again:
                flight.ack(now, *again)
                self.check(flight)
        self.assertEqual(flight.inFlight, {})

    def taken(self, flight: Flight, now: int, room: int) -> list[int]:
        """
        Take what is to be sent again.
        """
        lost = flight.recovery.lost
        again = flight.take(now, room)
        recovery = flight.recovery
        self.assertEqual(again, sorted(set(again)))
        self.assertTrue(set(again) <= flight.inFlight.keys())
        self.assertTrue(recovery.due is None or recovery.due > now)
        if lost and room >= SIZE:
            self.assertTrue(again)
        self.check(flight)
        return again

    def check(self, flight: Flight) -> None:
        """
        See that all is accounted for.
        """
        recovery = flight.recovery
        waiting = 0
        if recovery._losses is not None:
            copies = recovery._losses.copies
            waiting = sum([copy.waiting for copy in copies.values()])
            self.assertTrue(copies.keys() <= flight.inFlight.keys())
        self.assertEqual(recovery.lost, waiting)
        self.assertEqual(recovery.pending, waiting > 0)
        if not flight.inFlight:
            self.assertEqual((recovery.due, recovery.lost), (None, 0))
        elif recovery.due is None:
            self.assertEqual(waiting, SIZE * len(flight.inFlight))
