"""
Tests for L{kcptwisted.services.kcptun.carrier} and C{mismatch}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import WrappingFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.services.kcptun.carrier import Carrier, PeerCorrupt, PeerMismatch
from kcptwisted.services.kcptun.snappy import IDENTIFIER
from kcptwisted.smux.frames import NOP, header
from tests import kcptun
from tests.services.kcptun.test_snappy import SYN, SYN_CHUNK


class Recorder(Protocol):
    """
    A session that keeps what it gets.
    """

    def __init__(self) -> None:
        self.received = b""
        self.reason: Any = None

    def dataReceived(self, data: bytes) -> None:
        """
        Keep.
        """
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Keep.
        """
        self.reason = reason.value


class CarrierTests(SynchronousTestCase):
    """
    Between KCP and smux.
    """

    def carry(self, isCompressed: bool = True, version: int = 1) -> Carrier:
        """
        @return: one that is connected.
        """
        self.session = Recorder()
        carrier = Carrier(WrappingFactory(Factory()), self.session, isCompressed, version)
        self.transport = StringTransport()
        carrier.makeConnection(self.transport)
        return carrier

    def assertEnds(self, carrier: Carrier, kind: type[Exception], told: str, data: bytes) -> None:
        """
        What comes ends the session, for a reason that says C{told}.
        """
        carrier.dataReceived(data)
        self.assertTrue(self.transport.disconnected)
        carrier.dataReceived(data)
        carrier.connectionLost(Failure(ConnectionDone()))
        self.assertIs(type(self.session.reason), kind)
        self.assertIn(told, str(self.session.reason))

    def test_compressed(self) -> None:
        """
        What is written leaves at once as chunks; what comes as chunks arrives.
        """
        carrier = self.carry()
        carrier.write(SYN)
        self.assertEqual(self.transport.value(), IDENTIFIER + SYN_CHUNK)
        carrier.writeSequence([SYN, SYN])
        self.assertEqual(kcptun.unframe(self.transport.value()), SYN * 3)
        carrier.dataReceived(IDENTIFIER + SYN_CHUNK)
        self.assertEqual(self.session.received, SYN)

    def test_plain(self) -> None:
        """
        With C{--nocomp} all stays as it is.
        """
        carrier = self.carry(False)
        carrier.write(SYN)
        self.assertEqual(self.transport.value(), SYN)
        carrier.dataReceived(SYN)
        self.assertEqual(self.session.received, SYN)

    def test_ends(self) -> None:
        """
        Otherwise the session gets the connection's own reason.
        """
        carrier = self.carry()
        carrier.connectionLost(Failure(ConnectionDone()))
        self.assertIsInstance(self.session.reason, ConnectionDone)

    def test_peerCompresses(self) -> None:
        """
        The first bytes show that only the peer compresses.
        """
        carrier = self.carry(False)
        told = "the peer compresses, and here is --nocomp: give it at both ends or at neither"
        self.assertEnds(carrier, PeerMismatch, told, IDENTIFIER + SYN_CHUNK)
        self.assertEqual(self.session.received, b"")

    def test_peerDoesNot(self) -> None:
        """
        They show that it does not.
        """
        told = "the peer does not compress: give --nocomp at both ends or at neither"
        for data in (SYN, header(2, NOP, 0, 0), b"\x01"):
            self.assertEnds(self.carry(), PeerMismatch, told, data)

    def test_strange(self) -> None:
        """
        They are neither.
        """
        told = "the peer is no kcptun: its first bytes are 53 53 48"
        self.assertEnds(self.carry(), PeerMismatch, told, b"SSH-2.0")
        self.assertEnds(self.carry(False), PeerMismatch, told, b"SSH-2.0")

    def test_version(self) -> None:
        """
        The first frame is of the other version.
        """
        told = "the peer has --smuxver 1, and here it is 2"
        self.assertEnds(self.carry(version=2), PeerMismatch, told, IDENTIFIER + SYN_CHUNK)
        self.assertEnds(self.carry(False, 2), PeerMismatch, told, SYN)

    def test_corrupt(self) -> None:
        """
        A wrong checksum ends the session, after what came before.
        """
        carrier = self.carry()
        carrier.dataReceived(IDENTIFIER + SYN_CHUNK)
        wrong = SYN_CHUNK[:-1] + b"\xff"
        self.assertEnds(carrier, PeerCorrupt, "The compressed stream is corrupt: snappy: corrupt",
                        wrong)  # fmt: skip
        self.assertEqual(self.session.received, SYN)
