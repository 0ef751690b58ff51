"""
Tests for L{kcptwisted.crypt.layer}.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionLost
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.crypt import aead
from kcptwisted.crypt.aead import aesGCM
from kcptwisted.crypt.layer import CryptLayer
from kcptwisted.errors import KeyExhausted
from kcptwisted.interfaces import IDatagramProtocol, IDatagramTransport
from kcptwisted.stats import PortStats
from tests.crypt.everycipher import madeCiphers
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
        clear = b"in clear, and long enough for a tag"
        self.layer.datagramsRecovered([packet, clear, b"short"], ADDRESS)
        self.assertEqual(self.above.calls, [("recovered", [b"a"], ADDRESS)])
        self.assertEqual((self.stats.InCsumErrors, self.stats.InShortErrs), (1, 1))
        self.layer.datagramsRecovered([clear, b""], ADDRESS)
        self.assertEqual(len(self.above.calls), 1)
        self.assertEqual((self.stats.InCsumErrors, self.stats.InShortErrs), (2, 2))

    def test_receive(self) -> None:
        """
        What comes up is opened; what does not open is dropped and counted.
        """
        good = aesGCM(KEY).seal([b"a", b"b"])
        forged = aesGCM(bytes(16)).seal([b"c"])
        self.layer.datagramsReceived([good[0], *forged, b"short", good[1]], ADDRESS)
        self.assertEqual(self.above.calls, [("received", [b"a", b"b"], ADDRESS)])
        self.assertEqual((self.stats.InCsumErrors, self.stats.InShortErrs), (1, 1))

    def test_nothing(self) -> None:
        """
        When nothing opens nothing is handed up.
        """
        self.layer.datagramsReceived([b"", bytes(40)], ADDRESS)
        self.layer.datagramsReceived([bytes(40)], ADDRESS)
        self.assertEqual(self.above.calls, [])
        self.assertEqual((self.stats.InCsumErrors, self.stats.InShortErrs), (2, 1))

    def test_allGood(self) -> None:
        """
        When all opens nothing is counted.
        """
        self.layer.datagramsReceived(aesGCM(KEY).seal([b"", b"a"]), ADDRESS)
        self.layer.datagramsReceived([], ADDRESS)
        self.assertEqual(self.above.calls, [("received", [b"", b"a"], ADDRESS)])
        self.assertEqual((self.stats.InCsumErrors, self.stats.InShortErrs), (0, 0))

    def test_reasons(self) -> None:
        """
        With every cipher, what has no room for its overhead is too short, and anything else that
        does not open is wrong; nothing else is counted.
        """
        for name, cipher in madeCiphers().items():
            stats = PortStats()
            above = RecordingProtocol()
            layer = CryptLayer(above, cipher, stats)
            layer.makeConnection(RecordingTransport())
            self.assertEqual(layer.overhead, cipher.overhead, name)
            wrong = [b"\x55" * length for length in range(cipher.overhead + 9)]
            layer.datagramsReceived(wrong, ADDRESS)
            layer.datagramsRecovered(wrong, ADDRESS)
            self.assertEqual(above.calls, [], name)
            counted = {counter: n for counter, n in stats.asDict().items() if n}
            self.assertEqual(
                counted, {"InShortErrs": 2 * cipher.overhead, "InCsumErrors": 18}, name
            )

    def test_exhausted(self) -> None:
        """
        When the key has been used enough, nothing is sent, and whoever writes is told by an error
        that ends a connection.
        """
        self.patch(aead, "SEND_LIMIT", 3)
        layer = CryptLayer(self.above, aesGCM(KEY), self.stats)
        layer.makeConnection(self.below)
        layer.writeDatagrams([b"a", b"b"], ADDRESS)
        error = self.assertRaises(KeyExhausted, layer.writeDatagrams, [b"c", b"d"], ADDRESS)
        self.assertIsInstance(error, ConnectionLost)
        for part in ("key", "3 datagrams", "changed"):
            self.assertIn(part, str(error))
        self.assertRaises(KeyExhausted, layer.writeDatagrams, [b"c"], ADDRESS)
        self.assertEqual([len(packets) for packets, _ in self.below.written], [2])
