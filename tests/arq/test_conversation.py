"""
Tests for L{kcptwisted.arq.conversation}: one end of it; C{test_transfer} has both.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.congestion.registry import CONTROLS
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import ACK, OVERHEAD, PUSH, WASK, WINS, Segment, decodeSegments
from tests.arq.link import CONV, SETTINGS, Link, goodFate
from tests.properties import given, strategies


def _make(
    settings: ARQSettings = SETTINGS, firstSn: int = 0, stats: SessionStats | None = None
) -> Conversation:
    return Conversation(CONV, settings, stats or SessionStats(), firstSn)


def _push(sn: int, data: bytes = b"data", frg: int = 0, ts: int = 0, wnd: int = 128) -> bytes:
    return Segment(CONV, PUSH, frg, wnd, ts, sn, 0, data).encode()


def _sent(conversation: Conversation, now: int = 0) -> list[Segment]:
    """
    Flush.
    """
    datagrams = conversation.datagramsToSend(now)
    return [segment for datagram in datagrams for segment in decodeSegments(datagram)]


class CongestionTests(SynchronousTestCase):
    """
    A conversation with congestion control.
    """

    def test_acknowledgedMakesRoom(self) -> None:
        """
        What is acknowledged behind a gap makes room for others, and so does a window that becomes
        larger because a segment is sent again.
        """
        settings = replace(SETTINGS, resend=2, congestion=CONTROLS["kcp"])
        conversation = Conversation(CONV, settings, SessionStats())
        assert conversation.sender.limits.governor is not None
        control = conversation.sender.limits.governor.control
        control.window = 3 * settings.mtu
        conversation.write(bytes(10 * settings.mss))
        self.assertEqual([each.sn for each in _sent(conversation)], [0, 1, 2])
        self.assertFalse(conversation.wantsFlush)
        acks = b"".join(Segment(CONV, ACK, 0, 128, 0, sn, 0, b"").encode() for sn in (1, 2))
        conversation.receive([acks], 50)
        self.assertEqual([each.sn for each in _sent(conversation, 50)], [0, 3, 4, 5])
        self.assertEqual(control.window, 4 * settings.mtu)
        self.assertFalse(conversation.wantsFlush)


class ReceiveTests(SynchronousTestCase):
    """
    Tests for L{Conversation.receive}.
    """

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.stats = SessionStats()
        self.conversation = _make(stats=self.stats)

    def test_answered(self) -> None:
        """
        A valid segment, and nothing less, is a sign of life.
        """
        self.conversation.receive([b"", bytes(24), _push(0)[:-1]], 0)
        self.assertFalse(self.conversation.answered)
        self.conversation.receive([_push(0)], 0)
        self.assertTrue(self.conversation.answered)

    def test_foreign(self) -> None:
        """
        Datagrams that begin with another conversation or an unknown command are given back, in
        order, and the others taken.
        """
        other = Segment(CONV + 1, PUSH, 0, 1, 0, 0, 0, b"other").encode()
        unknown = [Segment(CONV, cmd, 0, 1, 0, 0, 0, b"").encode() for cmd in (0, 80, 85, 241)]
        foreign = self.conversation.receive([other, _push(0), *unknown, _push(1)], 0)
        self.assertEqual(foreign, [other, *unknown])
        self.assertEqual(self.conversation.read(), b"datadata")
        self.assertEqual((self.stats.KCPInErrors, self.stats.InSegs), (0, 2))

    def test_tooShort(self) -> None:
        """
        Datagrams with less than a header are given back; a rest with less, behind a segment, is
        dropped and counted.
        """
        short = [b"", _push(0)[:23]]
        self.assertEqual(self.conversation.receive(short, 0), short)
        self.assertEqual(self.stats.KCPInErrors, 0)
        self.assertEqual(self.conversation.receive([_push(0) + short[1]], 0), [])
        self.assertEqual(self.stats.KCPInErrors, 1)

    def test_badLength(self) -> None:
        """
        A segment that says it is longer than it is, is dropped and counted.
        """
        self.conversation.receive([_push(0)[:-1]], 0)
        self.assertIs(self.conversation.read(), None)
        self.assertEqual(self.stats.KCPInErrors, 1)

    def test_badAfterGood(self) -> None:
        """
        What comes before a bad segment has been taken: one cut short, one of another conversation,
        one with an unknown command, and bytes left over.
        """
        bad = [
            _push(9)[:-1],
            Segment(CONV + 1, PUSH, 0, 1, 0, 9, 0, b"").encode(),
            Segment(CONV, 85, 0, 1, 0, 9, 0, b"").encode(),
            b"x",
        ]
        for sn, end in enumerate(bad):
            self.assertEqual(self.conversation.receive([_push(sn) + end + _push(9)], 0), [])
            self.assertEqual(self.conversation.read(), b"data")
        self.assertEqual(self.stats.KCPInErrors, 4)

    def test_segmentsOfOneDatagram(self) -> None:
        """
        All segments of a datagram are taken.
        """
        self.conversation.write(b"mine")
        _sent(self.conversation)
        ack = Segment(CONV, ACK, 0, 9, 0, 0, 0, b"").encode()
        ask = Segment(CONV, WASK, 0, 9, 0, 0, 0, b"").encode()
        self.conversation.receive([_push(0, b"a") + ack + _push(1, b"b") + ask], 0)
        self.assertEqual(self.conversation.read(), b"ab")
        self.assertTrue(self.conversation.drained)
        self.assertEqual([s.cmd for s in _sent(self.conversation)], [ACK, WINS])

    def test_dataOfOthers(self) -> None:
        """
        Data in an ACK, WASK or WINS is skipped.
        """
        segments = [
            Segment(CONV, cmd, 0, 9, 0, 0, 0, b"extension").encode() for cmd in (ACK, WASK, WINS)
        ]
        self.conversation.write(b"mine")
        _sent(self.conversation)
        self.conversation.receive([b"".join(segments) + _push(0)], 0)
        self.assertEqual(self.conversation.read(), b"data")
        self.assertEqual(self.stats.KCPInErrors, 0)

    def test_remoteWindow(self) -> None:
        """
        The last segment tells the peer's window.
        """
        self.conversation.receive([_push(0, wnd=77) + _push(1, wnd=76)], 0)
        self.assertEqual(self.conversation.sender.remoteWindow, 76)

    def test_recovered(self) -> None:
        """
        What was rebuilt from parity updates neither the round trip nor the peer's window, but
        counts in all else.
        """
        self.conversation.write(b"mine")
        _sent(self.conversation, 1000)
        before = self.conversation.sender.remoteWindow
        ack = Segment(CONV, ACK, 0, 9, 1000, 0, 0, b"").encode()
        self.conversation.receive([ack + _push(0, wnd=8)], 1050, recovered=True)
        self.assertEqual(self.conversation.sender.rtt.smoothed, 0)
        self.assertEqual(self.conversation.sender.remoteWindow, before)
        self.assertTrue(self.conversation.drained)
        self.assertEqual(self.conversation.read(), b"data")

    def test_beyondRoom(self) -> None:
        """
        Segments below rcv_nxt + rcv_wnd are kept and acknowledged though the application has not
        read, also when they come in one batch: a peer that has not heard of the window yet sends
        32.
        """
        conversation = _make(replace(SETTINGS, receiveWindow=16), stats=self.stats)
        conversation.receive([_push(sn) for sn in range(32)], 0)
        acks = {s.sn for s in _sent(conversation) if s.cmd == ACK}
        self.assertEqual(self.stats.KCPInErrors, 0)
        self.assertEqual(conversation.read(), b"data" * 32)
        self.assertTrue(acks >= set(range(16, 32)))

    @given(
        strategies.lists(
            strategies.lists(
                strategies.tuples(strategies.integers(0, 15), strategies.binary(max_size=3)),
                min_size=1,
                max_size=4,
            ),
            max_size=8,
        ),
        strategies.booleans(),
    )
    def test_batches(self, numbered: list[list[tuple[int, bytes]]], stream: bool) -> None:
        """
        A batch is taken like its datagrams one by one.
        """
        datagrams = [b"".join([_push(sn, data) for sn, data in each]) for each in numbered]
        roomy = replace(SETTINGS, receiveWindow=16, stream=stream)
        outcomes = []
        for batches in ([datagrams], [[datagram] for datagram in datagrams]):
            stats = SessionStats()
            conversation = _make(roomy, stats=stats)
            for batch in batches:
                conversation.receive(batch, 0)
            acks = [s.sn for s in _sent(conversation) if s.cmd == ACK]
            outcomes.append((acks, conversation.read(), stats.asDict()))
        self.assertEqual(outcomes[0], outcomes[1])

    @given(
        strategies.lists(strategies.binary(max_size=80), max_size=5),
        strategies.booleans(),
        strategies.integers(0, 2**33),
    )
    def test_anyBytes(self, datagrams: list[bytes], stream: bool, now: int) -> None:
        """
        Whatever bytes arrive, nothing is raised, and what is not KCP is given back or counted.
        """
        stats = SessionStats()
        conversation = _make(replace(SETTINGS, stream=stream), stats=stats)
        conversation.write(bytes(500))
        conversation.datagramsToSend(now)
        foreign = conversation.receive(datagrams, now)
        self.assertEqual(len(foreign) + stats.KCPInErrors, len(datagrams))

    @given(
        strategies.lists(
            strategies.builds(
                Segment,
                conv=strategies.just(CONV),
                cmd=strategies.integers(PUSH, WINS),
                frg=strategies.integers(0, 0xFF),
                wnd=strategies.sampled_from([0, 1, 32, 0xFFFF]),
                ts=strategies.integers(0, 0xFFFFFFFF) | strategies.integers(0, 1000),
                sn=strategies.integers(0, 0xFFFFFFFF) | strategies.integers(0, 60),
                una=strategies.integers(0, 0xFFFFFFFF) | strategies.integers(0, 60),
                data=strategies.binary(max_size=5),
            ),
            max_size=20,
        ),
        strategies.booleans(),
    )
    def test_anySegments(self, segments: list[Segment], stream: bool) -> None:
        """
        Whatever well-formed segments say, nothing is raised, all are taken, and a flush leaves
        nothing due.
        """
        conversation = _make(replace(SETTINGS, stream=stream, receiveWindow=32))
        now = 500
        for segment in segments:
            # A message of two segments may exceed the window that the peer tells.
            conversation.write(bytes(150 if stream else 90))
            self.assertEqual(conversation.receive([segment.encode()], now), [])
            conversation.read()
            for datagram in conversation.datagramsToSend(now):
                self.assertLessEqual(len(datagram), SETTINGS.mtu)
            deadline = conversation.deadline()
            self.assertTrue(deadline is None or deadline > now)
            now += 37


class AckTimingTests(SynchronousTestCase):
    """
    When ACKs leave.
    """

    def make(self, ackNoDelay: bool = False) -> Conversation:
        """
        A conversation with room for five ACKs in a datagram.
        """
        return _make(replace(SETTINGS, mtu=5 * OVERHEAD, ackDelay=20, ackNoDelay=ackNoDelay))

    def test_delayed(self) -> None:
        """
        An ACK waits for company, but not longer than the delay after the first segment.
        """
        conversation = self.make()
        conversation.receive([_push(0)], 1000)
        self.assertFalse(conversation.wantsFlush)
        self.assertEqual(conversation.deadline(), 1020)
        conversation.receive([_push(1, ts=55)], 1010)
        self.assertEqual(conversation.deadline(), 1020)
        self.assertEqual(_sent(conversation, 1020), [Segment(CONV, ACK, 0, 1022, 55, 1, 2, b"")])
        self.assertIs(conversation.deadline(), None)

    def test_noDelay(self) -> None:
        """
        With ackNoDelay an ACK leaves at once.
        """
        conversation = self.make(ackNoDelay=True)
        conversation.receive([_push(0)], 1000)
        self.assertTrue(conversation.wantsFlush)

    def test_enough(self) -> None:
        """
        ACKs leave at once when there are as many as a datagram holds.
        """
        conversation = self.make()
        conversation.receive([_push(sn) for sn in range(4)], 1000)
        self.assertFalse(conversation.wantsFlush)
        conversation.receive([_push(4)], 1000)
        self.assertTrue(conversation.wantsFlush)

    def test_withData(self) -> None:
        """
        ACKs travel with data that leaves earlier, and before it.
        """
        conversation = _make(replace(SETTINGS, ackDelay=20))
        conversation.receive([_push(0)], 1000)
        conversation.write(b"mine")
        datagrams = conversation.datagramsToSend(1001)
        self.assertEqual(len(datagrams), 1)
        self.assertEqual([s.cmd for s in decodeSegments(datagrams[0])], [ACK, PUSH])
        self.assertEqual(conversation.datagramsToSend(1020), [])

    def test_gap(self) -> None:
        """
        The ACKs of a flush name what lies after a gap, and una the gap itself.
        """
        conversation = _make()
        conversation.receive([_push(sn, ts=sn) for sn in (0, 2, 3)], 0)
        self.assertEqual([(s.sn, s.ts, s.una) for s in _sent(conversation)], [(2, 2, 1), (3, 3, 1)])

    def test_unaMoved(self) -> None:
        """
        A flush is wanted when a datagram moved una.
        """
        conversation = self.make()
        conversation.write(b"mine")
        _sent(conversation)
        ack = Segment(CONV, ACK, 0, 9, 0, 0, 1, b"").encode()
        conversation.receive([ack], 10)
        self.assertTrue(conversation.wantsFlush)

    def test_overtaken(self) -> None:
        """
        A flush is wanted when a segment was overtaken as often as the threshold says.
        """
        conversation = _make(replace(SETTINGS, resend=2))
        conversation.write(bytes(500))
        _sent(conversation)
        acks = [Segment(CONV, ACK, 0, 9, 0, sn, 0, b"").encode() for sn in (1, 2)]
        conversation.receive(acks[:1], 10)
        self.assertFalse(conversation.wantsFlush)
        conversation.receive(acks[1:], 10)
        self.assertTrue(conversation.wantsFlush)
        self.assertEqual([s.sn for s in _sent(conversation, 10)], [0])

    def test_flushBy(self) -> None:
        """
        What was written with a deadline leaves then, and the earlier of two deadlines holds.
        """
        conversation = _make()
        conversation.write(b"mine")
        conversation.flushBy(50)
        conversation.flushBy(80)
        self.assertFalse(conversation.wantsFlush)
        self.assertEqual(conversation.deadline(), 50)


class WindowTests(SynchronousTestCase):
    """
    Windows that shut, and how they open again.
    """

    def test_told(self) -> None:
        """
        Each segment tells the free window.
        """
        conversation = _make(replace(SETTINGS, receiveWindow=40))
        conversation.receive([_push(0), _push(1)], 0)
        conversation.write(b"mine")
        self.assertEqual([s.wnd for s in _sent(conversation)], [38, 38])

    def test_largest(self) -> None:
        """
        No more is told than the field holds.
        """
        conversation = _make(replace(SETTINGS, receiveWindow=65536))
        conversation.write(b"mine")
        self.assertEqual([s.wnd for s in _sent(conversation)], [65535])

    def test_asked(self) -> None:
        """
        A WASK is answered at once by one WINS.
        """
        conversation = _make(replace(SETTINGS, receiveWindow=40))
        ask = Segment(CONV, WASK, 0, 9, 0, 0, 0, b"").encode()
        conversation.receive([ask, ask], 0)
        self.assertTrue(conversation.wantsFlush)
        self.assertEqual(_sent(conversation, 2**32 + 5), [Segment(CONV, WINS, 0, 40, 5, 0, 0, b"")])
        self.assertEqual(_sent(conversation), [])

    def test_askWindow(self) -> None:
        """
        The caller can have a WASK sent, once.
        """
        conversation = _make()
        conversation.askWindow()
        self.assertTrue(conversation.wantsFlush)
        self.assertEqual([s.cmd for s in _sent(conversation)], [WASK])
        self.assertEqual(_sent(conversation), [])

    def test_told0(self) -> None:
        """
        A peer without room gets no data but, after half a second, a question.
        """
        conversation = _make()
        conversation.receive([Segment(CONV, WINS, 0, 0, 0, 0, 0, b"").encode()], 0)
        conversation.write(b"mine")
        self.assertEqual(_sent(conversation, 100), [])
        self.assertEqual(conversation.deadline(), 600)
        self.assertEqual([s.cmd for s in _sent(conversation, 600)], [WASK])
        self.assertEqual(conversation.deadline(), 1350)

    def test_nothingToSend(self) -> None:
        """
        A shut window is not asked for while nothing waits for it.
        """
        conversation = _make()
        conversation.receive([Segment(CONV, WINS, 0, 0, 0, 0, 0, b"").encode()], 0)
        self.assertEqual(_sent(conversation, 100), [])
        self.assertIs(conversation.deadline(), None)

    def test_reopens(self) -> None:
        """
        A WINS with room lets data leave at once, and ends the questions.
        """
        conversation = _make()
        conversation.receive([Segment(CONV, WINS, 0, 0, 0, 0, 0, b"").encode()], 0)
        conversation.write(b"mine")
        _sent(conversation, 100)
        conversation.receive([Segment(CONV, WINS, 0, 1, 0, 0, 0, b"").encode()], 200)
        self.assertTrue(conversation.wantsFlush)
        self.assertEqual([s.cmd for s in _sent(conversation, 200)], [PUSH])
        self.assertEqual(conversation.deadline(), 400)

    def test_shutAgain(self) -> None:
        """
        When the window shuts again, the questions begin again with the first distance.
        """
        conversation = _make()
        conversation.receive([Segment(CONV, WINS, 0, 0, 0, 0, 0, b"").encode()], 0)
        conversation.write(b"mine")
        for now in (100, 600, 1350):
            _sent(conversation, now)
        conversation.receive([Segment(CONV, WINS, 0, 1, 0, 0, 0, b"").encode()], 1400)
        _sent(conversation, 1400)
        conversation.receive([Segment(CONV, WINS, 0, 0, 0, 0, 1, b"").encode()], 1450)
        conversation.write(b"more")
        self.assertEqual(_sent(conversation, 1500), [])
        self.assertEqual(conversation.deadline(), 2000)

    def shut(self) -> Link:
        """
        A link whose reader does not read, until its window is shut.
        """
        narrow = replace(SETTINGS, receiveWindow=32)
        link = Link((goodFate, goodFate), settings=narrow)
        sender, reader = link.ends
        reader.reads = False
        sender.conversation.write(bytes(5000))
        sender.conversation.flushBy(0)
        link.runFor(300)
        self.assertEqual(sender.conversation.sender.remoteWindow, 0)
        self.assertEqual(len(sender.conversation.sender.queue), 18)
        return link

    def test_readerTells(self) -> None:
        """
        When the application reads again the peer is told, and goes on without asking.
        """
        link = self.shut()
        sender, reader = link.ends
        reader.reads = True
        before = link.now
        link.run(lambda: sender.conversation.drained)
        self.assertLess(link.now - before, 200)
        self.assertEqual(b"".join(reader.received), bytes(5000))

    def test_tellingIsLost(self) -> None:
        """
        When that WINS is lost a question brings another.
        """
        link = self.shut()
        sender, reader = link.ends
        data = reader.conversation.read()
        assert data is not None
        reader.received.append(data)
        lost = _sent(reader.conversation, link.now)
        self.assertEqual([(s.cmd, s.wnd) for s in lost], [(WINS, 32)])
        reader.reads = True
        link.run(lambda: sender.conversation.drained)
        self.assertEqual(b"".join(reader.received), bytes(5000))

    def test_questionsGoOn(self) -> None:
        """
        While the application does not read, questions are asked and answered, and nothing is lost.
        """
        link = self.shut()
        sender, reader = link.ends
        link.runFor(60_000)
        self.assertEqual(len(sender.conversation.sender.queue), 18)
        self.assertFalse(sender.conversation.sender.deadLink)
        reader.reads = True
        link.run(lambda: sender.conversation.drained)
        self.assertEqual(b"".join(reader.received), bytes(5000))


class DrainTests(SynchronousTestCase):
    """
    Tests for L{Conversation.drained}.
    """

    def test_drained(self) -> None:
        """
        All is delivered when nothing is queued and nothing in flight.
        """
        conversation = _make()
        self.assertTrue(conversation.drained)
        conversation.write(b"mine")
        self.assertFalse(conversation.drained)
        _sent(conversation)
        self.assertFalse(conversation.drained)
        conversation.receive([Segment(CONV, ACK, 0, 9, 0, 0, 0, b"").encode()], 10)
        self.assertTrue(conversation.drained)
