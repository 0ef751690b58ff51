"""
Peers that are after this side's time or memory, or that say what cannot be.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from gc import get_referents

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.counting import CountingRecovery
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import OVERHEAD, WASK, Segment
from tests.arq.link import CONV, SETTINGS
from tests.arq.single import ack, alone, ask, push, sent, tell
from tests.arq.test_overtaken import Flight

#: Looks at one segment in flight, on average, that are few.
FEW = 15


class EffortTests(SynchronousTestCase):
    """
    How often segments in flight are looked at, whatever the ACKs are.
    """

    def assertFew(self, flight: Flight, count: int) -> None:
        """
        See that there were not many looks for each of C{count} segments.
        """
        self.assertLess(sum(flight.lookups.values()), FEW * count)

    def test_oldCopies(self) -> None:
        """
        Of segments that all timed out, single ACKs, each of an old copy, after one of a new copy.
        """
        count = 2000
        flight = Flight(2, count)
        flight.timeOut(200, *range(count))
        flight.acknowledge(count - 1, sent=300)
        for sn in reversed(range(count // 2, count - 1)):
            flight.acknowledge(sn, sent=100)
        self.assertFew(flight, count)

    def test_mixed(self) -> None:
        """
        Batches that each have an ACK of an old copy of a late segment, and one of a new copy of
        an early one: none of them counts for what is between.
        """
        count = 2000
        flight = Flight(2, count)
        flight.timeOut(200, *range(count))
        for number in range(count // 3):
            flight.overtaken.count(self.take(flight, number, count - 1 - number), number + 1)
        self.assertFew(flight, count)

    def take(self, flight: Flight, low: int, high: int) -> list[tuple[int, int]]:
        """
        Acknowledge two segments.
        """
        flight.sns -= {low, high}
        return [(low, 300), (high, 100)]

    def test_highThreshold(self) -> None:
        """
        With a high threshold, ACKs of many in one batch.
        """
        count = 2000
        flight = Flight(1000, count)
        flight.timeOut(200, *range(count))
        flight.acknowledge(*range(count // 2, count), sent=200)
        self.assertEqual(flight.takeFast(), list(range(count // 2)))
        self.assertFew(flight, count)

    def test_leftToTimeout(self) -> None:
        """
        What was looked at in vain too often is sent again by its timeout, and then counts afresh.
        """
        flight = Flight(1, 100)
        flight.timeOut(200, 50)
        for number in range(20):
            flight.overtaken.count(self.take(flight, number, 99 - number), number + 1)
        flight.acknowledge(60, sent=300)
        self.assertNotIn(50, flight.takeFast())
        flight.timeOut(400, 50)
        flight.acknowledge(61, sent=400)
        self.assertIn(50, flight.takeFast())


class SilentTests(SynchronousTestCase):
    """
    A peer that answers questions and acknowledges nothing, or next to nothing.
    """

    def held(self, conversation: Conversation) -> int:
        """
        @return: how many entries the largest part of what counts overtaken segments holds.
        """
        recovery = conversation.sender._recovery
        assert isinstance(recovery, CountingRecovery)
        parts = get_referents(recovery._overtaken)
        return max([len(each) for each in parts if isinstance(each, (dict, list, set, deque))])

    def most(self, resend: int, acks: Iterable[int]) -> int:
        """
        Let segments time out often, and write on.

        @param acks: of each round, an sn that is acknowledged in it, beyond a gap.
        @return: how many entries were held at most.
        """
        conversation = alone(replace(SETTINGS, resend=resend, sendWindow=20))
        conversation.write(bytes(2000))
        now = most = 0
        for number in acks:
            sent(conversation, now)
            now += 70_000
            conversation.receive([tell()], now)
            if number:
                conversation.receive([ack(number, ts=now - 70_000)], now)
            sent(conversation, now)
            most = max(most, self.held(conversation))
        return most

    def test_nothing(self) -> None:
        """
        No more is held of segments that time out again and again than a few entries each.
        """
        self.assertLess(self.most(2, [0] * 500), 200)

    def test_lateOnes(self) -> None:
        """
        Nor when now and then one is acknowledged.
        """
        self.assertLess(self.most(2, [0, 0, 19, 0, 0, 18, 0, 0, 17] + [0] * 500), 200)

    def test_countsOfTheGone(self) -> None:
        """
        Nor of what was overtaken and acknowledged while there is always something new to send.
        """
        conversation = alone(replace(SETTINGS, resend=0, sendWindow=20))
        conversation.write(bytes(400_000))
        sent(conversation, 0)
        for now in range(1, 1500):
            core = conversation.sender
            conversation.receive([ack(core.una + 1, core.una, ts=now - 1), tell(core.una)], now)
            conversation.receive([tell(core.una + 1)], now)
            self.assertTrue(core.queue)
            sent(conversation, now)
            self.assertLess(self.held(conversation), 200)


class LifeTests(SynchronousTestCase):
    """
    What counts as a sign of life.
    """

    def setUp(self) -> None:
        """
        Ten segments are in flight, and four have been received.
        """
        self.stats = SessionStats()
        self.conversation = alone(replace(SETTINGS, receiveWindow=64), stats=self.stats)
        self.conversation.receive([push(sn) for sn in range(4)], 0)
        self.conversation.answered = False
        self.conversation.write(bytes(1000))
        sent(self.conversation)

    def hears(self, *datagrams: bytes) -> bool:
        """
        @return: whether these are one.
        """
        self.conversation.receive(datagrams, 10)
        return self.conversation.heard

    def test_signs(self) -> None:
        """
        Any segment that can be of the peer's is one, also one that came before.
        """
        for datagram in (push(4), push(9), push(0), push(1), ack(3), ack(0), ask(), tell(una=4)):
            self.assertTrue(self.hears(datagram))
        self.assertTrue(self.conversation.answered)

    def test_malformed(self) -> None:
        """
        A datagram whose first segment is longer than it is none, nor is a foreign one.
        """
        header = Segment(CONV, WASK, 0, 128, 0, 0, 0, b"data").encode()[:OVERHEAD]
        other = Segment(CONV + 1, WASK, 0, 128, 0, 0, 0, b"").encode()
        for datagram in (header, header + b"dat", other, b"", b"x" * 23):
            self.assertFalse(self.hears(datagram))
        self.assertFalse(self.conversation.answered)
        self.assertEqual(self.stats.KCPInErrors, 2)

    def test_notNow(self) -> None:
        """
        What was heard before does not count for what comes now.
        """
        self.assertTrue(self.hears(ask()))
        self.assertFalse(self.hears(b"x" * 23))
        self.assertFalse(self.hears())

    def test_beyondWindow(self) -> None:
        """
        A PUSH beyond the window is none.
        """
        self.assertFalse(self.hears(push(4 + 64), push(2**31)))
        self.assertTrue(self.hears(push(4 + 64), push(4 + 63)))

    def test_neverSent(self) -> None:
        """
        Nor is an acknowledgement of what was never sent, by ACK or by una.
        """
        self.assertFalse(self.hears(ack(10), ack(2**31 - 1)))
        self.assertFalse(self.hears(tell(una=11), push(5, una=12), ack(3, una=2**30)))
        self.assertFalse(self.conversation.answered)
        self.assertTrue(self.hears(ack(10), ack(9)))
        self.assertTrue(self.hears(tell(una=10)))
