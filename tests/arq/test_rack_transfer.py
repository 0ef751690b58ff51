"""
Tests for L{kcptwisted.arq.rack}: whole transfers.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.stats import SessionStats
from tests.arq.link import SETTINGS, Fate, Link, badFate, goodFate

BY_TIME = replace(SETTINGS, detectsLossByTime=True, sendWindow=64, receiveWindow=128)

#: Segments of a transfer.
COUNT = 2000


def jittery(seed: int, jitter: int) -> Fate:
    """
    @return: each datagram takes 20 ms, and up to C{jitter} more.
    """
    random = Random(seed)
    return lambda: [20 + random.randrange(jitter + 1)]


class TransferTests(SynchronousTestCase):
    """
    From one end to the other.
    """

    def transfer(self, link: Link, count: int = COUNT) -> SessionStats:
        """
        @return: what the sender counted; all has arrived.
        """
        sender, reader = (end.conversation for end in link.ends)
        data = Random(1).randbytes(100 * count)
        sender.write(data)
        sender.flushBy(link.now)
        link.run(lambda: sender.drained)
        self.assertEqual(b"".join(link.ends[1].received), data)
        self.assertTrue(reader.drained)
        return link.stats[0]

    def test_reordered(self) -> None:
        """
        Where datagrams overtake each other, and none is lost, few are sent twice.
        """
        for jitter in (10, 30, 50):
            link = Link((jittery(1, jitter), jittery(2, jitter)), settings=BY_TIME)
            stats = self.transfer(link)
            self.assertLess(stats.RetransSegs, COUNT * 0.03, f"jitter of {jitter} ms")

    def test_wraps(self) -> None:
        """
        It makes no difference that sns and times begin anew in the middle.
        """
        found = []
        for firstSn, now in ((0, 0), ((1 << 32) - COUNT // 2, (1 << 32) - 500)):
            link = Link((badFate(3), badFate(4)), now, firstSn, BY_TIME)
            stats = self.transfer(link)
            found.append((stats.RetransSegs, stats.NeedlessRetrans, link.now - now))
        self.assertEqual(found[0], found[1])
        self.assertGreater(found[0][0], COUNT // 10)

    def test_paused(self) -> None:
        """
        What a reader that does not read keeps from leaving is not lost, and what it has not
        acknowledged is not sent again and again.
        """
        link = Link((goodFate, goodFate), settings=BY_TIME)
        sender, reader = link.ends
        reader.reads = False
        sender.conversation.write(bytes(100 * COUNT))
        sender.conversation.flushBy(0)
        link.runFor(20_000)
        self.assertEqual(link.stats[0].RetransSegs, 0)
        self.assertGreater(len(sender.conversation.sender.queue), 0)
        reader.reads = True
        while reader.conversation.read() is not None:
            pass
        link.run(lambda: sender.conversation.drained)
        self.assertEqual(link.stats[0].RetransSegs, 0)

    def test_clockJumps(self) -> None:
        """
        When the clock jumps a minute, as it does in a machine that slept, what is in flight leaves
        once more at most, but for few, and all arrives.
        """
        link = Link((goodFate, goodFate), settings=BY_TIME)
        sender = link.ends[0].conversation
        sender.write(bytes(100 * COUNT))
        sender.flushBy(0)
        link.runFor(100)
        self.assertGreater(len(sender.sender.inFlight), 0)
        link.now += 60_000
        link.run(lambda: sender.drained)
        self.assertLessEqual(link.stats[0].RetransSegs, BY_TIME.sendWindow)
