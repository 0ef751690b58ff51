"""
Tests for L{kcptwisted.arq}: messages that cannot fit, that stop midway, or that are empty.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.sendqueue import MAXIMUM_FRAGMENTS
from kcptwisted.errors import MessageTooLong
from kcptwisted.stats import SessionStats
from tests.arq.link import SETTINGS, Link, goodFate
from tests.arq.single import ack, alone, push, sent, tell

MSS = SETTINGS.mss
MESSAGES = replace(SETTINGS, stream=False)
WINDOW = 40


class PeerWindowTests(SynchronousTestCase):
    """
    Tests for L{SendQueue.peerWindow}.
    """

    def limit(self, *datagrams: bytes, firstSn: int = 0, recovered: bool = False) -> int | None:
        """
        @param datagrams: what arrived, each by itself.
        @return: the peer's window as far as it is known, segments.
        """
        conversation = alone(MESSAGES, firstSn)
        for datagram in datagrams:
            conversation.receive([datagram], 0, recovered)
        return conversation.sender.sendQueue.peerWindow

    def test_unknown(self) -> None:
        """
        It is not known until the peer has told.
        """
        self.assertIs(self.limit(), None)

    def test_told(self) -> None:
        """
        It is known when a peer tells its window that has not received anything, by any segment.
        """
        for datagram in (tell(wnd=WINDOW), ack(5, wnd=WINDOW), push(0, wnd=WINDOW)):
            self.assertEqual(self.limit(datagram), WINDOW)

    def test_firstSn(self) -> None:
        """
        Wherever the numbers begin.
        """
        first = 2**32 - 5
        self.assertEqual(self.limit(tell(una=first, wnd=WINDOW), firstSn=first), WINDOW)
        self.assertIs(self.limit(tell(una=0, wnd=WINDOW), firstSn=first), None)

    def test_partOfIt(self) -> None:
        """
        A peer that has received something may tell what is left of it, and that says nothing.
        """
        self.assertIs(self.limit(tell(una=1, wnd=WINDOW)), None)

    def test_nothing(self) -> None:
        """
        No window at all is not the whole one.
        """
        self.assertIs(self.limit(tell(wnd=0)), None)

    def test_largest(self) -> None:
        """
        The largest one that was told counts; once it is known, also what is told later.
        """
        self.assertEqual(self.limit(tell(wnd=32), tell(wnd=WINDOW), tell(wnd=33)), WINDOW)
        self.assertEqual(self.limit(tell(wnd=32), tell(una=1, wnd=WINDOW)), WINDOW)
        self.assertEqual(self.limit(tell(wnd=32), tell(una=1, wnd=31)), 32)

    def test_recovered(self) -> None:
        """
        What was rebuilt from parity says nothing.
        """
        self.assertIs(self.limit(tell(wnd=WINDOW), recovered=True), None)


class TooLongTests(SynchronousTestCase):
    """
    Messages that can never fit.
    """

    def test_peerWindow(self) -> None:
        """
        A message of as many fragments as the peer's window is taken, one byte more is refused
        whole, and the error tells both lengths.
        """
        sender = alone(MESSAGES).sender
        sender.sendQueue.peerWindow = WINDOW
        sender.write(bytes(WINDOW * MSS))
        queued = len(sender.queue), sender.queuedBytes
        error = self.assertRaises(MessageTooLong, sender.write, bytes(WINDOW * MSS + 1))
        self.assertEqual((error.length, error.limit), (WINDOW * MSS + 1, WINDOW * MSS))
        self.assertEqual((len(sender.queue), sender.queuedBytes), queued)

    def test_wideWindow(self) -> None:
        """
        However wide it is, a message has at most 255 fragments.
        """
        sender = alone(MESSAGES).sender
        for window in (None, 0, 1000):
            sender.sendQueue.peerWindow = window
            sender.write(bytes(MAXIMUM_FRAGMENTS * MSS))
            error = self.assertRaises(
                MessageTooLong, sender.write, bytes(MAXIMUM_FRAGMENTS * MSS + 1)
            )
            self.assertEqual(error.limit, MAXIMUM_FRAGMENTS * MSS)

    def test_stream(self) -> None:
        """
        A stream has no such limit.
        """
        sender = alone().sender
        sender.sendQueue.peerWindow = 2
        sender.write(bytes(300 * MSS))
        self.assertEqual(len(sender.queue), 300)

    def test_delivered(self) -> None:
        """
        A message of exactly the peer's window gets there, and again, though the peer reads only
        when it is whole.
        """
        link = Link((goodFate, goodFate), settings=replace(MESSAGES, receiveWindow=WINDOW))
        sender, reader = link.ends
        sender.conversation.askWindow()
        link.runFor(100)
        self.assertEqual(sender.conversation.sender.sendQueue.peerWindow, WINDOW)
        messages = [bytes([number]) * (WINDOW * MSS) for number in range(3)]
        for message in messages:
            sender.conversation.write(message)
        self.assertRaises(MessageTooLong, sender.conversation.write, bytes(WINDOW * MSS + 1))
        sender.conversation.flushBy(link.now)
        link.run(lambda: sender.conversation.drained)
        self.assertEqual(reader.received, messages)


class CarelessPeerTests(SynchronousTestCase):
    """
    A peer that sends what it should not.
    """

    def begin(self, stream: bool = False) -> None:
        """
        Begin with a window of four segments.
        """
        self.stats = SessionStats()
        self.conversation = alone(
            replace(SETTINGS, stream=stream, receiveWindow=4), stats=self.stats
        )

    def feed(self, *frgs: int, data: bytes = b"x") -> None:
        """
        Let the next segments arrive, each by itself.
        """
        for frg in frgs:
            sn = self.conversation.receiver.next
            self.conversation.receive([push(sn, data, frg)], 0)

    def test_longerThanWindow(self) -> None:
        """
        A message of more fragments than the window has is put together all the same, for its
        fragments are not held against the window until it is whole; then the window is shut until
        it is read, and what follows is taken.
        """
        self.begin()
        self.feed(*range(9, -1, -1))
        self.assertEqual(self.conversation.receiver.window, 0)
        self.assertEqual(self.conversation.read(), b"x" * 10)
        self.assertEqual(self.conversation.receiver.window, 4)
        self.feed(0, data=b"next")
        self.assertEqual(self.conversation.read(), b"next")
        self.assertEqual(sent(self.conversation)[0].una, 11)

    def test_behindUnread(self) -> None:
        """
        So it is behind messages that fill the window: it waits for these to be read.
        """
        self.begin()
        self.feed(3, 2, 1, 0)
        following = self.conversation.receiver.next
        for frg in range(5, -1, -1):
            sn = following + 5 - frg
            self.conversation.receive([push(sn, b"y", frg)], 0)
        self.assertEqual(self.conversation.receiver.next, following)
        self.assertEqual(self.conversation.read(), b"xxxx")
        # Two more than were kept: the peer sends those again.
        self.assertIs(self.conversation.read(), None)
        self.feed(1, 0, data=b"y")
        self.assertEqual(self.conversation.read(), b"y" * 6)

    def test_partialOf255(self) -> None:
        """
        A message that begins with the largest frg and stops is dropped when another begins, which
        gets through, and so do those after it.
        """
        self.begin()
        self.feed(255, 254)
        self.assertEqual(self.stats.KCPInErrors, 0)
        self.feed(1, 0, data=b"y")
        self.assertEqual(self.conversation.read(), b"yy")
        self.assertEqual(self.stats.KCPInErrors, 1)
        self.feed(0, data=b"next")
        self.assertEqual(self.conversation.read(), b"next")
        self.assertEqual(self.conversation.receiver.window, 4)

    def test_always255(self) -> None:
        """
        Segments that all begin such a message take the place of each other.
        """
        self.begin()
        self.feed(*[255] * 1000)
        self.assertEqual(self.stats.KCPInErrors, 999)
        self.assertEqual(len(self.conversation.receiver._partial or ()), 1)
        self.assertEqual(self.conversation.receiver.window, 4)
        self.feed(0, data=b"next")
        self.assertEqual(self.conversation.read(), b"next")

    def test_all256(self) -> None:
        """
        One that goes on from there to its end has 256 fragments and is delivered.
        """
        self.begin()
        self.feed(*range(255, -1, -1))
        self.assertEqual(self.conversation.read(), b"x" * 256)

    def test_streamIgnoresFrg(self) -> None:
        """
        In a stream frg says nothing.
        """
        self.begin(stream=True)
        self.feed(255, 7, 0, 9)
        self.assertEqual(self.conversation.read(), b"xxxx")

    def test_emptyInStream(self) -> None:
        """
        An empty PUSH is acknowledged like others and never read, alone or among others, in order
        or not.
        """
        self.begin(stream=True)
        self.feed(0, data=b"")
        self.assertIs(self.conversation.read(), None)
        self.assertEqual([(s.sn, s.una) for s in sent(self.conversation)], [(0, 1)])
        self.conversation.receive([push(1, b"a") + push(2, b"") + push(3, b"b")], 0)
        self.assertEqual(self.conversation.read(), b"ab")
        self.conversation.receive([push(5, b"")], 0)
        self.conversation.receive([push(4, b"")], 0)
        self.assertIs(self.conversation.read(), None)
        self.assertEqual([s.una for s in sent(self.conversation)], [6])
        self.assertEqual(self.conversation.receiver.window, 4)

    def test_emptyMessages(self) -> None:
        """
        Empty messages are acknowledged and skipped; empty fragments add nothing to their message.
        """
        self.begin()
        self.feed(0, 0, data=b"")
        self.assertIs(self.conversation.read(), None)
        self.feed(2, data=b"a")
        self.feed(1, data=b"")
        self.feed(0, data=b"b")
        self.assertEqual(self.conversation.read(), b"ab")
        self.assertIs(self.conversation.read(), None)
        self.assertEqual(sent(self.conversation)[0].una, 5)
        self.assertEqual(self.conversation.receiver.window, 4)
