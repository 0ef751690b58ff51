"""
Tests for L{kcptwisted.arq.conversation}: what WASK and WINS segments carry as data.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.incoming import MAXIMUM_CONTROLS
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import ACK, PUSH, WASK, WINS, Segment, decodeSegments
from tests.arq.link import CONV
from tests.arq.single import alone, ask, push, sent, tell


class ControlTestCase(SynchronousTestCase):
    """
    Holds a conversation.
    """

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.stats = SessionStats()
        self.conversation = alone(stats=self.stats)


class ReceivedTests(ControlTestCase):
    """
    Tests for L{Conversation.controls}.
    """

    def test_both(self) -> None:
        """
        The data of WASK and of WINS is kept, in order, and the segments around it are taken.
        """
        self.conversation.receive([ask(b"one") + push(0) + tell(data=b"two"), tell(data=b"3")], 0)
        self.assertEqual(self.conversation.controls, [b"one", b"two", b"3"])
        self.assertEqual(self.conversation.read(), b"data")

    def test_bare(self) -> None:
        """
        Those without data leave nothing.
        """
        self.conversation.receive([ask(), tell(), push(0)], 0)
        self.assertEqual(self.conversation.controls, [])

    def test_recovered(self) -> None:
        """
        What was rebuilt from parity counts.
        """
        self.conversation.receive([ask(b"one"), tell(data=b"two")], 0, recovered=True)
        self.assertEqual(self.conversation.controls, [b"one", b"two"])

    def test_bound(self) -> None:
        """
        Beyond so many that nobody takes, more are dropped and counted; then there is room again.
        """
        self.conversation.receive([tell(data=b"%d" % n) for n in range(MAXIMUM_CONTROLS + 3)], 0)
        self.assertEqual(self.conversation.controls, [b"%d" % n for n in range(MAXIMUM_CONTROLS)])
        self.assertEqual(self.stats.KCPInErrors, 3)
        self.conversation.controls.clear()
        self.conversation.receive([tell(data=b"next")], 0)
        self.assertEqual(self.conversation.controls, [b"next"])
        self.assertEqual(self.stats.KCPInErrors, 3)

    def test_discard(self) -> None:
        """
        When the conversation is over nothing is left, received or to be sent.
        """
        self.conversation.receive([tell(data=b"one", wnd=0)], 0)
        self.conversation.write(b"data")
        self.assertEqual(sent(self.conversation), [])
        self.assertIsNot(self.conversation.deadline(), None)
        self.conversation.sendControl(WINS, b"two")
        self.conversation.discard()
        self.assertEqual(self.conversation.controls, [])
        self.assertEqual((self.conversation.deadline(), sent(self.conversation)), (None, []))


class SentTests(ControlTestCase):
    """
    Tests for L{Conversation.sendControl} and L{Conversation.windowDatagram}.
    """

    def test_sent(self) -> None:
        """
        Control data leaves with the next flush, which is wanted at once, and only with that.
        """
        self.conversation.sendControl(WASK, b"hello")
        self.assertTrue(self.conversation.wantsFlush)
        self.assertEqual(
            sent(self.conversation, 2**32 + 7), [Segment(CONV, WASK, 0, 1024, 7, 0, 0, b"hello")]
        )
        self.assertFalse(self.conversation.wantsFlush)
        self.assertEqual(sent(self.conversation), [])

    def test_askedWithData(self) -> None:
        """
        A WASK with data is answered like one without.
        """
        self.conversation.receive([ask(b"hello")], 0)
        self.assertTrue(self.conversation.wantsFlush)
        self.assertEqual([(s.cmd, s.data) for s in sent(self.conversation)], [(WINS, b"")])

    def test_answerWithData(self) -> None:
        """
        A WINS with control data is the answer, and no bare one follows, now or later.
        """
        self.conversation.receive([ask(b"hello")], 0)
        self.conversation.sendControl(WINS, b"hello too")
        self.assertEqual([(s.cmd, s.data) for s in sent(self.conversation)], [(WINS, b"hello too")])
        self.assertEqual(sent(self.conversation), [])

    def test_askIsNoAnswer(self) -> None:
        """
        A WASK with control data does not stand for the answer.
        """
        self.conversation.receive([ask()], 0)
        self.conversation.sendControl(WASK, b"hello")
        self.assertEqual(
            [(s.cmd, s.data) for s in sent(self.conversation)], [(WASK, b"hello"), (WINS, b"")]
        )

    def test_leaveUnanswered(self) -> None:
        """
        A WASK that the caller finds to be somebody else's is not answered.
        """
        self.conversation.receive([ask(b"hello")], 0)
        self.conversation.leaveUnanswered()
        self.assertEqual(sent(self.conversation), [])

    def test_beforeData(self) -> None:
        """
        In a datagram a control stands before data.
        """
        self.conversation.write(b"mine")
        self.conversation.sendControl(WINS, b"hello")
        datagrams = self.conversation.datagramsToSend(0)
        self.assertEqual(
            [[(s.cmd, s.data) for s in decodeSegments(datagram)] for datagram in datagrams],
            [[(WINS, b"hello"), (PUSH, b"mine")]],
        )

    def test_beforeAcknowledgements(self) -> None:
        """
        And before ACKs: a listener that has no session yet looks at a datagram's first segment.
        """
        self.conversation.receive([Segment(CONV, PUSH, 0, 128, 0, 0, 0, b"theirs").encode()], 0)
        self.conversation.sendControl(WINS, b"hello")
        self.assertEqual([s.cmd for s in sent(self.conversation)], [WINS, ACK])

    def test_windowDatagram(self) -> None:
        """
        A datagram can be made for another path, with or without control data, that tells the
        window and una.
        """
        self.conversation.receive([push(0), push(1)], 0)
        self.assertEqual(
            [
                decodeSegments(self.conversation.windowDatagram(2**32 + 3, *rest))
                for rest in ((), (WASK, b"there?"))
            ],
            [
                [Segment(CONV, WINS, 0, 1022, 3, 0, 2, b"")],
                [Segment(CONV, WASK, 0, 1022, 3, 0, 2, b"there?")],
            ],
        )
