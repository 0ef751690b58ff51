"""
Tests for L{kcptwisted.crypt.layer}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.crypt.aead import aesGCM
from kcptwisted.crypt.layer import CryptLayer
from kcptwisted.interfaces import IDatagramProtocol, IDatagramTransport
from kcptwisted.stats import PortStats
from tests.recording import ADDRESS, RecordingProtocol, RecordingTransport

KEY = bytes(range(16))


class CryptLayerTests(SynchronousTestCase):
    """
    Tests for L{CryptLayer}.
    """

    def setUp(self) -> None:
        """
        A layer between what records.
        """
        self.stats = PortStats()
        self.above = RecordingProtocol()
        self.below = RecordingTransport(overhead=3)
        self.layer = CryptLayer(self.above, aesGCM(KEY), self.stats)
        self.layer.makeConnection(self.below)

    def test_interfaces(self) -> None:
        """
        It is the protocol of what is below it and the transport of what is above it.
        """
        verifyObject(IDatagramProtocol, self.layer)
        verifyObject(IDatagramTransport, self.layer)
        self.assertIs(self.above.transport, self.layer)

    def test_overhead(self) -> None:
        """
        It adds what its cipher does to what is below it.
        """
        self.assertEqual(self.layer.overhead, 31)

    def test_write(self) -> None:
        """
        What goes down is sealed, as one batch.
        """
        self.layer.writeDatagrams([b"a", b"b"], ADDRESS)
        ((packets, address),) = self.below.written
        self.assertEqual(address, ADDRESS)
        self.assertEqual(aesGCM(KEY).open(packets), ([b"a", b"b"], 0))

    def test_recovered(self) -> None:
        """
        What a layer below rebuilt is opened too: nothing passes the cipher by.
        """
        (packet,) = aesGCM(KEY).seal([b"a"])
        self.layer.datagramsRecovered([packet, b"in clear, and long enough for a tag"], ADDRESS)
        self.assertEqual(self.above.calls, [("recovered", [b"a"], ADDRESS)])
        self.assertEqual(self.stats.InCsumErrors, 1)

    def test_receive(self) -> None:
        """
        What comes up is opened; what does not open is dropped and counted.
        """
        good = aesGCM(KEY).seal([b"a", b"b"])
        forged = aesGCM(bytes(16)).seal([b"c"])
        self.layer.datagramsReceived([good[0], *forged, b"short", good[1]], ADDRESS)
        self.assertEqual(self.above.calls, [("received", [b"a", b"b"], ADDRESS)])
        self.assertEqual(self.stats.InCsumErrors, 2)

    def test_nothing(self) -> None:
        """
        When nothing opens nothing is handed up.
        """
        self.layer.datagramsReceived([b"", bytes(40)], ADDRESS)
        self.layer.datagramsReceived([bytes(40)], ADDRESS)
        self.assertEqual(self.above.calls, [])
        self.assertEqual(self.stats.InCsumErrors, 3)
