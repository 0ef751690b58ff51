"""
Tests for L{kcptwisted.commands.probe.records}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.probe.records import LEAST, PROBE_SN, Ledger, Probe
from kcptwisted.wire.fec import dataShard
from kcptwisted.wire.segment import ACK, PUSH, WINS, Segment, decodeSegments
from tests.properties import given, strategies

CONV = 0x01020304

#: Bytes of a cipher, and of IP and UDP.
CIPHER, HEADERS = 28, 28


def ack(probe: int, conv: int = CONV, sn: int = PROBE_SN, window: int = 77) -> bytes:
    """
    @param probe: the number.
    @return: an ACK.
    """
    return Segment(conv, ACK, 0, window, probe, sn, 0, b"").encode()


#: What else a peer sends.
OTHER = Segment(CONV, WINS, 0, 77, 5, 0, 0, b"control").encode()


class LedgerTests(SynchronousTestCase):
    """
    Probes and their ACKs.
    """

    def setUp(self) -> None:
        """
        A ledger whose numbers wrap after three.
        """
        self.ledger = Ledger(CONV, CIPHER, HEADERS, b"f" * 1500, 0xFFFFFFFD)

    def send(self, count: int) -> list[Probe]:
        """
        @return: the smallest probes.
        """
        return [self.ledger.make(0, 1.0)[0] for _ in range(count)]

    def test_datagram(self) -> None:
        """
        A probe is one segment of data behind the first, as large as was asked for, with the number
        as ts.
        """
        probe, datagram = self.ledger.make(1400, 1.0)
        self.assertEqual((probe.size, len(datagram)), (1400, 1400 - CIPHER))
        (segment,) = decodeSegments(datagram)
        self.assertEqual(segment[:3], (CONV, PUSH, 0))
        self.assertEqual((segment.ts, segment.sn, segment.una), (0xFFFFFFFD, 1, 0))
        self.assertEqual(self.ledger.spent, 1400 + HEADERS)

    def test_least(self) -> None:
        """
        The smallest holds a byte: kcp-go's streams end at data without one.
        """
        probe, datagram = self.ledger.make(0, 1.0)
        self.assertEqual((probe.size, len(datagram)), (LEAST + CIPHER, LEAST))
        self.assertEqual(len(decodeSegments(datagram)[0].data), 1)

    def test_answered(self) -> None:
        """
        An ACK answers the probe of its ts, whichever was first, and tells the window.
        """
        probes = self.send(5)
        rest = self.ledger.take([ack(0xFFFFFFFE) + ack(0), ack(1)], 1.5, False)
        self.assertEqual(rest, [])
        self.assertEqual(
            [probe.roundTrip for probe in probes],
            [None, 0.5, None, 0.5, 0.5],
        )
        self.assertEqual([probes[place].answer for place in (1, 3, 4)], [1, 1, 2])
        self.assertEqual(self.ledger.window, 77)
        self.assertEqual(self.ledger.received, 72 + 2 * (CIPHER + HEADERS))

    def test_again(self) -> None:
        """
        The first answer counts.
        """
        (probe,) = self.send(1)
        self.ledger.take([ack(0xFFFFFFFD)], 1.5, False)
        self.assertEqual(self.ledger.take([ack(0xFFFFFFFD)], 2.5, False), [])
        self.assertEqual(probe.roundTrip, 0.5)

    def test_recovered(self) -> None:
        """
        What FEC has rebuilt tells that the probe arrived, and not when the ACK did.
        """
        (probe,) = self.send(1)
        self.ledger.take([ack(0xFFFFFFFD)], 1.5, True)
        self.assertEqual((probe.answered, probe.roundTrip), (1.5, None))

    def test_late(self) -> None:
        """
        If it comes by itself after that, it was late and not lost.
        """
        probe, other = self.send(2)
        self.ledger.take([ack(0xFFFFFFFD)], 1.5, True)
        self.ledger.takeLate([dataShard(9, OTHER + ack(0xFFFFFFFE) + ack(0xFFFFFFFD))], 1.6)
        self.assertEqual((probe.recovered, probe.answered), (False, 1.6))
        # What nobody has rebuilt goes through FEC.
        self.assertIsNone(other.answered)

    @given(strategies.lists(strategies.binary(max_size=60)))
    def test_lateAnything(self, packets: list[bytes]) -> None:
        """
        Whatever comes is looked at.
        """
        self.setUp()
        self.send(1)
        packets += [b"\0\0\0\0\xf1\0" + packet for packet in packets]
        self.ledger.takeLate([*packets, ack(0xFFFFFFFD)], 1.6)

    def test_rest(self) -> None:
        """
        What else there is in a datagram is left for the connection.
        """
        self.send(2)
        first, second = ack(0xFFFFFFFD), ack(0xFFFFFFFE)
        rest = self.ledger.take(
            [OTHER, OTHER + first + OTHER, first + OTHER + second, second], 2.0, False
        )
        self.assertEqual(rest, [OTHER, OTHER + OTHER, OTHER])

    def test_others(self) -> None:
        """
        ACKs of something else are not taken.
        """
        self.send(1)
        for other in (ack(3), ack(0xFFFFFFFD, conv=1), ack(0xFFFFFFFD, sn=0)):
            self.assertEqual(self.ledger.take([other], 2.0, False), [other])

    @given(strategies.binary(max_size=100), strategies.integers(0, 100))
    def test_anything(self, data: bytes, place: int) -> None:
        """
        Whatever comes, nothing but ACKs of probes is taken away.
        """
        self.setUp()
        self.send(1)
        self.assertEqual(b"".join(self.ledger.take([data], 2.0, False)), data)
        mixed = OTHER + ack(0xFFFFFFFD) + data
        self.assertEqual(self.ledger.take([mixed], 2.0, False), [OTHER + data])
        cut = mixed[:place]
        left = b"".join(self.ledger.take([cut], 2.0, False))
        self.assertIn(left, (cut, OTHER + cut[len(OTHER) + 24 :]))
