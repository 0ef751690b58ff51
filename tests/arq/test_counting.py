"""
Tests for L{kcptwisted.arq.counting}; what is sent again, and when, is tested with the sender.
"""

from __future__ import annotations

from dataclasses import replace
from sys import getsizeof

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.counting import CountingRecovery
from kcptwisted.arq.recovery import DEAD_LINK
from kcptwisted.arq.rtt import RoundTripEstimator
from kcptwisted.arq.sendqueue import Fragment
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import OVERHEAD
from tests.arq.link import SETTINGS
from tests.arq.single import ack, alone, sent

COUNT = 10
SIZE = OVERHEAD + len(b"data")


class CountingRecoveryTests(SynchronousTestCase):
    """
    Tests for L{CountingRecovery}, with ten segments in flight.
    """

    def setUp(self) -> None:
        """
        Let the segments leave at 0, with a timeout of 200 ms, over a path that is known.
        """
        self.settings = replace(SETTINGS, resend=2, interval=10, deadLinkAfter=10_000)
        self.inFlight: dict[int, Fragment] = dict.fromkeys(range(COUNT), (0, b"data"))
        self.stats = SessionStats()
        self.rtt = RoundTripEstimator(10, True)
        self.recovery = CountingRecovery(self.settings, self.inFlight, self.rtt, self.stats)
        self.recovery.sent(0, 0, COUNT)
        self.rtt.least = 50

    def take(self, now: int, una: int = 0, progress: int = 0, fresh: bool = False) -> list[int]:
        """
        Take what is to be sent again.
        """
        return self.recovery.take(now, una, progress, fresh, 0, False)

    def acknowledge(self, *sns: int, before: int = 0, una: int = 0, now: int = 50) -> None:
        """
        Let segments be acknowledged that left at 0.
        """
        for sn in sns:
            del self.inFlight[sn]
        self.recovery.acknowledged([(sn, 0) for sn in sns], before, una, now)

    def test_timedOut(self) -> None:
        """
        After their timeout all are taken, and counted as lost, room or not.  It is a timeout, no
        loss.
        """
        self.assertEqual(self.recovery.due, 200)
        self.assertEqual(self.take(199), [])
        self.assertFalse(self.recovery.timedOut)
        self.assertEqual(self.take(200), list(range(COUNT)))
        self.assertTrue(self.recovery.timedOut)
        self.assertEqual((self.recovery.lost, self.recovery.newlyLost), (0, 0))
        self.assertEqual((self.stats.LostSegs, self.stats.RetransSegs), (COUNT, COUNT))
        self.assertEqual(self.take(200), [])
        self.assertFalse(self.recovery.timedOut)

    def test_timedOutBeforeAnyRoundTrip(self) -> None:
        """
        While no round trip is known, ACKs may be underway for longer than the timeout.  It is not
        held against the path.
        """
        self.rtt.reset()
        self.assertEqual(self.take(200), list(range(COUNT)))
        self.assertFalse(self.recovery.timedOut)

    def test_fast(self) -> None:
        """
        What was overtaken as often as the threshold says is taken before its timeout.  It is a
        loss.
        """
        self.acknowledge(1, 2)
        self.assertTrue(self.recovery.pending)
        self.assertEqual(self.take(50, fresh=True), [0])
        self.assertFalse(self.recovery.pending)
        self.assertFalse(self.recovery.timedOut)
        self.assertEqual((self.recovery.lost, self.recovery.newlyLost), (0, SIZE))
        self.assertEqual((self.stats.FastRetransSegs, self.stats.RetransSegs), (1, 1))
        self.assertEqual(self.take(51), [])
        self.assertEqual(self.recovery.newlyLost, 0)

    def test_early(self) -> None:
        """
        What was overtaken less often is taken when nothing new leaves, and due again after an
        interval if something did.
        """
        self.acknowledge(1)
        self.assertFalse(self.recovery.pending)
        self.assertEqual(self.recovery.due, 50)
        self.assertEqual(self.take(50, fresh=True), [])
        self.assertEqual(self.recovery.due, 60)
        self.assertEqual(self.take(60), [0])
        self.assertEqual(self.recovery.newlyLost, SIZE)
        self.assertEqual(self.recovery.due, 200)
        self.assertEqual(self.stats.EarlyRetransSegs, 1)

    def test_fastBesideTimeout(self) -> None:
        """
        If something has timed out, what was overtaken is no loss beside that.
        """
        self.acknowledge(8, 9)
        self.recovery.expire([0, 1], 50)
        self.assertEqual(self.take(50, fresh=True), list(range(8)))
        self.assertTrue(self.recovery.timedOut)
        self.assertEqual(self.recovery.newlyLost, 0)
        self.assertEqual((self.stats.LostSegs, self.stats.FastRetransSegs), (2, 6))

    def test_configure(self) -> None:
        """
        Another C{resend} holds for what is counted already.
        """
        self.acknowledge(1)
        self.recovery.configure(replace(self.settings, resend=1))
        self.acknowledge(3)
        self.assertEqual(self.take(50, fresh=True), [0, 2])

    def test_exhausted(self) -> None:
        """
        A segment is exhausted when it has been sent often, if nothing was acknowledged for long.
        """
        now = 0
        exhausted = []
        for _ in range(DEAD_LINK):
            now += 60_000
            self.take(now)
            exhausted.append(self.recovery.exhausted)
        # The first copy left before.
        self.assertEqual(exhausted, [False] * (DEAD_LINK - 2) + [True, True])
        self.take(now + 60_000, progress=now + 55_000)
        self.assertFalse(self.recovery.exhausted)

    def test_expire(self) -> None:
        """
        Segments that are expired time out as if for the first time, sent again before or not.
        """
        self.take(200)
        self.recovery.expire(list(self.inFlight), 210)
        self.assertEqual(self.take(210), list(range(COUNT)))
        self.assertEqual(self.recovery.due, 210 + 200 + 100)

    def test_expireOne(self) -> None:
        """
        The others keep their timeouts.
        """
        self.recovery.expire([0], 100)
        self.assertEqual(self.take(100), [0])
        self.assertEqual(self.recovery.due, 200)
        self.assertEqual(self.take(200), list(range(1, COUNT)))

    def test_forget(self) -> None:
        """
        Nothing is kept of segments that una has passed, few of them or many.
        """
        self.take(200)
        self.acknowledge(0, 1, una=2)
        assert self.recovery._resends is not None
        self.assertEqual(list(self.recovery._resends), list(range(2, COUNT)))
        self.inFlight[1000] = (0, b"data")
        self.acknowledge(*range(2, COUNT), before=2, una=1000)
        self.assertEqual(self.recovery._resends, {})

    def test_clear(self) -> None:
        """
        With nothing in flight there are neither deadlines nor parts made for them.
        """
        self.acknowledge(1)
        self.take(200)
        self.inFlight.clear()
        self.recovery.clear()
        self.assertIs(self.recovery.due, None)
        self.assertFalse(self.recovery.pending)
        self.assertIs(self.recovery._overtaken, None)
        self.assertIs(self.recovery._resends, None)
        self.assertEqual(self.take(10_000), [])
        self.assertLess(getsizeof(self.recovery), 150)

    def test_nothingBeyond(self) -> None:
        """
        Of ACKs in order nothing is kept, and nothing is made for them.
        """
        for sn in range(5):
            del self.inFlight[sn]
        self.recovery.acknowledged([], 0, 5, 50)
        self.assertIs(self.recovery._overtaken, None)
        self.assertEqual(self.recovery.due, 200)


class SenderTests(SynchronousTestCase):
    """
    What a sender keeps.
    """

    def test_forgotten(self) -> None:
        """
        The sender has segments forgotten as soon as una passes them.
        """
        conversation = alone()
        conversation.write(bytes(COUNT * SETTINGS.mss))
        conversation.datagramsToSend(0)
        self.assertEqual(len(sent(conversation, 1000)), COUNT)
        conversation.receive([ack(7, una=8)], 1000)
        recovery = conversation.sender._recovery
        assert isinstance(recovery, CountingRecovery)
        assert recovery._resends is not None
        self.assertEqual(list(recovery._resends), [8, 9])
        conversation.receive([ack(9, una=COUNT)], 1000)
        self.assertIs(recovery._resends, None)
