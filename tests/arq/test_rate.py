"""
Tests for L{kcptwisted.arq.sender}: how fast new segments leave, and how many in one turn.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.sender import MAXIMUM_BURST
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.wire.segment import OVERHEAD, PUSH
from tests.arq.link import SETTINGS, Fate, Link, goodFate
from tests.arq.single import ack, alone, sent, tell

#: A full segment every ten ms.
LIMIT = 100 * SETTINGS.mtu
#: What may leave at once.
BURST = 2 * SETTINGS.mtu


def _slowFate() -> list[int]:
    """
    @return: datagrams arrive in order after 200 ms.
    """
    return [200]


class RateTestCase(SynchronousTestCase):
    """
    Watches what leaves one end of a link.
    """

    def transfer(self, settings: ARQSettings, size: int, fate: Fate = goodFate) -> Link:
        """
        Send C{size} bytes and note when what leaves.
        """
        self.departures: list[tuple[int, int]] = []
        link = Link((fate, fate), settings=settings)
        sender, reader = link.ends
        send = sender.outgoing.send

        def note(now: int, datagrams: list[bytes]) -> None:
            self.departures.append((now, sum(map(len, datagrams))))
            send(now, datagrams)

        sender.outgoing.send = note  # type: ignore[assignment,method-assign]
        sender.conversation.write(bytes(size))
        sender.conversation.flushBy(0)
        link.run(lambda: sender.conversation.drained)
        self.assertEqual(sum(map(len, reader.received)), size)
        return link

    def most(self, span: int) -> int:
        """
        @return: the most bytes that left within C{span} ms.
        """
        return max(
            sum([size for when, size in self.departures if start <= when < start + span])
            for start, _ in self.departures
        )


class LimitTests(RateTestCase):
    """
    C{rateLimit}.
    """

    def test_anySecond(self) -> None:
        """
        No second, the first one neither, sees more than the limit and one burst; and no more time
        is lost than that.
        """
        settings = replace(SETTINGS, rateLimit=LIMIT)
        link = self.transfer(settings, 20_000)
        self.assertLessEqual(self.most(1000), LIMIT + BURST)
        self.assertLessEqual(self.most(100), LIMIT // 10 + BURST)
        total = 20_000 // 100 * SETTINGS.mtu
        self.assertLess(link.now - 1000 * total / LIMIT, 100)
        self.assertEqual(link.stats[0].RetransSegs, 0)

    def test_notByDefault(self) -> None:
        """
        Without it the same is over in a fraction of the time.
        """
        self.assertLess(self.transfer(SETTINGS, 20_000).now, 400)

    def test_waits(self) -> None:
        """
        What waits for the rate wants no flush, not even after one, but has a deadline.
        """
        conversation = alone(replace(SETTINGS, rateLimit=LIMIT))
        conversation.write(bytes(500))
        self.assertEqual(len(sent(conversation, 1000)), 2)
        self.assertFalse(conversation.wantsFlush)
        self.assertFalse(conversation.sender.wantsFlush)
        for due in (1010, 1020, 1030):
            self.assertEqual(conversation.deadline(), due)
            self.assertEqual(sent(conversation, due - 1), [])
            self.assertEqual(len(sent(conversation, due)), 1)
        self.assertEqual(conversation.deadline(), 1200)

    def test_windowShut(self) -> None:
        """
        What waits for the peer's window has no deadline of the rate.
        """
        conversation = alone(replace(SETTINGS, rateLimit=LIMIT))
        conversation.write(bytes(500))
        sent(conversation, 0)
        conversation.receive([tell(una=2, wnd=0)], 1)
        sent(conversation, 1)
        self.assertEqual(conversation.deadline(), 501)

    def test_windowReopens(self) -> None:
        """
        When it opens a flush is wanted if meanwhile there is enough for a segment, else not.
        """
        for pause, wanted in ((9, False), (10, True)):
            conversation = alone(replace(SETTINGS, rateLimit=LIMIT))
            conversation.write(bytes(500))
            sent(conversation, 0)
            conversation.receive([tell(una=0, wnd=0)], 0)
            sent(conversation, 0)
            conversation.receive([tell(una=0, wnd=9)], pause)
            self.assertEqual(conversation.sender.wantsFlush, wanted)

    def test_resends(self) -> None:
        """
        Resends are not held back, and new segments wait the longer for them.
        """
        conversation = alone(replace(SETTINGS, rateLimit=LIMIT, nodelay=False))
        conversation.write(bytes(1000))
        for now in range(200):
            sent(conversation, now)
        self.assertEqual(len(conversation.sender.inFlight), 10)
        conversation.write(bytes(1000))
        conversation.sender.resendAll(1000)
        self.assertEqual([s.sn for s in sent(conversation, 1000)], list(range(10)))
        # Two were in the bucket and ten were taken: a ninth has to come in.
        self.assertEqual(conversation.deadline(), 1090)
        self.assertEqual(sent(conversation, 1089), [])
        self.assertEqual([s.sn for s in sent(conversation, 1090)], [10])

    def test_acksAreFree(self) -> None:
        """
        ACKs and questions leave however little the rate has left.
        """
        conversation = alone(replace(SETTINGS, rateLimit=1))
        conversation.write(bytes(1000))
        sent(conversation, 0)
        conversation.askWindow()
        self.assertEqual(len(sent(conversation, 0)), 1)


class PacingTests(RateTestCase):
    """
    C{pacing}.
    """

    settings = replace(SETTINGS, sendWindow=1000, receiveWindow=1000)

    def test_spread(self) -> None:
        """
        On a long way a window leaves over the round trip, at twice its pace, not in one burst.
        """
        self.transfer(self.settings, 1_000_000, _slowFate)
        # A window is 124,000 bytes, which leave in 200 ms; 20 ms' worth may leave at once.
        measured = [size for when, size in self.departures if when > 400]
        self.assertLessEqual(max(measured), 14_000)

    def test_off(self) -> None:
        """
        Without pacing whole windows leave at once.
        """
        self.transfer(replace(self.settings, pacing=False), 1_000_000, _slowFate)
        self.assertGreater(self.most(1), 50_000)

    def test_noSlower(self) -> None:
        """
        Pacing costs a fraction of a round trip, however many windows there are.
        """
        paced = self.transfer(self.settings, 2_000_000, _slowFate).now
        plain = self.transfer(replace(self.settings, pacing=False), 2_000_000, _slowFate).now
        self.assertLess(paced, plain + 400)

    def test_near(self) -> None:
        """
        On a short way nothing is paced.
        """
        self.transfer(self.settings, 1_000_000, lambda: [5])
        self.assertGreater(self.most(1), 50_000)

    def test_notEarly(self) -> None:
        """
        While segments wait for their pace, an overtaken one is not sent again early: more ACKs are
        to come.
        """
        conversation = alone(replace(SETTINGS, resend=5, rateLimit=LIMIT))
        conversation.write(bytes(1000))
        self.assertEqual(len(sent(conversation, 0)), 2)
        self.assertEqual(len(sent(conversation, 10)), 1)
        conversation.receive([ack(1)], 15)
        self.assertEqual(sent(conversation, 15), [])


class TurnTests(SynchronousTestCase):
    """
    How much one flush launches.
    """

    def test_turns(self) -> None:
        """
        However wide the windows are, one flush launches so many segments, and another is wanted
        until all have left.
        """
        count = 2 * MAXIMUM_BURST + 10
        conversation = alone(replace(SETTINGS, sendWindow=10_000, mtu=OVERHEAD + 1))
        conversation.receive([tell(wnd=10_000)], 0)
        conversation.write(bytes(count))
        turns: list[int] = []
        while not turns or conversation.wantsFlush:
            segments = sent(conversation, 0)
            self.assertEqual({segment.cmd for segment in segments}, {PUSH})
            turns.append(len(segments))
        self.assertEqual(turns, [MAXIMUM_BURST, MAXIMUM_BURST, 10])
        self.assertFalse(conversation.sender.queue)

    def test_exactly(self) -> None:
        """
        When the last of them fills the bound no other is wanted.
        """
        conversation = alone(replace(SETTINGS, sendWindow=10_000, mtu=OVERHEAD + 1))
        conversation.receive([tell(wnd=10_000)], 0)
        conversation.write(bytes(MAXIMUM_BURST))
        self.assertEqual(len(sent(conversation, 0)), MAXIMUM_BURST)
        self.assertFalse(conversation.wantsFlush)
