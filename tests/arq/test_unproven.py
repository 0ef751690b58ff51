"""
Tests for L{kcptwisted.arq.unproven}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.arq.unproven import FACTOR, UnprovenPath
from kcptwisted.options import KCPOptions
from kcptwisted.stats import SessionStats
from kcptwisted.wire.fec import PARITY, dataShard, outOfBandPacket, packParityHeader
from kcptwisted.wire.segment import (
    ACK,
    MASK,
    OVERHEAD,
    PUSH,
    WASK,
    WINS,
    Segment,
    decodeSegments,
)

CONV = 7
EPOCH = 0xFFFFFF00

#: What all layers add, and what those below the session's do.
ALL, LOWER = 28, 20


class PathTestCase(SynchronousTestCase):
    """
    A conversation with a peer that is not proven.
    """

    stream = True

    def setUp(self) -> None:
        """
        Make it.
        """
        self.begin(1000)

    def begin(self, received: int, window: int = 128) -> None:
        """
        @param received: bytes that have come.
        @param window: the peer's.
        """
        self.stats = SessionStats()
        settings: ARQSettings = KCPOptions(crypt="null", stream=self.stream, mtu=1400).arqSettings(
            0
        )
        self.mss = settings.mss
        self.talk = Conversation(CONV, settings, self.stats)
        self.talk.sender.epoch = EPOCH
        self.path = UnprovenPath(self.talk.sender, settings, self.stats, received, ALL, LOWER)
        self.talk.unproven = self.path
        self.answer(WINS, window=window)

    def answer(self, cmd: int, sn: int = 0, ts: int = 0, una: int = 0, window: int = 128) -> None:
        """
        Have a segment arrive, at 300 ms.
        """
        self.talk.receive([Segment(CONV, cmd, 0, window, ts, sn, una, b"").encode()], 300)

    def send(self, now: int) -> list[Segment]:
        """
        @return: what leaves.
        """
        datagrams = self.path.affordable(self.talk.datagramsToSend(now))
        self.stats.OutPkts += len(datagrams)
        self.stats.OutBytes += sum(map(len, datagrams))
        return [segment for datagram in datagrams for segment in decodeSegments(datagram)]

    def come(self, size: int) -> None:
        """
        So many bytes more have come.
        """
        self.path._first += size


class StreamTests(PathTestCase):
    """
    A stream.
    """

    def test_release(self) -> None:
        """
        It limits the sender until it is released.
        """
        self.assertEqual(self.talk.sender.limits.cap, 0)
        self.path.release()
        self.assertIsNone(self.talk.sender.limits.cap)

    def test_whole(self) -> None:
        """
        What takes no more than half leaves as it is.
        """
        most = (3 * 1000 - ALL) // 2 - 2 * OVERHEAD
        for size in (1, self.mss, most, most + 1):
            self.begin(1000)
            self.talk.write(bytes(size))
            sent = sum(len(segment.data) for segment in self.send(0))
            self.assertEqual(sent, size if size <= most else self.mss)

    def test_cut(self) -> None:
        """
        What takes more does not: one byte goes ahead, and the rest is neither lost nor reordered.
        """
        self.begin(100)
        data = bytes(range(256)) * 20
        self.talk.write(data)
        (first,) = self.send(0)
        self.assertEqual((first.data, first.frg), (data[:1], 0))
        self.assertEqual(self.talk.sender.queuedBytes, len(data) - 1)
        self.assertFalse(self.talk.sender.wantsFlush)
        self.path.release()
        self.talk.unproven = None
        rest = [decodeSegments(datagram) for datagram in self.talk.datagramsToSend(1)]
        self.assertEqual(b"".join(s.data for segments in rest for s in segments), data[1:])

    def test_limit(self) -> None:
        """
        However long it is silent, it is not sent more than the limit, and asked to the last.
        """
        for received in (24, 49, 100, 333, 1000, 5000):
            self.begin(received)
            self.talk.write(bytes(100_000))
            for now in range(0, 60_000, 10):
                self.send(now)
            total = self.stats.OutBytes + self.stats.OutPkts * LOWER
            self.assertLessEqual(total, FACTOR * received)
            if received <= 100:
                self.assertLess(self.path.left, OVERHEAD + 1 + ALL)

    def test_again(self) -> None:
        """
        Of several that timed out one leaves, if something has come; else a WASK.
        """
        self.talk.write(bytes(100))
        self.send(0)
        self.talk.write(bytes(100))
        self.send(1)
        self.assertEqual([segment.cmd for segment in self.send(500)], [WASK])
        self.assertTrue(self.path.withheld)
        self.come(24)
        self.assertEqual([(s.cmd, s.sn) for s in self.send(2000)], [(PUSH, 0)])

    def test_cheap(self) -> None:
        """
        A small one leaves itself.
        """
        self.talk.write(b"x")
        self.send(0)
        self.assertEqual([segment.cmd for segment in self.send(500)], [PUSH])
        self.assertFalse(self.path.withheld)

    def test_proof(self) -> None:
        """
        The ts of what was sent is the proof, and the round trip is right.  No other ts is, nor an
        una or sn.
        """
        self.talk.write(b"x")
        (push,) = self.send(200)
        self.assertEqual(push.ts, (200 + EPOCH) & MASK)
        for ts in (200, 0, push.ts - 1):
            self.answer(ACK, 0, ts)
            self.assertFalse(self.path.proven)
        self.answer(WINS, una=1)
        self.assertFalse(self.path.proven)
        self.begin(1000)
        self.talk.write(b"x")
        (push,) = self.send(200)
        self.answer(ACK, 0, push.ts)
        self.assertTrue(self.path.proven)
        self.assertEqual(self.talk.sender.rtt.smoothed, 100)

    def test_nothing(self) -> None:
        """
        When nothing is left, nothing leaves and nothing is wanted; what comes lets it go on.
        """
        self.begin(0)
        self.talk.write(bytes(1000))
        self.assertEqual(self.send(0), [])
        self.assertFalse(self.talk.wantsFlush or self.talk.sender.wantsFlush)
        self.come(100)
        self.assertEqual([len(segment.data) for segment in self.send(1)], [1])

    def test_layers(self) -> None:
        """
        Parity, and an out-of-band packet, leave if they take no more than half.
        """
        self.begin(200)
        data = dataShard(0, bytes(300))
        header = packParityHeader(1, PARITY)
        small, large = header + bytes(102), header + bytes(302)
        self.assertEqual(self.path.affordable([large, data, small, small]), [data, small])
        self.begin(100)
        small, large = outOfBandPacket(CONV, bytes(90)), outOfBandPacket(CONV, bytes(200))
        self.assertEqual(self.path.affordable([large, small, small]), [small])
        self.assertEqual(self.path.affordable([bytes(280), bytes(281)]), [bytes(280)])


class MessageTests(PathTestCase):
    """
    Messages.
    """

    stream = False

    def test_cut(self) -> None:
        """
        The first fragment is cut, and counted.
        """
        self.begin(100)
        self.talk.write(bytes(3 * self.mss))
        (first,) = self.send(0)
        self.assertEqual((len(first.data), first.frg), (1, 3))
        frgs = [frg for frg, _ in self.talk.sender.queue]
        self.assertEqual(frgs, [2, 1, 0])

    def test_whole(self) -> None:
        """
        Small messages are not cut, also if there are many.
        """
        self.begin(100)
        for _ in range(10):
            self.talk.write(b"message")
        segments = self.send(0)
        self.assertEqual({(s.data, s.frg) for s in segments}, {(b"message", 0)})
        self.assertGreater(len(segments), 1)

    def test_longest(self) -> None:
        """
        One that has as many fragments as the peer takes is not cut: the peer is asked, once for
        each time that something comes, until the first fragment fits in.
        """
        self.begin(100, window=4)
        self.talk.write(bytes(4 * self.mss))
        self.assertEqual([s.cmd for s in self.send(0)], [WASK])
        self.assertEqual(self.send(1), [])
        self.come(24)
        self.assertEqual([s.cmd for s in self.send(2)], [WASK])
        self.come(500)
        (first,) = self.send(3)
        self.assertEqual((len(first.data), first.frg), (self.mss, 3))

    def test_middle(self) -> None:
        """
        Nor is one of which fragments have left.
        """
        self.begin(945)
        self.talk.write(bytes(2 * self.mss))
        (first,) = self.send(0)
        self.assertEqual((len(first.data), first.frg), (self.mss, 1))
        self.answer(WINS, una=1)
        self.assertEqual([s.cmd for s in self.send(1)], [WASK])
        self.assertEqual([frg for frg, _ in self.talk.sender.queue], [0])
