"""
Tests for L{kcptwisted.arq.incoming}; what is malformed is tested with the conversation.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.incoming import readControl, takeApart
from kcptwisted.arq.receiver import Receiver
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import WASK, WINS
from tests.arq.link import CONV
from tests.arq.single import ack, ask, push, tell


class TakeApartTests(SynchronousTestCase):
    """
    Tests for L{takeApart}.
    """

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.stats = SessionStats()
        self.receiver = Receiver(128, True, self.stats)
        self.controls: list[bytes] = []

    def take(
        self, *datagrams: bytes
    ) -> tuple[list[tuple[int, int]], list[int], int, bool, bool, list[bytes]]:
        """
        Take a batch apart.
        """
        return takeApart(datagrams, CONV, self.receiver, self.controls, self.stats)

    def test_nothing(self) -> None:
        """
        Without a segment there is no window; what is foreign is given back.
        """
        self.assertEqual(self.take(b"foreign"), ([], [], -1, False, False, [b"foreign"]))

    def test_pushes(self) -> None:
        """
        Payloads in order go to the receiver, whatever datagram they came in.
        """
        parts = self.take(push(0, b"a") + push(1, b"b"), push(2, b"c", una=3, wnd=7))
        self.assertEqual(parts, ([], [0, 3], 7, True, False, []))
        self.assertEqual((self.receiver.read(), self.stats.InSegs), (b"abc", 3))

    def test_outOfOrder(self) -> None:
        """
        So do those out of order, one by one.
        """
        self.take(push(1, b"b"), push(0, b"a"), push(2, b"c"), push(2, b"c"))
        self.assertEqual(self.receiver.read(), b"abc")
        self.assertEqual((self.stats.InSegs, self.stats.RepeatSegs), (4, 1))

    def test_acks(self) -> None:
        """
        ACKs are collected in order; they alone may be of anything.
        """
        parts = self.take(ack(5, una=4, ts=9) + ack(6, una=4, ts=10))
        self.assertEqual(parts, ([(5, 9), (6, 10)], [4], 128, False, False, []))

    def test_controls(self) -> None:
        """
        Data of WASK and WINS is collected, and a WASK is noted.
        """
        self.assertEqual(self.take(tell(data=b"told"))[3:5], (True, False))
        self.assertEqual(self.take(ask(b"asked"), tell())[3:5], (True, True))
        self.assertEqual(self.controls, [b"told", b"asked"])

    def test_beyondWindow(self) -> None:
        """
        A PUSH beyond the window is not plausible.
        """
        self.assertEqual(self.take(push(200))[3], False)


class ReadControlTests(SynchronousTestCase):
    """
    Tests for L{readControl}.
    """

    def test_one(self) -> None:
        """
        One segment with the data is read.
        """
        self.assertEqual(readControl(ask(b"data"), CONV, b"data"), (WASK, 128, 0))
        self.assertEqual(readControl(tell(una=3, wnd=7), CONV, b""), (WINS, 7, 3))

    def test_others(self) -> None:
        """
        Nothing else is.
        """
        for datagram in (b"", ask(b"date"), ask(b"data")[:-1], ask(b"data!"), ack(0) + b"data",
                         push(0, b"data"), tell() + b"data", tell() + tell()):  # fmt: skip
            self.assertEqual(readControl(datagram, CONV, b"data")[0], 0)
        self.assertEqual(readControl(ask(b"data"), CONV + 1, b"data")[0], 0)
