"""
A peer whose window is shut is asked, whatever else is to be sent or in flight.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.probe import INITIAL_WAIT
from kcptwisted.wire.segment import PUSH, WASK
from tests.arq.link import SETTINGS
from tests.arq.single import ack, alone, sent, tell


class ShutWindowTests(SynchronousTestCase):
    """
    A window that is told to be shut while segments wait.
    """

    def assertAsks(self, conversation: Conversation, now: int) -> None:
        """
        See that the peer is asked in time, and that all goes on when it answers.
        """
        while True:
            deadline = conversation.deadline()
            assert deadline is not None
            self.assertLessEqual(deadline, now + INITIAL_WAIT)
            segments = sent(conversation, deadline)
            if WASK in {segment.cmd for segment in segments}:
                break
        conversation.receive([tell(conversation.sender.una, wnd=9)], deadline)
        self.assertIn(PUSH, {segment.cmd for segment in sent(conversation, deadline + 5000)})

    def test_queueWaitsForPacer(self) -> None:
        """
        Nothing is in flight, and the queue waits for its pace, when a datagram comes that was
        overtaken by one that told the window's opening.
        """
        conversation = alone(replace(SETTINGS, rateLimit=1000))
        conversation.write(bytes(1000))
        self.assertEqual(len(sent(conversation, 0)), 2)
        conversation.receive([ack(1, 2, ts=0)], 20)
        sent(conversation, 20)
        self.assertFalse(conversation.sender.inFlight)
        conversation.receive([tell(1, wnd=0)], 25)
        self.assertAsks(conversation, 25)

    def test_inFlight(self) -> None:
        """
        The same with segments in flight that have long timeouts.
        """
        conversation = alone(replace(SETTINGS, rateLimit=1000))
        conversation.sender.rtt.sample(60_000)
        conversation.write(bytes(1000))
        sent(conversation, 0)
        conversation.receive([tell(0, wnd=0)], 25)
        self.assertAsks(conversation, 25)

    def test_againOpen(self) -> None:
        """
        When the window opens before, nothing is asked.
        """
        conversation = alone(replace(SETTINGS, rateLimit=1000))
        conversation.write(bytes(300))
        sent(conversation, 0)
        conversation.receive([tell(0, wnd=0)], 25)
        conversation.receive([tell(2, wnd=9)], 30)
        for now in range(30, 2000, 10):
            self.assertNotIn(WASK, {segment.cmd for segment in sent(conversation, now)})
