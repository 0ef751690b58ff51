"""
Tests for L{kcptwisted.arq}: what does not fit where it is to go.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.sender import Sender
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import ACK, OVERHEAD, WASK, WINS, decodeSegments, packSegments
from tests.arq.link import CONV, SETTINGS
from tests.arq.single import alone, ask, push, sent
from tests.properties import given, strategies


class WideWindowTests(SynchronousTestCase):
    """
    A window of more segments than the field of 16 bits can tell.
    """

    def test_eachSegment(self) -> None:
        """
        It is told as 65535 by each kind of segment, never as what is left of it in 16 bits.
        """
        for window in (65536, 65537, 100_000):
            conversation = alone(replace(SETTINGS, receiveWindow=window))
            conversation.receive([ask(), push(1)], 0)
            conversation.write(b"mine")
            conversation.askWindow()
            conversation.sendControl(WINS, b"hello")
            self.assertEqual([s.wnd for s in sent(conversation)], [65535] * 4)
            for cmd in (WASK, WINS):
                datagram = conversation.windowDatagram(0, cmd)
                self.assertEqual(decodeSegments(datagram)[0].wnd, 65535)

    def test_partlyUsed(self) -> None:
        """
        When less than 65535 is left of it, that is told.
        """
        conversation = alone(replace(SETTINGS, receiveWindow=65540))
        conversation.receive([push(sn) for sn in range(10)], 0)
        self.assertEqual([s.wnd for s in sent(conversation)], [65530])


class AckListTests(SynchronousTestCase):
    """
    More ACKs than a datagram holds.
    """

    @given(strategies.integers(1, 200), strategies.integers(OVERHEAD + 1, 1400))
    def test_severalDatagrams(self, count: int, mtu: int) -> None:
        """
        They leave in several datagrams, each as full as can be and none above the mtu, and none is
        left out.
        """
        conversation = alone(replace(SETTINGS, mtu=mtu))
        conversation.receive([push(sn, b"x") for sn in range(1, count + 1)], 0)
        datagrams = conversation.datagramsToSend(0)
        acks = [segment for datagram in datagrams for segment in decodeSegments(datagram)]
        self.assertEqual([ack.sn for ack in acks], list(range(1, count + 1)))
        self.assertEqual({ack.cmd for ack in acks}, {ACK})
        self.assertLessEqual(max(map(len, datagrams)), mtu)
        self.assertEqual(len(datagrams), -(-count // (mtu // OVERHEAD)))


class SmallerMtuTests(SynchronousTestCase):
    """
    The mtu of a conversation cannot change: its settings are frozen, and a path that wants smaller
    datagrams needs another conversation.  Should it ever change, segments cut before would be
    larger than a datagram may be; here is what would happen then.
    """

    def test_frozen(self) -> None:
        """
        The settings cannot be changed.
        """
        self.assertRaises(FrozenInstanceError, setattr, SETTINGS, "mtu", 50)

    @given(strategies.lists(strategies.integers(OVERHEAD, 300), max_size=30))
    def test_oversize(self, lengths: list[int]) -> None:
        """
        A segment above the mtu goes as a datagram of its own; order is kept, nothing is lost, and
        the others share datagrams within the mtu.
        """
        mtu = 100
        segments = [bytes([index]) * length for index, length in enumerate(lengths)]
        datagrams = packSegments(segments, mtu)
        self.assertEqual(b"".join(datagrams), b"".join(segments))
        for datagram in datagrams:
            self.assertTrue(len(datagram) <= mtu or datagram in segments)

    def test_inFlight(self) -> None:
        """
        What was cut for a larger mtu and is sent again for a smaller one is whole, beside what is
        cut for that.
        """
        wide = replace(SETTINGS, mtu=OVERHEAD + 300)
        sender = Sender(wide, SessionStats())
        sender.write(bytes(600))
        self.assertEqual(len(sender.flush(CONV, 0, 128, 0)), 2)
        narrow = replace(wide, mtu=OVERHEAD + 50)
        sender.configure(narrow, 0)
        sender.write(bytes(120))
        sender.resendAll(0)
        segments = sender.flush(CONV, 10_000, 128, 0)
        datagrams = packSegments(segments, narrow.mtu)
        self.assertEqual(list(map(len, datagrams)), [324, 324, 74, 74, 44])
        again = [segment for datagram in datagrams for segment in decodeSegments(datagram)]
        self.assertEqual([segment.sn for segment in again], [0, 1, 2, 3, 4])
