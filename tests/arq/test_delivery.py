"""
Tests for L{kcptwisted.arq.delivery}.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.delivery import MOST_DEPARTURES, DeliveryRate
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.congestion.registry import CONTROLS
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import WINS, packHeader

SETTINGS = replace(ARQSettings(), congestion=CONTROLS["kcp"])


class MemoryTests(SynchronousTestCase):
    """
    What is kept of segments that left.
    """

    def test_unaAlone(self) -> None:
        """
        A peer that acknowledges by una alone, so that nothing tells which copy arrived, does not
        have more and more kept.
        """
        conversation = Conversation(1, SETTINGS, SessionStats())
        for now in range(1000, 1000 + 2 * MOST_DEPARTURES):
            conversation.write(b"x")
            conversation.datagramsToSend(now)
            una = conversation.sender.next
            conversation.receive([packHeader(1, WINS, 0, 1000, 0, 0, una, 0)], now)
        governor = conversation.sender.limits.governor
        assert governor is not None
        self.assertLessEqual(len(governor.rate._departures), MOST_DEPARTURES)

    def test_latestAreKept(self) -> None:
        """
        When there are too many, the latest are those that are kept, and give samples.
        """
        rate = DeliveryRate(0, 0)
        end = 3 * MOST_DEPARTURES
        for now in range(end):
            rate.sent(now, 100, 100, 100)
        ack = rate.acknowledged(end, 100, end - MOST_DEPARTURES // 2, 0)
        self.assertEqual(ack.roundTrip, MOST_DEPARTURES // 2)
        self.assertEqual(rate.acknowledged(end, 100, 1, 0).roundTrip, -1)
