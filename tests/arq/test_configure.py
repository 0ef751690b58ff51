"""
Tests for L{kcptwisted.arq.conversation.Conversation.configure}.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.congestion.registry import CONTROLS
from kcptwisted.wire.segment import OVERHEAD, decodeSegments
from tests.arq.link import SETTINGS, Link, badFate
from tests.arq.single import ack, alone, push, sent, tell

MSS = SETTINGS.mss


class SendingTests(SynchronousTestCase):
    """
    What concerns the sending half.
    """

    def test_sendWindow(self) -> None:
        """
        A larger window wants a flush if something waits for it; in a smaller one nothing new leaves
        until there is room.
        """
        settings = replace(SETTINGS, sendWindow=4)
        conversation = alone(settings)
        conversation.write(bytes(10 * MSS))
        self.assertEqual(len(sent(conversation)), 4)
        self.assertFalse(conversation.wantsFlush)
        conversation.configure(replace(settings, sendWindow=6), 0)
        self.assertTrue(conversation.wantsFlush)
        self.assertEqual([segment.sn for segment in sent(conversation)], [4, 5])
        conversation.configure(replace(settings, sendWindow=2), 0)
        self.assertFalse(conversation.wantsFlush)
        conversation.receive([ack(3, una=4)], 1)
        self.assertEqual(sent(conversation, 1), [])
        conversation.receive([ack(4, una=5)], 2)
        self.assertEqual([segment.sn for segment in sent(conversation, 2)], [6])

    def test_congestionAfterPacing(self) -> None:
        """
        A congestion control that sets a window only is not paced by what windows and round trip
        were before.
        """
        conversation = alone(replace(SETTINGS, sendWindow=100))
        conversation.receive([tell(wnd=100)], 0)
        conversation.sender.rtt.sample(2000)
        conversation.write(bytes(200 * MSS))
        conversation.datagramsToSend(0)
        self.assertGreater(conversation.sender.limits.pacer.rate, 0)
        conversation.configure(replace(SETTINGS, congestion=CONTROLS["kcp"]), 10)
        conversation.datagramsToSend(10)
        self.assertEqual(conversation.sender.limits.pacer.rate, 0)

    def test_muchSmallerMtu(self) -> None:
        """
        A segment that was cut before, and is larger than all that may leave at once now, leaves
        where a full one may: by the rate limit, and by the congestion control's window.
        """
        narrow = replace(SETTINGS, mtu=OVERHEAD + 10)
        for changes in ({"rateLimit": 1000}, {"congestion": CONTROLS["kcp"]}):
            conversation = alone(replace(SETTINGS, **changes))
            conversation.receive([tell()], 0)
            conversation.write(bytes(8 * MSS))
            conversation.configure(replace(narrow, **changes), 0)
            received, now = 0, 0
            while received < 8 and now < 100_000:
                for segment in sent(conversation, now):
                    self.assertEqual(len(segment.data), MSS)
                    received = max(received, segment.sn + 1)
                conversation.receive([tell(una=received)], now)
                now += 100
            self.assertEqual(received, 8, changes)

    def test_muchSmallerMtuDeadline(self) -> None:
        """
        There is a deadline for such a segment, by which it leaves.
        """
        settings = replace(SETTINGS, mtu=OVERHEAD + 10, rateLimit=1000)
        conversation = alone(replace(SETTINGS, rateLimit=1000))
        conversation.write(bytes(8 * MSS))
        conversation.configure(settings, 0)
        now, left = 0, len(sent(conversation))
        while left < 8:
            due = conversation.deadline()
            assert due is not None
            self.assertGreater(due, now)
            now = due
            conversation.receive([tell(una=left)], now)
            left += len(sent(conversation, now))

    def test_smallerMtu(self) -> None:
        """
        Later segments are smaller; one that was cut before leaves alone, also when it is sent
        again, and no datagram of others is larger than allowed.
        """
        conversation = alone()
        conversation.write(bytes(3 * MSS))
        conversation.datagramsToSend(0)
        conversation.write(bytes(MSS))
        narrow = replace(SETTINGS, mtu=OVERHEAD + 40)
        conversation.configure(narrow, 0)
        conversation.write(bytes(100))
        conversation.sender.resendFirst(0)
        datagrams = conversation.datagramsToSend(1000)
        payloads = [len(part.data) for each in datagrams for part in decodeSegments(each)]
        self.assertEqual(payloads, [MSS, MSS, MSS, MSS, 40, 40, 20])
        for datagram in datagrams:
            self.assertTrue(len(datagram) <= narrow.mtu or len(decodeSegments(datagram)) == 1)

    def test_largerMtu(self) -> None:
        """
        A segment that waits is filled up.
        """
        conversation = alone()
        conversation.write(bytes(MSS))
        conversation.configure(replace(SETTINGS, mtu=OVERHEAD + 150), 0)
        conversation.write(bytes(100))
        self.assertEqual([len(segment.data) for segment in sent(conversation)], [150, 50])

    def test_resend(self) -> None:
        """
        The threshold holds for segments that are in flight, overtaken already or not.
        """
        conversation = alone(replace(SETTINGS, resend=5))
        conversation.write(bytes(6 * MSS))
        conversation.datagramsToSend(0)
        conversation.receive([ack(1)], 1)
        conversation.configure(replace(SETTINGS, resend=2), 0)
        conversation.receive([ack(2)], 1)
        self.assertEqual([segment.sn for segment in sent(conversation, 1)], [0])
        self.assertEqual(conversation._stats.FastRetransSegs, 1)

    def test_timeout(self) -> None:
        """
        The timeout follows nodelay and interval with the next sample.
        """
        conversation = alone(replace(SETTINGS, nodelay=False, interval=10))
        rtt = conversation.sender.rtt
        for number in range(2):
            conversation.write(b"data")
            conversation.datagramsToSend(number)
            if number:
                conversation.configure(replace(SETTINGS, nodelay=True, interval=10), 0)
            conversation.receive([ack(number, una=number + 1, ts=number)], number)
            self.assertEqual(rtt.timeout, [100, 30][number])

    def test_rateLimit(self) -> None:
        """
        A rate limit holds from the next flush on, and is gone at once.
        """
        conversation = alone()
        conversation.configure(replace(SETTINGS, rateLimit=1000), 0)
        conversation.write(bytes(20 * MSS))
        self.assertEqual(len(sent(conversation)), 2)
        self.assertFalse(conversation.wantsFlush)
        self.assertGreater(conversation.deadline() or 0, 0)
        conversation.configure(SETTINGS, 0)
        self.assertTrue(conversation.wantsFlush)
        self.assertEqual(len(sent(conversation)), 18)

    def test_congestion(self) -> None:
        """
        Congestion control is exchanged.
        """
        conversation = alone()
        conversation.configure(replace(SETTINGS, congestion=CONTROLS["kcp"]), 0)
        conversation.write(bytes(10 * MSS))
        self.assertEqual(len(sent(conversation)), 1)
        conversation.configure(SETTINGS, 0)
        self.assertEqual(len(sent(conversation)), 9)


class ReceivingTests(SynchronousTestCase):
    """
    What concerns the receiving half.
    """

    def test_smallerWindow(self) -> None:
        """
        What the peer was allowed to send before is still taken; what goes beyond is not.
        """
        settings = replace(SETTINGS, receiveWindow=8)
        conversation = alone(settings)
        conversation.receive([push(0, b"0")], 0)
        conversation.configure(replace(settings, receiveWindow=2), 0)
        conversation.receive([push(sn, b"%d" % sn) for sn in (8, 7, 6, 5, 4, 3, 2, 1)], 0)
        self.assertEqual(conversation.read(), b"012345678")
        self.assertEqual(conversation._stats.KCPInErrors, 0)
        conversation.receive([push(sn, b"%d" % sn) for sn in (11, 10, 9)], 0)
        self.assertEqual(conversation.read(), b"9:".replace(b":", b"10"))
        self.assertEqual(conversation._stats.KCPInErrors, 1)

    def test_told(self) -> None:
        """
        The next segments tell the window, 0 while more waits for the application than it holds.
        """
        settings = replace(SETTINGS, receiveWindow=8)
        conversation = alone(settings)
        conversation.receive([push(sn) for sn in range(4)], 0)
        conversation.configure(replace(settings, receiveWindow=2), 0)
        self.assertEqual([segment.wnd for segment in sent(conversation)], [0])
        conversation.read()
        self.assertTrue(conversation.wantsFlush)
        self.assertEqual([segment.wnd for segment in sent(conversation)], [2])

    def test_largerWindow(self) -> None:
        """
        What waited for room is in order now, and a peer whose window was shut is told.
        """
        settings = replace(SETTINGS, receiveWindow=2)
        conversation = alone(settings)
        conversation.receive([push(sn, b"%d" % sn) for sn in range(4)], 0)
        conversation.datagramsToSend(0)
        self.assertEqual((conversation.receiver.next, conversation.receiver.window), (2, 0))
        conversation.configure(replace(settings, receiveWindow=8), 0)
        self.assertEqual((conversation.receiver.next, conversation.receiver.window), (4, 4))
        self.assertTrue(conversation.wantsFlush)
        self.assertEqual([(each.wnd, each.una) for each in sent(conversation)], [(4, 4)])
        self.assertEqual(conversation.read(), b"0123")

    def test_ackNoDelay(self) -> None:
        """
        ACKs that wait do so no longer.
        """
        settings = replace(SETTINGS, ackDelay=20, ackNoDelay=False)
        conversation = alone(settings)
        conversation.receive([push(0)], 0)
        self.assertFalse(conversation.wantsFlush)
        conversation.configure(replace(settings, ackNoDelay=True), 0)
        self.assertTrue(conversation.wantsFlush)


class LiveTests(SynchronousTestCase):
    """
    Settings that change all the time, during a transfer.
    """

    def test_mode(self) -> None:
        """
        Whether writes are messages cannot be changed: segments that wait are of one kind.
        """
        error = self.assertRaises(ValueError, alone().configure, replace(SETTINGS, stream=False), 0)
        self.assertIn("stream", str(error))

    def test_nothingLost(self) -> None:
        """
        Over a bad link, all arrives once and in order.
        """
        for seed in range(4):
            self.transfer(seed)

    def transfer(self, seed: int) -> None:
        """
        Send many segments while both ends change their settings.
        """
        random = Random(seed)
        link = Link((badFate(seed), badFate(seed + 10)))
        sender, reader = link.ends
        data = random.randbytes(60_000)
        sender.conversation.write(data)
        sender.conversation.flushBy(0)

        def change() -> None:
            if random.random() < 0.8:
                return
            settings = replace(
                SETTINGS,
                mtu=OVERHEAD + random.choice([50, 100, 150]),
                sendWindow=random.choice([1, 8, 512]),
                receiveWindow=random.choice([1, 8, 1024]),
                nodelay=random.choice([False, True]),
                interval=random.choice([10, 40]),
                resend=random.choice([0, 2, 5]),
                ackNoDelay=random.choice([False, True]),
                rateLimit=random.choice([0, 20_000, 10**6]),
                congestion=random.choice([None, *CONTROLS.values()]),
                detectsLossByTime=random.choice([False, True]),
            )
            random.choice(link.ends).conversation.configure(settings, link.now)

        link.run(lambda: sender.conversation.drained, change)
        self.assertEqual(b"".join(reader.received), data)
        self.assertEqual([stats.KCPInErrors for stats in link.stats], [0, 0])
