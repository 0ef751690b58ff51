"""
Tests for L{kcptwisted.layer}.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.layer import DatagramLayer
from tests.recording import ADDRESS, RecordingProtocol, RecordingTransport


class Reversing(DatagramLayer):
    """
    A layer of a user's own.
    """

    ownOverhead = 2

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Turn each around.
        """
        super().writeDatagrams([datagram[::-1] for datagram in datagrams], address)


class DatagramLayerTests(SynchronousTestCase):
    """
    Tests for L{DatagramLayer}.
    """

    def setUp(self) -> None:
        """
        A layer between what records.
        """
        self.above = RecordingProtocol()
        self.below = RecordingTransport(overhead=5)
        self.layer = DatagramLayer(self.above)
        self.layer.makeConnection(self.below)

    def test_interfaces(self) -> None:
        """
        It is the protocol of what is below it and the transport of what is above it, and what
        records here is what it takes it for.
        """
        verifyObject(IDatagramProtocol, self.layer)
        verifyObject(IDatagramTransport, self.layer)
        verifyObject(IDatagramProtocol, self.above)
        verifyObject(IDatagramTransport, self.below)

    def test_connect(self) -> None:
        """
        The protocol above is connected to the layer itself.
        """
        self.assertIs(self.above.transport, self.layer)
        self.assertIs(self.layer.wrapped, self.above)

    def test_down(self) -> None:
        """
        What is written passes down.
        """
        self.layer.writeDatagrams([b"a", b"b"], ADDRESS)
        self.assertEqual(self.below.written, [([b"a", b"b"], ADDRESS)])

    def test_up(self) -> None:
        """
        All else passes up.
        """
        reason = Failure(ConnectionDone())
        problem = OSError()
        self.layer.datagramsReceived([b"a"], ADDRESS)
        self.layer.datagramsRecovered([b"b"], ADDRESS)
        self.layer.batchFinished()
        self.layer.connectionRefused()
        self.layer.peerUnreachable(problem)
        self.layer.sendingFailed(problem)
        self.layer.connectionLost(reason)
        self.assertEqual(
            self.above.calls,
            [
                ("received", [b"a"], ADDRESS),
                ("recovered", [b"b"], ADDRESS),
                ("finished",),
                ("refused",),
                ("unreachable", problem),
                ("failed", problem),
                ("lost", reason),
            ],
        )

    def test_overhead(self) -> None:
        """
        It adds nothing to what is below it.
        """
        self.assertEqual(self.layer.overhead, 5)

    def test_stacked(self) -> None:
        """
        Layers can be put upon each other, and what they add adds up.
        """
        above = RecordingProtocol()
        inner = Reversing(above)
        outer = Reversing(DatagramLayer(inner))
        outer.makeConnection(self.below)
        self.assertEqual(inner.overhead, 9)
        inner.writeDatagrams([b"abc"], ADDRESS)
        self.assertEqual(self.below.written, [([b"abc"], ADDRESS)])
        outer.datagramsReceived([b"up"], ADDRESS)
        self.assertEqual(above.calls, [("received", [b"up"], ADDRESS)])
