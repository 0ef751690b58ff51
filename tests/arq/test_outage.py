"""
Tests for L{kcptwisted.arq.sender}: long losses, and how it recovers from them.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.rtt import MAXIMUM_RTO
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import PUSH
from tests.arq.link import SETTINGS, Link
from tests.arq.single import ack, alone, sent, tell
from tests.properties import given, strategies


class ResendAllTests(SynchronousTestCase):
    """
    Tests for L{Sender.resendAll}.
    """

    def setUp(self) -> None:
        """
        Have ten segments in flight.
        """
        self.stats = SessionStats()
        self.conversation = alone(replace(SETTINGS, nodelay=False), stats=self.stats)
        self.conversation.write(bytes(1000))
        self.assertEqual(self.sns(0), list(range(10)))

    def sns(self, now: int) -> list[int]:
        """
        Flush.

        @return: the numbers of what left.
        """
        return [segment.sn for segment in sent(self.conversation, now) if segment.cmd == PUSH]

    def test_atOnce(self) -> None:
        """
        All in flight goes again at once, and then after the timeout of a second copy.
        """
        self.conversation.sender.resendAll(50)
        self.assertEqual(self.conversation.deadline(), 50)
        self.assertEqual(self.sns(50), list(range(10)))
        self.assertEqual(self.conversation.deadline(), 450)
        self.assertEqual(self.sns(449), [])
        self.assertEqual(self.sns(450), list(range(10)))

    def test_notTheAcknowledged(self) -> None:
        """
        What was acknowledged, before or after the call, does not.
        """
        self.conversation.receive([ack(3, una=1)], 40)
        self.conversation.sender.resendAll(50)
        self.conversation.receive([ack(7, una=2)], 51)
        self.assertEqual(self.sns(51), [2, 4, 5, 6, 8, 9])

    def test_backOffIsForgotten(self) -> None:
        """
        However long the timeouts have grown, they begin anew.
        """
        now = 0
        for _ in range(10):
            deadline = self.conversation.deadline()
            assert deadline is not None
            now = deadline
            self.sns(now)
        deadline = self.conversation.deadline()
        assert deadline is not None
        self.assertEqual(deadline - now, 2200)
        self.conversation.sender.resendAll(now + 10)
        self.assertEqual(self.sns(now + 10), list(range(10)))
        self.assertEqual(self.conversation.deadline(), now + 410)
        # The old deadlines mean nothing any more.
        self.assertEqual(self.sns(now + 409), [])
        self.assertEqual(self.sns(now + 410), list(range(10)))
        self.assertEqual(self.sns(now + 2200), list(range(10)))

    def test_twice(self) -> None:
        """
        Twice is like once, before the flush; and after it all goes again once more.
        """
        self.conversation.sender.resendAll(50)
        self.conversation.sender.resendAll(50)
        self.assertEqual(self.sns(50), list(range(10)))
        self.assertEqual(self.sns(50), [])
        self.conversation.sender.resendAll(60)
        self.assertEqual(self.sns(60), list(range(10)))
        self.assertEqual(self.stats.RetransSegs, 20)

    def test_nothingInFlight(self) -> None:
        """
        With nothing in flight nothing is due.
        """
        self.conversation.receive([tell(una=10)], 40)
        self.sns(40)
        self.conversation.sender.resendAll(50)
        self.assertIs(self.conversation.deadline(), None)

    def test_transmissionsCount(self) -> None:
        """
        Each time counts as a transmission: one that is called again and again over a dead link
        does not keep it alive.
        """
        for now in range(1000, 25_000, 1000):
            self.conversation.sender.resendAll(now)
            self.sns(now)
            if self.conversation.sender.deadLink:
                break
        self.assertEqual(now, 19_000)

    def test_overtakenAfter(self) -> None:
        """
        ACKs of these copies count for segments that went before them, those of older copies do not.
        """
        self.conversation.sender.resendAll(50)
        self.sns(50)
        self.conversation.receive([ack(8, ts=0), ack(9, ts=0)], 60)
        self.assertFalse(self.conversation.sender.wantsFlush)
        self.conversation.receive([ack(1, ts=50), ack(2, ts=50)], 70)
        self.assertTrue(self.conversation.sender.wantsFlush)
        self.assertEqual(self.sns(70), [0])

    def test_hurriedBefore(self) -> None:
        """
        What was about to be sent for being overtaken is sent once.
        """
        self.conversation.receive([ack(8, ts=0), ack(9, ts=0)], 50)
        self.conversation.sender.resendAll(50)
        self.assertEqual(self.sns(50), list(range(8)))
        self.assertEqual(self.sns(51), [])
        self.assertEqual((self.stats.LostSegs, self.stats.FastRetransSegs), (8, 0))

    @given(strategies.integers(0, 1 << 30), strategies.lists(strategies.integers(1, 3000)))
    def test_anyTime(self, seed: int, pauses: list[int]) -> None:
        """
        Whenever it is called on a bad link, all bytes arrive and nothing is due without end.
        """
        random = Random(seed)

        def fate() -> list[int]:
            return [] if random.random() < 0.3 else [random.randrange(5, 60)]

        link = Link((fate, fate))
        sender, reader = link.ends
        text = random.randbytes(3000)
        sender.conversation.write(text)
        sender.conversation.flushBy(0)
        for pause in pauses[:10]:
            link.runFor(pause)
            sender.conversation.sender.resendAll(link.now)
        link.run(lambda: sender.conversation.drained)
        self.assertEqual(b"".join(reader.received), text)


class OutageTests(SynchronousTestCase):
    """
    A link that loses everything for a while.
    """

    def outage(self, seconds: int, again: bool) -> tuple[Link, int]:
        """
        Lose everything for C{seconds}, with ten segments in flight.

        @param again: whether L{Sender.resendAll} is called after it.
        @return: the link, and how long the delivery took after the outage, ms.
        """
        alive = True

        def fate() -> list[int]:
            return [20] if alive else []

        link = Link((fate, fate))
        sender, reader = link.ends
        for _ in range(10):
            sender.conversation.write(bytes(100))
            sender.conversation.flushBy(link.now)
            link.run(lambda: sender.conversation.drained)
        alive = False
        before = link.stats[0].OutSegs
        sender.conversation.write(bytes(1000))
        sender.conversation.flushBy(link.now)
        link.runFor(seconds * 1000)
        self.copies = (link.stats[0].OutSegs - before) / 10
        alive = True
        ended = link.now
        if again:
            sender.conversation.sender.resendAll(link.now)
        link.run(lambda: sender.conversation.drained)
        self.assertEqual(b"".join(reader.received), bytes(2000))
        return link, link.now - ended

    def test_growth(self) -> None:
        """
        The longer it lasts the fewer copies are sent a second, and the longer the last wait is
        in the end.
        """
        copies = []
        waits = []
        for seconds in (1, 4, 16, 64):
            _, wait = self.outage(seconds, again=False)
            copies.append(self.copies)
            waits.append(wait)
        # The time grows with the square of their number.
        for fewer, more in pairwise(copies):
            self.assertLess(more, 2.5 * fewer)
        self.assertLess(copies[-1], 80)
        self.assertLess(max(waits), 3000)

    def test_recovery(self) -> None:
        """
        After it the timeout is the path's again: the copies have not spoilt the estimate.
        """
        link, _ = self.outage(64, again=False)
        core = link.ends[0].conversation.sender
        self.assertLess(core.rtt.timeout, 60)
        link.ends[0].conversation.write(b"data")
        now = link.now
        link.ends[0].outgoing.send(now, link.ends[0].conversation.datagramsToSend(now))
        deadline = link.ends[0].conversation.deadline()
        self.assertEqual(deadline, now + core.rtt.timeout)

    def test_resendAll(self) -> None:
        """
        With L{Sender.resendAll} delivery takes one round trip.
        """
        _, wait = self.outage(64, again=True)
        self.assertEqual(wait, 40)

    def test_longestTimeout(self) -> None:
        """
        No timeout ever exceeds a minute.
        """
        conversation = alone()
        conversation.write(b"data")
        sent(conversation, 0)
        conversation.sender.rtt.timeout = MAXIMUM_RTO // 2
        now = 0
        for _ in range(10):
            deadline = conversation.deadline()
            assert deadline is not None
            self.assertLessEqual(deadline - now, MAXIMUM_RTO)
            now = deadline
            sent(conversation, now)
        self.assertEqual(conversation.deadline(), now + MAXIMUM_RTO)
