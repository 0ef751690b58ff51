"""
Tests for L{kcptwisted.arq.staleness}, and for what a conversation makes of it.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.staleness import PROOF_TIME, Staleness
from kcptwisted.wire.segment import WASK
from tests.arq.link import SETTINGS
from tests.arq.single import ack, alone, push, sent, tell


class StalenessTests(SynchronousTestCase):
    """
    Tests for L{Staleness}, by a conversation that has sent fifty segments, all acknowledged.
    """

    def setUp(self) -> None:
        """
        Have fifty segments acknowledged.
        """
        self.begin()

    def begin(self, firstSn: int = 0) -> None:
        """
        Have fifty segments acknowledged.
        """
        self.base = firstSn
        self.conversation = alone(firstSn=firstSn)
        self.conversation.receive([tell(una=firstSn, wnd=128)], 0)
        self.conversation.write(bytes(5000))
        self.assertEqual(len(sent(self.conversation)), 50)
        self.hear(50, now=0)
        self.assertTrue(self.conversation.drained)

    def hear(self, *unas: int, now: int, recovered: bool = False) -> None:
        """
        Let a batch of datagrams arrive that tell C{unas}, counted from the first.
        """
        batch = [tell(una=(self.base + una) & 0xFFFFFFFF) for una in unas]
        self.assertFalse(self.conversation.receive(batch, now, recovered))

    def verdict(self) -> tuple[bool, bool]:
        """
        @return: whether the peer should be asked, and has restarted.
        """
        return self.conversation.wantsProof, self.conversation.peerRestarted

    def test_restarted(self) -> None:
        """
        A peer whose una went back is asked at once, and has restarted when for three seconds no
        other una has come.
        """
        self.assertEqual(self.verdict(), (False, False))
        self.hear(0, now=1000)
        self.assertEqual(self.verdict(), (True, False))
        self.hear(0, now=2000)
        self.hear(1, now=999 + PROOF_TIME)
        self.assertFalse(self.conversation.peerRestarted)
        self.hear(2, now=1000 + PROOF_TIME)
        self.assertTrue(self.conversation.peerRestarted)

    def test_longRoundTrip(self) -> None:
        """
        Datagrams may be underway for as long as the round trip was: it takes no less time than the
        retransmission timeout to judge, because a path may have become short, and then have lost
        all that came after.
        """
        self.conversation.sender.rtt.sample(8000)
        timeout = self.conversation.sender.rtt.timeout
        for now in (1000, 2000, 1000 + PROOF_TIME, 999 + timeout):
            self.hear(0, now=now)
            self.assertFalse(self.conversation.peerRestarted, now)
        self.hear(0, now=1000 + timeout)
        self.assertTrue(self.conversation.peerRestarted)

    def test_threeBatches(self) -> None:
        """
        Two batches prove nothing, however far apart.
        """
        self.hear(0, 0, 0, now=1000)
        self.hear(0, 0, 0, now=60_000)
        self.assertFalse(self.conversation.peerRestarted)
        self.hear(0, now=60_000)
        self.assertTrue(self.conversation.peerRestarted)

    def test_wrapped(self) -> None:
        """
        So it is when the unas have wrapped since.
        """
        self.begin(firstSn=2**32 - 20)
        for now in (1000, 2000, 4000):
            self.hear(0, now=now)
        self.assertTrue(self.conversation.peerRestarted)

    def test_onceASecond(self) -> None:
        """
        Once asked, the peer is to be asked again by old unas that come a second later, not before.
        """
        self.hear(0, now=1000)
        self.conversation.askWindow()
        self.assertFalse(self.conversation.wantsProof)
        self.hear(0, now=1999)
        self.assertFalse(self.conversation.wantsProof)
        self.hear(0, now=2000)
        self.assertTrue(self.conversation.wantsProof)
        self.conversation.sendControl(WASK, b"hello")
        self.assertFalse(self.conversation.wantsProof)

    def test_answered(self) -> None:
        """
        The current una ends the suspicion, and it begins anew after.
        """
        for now in (1000, 2000, 3999):
            self.hear(0, now=now)
        self.hear(50, now=3999)
        self.assertEqual(self.verdict(), (False, False))
        self.hear(0, now=4000)
        self.hear(0, now=6999)
        self.assertFalse(self.conversation.peerRestarted)
        self.hear(0, now=7000)
        self.assertTrue(self.conversation.peerRestarted)

    def test_progress(self) -> None:
        """
        So does a una that goes on.
        """
        self.conversation.write(b"more")
        sent(self.conversation, 500)
        for now in (1000, 2000, 3999):
            self.hear(0, now=now)
        self.hear(51, now=3999)
        self.hear(0, now=4000)
        self.assertFalse(self.conversation.peerRestarted)

    def test_lateAmongCurrent(self) -> None:
        """
        Datagrams that were overtaken say nothing beside one that was not, wherever in the batch
        that stands.
        """
        for now in range(1000, 20_000, 1000):
            self.hear(50, 3, now=now)
            self.hear(3, 50, 3, now=now)
            self.assertEqual(self.verdict(), (False, False))

    def test_lateBetweenCurrent(self) -> None:
        """
        Nor do batches of them with current ones between.
        """
        for now in range(1000, 20_000, 500):
            self.hear(now // 1000, now=now)
            self.hear(now // 1000, now=now)
            self.assertFalse(self.conversation.peerRestarted)
            self.hear(50, now=now + 10)

    def test_recovered(self) -> None:
        """
        What was rebuilt from parity is late by nature and does not count.
        """
        for now in (1000, 2000, 4000, 5000):
            self.hear(0, now=now, recovered=True)
        self.assertEqual(self.verdict(), (False, False))

    def test_beyondNext(self) -> None:
        """
        A forged una beyond what was sent neither raises a suspicion nor ends one.
        """
        self.hear(60, now=500)
        self.assertEqual(self.verdict(), (False, False))
        for now in (1000, 2000, 4000):
            self.hear(0, now=now)
            self.hear(60, now=now)
        self.assertTrue(self.conversation.peerRestarted)

    def test_nothingAcknowledged(self) -> None:
        """
        A peer that has not received anything yet is not under suspicion.
        """
        conversation = alone()
        conversation.write(b"mine")
        sent(conversation)
        for now in range(0, 20_000, 1000):
            conversation.receive([tell(una=0)], now)
        self.assertFalse(conversation.wantsProof or conversation.peerRestarted)


class FullWindowTests(SynchronousTestCase):
    """
    A peer whose window is full: it acknowledges segments that its una has not reached.
    """

    def test_paused(self) -> None:
        """
        However long its application does not read, and however slowly it goes on, it has not
        restarted.
        """
        sender = alone(replace(SETTINGS, sendWindow=32))
        reader = alone(replace(SETTINGS, receiveWindow=16))
        sender.write(bytes(5000))
        reader.receive(sender.datagramsToSend(0), 0)
        sender.receive(reader.datagramsToSend(0), 0)
        self.assertEqual((sender.sender.una, reader.receiver.next), (32, 16))
        for now in range(1000, 20_000, 1000):
            sender.askWindow()
            reader.receive(sender.datagramsToSend(now), now)
            sender.receive(reader.datagramsToSend(now), now)
        self.assertFalse(sender.wantsProof or sender.peerRestarted)
        # A una between the one told and what was acknowledged, and again.
        for now in range(20_000, 40_000, 1000):
            sender.receive([tell(una=20, wnd=0)], now)
        self.assertFalse(sender.wantsProof or sender.peerRestarted)
        for now in range(40_000, 44_000, 1000):
            sender.receive([tell(una=19, wnd=0)], now)
        self.assertTrue(sender.wantsProof and sender.peerRestarted)


class RestartTests(SynchronousTestCase):
    """
    A peer that really restarts.
    """

    def test_restart(self) -> None:
        """
        What it sends and acknowledges after the restart gives it away; without the rule both would
        go on for ever.
        """
        ours, theirs = alone(), alone()
        ours.write(b"before")
        theirs.receive(ours.datagramsToSend(0), 0)
        ours.receive(theirs.datagramsToSend(0), 0)
        self.assertTrue(ours.drained)
        theirs = alone()
        now = 0
        while not ours.peerRestarted:
            now += 200
            self.assertLess(now, 10_000)
            theirs.write(b"anew")
            ours.receive(theirs.datagramsToSend(now), now)
            if ours.wantsProof:
                ours.askWindow()
            theirs.receive(ours.datagramsToSend(now), now)
        self.assertEqual(now, 200 + PROOF_TIME)

    def test_segmentsCount(self) -> None:
        """
        The una of any segment counts, a PUSH's or an ACK's.
        """
        for datagram in (push(0, una=0), ack(0, una=0)):
            conversation = alone()
            conversation.write(b"mine")
            sent(conversation)
            conversation.receive([tell(una=1)], 0)
            conversation.receive([datagram], 10)
            self.assertTrue(conversation.wantsProof)

    def test_unit(self) -> None:
        """
        The class by itself: a una behind what was told is old, one not behind it is not.
        """
        staleness = Staleness(10)
        staleness.behind([10], 12, 200, 0)
        self.assertFalse(staleness.wantsProof)
        staleness.behind([9], 12, 200, 0)
        self.assertTrue(staleness.wantsProof)
