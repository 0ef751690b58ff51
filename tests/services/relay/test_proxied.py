"""
Tests for L{kcptwisted.services.relay.proxied}.
"""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IHalfCloseableProtocol, IStreamServerEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.services.relay.proxied import TIMEOUT, ProxiedFactory, ProxiedServerEndpoint
from kcptwisted.services.relay.proxyprotocol import header
from tests.connections import RecordingProtocol
from tests.smux.driving import HalfRecorder

PEER = IPv4Address("TCP", "192.0.2.1", 1111)
HOST = IPv4Address("TCP", "192.0.2.2", 2222)
HEADERS = [header("v1", PEER, HOST), header("v2", PEER, HOST)]


class Transport(StringTransport):
    """
    Notes aborts.
    """

    aborted = False

    def abortConnection(self) -> None:
        """
        Note.
        """
        self.aborted = True


class ProxiedTests(SynchronousTestCase):
    """
    The header comes first.
    """

    def setUp(self) -> None:
        """
        Nobody is connected.
        """
        self.clock = Clock()
        self.made: list[Any] = []
        self.factory = ProxiedFactory(self.clock, self)  # type: ignore[arg-type]

    # The wrapped factory.

    def buildProtocol(self, addr: Any) -> Any:
        """
        Note for whom.
        """
        protocol = RecordingProtocol()
        self.made.append((addr, protocol))
        return protocol

    def connect(self) -> tuple[Any, Transport]:
        """
        @return: the protocol of a connection, and its transport.
        """
        protocol, transport = self.factory.buildProtocol(HOST), Transport()
        protocol.makeConnection(transport)
        return protocol, transport

    def test_pieces(self) -> None:
        """
        However the header arrives, the protocol is made when it is there, and knows the client.
        """
        for given in HEADERS:
            for size in (1, 5, 14, 16, 1000):
                self.made.clear()
                protocol, transport = self.connect()
                data = given + b"rest"
                for at in range(0, len(data), size):
                    isWhole = at >= len(given)
                    self.assertEqual(bool(self.made), isWhole and bool(self.made))
                    protocol.dataReceived(data[at : at + size])
                ((addr, inner),) = self.made
                self.assertEqual(addr, PEER)
                self.assertEqual(inner.transport.getPeer(), PEER)
                self.assertEqual(inner.transport.getHost(), HOST)
                self.assertEqual(inner.received, b"rest")
                self.assertFalse(transport.disconnecting)
        self.clock.advance(TIMEOUT + 1)
        self.assertFalse(transport.aborted)

    def test_waits(self) -> None:
        """
        Nothing is made before the last byte of the header.
        """
        for given in HEADERS:
            protocol, _ = self.connect()
            protocol.dataReceived(given[:-1])
            self.assertEqual(self.made, [])
            protocol.dataReceived(given[-1:])
            self.assertEqual(len(self.made), 1)
            self.made.clear()

    def test_wrong(self) -> None:
        """
        What is no header closes the connection, and no protocol is made.
        """
        for data in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"X",
            b"PROXY TCP9 a b c d\r\n",
            b"PROXY TCP4 192.0.2.1 192.0.2.2 1x 2\r\n",
            b"PROXY TCP4 192.0.2.\xff 192.0.2.2 1 2\r\n",
            HEADERS[1][:13] + b"\x13" + HEADERS[1][14:],
            HEADERS[1][:14] + b"\0\0" + HEADERS[1][16:],
            b"\r\n\r\n\x00\rX" * 4,
            b"PROXY TCP4 999.0.2.1 192.0.2.2 1 2\r\n",
            b"PROXY TCP4 192.0.2.1 192.0.2.2 99999 2\r\n",
            b"PROXY TCP6 ::1 ::1 1 -2\r\n",
            b"PROXY TCP6 ::1 ::z 1 2\r\n",
            b"PROXY UNKNOWNX\r\n",
        ):
            protocol, transport = self.connect()
            protocol.dataReceived(data)
            self.assertTrue(transport.disconnecting, data)
            protocol.dataReceived(HEADERS[0])
            self.assertEqual(self.made, [])

    def test_unknown(self) -> None:
        """
        A header may say nothing.  The client is then who has connected.
        """
        for given in (header("v1", None, None), b"PROXY UNKNOWN a b\r\n", header("v2", None, None)):
            protocol, transport = self.connect()
            for at in range(len(given)):
                protocol.dataReceived(given[at : at + 1])
            protocol.dataReceived(b"rest")
            addr, inner = self.made.pop()
            self.assertEqual((addr, inner.received), (transport.getPeer(), b"rest"))

    def test_halfClose(self) -> None:
        """
        The end of the data is passed on to a protocol that goes on then; before the header, and
        otherwise, it closes the connection.
        """
        for kind, goesOn in ((HalfRecorder, True), (RecordingProtocol, False)):
            self.buildProtocol = lambda _, kind=kind: kind()  # type: ignore[method-assign,misc]
            protocol, transport = self.connect()
            self.assertTrue(verifyObject(IHalfCloseableProtocol, protocol))
            protocol.dataReceived(HEADERS[0])
            protocol.readConnectionLost()
            self.assertIs(transport.disconnecting, not goesOn)
            protocol.writeConnectionLost()
        protocol, transport = self.connect()
        protocol.readConnectionLost()
        self.assertTrue(transport.disconnecting)

    def test_damaged(self) -> None:
        """
        Whatever is wrong with a header, the connection is closed, waits for more, or is taken for
        another client's.
        """
        random = Random(1)
        for _ in range(2000):
            data = bytearray(random.choice(HEADERS))
            for _ in range(random.randint(1, 3)):
                at = random.randrange(len(data))
                data[at : at + random.randint(0, 2)] = random.randbytes(random.randint(0, 2))
            protocol, _ = self.connect()
            for at in range(0, len(data), 20):
                protocol.dataReceived(bytes(data[at : at + 20]))

    def test_silent(self) -> None:
        """
        A client that says nothing is aborted.
        """
        protocol, transport = self.connect()
        protocol.dataReceived(HEADERS[0][:10])
        self.clock.advance(TIMEOUT - 0.1)
        self.assertFalse(transport.aborted)
        self.clock.advance(0.2)
        self.assertTrue(transport.aborted)

    def test_lostBefore(self) -> None:
        """
        A client that goes before its header leaves nothing behind.
        """
        protocol, _ = self.connect()
        protocol.connectionLost(None)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.factory.protocols, {})

    def test_refused(self) -> None:
        """
        If there is to be no protocol, the connection is aborted.
        """
        self.buildProtocol = lambda _: None  # type: ignore[method-assign,assignment]
        protocol, transport = self.connect()
        protocol.dataReceived(HEADERS[1])
        self.assertTrue(transport.aborted)

    def test_interface(self) -> None:
        """
        It is an endpoint.
        """
        verifyObject(IStreamServerEndpoint, ProxiedServerEndpoint(self.clock, self))  # type: ignore[arg-type]
