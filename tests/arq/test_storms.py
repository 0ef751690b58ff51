"""
Tests for L{kcptwisted.arq}: how many copies leave when ACKs are many, late and alike.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import PUSH, decodeSegments
from tests.arq.link import SETTINGS, Link
from tests.arq.single import ack, alone, sent

COUNT = 100


class StormTests(SynchronousTestCase):
    """
    A flood of ACKs.
    """

    def setUp(self) -> None:
        """
        Have a hundred segments in flight.
        """
        self.stats = SessionStats()
        self.conversation = alone(replace(SETTINGS, nodelay=False), stats=self.stats)
        self.conversation.sender.remoteWindow = COUNT
        self.conversation.write(bytes(100 * COUNT))
        self.assertEqual(len(sent(self.conversation, 0)), COUNT)
        self.copies: Counter[int] = Counter()

    def hear(self, *sns: int, now: int, ts: int = 0) -> None:
        """
        Let ACKs arrive in one batch, and flush if that is wanted.
        """
        self.conversation.receive([b"".join([ack(sn, ts=ts) for sn in sns])], now)
        if self.conversation.wantsFlush:
            self.flush(now)

    def flush(self, now: int) -> list[int]:
        """
        Flush and count the copies.
        """
        sns = [segment.sn for segment in sent(self.conversation, now) if segment.cmd == PUSH]
        self.copies.update(sns)
        return sns

    def test_duplicates(self) -> None:
        """
        The same ACKs, however often they come, bring one copy of what they overtook.
        """
        for now in range(1, 60):
            self.hear(*range(90, 100), now=now)
        self.assertEqual(self.copies, Counter(range(90)))

    def test_oneByOne(self) -> None:
        """
        So do ACKs that come backwards and one by one: each segment but the last is overtaken, and
        those that are not acknowledged meanwhile go again once.
        """
        for now, sn in enumerate(range(99, 49, -1), 1):
            self.hear(sn, sn, now=now)
        self.assertEqual(set(self.copies.values()), {1})
        self.assertEqual(self.stats.RetransSegs, self.stats.FastRetransSegs)
        self.assertLessEqual(set(self.copies), set(range(98)))

    def test_untilTimeout(self) -> None:
        """
        The next copy leaves when the timeout of that one has passed.
        """
        self.hear(98, 99, now=20)
        self.assertEqual(len(self.copies), 98)
        self.hear(97, ts=20, now=51)
        self.hear(*range(90, 97), ts=20, now=52)
        self.assertEqual(max(self.copies.values()), 1)
        # The timeout was 100 ms then.
        self.assertEqual(self.flush(119), [])
        self.assertEqual(self.flush(120), list(range(90)))

    def test_reordering(self) -> None:
        """
        On a link that loses nothing but reorders and repeats everything, a segment is sent a few
        times, not as often as it is overtaken.
        """
        for seed in range(5):
            random = Random(seed)

            def fate(random: Random = random) -> list[int]:
                return [random.randrange(20, 120) for _ in range(3)]

            link = Link((fate, fate))
            sender, reader = link.ends
            copies: Counter[int] = Counter()
            send = sender.outgoing.send

            def note(now: int, datagrams: list[bytes], send=send, copies=copies) -> None:  # type: ignore[no-untyped-def]
                for datagram in datagrams:
                    copies.update([s.sn for s in decodeSegments(datagram) if s.cmd == PUSH])
                send(now, datagrams)

            sender.outgoing.send = note  # type: ignore[assignment,method-assign]
            sender.conversation.write(bytes(50_000))
            sender.conversation.flushBy(0)
            link.run(lambda: sender.conversation.drained)  # noqa: B023
            self.assertEqual(b"".join(reader.received), bytes(50_000))
            self.assertLessEqual(max(copies.values()), 6)
            self.assertLess(link.stats[0].OutSegs, 3 * 500)


class SameMomentTests(SynchronousTestCase):
    """
    Segments that carry the same ts.
    """

    def test_oneSample(self) -> None:
        """
        The ACKs of a whole flush, whose ts is the same, give the round trip once a batch.
        """
        conversation = alone()
        conversation.write(bytes(1000))
        self.assertEqual({segment.ts for segment in sent(conversation, 500)}, {500})
        conversation.receive([b"".join([ack(sn, ts=500) for sn in range(5)])], 540)
        self.assertEqual((conversation.sender.rtt.smoothed, conversation.sender.una), (40, 5))

    def test_copyBesideNew(self) -> None:
        """
        ACKs of what left in the same millisecond as a copy count for that: they cannot be told
        from later ones.
        """
        stats = SessionStats()
        conversation = alone(replace(SETTINGS, nodelay=False), stats=stats)
        conversation.write(bytes(100))
        sent(conversation, 0)
        conversation.write(bytes(200))
        self.assertEqual([segment.sn for segment in sent(conversation, 200)], [0, 1, 2])
        conversation.receive([ack(1, ts=200) + ack(2, ts=200)], 240)
        self.assertEqual([segment.sn for segment in sent(conversation, 240)], [0])
        self.assertEqual((stats.LostSegs, stats.FastRetransSegs), (1, 1))

    def test_sentTwiceInAMillisecond(self) -> None:
        """
        A segment that is overtaken in the millisecond in which it left goes again once, and once
        more when the timeout of both copies has passed.
        """
        conversation = alone(replace(SETTINGS, nodelay=False))
        conversation.write(bytes(300))
        conversation.sender.rtt.timeout = 100
        sent(conversation, 0)
        conversation.receive([ack(1, ts=0) + ack(2, ts=0)], 0)
        self.assertEqual([segment.sn for segment in sent(conversation, 0)], [0])
        self.assertEqual(conversation.deadline(), 100)
        self.assertEqual([segment.sn for segment in sent(conversation, 100)], [0])
        self.assertEqual(conversation.deadline(), 300)
