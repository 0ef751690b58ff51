"""
Tests for L{kcptwisted.arq.conversation.Conversation.repeats}.
"""

from __future__ import annotations

from copy import deepcopy

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.conversation import Conversation
from kcptwisted.native import isCompiled
from kcptwisted.wire.segment import PUSH, WASK, WINS, Segment
from tests.arq.link import CONV
from tests.arq.single import ack, alone, ask, push, sent, tell
from tests.properties import given, settings, strategies

SIGN = b"I am here"


class RepeatsTests(SynchronousTestCase):
    """
    Which datagrams say nothing new.
    """

    def setUp(self) -> None:
        """
        Begin anew: a segment has gone either way.
        """
        self.conversation = alone()
        self.conversation.receive([tell()], 0)
        self.conversation.write(b"x")
        sent(self.conversation)
        self.conversation.receive([push(0, una=1)], 10)
        self.conversation.read()
        sent(self.conversation, 20)

    def segment(self, cmd: int = WASK, data: bytes = b"", una: int = 1, wnd: int = 128) -> bytes:
        """
        @return: by default, a question of a peer that has nothing new to say.
        """
        return Segment(CONV, cmd, 0, wnd, 0, 0, una, data).encode()

    def test_nothingNew(self) -> None:
        """
        A WASK or WINS that tells what is known, without data or with that which says nothing.
        """
        repeats = self.conversation.repeats
        for cmd in (WASK, WINS):
            self.assertEqual(repeats(self.segment(cmd), b""), cmd)
            self.assertEqual(repeats(self.segment(cmd, SIGN), SIGN), cmd)

    def test_changesNothing(self) -> None:
        """
        To look changes nothing.
        """
        self.conversation.repeats(self.segment(), b"")
        self.assertFalse(self.conversation.wantsFlush)
        self.assertEqual(sent(self.conversation, 30), [])

    def test_news(self) -> None:
        """
        All else is for L{Conversation.receive}.
        """
        for datagram in (
            self.segment(data=SIGN),
            self.segment(PUSH),
            self.segment(una=2),
            self.segment(una=0),
            self.segment(wnd=127),
            self.segment() + self.segment(),
            self.segment()[:-1],
            b"",
            ack(0, una=1),
            Segment(CONV + 1, WASK, 0, 128, 0, 0, 1, b"").encode(),
            self.segment()[:20] + b"\1\0\0\0",
        ):
            self.assertEqual(self.conversation.repeats(datagram, b""), 0, datagram)
        for datagram in (
            self.segment(),
            self.segment(data=SIGN[::-1]),
            self.segment(data=SIGN)[:-1],
            self.segment(data=SIGN + b"!"),
            self.segment(data=SIGN[:-1]) + b"!",
        ):
            self.assertEqual(self.conversation.repeats(datagram, SIGN), 0, datagram)

    def test_busy(self) -> None:
        """
        So is everything while something waits to be sent, is in flight, or is to be acknowledged;
        while the peer may have restarted; and before it has told its whole window.
        """
        new = alone()
        self.assertEqual(new.repeats(self.segment(una=0, wnd=32), b""), 0)
        new.receive([tell(una=1)], 0)
        self.assertEqual(new.repeats(self.segment(una=0), b""), 0)
        for happens in (
            lambda core: core.write(b"y"),
            lambda core: (core.write(b"y"), sent(core, 30)),
            lambda core: core.receive([push(1, una=1)], 30),
            lambda core: core.askWindow(),
            lambda core: core.sendControl(WINS, b"z"),
            lambda core: core.flushBy(50),
            lambda core: core.receive([tell(una=0)], 30),
        ):
            self.setUp()
            happens(self.conversation)
            self.assertEqual(self.conversation.repeats(self.segment(), b""), 0)

    def test_una(self) -> None:
        """
        What it tells has been told: an una that is smaller makes the peer suspect from then on,
        also if ACKs had acknowledged that before its una did.
        """
        for looks in (False, True):
            conversation = alone()
            conversation.receive([tell()], 0)
            conversation.write(b"x")
            sent(conversation)
            conversation.receive([ack(0, una=0)], 10)
            sent(conversation, 10)
            if looks:
                self.assertEqual(conversation.repeats(self.segment(), b""), WASK)
            conversation.receive([tell(una=0)], 20)
            self.assertEqual(conversation.wantsProof, looks)

    @settings(max_examples=40)
    @given(
        strategies.lists(
            strategies.tuples(
                strategies.sampled_from(
                    ["write", "push", "ack", "late", "tell", "ask", "read", "flush"]
                ),
                strategies.integers(0, 3),
                strategies.sampled_from([1, 10, 500]),
            ),
            max_size=20,
        ),
    )
    def test_always(self, events: list[tuple[str, int, int]]) -> None:
        """
        Whatever has happened: if a datagram is said to repeat what is known, then to receive it
        would make no difference, but that a WASK is answered by a WINS.
        """
        conversation = alone()
        now = 0
        for name, number, passed in events:
            now += passed
            if name == "write":
                conversation.write(bytes(number))
            elif name == "push":
                conversation.receive([push(number, una=number % 2)], now)
            elif name == "ack":
                conversation.receive([ack(number, una=number)], now)
            elif name == "late":
                conversation.receive([ack(number, una=0)], now)
            elif name == "tell":
                conversation.receive([tell(una=number, wnd=100 + number)], now)
            elif name == "ask":
                conversation.receive([ask()], now)
            elif name == "read":
                conversation.read()
            else:
                sent(conversation, now)
            for una in range(4):
                for wnd in (100, 101, 128):
                    for cmd in (WASK, WINS):
                        self.check(conversation, self.segment(cmd, una=una, wnd=wnd), cmd, now)

    def check(self, conversation: Conversation, datagram: bytes, cmd: int, now: int) -> None:
        """
        Compare with a copy that receives.
        """
        receiving = deepcopy(conversation)
        if not conversation.repeats(datagram, b""):
            return
        self.assertEqual(receiving.receive([datagram], now), [])
        answer = [segment.cmd for segment in sent(receiving, now)]
        self.assertEqual(answer, [WINS] if cmd == WASK else [])
        self.assertEqual(self.state(receiving), self.state(conversation))

    def state(self, conversation: Conversation) -> tuple[object, ...]:
        """
        @return: all that a datagram could change.
        """
        sender, staleness = conversation.sender, conversation._staleness
        return (
            (
                sender.una,
                sender.next,
                sender.remoteWindow,
                sender.sendQueue.peerWindow,
                sender.queuedBytes,
            ),
            (sender.deadline(), conversation.deadline(), conversation.wantsFlush),
            (staleness.latest, staleness.suspected, staleness.wantsProof, staleness.restarted),
            (conversation.receiver.next, conversation.receiver.ackCount),
            conversation._stats.asDict(),
        )

    if isCompiled():
        test_always.skip = "compiled, a conversation cannot be copied"  # type: ignore[attr-defined]
