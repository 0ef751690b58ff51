"""
A state machine of two conversations, and of the datagrams between them as a bag.
"""

from __future__ import annotations

from random import Random
from typing import Any

from kcptwisted.arq.sendqueue import MessageTooLong
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.wire.segment import MASK, WINS, Segment
from tests.arq.link import CONV, Link
from tests.properties import stateful, strategies

_which = strategies.integers(0, 1)
_settings = strategies.builds(
    ARQSettings,
    mtu=strategies.sampled_from([30, 124, 1400]),
    sendWindow=strategies.sampled_from([1, 3, 64]),
    receiveWindow=strategies.sampled_from([1, 2, 5, 64]),
    nodelay=strategies.booleans(),
    interval=strategies.sampled_from([10, 40]),
    ackDelay=strategies.sampled_from([0, 30]),
    resend=strategies.integers(0, 2),
    stream=strategies.booleans(),
    ackNoDelay=strategies.booleans(),
    rateLimit=strategies.sampled_from([0, 0, 500, 20_000]),
    pacing=strategies.booleans(),
)
#: Near where numbers wrap, and where their sign as 32-bit differences changes.
_numbers = strategies.one_of(
    strategies.sampled_from([0, 2**31 - 5, 2**32 - 1, 2**32 - 5]),
    strategies.integers(0, 2**32 - 1),
)

#: Bytes of a write; the text is as long as all that a run may write.
LONGEST = 2000
TEXT = Random(1).randbytes(1 << 18)


