"""
Tests for L{kcptwisted.arq.conversation}: both ends of it, over links good and bad.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.settings import ARQSettings
from tests.arq.link import SETTINGS, Fate, Link, badFate, goodFate
from tests.properties import given, settings, strategies


class BadLinkTests(SynchronousTestCase):
    """
    Two conversations over a link that loses, repeats and reorders.
    """

    def exchange(
        self,
        seed: int = 1,
        size: int = 40_000,
        now: int = 0,
        firstSn: int = 0,
        settings: ARQSettings = SETTINGS,
        congested: bool = False,
    ) -> Link:
        """
        Send bytes both ways, in pieces of any size.
        """
        link = Link((badFate(seed), badFate(seed + 100)), now, firstSn, settings, congested)
        random = Random(seed + 1000)
        texts = [random.randbytes(size), random.randbytes(size)]
        for end, text in zip(link.ends, texts, strict=True):
            start = 0
            while start < size:
                length = random.randrange(1, 500)
                end.conversation.write(text[start : start + length])
                start += length
            end.conversation.flushBy(now)
        link.run(lambda: all(end.conversation.drained for end in link.ends))
        received = [b"".join(end.received) for end in link.ends]
        self.assertEqual(received, [texts[1], texts[0]])
        return link

    def test_stream(self) -> None:
        """
        All bytes arrive, in order, and none twice.
        """
        link = self.exchange()
        for stats in link.stats:
            self.assertGreater(stats.RetransSegs, 0)
            self.assertGreater(stats.RepeatSegs, 0)
            self.assertEqual(stats.KCPInErrors, 0)
            self.assertEqual(
                stats.RetransSegs,
                stats.FastRetransSegs + stats.EarlyRetransSegs + stats.LostSegs,
            )

    def test_wraparound(self) -> None:
        """
        So they do while sn, una and ts wrap.
        """
        link = self.exchange(seed=2, now=2**32 - 100, firstSn=2**32 - 200)
        self.assertGreater(link.now, 2**32)
        self.assertEqual(sum([stats.KCPInErrors for stats in link.stats]), 0)

    def test_halfwayRound(self) -> None:
        """
        So they do where the sign of a 32-bit difference would change.
        """
        self.exchange(seed=3, now=2**31 - 100, firstSn=2**31 - 200)

    def test_fullDatagrams(self) -> None:
        """
        So they do in datagrams of the usual size.
        """
        self.exchange(seed=4, size=200_000, settings=replace(SETTINGS, mtu=1400))

    def test_congestionControl(self) -> None:
        """
        So they do with congestion control.
        """
        self.exchange(seed=5, size=10_000, congested=True)

    def test_normalTiming(self) -> None:
        """
        So they do with long timeouts, late ACKs and without fast retransmission.
        """
        unhurried = replace(SETTINGS, nodelay=False, interval=40, ackDelay=30, resend=0)
        self.exchange(seed=6, size=20_000, settings=unhurried)

    def test_smallWindows(self) -> None:
        """
        So they do with windows of a few segments.
        """
        narrow = replace(SETTINGS, sendWindow=3, receiveWindow=40, ackNoDelay=True)
        self.exchange(seed=7, size=20_000, settings=narrow)

    def test_messages(self) -> None:
        """
        All messages arrive, in order and whole.
        """
        apart = replace(SETTINGS, stream=False)
        link = Link((badFate(8), badFate(9)), 2**32 - 300, 2**32 - 50, apart)
        random = Random(10)
        sent = [[random.randbytes(random.randrange(1, 2000)) for _ in range(40)] for _ in range(2)]
        for end, messages in zip(link.ends, sent, strict=True):
            for message in messages:
                end.conversation.write(message)
            end.conversation.flushBy(link.now)
        link.run(lambda: all(end.conversation.drained for end in link.ends))
        self.assertEqual([end.received for end in link.ends], [sent[1], sent[0]])

    def test_slowReader(self) -> None:
        """
        All bytes arrive at an application that stops reading again and again.
        """
        narrow = replace(SETTINGS, receiveWindow=40)
        link = Link((badFate(11), badFate(12)), settings=narrow)
        random = Random(13)
        sender, reader = link.ends
        text = random.randbytes(30_000)
        sender.conversation.write(text)
        sender.conversation.flushBy(0)

        for _ in range(1000):
            reader.reads = random.random() < 0.2
            link.runFor(50)
        self.assertEqual(b"".join(reader.received), text)

    @settings(max_examples=40)
    @given(
        strategies.lists(strategies.booleans(), max_size=60),
        strategies.lists(strategies.booleans(), max_size=60),
        strategies.integers(0, 2**32 - 1),
        strategies.lists(strategies.integers(5, 60), min_size=1, max_size=10),
    )
    def test_anyLoss(
        self, there: list[bool], back: list[bool], firstSn: int, delays: list[int]
    ) -> None:
        """
        Whichever datagrams are lost, at any time a beginning of what was written has been read,
        and all of it in the end.
        """
        delay = cycle(delays)

        def fate(losses: Iterator[bool]) -> Fate:
            return lambda: [] if next(losses, False) else [next(delay)]

        link = Link((fate(iter(there)), fate(iter(back))), 0, firstSn)
        text = Random(len(there)).randbytes(4000)
        sender, reader = link.ends
        sender.conversation.write(text)
        sender.conversation.flushBy(0)

        def check() -> None:
            self.assertTrue(text.startswith(b"".join(reader.received)))

        link.run(lambda: sender.conversation.drained, check)
        self.assertEqual(b"".join(reader.received), text)


class GoodLinkTests(SynchronousTestCase):
    """
    Two conversations over a link without faults.
    """

    def test_noWaste(self) -> None:
        """
        Nothing is sent twice.
        """
        link = Link((goodFate, goodFate))
        sender, reader = link.ends
        sender.conversation.write(bytes(20_000))
        sender.conversation.flushBy(0)
        link.run(lambda: sender.conversation.drained)
        self.assertEqual(b"".join(reader.received), bytes(20_000))
        self.assertEqual(link.stats[0].OutSegs, 200)
        self.assertEqual(link.stats[0].RetransSegs, 0)
        self.assertEqual(link.stats[1].InSegs, 200)
        self.assertEqual(link.stats[1].RepeatSegs, 0)

    def test_idle(self) -> None:
        """
        When all is delivered and acknowledged nothing is due any more at either end.
        """
        link = Link((goodFate, goodFate))
        for end in link.ends:
            end.conversation.write(b"data")
            end.conversation.flushBy(0)
        link.runFor(10_000)
        for end in link.ends:
            self.assertIs(end.conversation.deadline(), None)
            self.assertFalse(end.conversation.wantsFlush)
            self.assertTrue(end.conversation.drained)

    def test_roundTrip(self) -> None:
        """
        The round trip is measured, ACK delay included.
        """
        link = Link((goodFate, goodFate), settings=replace(SETTINGS, ackDelay=7))
        sender = link.ends[0]
        sender.conversation.write(b"data")
        sender.conversation.flushBy(0)
        link.run(lambda: sender.conversation.drained)
        self.assertEqual(sender.conversation.sender.rtt.smoothed, 47)
