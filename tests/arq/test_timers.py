"""
Tests for L{kcptwisted.arq}: clocks that jump or stand still, and timers that find nothing to do.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.rtt import MAXIMUM_RTO
from kcptwisted.congestion.registry import CONTROLS
from tests.arq.link import SETTINGS, Link, badFate
from tests.arq.single import ack, alone, ask, push, sent, tell
from tests.properties import given, settings, strategies


class JumpTests(SynchronousTestCase):
    """
    A clock that jumps ahead, as after a suspension, or does not move.
    """

    def test_minutes(self) -> None:
        """
        When it jumps ahead by a minute again and again, nothing is lost, the link is not dead, and
        each jump costs at most one copy of what is in flight.
        """
        for seed in range(5):
            link = Link((badFate(seed), badFate(seed + 100)))
            sender, reader = link.ends
            text = Random(seed).randbytes(20_000)
            sender.conversation.write(text)
            sender.conversation.flushBy(0)
            link.runFor(50)
            for _ in range(5):
                inFlight = len(sender.conversation.sender.inFlight)
                before = link.stats[0].LostSegs
                link.now += 60_000
                link.runFor(0)
                self.assertLessEqual(link.stats[0].LostSegs - before, inFlight)
                link.runFor(30)
                self.assertFalse(sender.conversation.sender.deadLink)
            link.run(lambda: sender.conversation.drained)  # noqa: B023
            self.assertEqual(b"".join(reader.received), text)
            self.assertFalse(sender.conversation.sender.deadLink)

    def test_beyondTheRing(self) -> None:
        """
        When it jumps by more than half the ring of ts, a month, what was sent before is not taken
        for a round trip.
        """
        for jump in (2**31, 2**31 + 1, 2**32 - 1):
            conversation = alone()
            conversation.write(bytes(500))
            sent(conversation, 1000)
            conversation.receive([ack(4, ts=1000)], 1000 + jump)
            self.assertEqual(conversation.sender.rtt.smoothed, 0)
            self.assertEqual(
                [segment.sn for segment in sent(conversation, 1000 + jump)], [0, 1, 2, 3]
            )
            conversation.receive([tell(una=5)], 1010 + jump)
            self.assertTrue(conversation.drained)

    def test_sampleAfterJump(self) -> None:
        """
        A round trip of an hour is a sample of a minute, and soon forgotten.
        """
        conversation = alone()
        conversation.write(bytes(100))
        sent(conversation, 0)
        conversation.receive([ack(0, una=1, ts=0)], 3_600_000)
        self.assertEqual(conversation.sender.rtt.smoothed, MAXIMUM_RTO)
        now = 3_600_000
        for sn in range(1, 60):
            conversation.write(bytes(100))
            sent(conversation, now)
            conversation.receive([ack(sn, una=sn + 1, ts=now & 0xFFFFFFFF)], now + 40)
            now += 40
        self.assertLess(conversation.sender.rtt.smoothed, 100)

    def test_standsStill(self) -> None:
        """
        When it does not move and the link takes no time either, all is delivered at once, whatever
        has to be asked for or told.
        """
        narrow = replace(SETTINGS, sendWindow=8, receiveWindow=10)
        for each in (SETTINGS, narrow, replace(SETTINGS, ackNoDelay=True)):
            link = Link((lambda: [0], lambda: [0]), settings=each)
            sender, reader = link.ends
            sender.conversation.write(bytes(20_000))
            sender.conversation.flushBy(0)
            link.run(lambda: sender.conversation.drained)  # noqa: B023
            self.assertEqual(b"".join(reader.received), bytes(20_000))
            self.assertEqual((link.now, link.stats[0].RetransSegs), (0, 0))

    def test_pacedAfterJump(self) -> None:
        """
        The rate is kept to after a jump: no more than one burst has been saved up.
        """
        conversation = alone(replace(SETTINGS, rateLimit=12_400))
        conversation.write(bytes(3000))
        sent(conversation, 0)
        conversation.receive([tell(una=2)], 3_600_000)
        self.assertEqual(len(sent(conversation, 3_600_000)), 2)


#: What may happen to a conversation: its name, and two numbers that tell how.
_EVENT = strategies.tuples(
    strategies.sampled_from(
        ["write", "ack", "una", "window", "push", "ask", "again", "wait", "read", "due"]
    ),
    strategies.integers(0, 60),
    strategies.integers(0, 300),
)


class NothingDueTests(SynchronousTestCase):
    """
    A timer that is due and finds nothing to do would be due for ever.
    """

    @settings(max_examples=300)
    @given(
        strategies.lists(_EVENT, max_size=60),
        strategies.sampled_from([0, 1, 12_400, 100_000]),
        strategies.booleans(),
        strategies.integers(0, 3),
        strategies.integers(0, 2**33),
    )
    def test_anyTraffic(
        self,
        events: list[tuple[str, int, int]],
        rateLimit: int,
        congested: bool,
        resend: int,
        now: int,
    ) -> None:
        """
        Whatever happens, after a flush no other is wanted, and the deadline lies ahead or there is
        none; and what waits for its turn alone does leave at its deadline.
        """
        tuned = replace(
            SETTINGS, rateLimit=rateLimit, resend=resend, receiveWindow=20, stream=rateLimit != 1
        )
        if congested:
            tuned = replace(tuned, congestion=CONTROLS["kcp"])
        conversation = alone(tuned)
        core = conversation.sender
        for name, first, second in events:
            if name == "write":
                conversation.write(bytes(second))
                conversation.flushBy(now + first)
            elif name == "ack":
                una = core.una & 0xFFFFFFFF
                conversation.receive([ack(first, una=una, ts=max(now - second, 0) % 2**32)], now)
            elif name == "una":
                conversation.receive([tell(una=first)], now)
            elif name == "window":
                una = core.una & 0xFFFFFFFF
                conversation.receive([tell(una=una, wnd=first % 7)], now)
            elif name == "push":
                conversation.receive([push(first, bytes(second % 3), second % 4)], now)
            elif name == "ask":
                conversation.receive([ask()], now)
            elif name == "again":
                core.resendAll(now)
            elif name == "wait":
                now += second
            elif name == "read":
                conversation.read()
            self.flushIfDue(conversation, now)
            deadline = conversation.deadline()
            if name == "due" and deadline is not None:
                now = deadline
                waits = core.queue and not core.inFlight and core.remoteWindow and not resend
                paced = bool(waits) and deadline == core.deadline()
                self.assertTrue(conversation.datagramsToSend(now) or not paced)
                self.nothingIsDue(conversation, now)

    def flushIfDue(self, conversation: Conversation, now: int) -> None:
        """
        Do as a caller does.
        """
        deadline = conversation.deadline()
        if conversation.wantsFlush or (deadline is not None and deadline <= now):
            conversation.datagramsToSend(now)
            self.nothingIsDue(conversation, now)

    def nothingIsDue(self, conversation: Conversation, now: int) -> None:
        """
        Nothing is left for this moment.
        """
        self.assertFalse(conversation.wantsFlush)
        self.assertFalse(conversation.sender.wantsFlush)
        deadline = conversation.deadline()
        self.assertTrue(deadline is None or deadline > now)
