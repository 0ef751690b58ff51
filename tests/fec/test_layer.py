"""
Tests for L{kcptwisted.fec.layer}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.fec.encoder import FECEncoder
from kcptwisted.fec.layer import FECLayer
from kcptwisted.interfaces import IDatagramProtocol, IDatagramTransport
from kcptwisted.stats import SessionStats
from tests.recording import ADDRESS, RecordingProtocol, RecordingTransport


class FECLayerTests(SynchronousTestCase):
    """
    Tests for L{FECLayer}.
    """

    def make(self, dataShards: int, parityShards: int) -> FECLayer:
        """
        A layer between what records.
        """
        self.now = 1000
        self.stats = SessionStats()
        self.above = RecordingProtocol()
        self.below = RecordingTransport(overhead=20)
        layer = FECLayer(self.above, dataShards, parityShards, lambda: self.now, self.stats)
        layer.makeConnection(self.below)
        return layer

    def test_interfaces(self) -> None:
        """
        It is the protocol of what is below it and the transport of what is above it.
        """
        layer = self.make(2, 1)
        verifyObject(IDatagramProtocol, layer)
        verifyObject(IDatagramTransport, layer)
        self.assertIs(self.above.transport, layer)

    def test_overhead(self) -> None:
        """
        It adds eight bytes to what is below it, or none without shards.
        """
        self.assertEqual(self.make(2, 1).overhead, 28)
        self.assertEqual(self.make(0, 0).overhead, 20)

    def test_write(self) -> None:
        """
        What goes down has headers and parity, batch by batch.
        """
        layer = self.make(2, 1)
        layer.writeDatagrams([b"a"], ADDRESS)
        layer.writeDatagrams([b"b", b"c"], ADDRESS)
        packets = FECEncoder(2, 1).encode([b"a", b"b", b"c"], 0)
        self.assertEqual(self.below.written, [(packets[:1], ADDRESS), (packets[1:], ADDRESS)])

    def test_clock(self) -> None:
        """
        It tells the encoder the time.
        """
        layer = self.make(2, 1)
        layer.writeDatagrams([b"a"], ADDRESS)
        self.now += 500
        layer.writeDatagrams([b"b"], ADDRESS)
        self.assertEqual([len(datagrams) for datagrams, _ in self.below.written], [1, 1])

    def test_writeWithoutShards(self) -> None:
        """
        Without shards what goes down stays as it is.
        """
        layer = self.make(0, 0)
        layer.writeDatagrams([b"a", b"b"], ADDRESS)
        self.assertEqual(self.below.written, [([b"a", b"b"], ADDRESS)])

    def test_receive(self) -> None:
        """
        What arrived and what was rebuilt go up, each by its own name.
        """
        layer = self.make(2, 1)
        packets = FECEncoder(2, 1).encode([b"a", b"b"], 0)
        layer.datagramsReceived([packets[1], packets[2]], ADDRESS)
        self.assertEqual(
            self.above.calls, [("received", [b"b"], ADDRESS), ("recovered", [b"a"], ADDRESS)]
        )
        self.assertEqual(self.stats.FECRecovered, 1)

    def test_nothing(self) -> None:
        """
        When there is nothing to hand up nothing is.
        """
        layer = self.make(2, 1)
        layer.datagramsReceived([FECEncoder(2, 1).encode([b"a", b"b"], 0)[2], b"short"], ADDRESS)
        self.assertEqual(self.above.calls, [])

    def test_headersWithoutShards(self) -> None:
        """
        Without shards a peer's headers are taken off all the same.
        """
        layer = self.make(0, 0)
        layer.datagramsReceived(FECEncoder(2, 1).encode([b"a", b"b"], 0), ADDRESS)
        self.assertEqual(self.above.calls, [("received", [b"a", b"b"], ADDRESS)])

    def test_rest(self) -> None:
        """
        What is not about datagrams passes through.
        """
        layer = self.make(2, 1)
        layer.datagramsRecovered([b"x"], ADDRESS)
        layer.batchFinished()
        layer.connectionRefused()
        self.assertEqual(
            self.above.calls, [("recovered", [b"x"], ADDRESS), ("finished",), ("refused",)]
        )
