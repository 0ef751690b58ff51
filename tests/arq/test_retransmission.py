"""
Tests for L{kcptwisted.arq.retransmission}; what is sent again, and when, is tested with the sender.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.deadlines import ResendDeadlines
from kcptwisted.arq.retransmission import DEAD_LINK, Retransmission
from kcptwisted.arq.rtt import RoundTripEstimator
from kcptwisted.arq.sendqueue import Fragment
from kcptwisted.stats import SessionStats
from tests.arq.link import SETTINGS
from tests.arq.single import ack, alone, sent

COUNT = 10


class RetransmissionTests(SynchronousTestCase):
    """
    Tests for L{Retransmission}, with ten segments in flight.
    """

    def setUp(self) -> None:
        """
        Let the segments leave at 0, with a timeout of 200 ms.
        """
        self.settings = replace(SETTINGS, resend=2, interval=10, deadLinkAfter=10_000)
        self.inFlight: dict[int, Fragment] = dict.fromkeys(range(COUNT), (0, b"data"))
        self.deadlines = ResendDeadlines()
        self.deadlines.add(0, 200, range(COUNT))
        self.stats = SessionStats()
        self.retransmission = Retransmission(
            self.settings,
            self.inFlight,
            self.deadlines,
            RoundTripEstimator(10, True),
            self.stats,
        )

    def take(self, now: int, una: int = 0, progress: int = 0, fresh: bool = False) -> list[int]:
        """
        Take what is to be sent again.
        """
        return self.retransmission.take(now, una, progress, fresh)

    def acknowledge(self, *sns: int, una: int = 0, now: int = 50) -> None:
        """
        Let segments be acknowledged that left at 0.
        """
        for sn in sns:
            del self.inFlight[sn]
        self.retransmission.count([(sn, 0) for sn in sns], una, now)

    def test_timedOut(self) -> None:
        """
        After their timeout all are taken, and counted as lost.
        """
        self.assertEqual(self.take(199), [])
        self.assertFalse(self.retransmission.timedOut)
        self.assertEqual(self.take(200), list(range(COUNT)))
        self.assertTrue(self.retransmission.timedOut)
        self.assertEqual((self.stats.LostSegs, self.stats.RetransSegs), (COUNT, COUNT))
        self.assertEqual(self.take(200), [])
        self.assertFalse(self.retransmission.timedOut)

    def test_fast(self) -> None:
        """
        What was overtaken as often as the threshold says is taken before its timeout.
        """
        self.acknowledge(1, 2)
        self.assertEqual(self.take(50, fresh=True), [0])
        self.assertFalse(self.retransmission.timedOut)
        self.assertEqual((self.stats.FastRetransSegs, self.stats.RetransSegs), (1, 1))

    def test_early(self) -> None:
        """
        What was overtaken less often is taken when nothing new leaves, and due again after an
        interval if something did.
        """
        self.acknowledge(1)
        self.assertEqual(self.retransmission.overtaken.due, 50)
        self.assertEqual(self.take(50, fresh=True), [])
        self.retransmission.flushed(50)
        self.assertEqual(self.retransmission.overtaken.due, 60)
        self.assertEqual(self.take(60), [0])
        self.retransmission.flushed(60)
        self.assertIs(self.retransmission.overtaken.due, None)
        self.assertEqual(self.stats.EarlyRetransSegs, 1)

    def test_exhausted(self) -> None:
        """
        A segment is exhausted when it has been sent often, if nothing was acknowledged for long.
        """
        now = 0
        exhausted = []
        for _ in range(DEAD_LINK):
            now += 60_000
            self.take(now)
            exhausted.append(self.retransmission.exhausted)
        # The first copy left before.
        self.assertEqual(exhausted, [False] * (DEAD_LINK - 2) + [True, True])
        self.take(now + 60_000, progress=now + 55_000)
        self.assertFalse(self.retransmission.exhausted)

    def test_expire(self) -> None:
        """
        Segments that are expired time out as if for the first time, sent again before or not.
        """
        self.take(200)
        self.deadlines.clear()
        self.retransmission.expire(list(self.inFlight), 210)
        self.assertEqual(self.take(210), list(range(COUNT)))
        self.assertEqual(self.deadlines.first, 210 + 200 + 100)

    def test_forget(self) -> None:
        """
        Nothing is kept of segments that una has passed, few of them or many.
        """
        self.take(200)
        self.retransmission.forget(0, 2)
        self.assertEqual(list(self.retransmission._resends), list(range(2, COUNT)))
        self.retransmission.forget(2, 1000)
        self.assertEqual(self.retransmission._resends, {})

    def test_forgottenByTheSender(self) -> None:
        """
        The sender has segments forgotten as soon as una passes them.
        """
        conversation = alone()
        conversation.write(bytes(COUNT * SETTINGS.mss))
        conversation.datagramsToSend(0)
        self.assertEqual(len(sent(conversation, 1000)), COUNT)
        conversation.receive([ack(7, una=8)], 1000)
        retransmission = conversation.sender._retransmission
        assert retransmission is not None
        self.assertEqual(list(retransmission._resends), [8, 9])
        conversation.receive([ack(9, una=COUNT)], 1000)
        self.assertIs(conversation.sender._retransmission, None)
