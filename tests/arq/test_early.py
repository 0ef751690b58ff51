"""
Segments that were overtaken, but less often than the setting C{resend} says, while there is nothing
new to send: they do not wait for their timeout.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.settings import ARQSettings
from kcptwisted.wire.segment import PUSH
from tests.arq.link import Link
from tests.arq.single import ack, alone, sent

#: As the default options have it.
DEFAULTS = ARQSettings(interval=30, ackDelay=20, resend=2)


def _fate(lost: list[bool]) -> list[int]:
    return [] if lost and lost.pop() else [5]


class DeadlineTests(SynchronousTestCase):
    """
    When the next flush is due.
    """

    def overtake(self, settings: ARQSettings, count: int = 2) -> int:
        """
        Send C{count} segments, the first of which is lost, and have the last acknowledged after
        40 ms.

        @return: how many milliseconds later those missing leave again.
        """
        conversation = self.conversation = alone(settings)
        conversation.write(bytes(count * settings.mss))
        self.assertEqual(len(sent(conversation, 0)), count)
        conversation.receive([ack(count - 1, ts=0)], 40)
        self.assertFalse(conversation.wantsFlush)
        deadline = conversation.deadline()
        assert deadline is not None
        again = sent(conversation, deadline)
        self.assertEqual([segment.sn for segment in again], list(range(count - 1)))
        return deadline - 40

    def test_anyThreshold(self) -> None:
        """
        An eighth of the round trip later, whatever the threshold is.
        """
        for resend in (0, 2, 5):
            for count in (2, 5):
                self.assertEqual(self.overtake(replace(DEFAULTS, resend=resend), count), 5)

    def test_atMostTheInterval(self) -> None:
        """
        Not later than the interval that kcp-go would wait.
        """
        conversation = alone(replace(DEFAULTS, nodelay=False, interval=10))
        conversation.write(b"data")
        sent(conversation, 0)
        conversation.receive([ack(0, 1, ts=0)], 1000)
        conversation.write(bytes(2 * DEFAULTS.mss))
        sent(conversation, 2000)
        conversation.receive([ack(2, 1, ts=2000)], 3000)
        self.assertEqual(conversation.deadline(), 3010)

    def test_once(self) -> None:
        """
        After that there is the timeout only, and nothing more to send before it.
        """
        self.overtake(DEFAULTS)
        deadline = self.conversation.deadline()
        assert deadline is not None
        self.assertGreaterEqual(deadline, 45 + 100)

    def test_acknowledgedMeanwhile(self) -> None:
        """
        What was only late is not sent again.
        """
        conversation = alone(DEFAULTS)
        conversation.write(bytes(3 * DEFAULTS.mss))
        sent(conversation, 0)
        conversation.receive([ack(1, ts=0)], 40)
        conversation.receive([ack(0, 2, ts=0)], 42)
        self.assertEqual([each for each in sent(conversation, 45) if each.cmd == PUSH], [])

    def test_afterSomethingNew(self) -> None:
        """
        When something new leaves instead, they follow after the interval, if nothing new does.
        """
        conversation = alone(replace(DEFAULTS, resend=3))
        conversation.write(bytes(2 * DEFAULTS.mss))
        sent(conversation, 0)
        conversation.receive([ack(1, ts=0)], 40)
        conversation.write(b"new")
        self.assertEqual([segment.sn for segment in sent(conversation, 41)], [2])
        self.assertEqual(conversation.deadline(), 71)
        self.assertEqual([segment.sn for segment in sent(conversation, 71)], [0])

    def test_windowFull(self) -> None:
        """
        A queue that waits for the window is nothing new to send.
        """
        conversation = alone(replace(DEFAULTS, sendWindow=2))
        conversation.write(bytes(4 * DEFAULTS.mss))
        self.assertEqual(len(sent(conversation, 0)), 2)
        conversation.receive([ack(1, ts=0)], 40)
        self.assertEqual(conversation.deadline(), 45)
        self.assertEqual([segment.sn for segment in sent(conversation, 45)], [0])


class LinkTests(SynchronousTestCase):
    """
    Over a link.
    """

    def test_lostBeforeTheLast(self) -> None:
        """
        Two messages, 5 ms one way, and the first is lost: both are there in the time of two ways
        more and what the ACK waits for, not after the least timeout of 100 ms.
        """
        for resend in (0, 2, 5):
            lost: list[bool] = []
            settings = replace(DEFAULTS, stream=False, resend=resend)
            link = Link((partial(_fate, lost), partial(_fate, [])), settings=settings)
            sender, reader = link.ends
            for _ in range(5):
                sender.conversation.write(b"before")
                sender.conversation.flushBy(link.now)
                link.run(lambda: sender.conversation.drained)  # noqa: B023
            reader.received.clear()
            began = link.now
            lost.append(True)
            sender.conversation.write(b"first" * 100)
            sender.conversation.flushBy(began)
            sender.turn(began)
            sender.conversation.write(b"second")
            sender.conversation.flushBy(began)
            link.run(lambda: len(reader.received) == 2)  # noqa: B023
            self.assertLessEqual(link.now - began, 5 + 20 + 5 + 4 + 5, resend)