class ConversationMachine(stateful.RuleBasedStateMachine):
    """
    What was sent lies in two bags until a rule takes it out, or never.
    """

    @stateful.initialize(
        settings=_settings, now=_numbers, firstSn=_numbers, congested=strategies.booleans()
    )
    def begin(self, settings: ARQSettings, now: int, firstSn: int, congested: bool) -> None:
        """
        Two ends.
        """
        self.settings = settings
        # Its paths carry nothing until the end, when the link is healed.
        self.link = Link((lambda: [10], lambda: [10]), now, firstSn, settings, congested)
        self.bags: list[list[bytes]] = [[], []]
        self.written: list[list[bytes]] = [[], []]
        self.received: list[list[bytes]] = [[], []]
        self.reads = [True, True]

    def flush(self, which: int) -> None:
        """
        Put what is due into the bag.
        """
        conversation = self.link.ends[which].conversation
        deadline = conversation.deadline()
        if conversation.wantsFlush or (deadline is not None and deadline <= self.link.now):
            self.bags[which] += conversation.datagramsToSend(self.link.now)

    def read(self, which: int) -> None:
        """
        Take what is in order, and see that it is what follows.
        """
        received = self.received[which]
        while self.reads[which]:
            data = self.link.ends[which].conversation.read()
            if data is None:
                break
            assert data
            received.append(data)

    @stateful.rule(which=_which, size=strategies.integers(0, LONGEST))
    def write(self, which: int, size: int) -> None:
        """
        Write.
        """
        written = self.written[which]
        start = sum(map(len, written)) % len(TEXT)
        data = (TEXT + TEXT[:LONGEST])[start : start + size]
        conversation = self.link.ends[which].conversation
        try:
            conversation.write(data)
        except MessageTooLong:
            return
        if data:
            written.append(data)
            conversation.flushBy(self.link.now)
            self.flush(which)

    @stateful.rule(which=_which, picks=strategies.lists(strategies.integers(0, 1000), max_size=30),
                   keep=strategies.booleans())  # fmt: skip
    def deliver(self, which: int, picks: list[int], keep: bool) -> None:
        """
        Hand some of a bag's datagrams over, in any order; they may come again.
        """
        bag = self.bags[which]
        taken = []
        for pick in picks:
            if bag:
                index = pick % len(bag)
                taken.append(bag[index] if keep else bag.pop(index))
        if taken:
            self.hand(1 - which, taken)

    def hand(self, which: int, datagrams: list[bytes]) -> None:
        """
        Give datagrams to an end.
        """
        self.link.ends[which].conversation.receive(datagrams, self.link.now)
        self.read(which)
        self.flush(which)

    @stateful.rule(which=_which)
    def deliverAll(self, which: int) -> None:
        """
        Hand all over, in order.
        """
        bag, self.bags[which] = self.bags[which], []
        if bag:
            self.hand(1 - which, bag)

    @stateful.rule(which=_which)
    def shut(self, which: int) -> None:
        """
        Tell that the window is shut, as one does that was overtaken by another that told more.
        """
        una = self.link.ends[1 - which].conversation.receiver.next & MASK
        self.hand(which, [Segment(CONV, WINS, 0, 0, 0, 0, una, b"").encode()])

    @stateful.rule(which=_which)
    def lose(self, which: int) -> None:
        """
        Lose all that is under way.
        """
        self.bags[which].clear()

    @stateful.rule(which=_which, pick=strategies.integers(0, 1000), data=strategies.data())
    def damage(self, which: int, pick: int, data: Any) -> None:
        """
        Damage one so that it is of no use: what is cut in its last segment, or another's.
        """
        bag = self.bags[which]
        if bag:
            datagram = bag.pop(pick % len(bag))
            cut = data.draw(strategies.integers(0, len(datagram) - 1))
            other = bytes([datagram[0] ^ 1]) + datagram[1:]
            self.hand(1 - which, [datagram[:cut], other, datagram[cut:] if cut > 4 else b""])

    @stateful.rule(which=_which, reads=strategies.booleans())
    def setReads(self, which: int, reads: bool) -> None:
        """
        Read, or stop reading.
        """
        self.reads[which] = reads
        self.read(which)
        self.flush(which)

    @stateful.rule(milliseconds=strategies.sampled_from([1, 10, 50, 300, 2000, 30_000]))
    def wait(self, milliseconds: int) -> None:
        """
        Let time pass, deadline by deadline.
        """
        until = self.link.now + milliseconds
        while True:
            for which in range(2):
                self.flush(which)
            due = [end.conversation.deadline() for end in self.link.ends]
            times = [time for time in due if time is not None]
            if not times or min(times) > until:
                break
            assert min(times) > self.link.now, "a flush leaves nothing due"
            self.link.now = min(times)
        self.link.now = until

    @stateful.invariant()
    def isPrefix(self) -> None:
        """
        What was read at one end is a beginning of what was written at the other.
        """
        if hasattr(self, "link"):
            for which in range(2):
                self.compare(self.received[which], self.written[1 - which])

    @stateful.invariant()
    def isDue(self) -> None:
        """
        Whatever waits to be sent, or to be acknowledged, has a time at which something happens.
        """
        if hasattr(self, "link"):
            for end in self.link.ends:
                conversation = end.conversation
                waits = not conversation.drained or conversation.receiver.ackCount
                due = conversation.wantsFlush or conversation.deadline() is not None
                assert due or not waits, "nothing will ever happen"

    def compare(self, received: list[bytes], written: list[bytes]) -> None:
        """
        See that C{received} is a beginning of C{written}, with a message mode's boundaries.
        """
        if self.settings.stream:
            assert b"".join(written).startswith(b"".join(received)), "not a prefix"
        else:
            assert written[: len(received)] == received, "not a prefix"

    def teardown(self) -> None:
        """
        Over a link that works all arrives.
        """
        if not hasattr(self, "link"):
            return
        link = self.link
        for which in range(2):
            self.reads[which] = True
            self.read(which)
            link.ends[which].received = self.received[which]
        link.run(lambda: all(end.conversation.drained for end in link.ends), self.isPrefix)
        for which in range(2):
            sizes = [sum(map(len, some[which ^ end])) for end, some in enumerate(self.both)]
            assert sizes[0] == sizes[1], "not all"

    @property
    def both(self) -> tuple[list[list[bytes]], list[list[bytes]]]:
        """
        What was received and what was written, by end.
        """
        return self.received, self.written
