"""
Tests for L{kcptwisted.session.tcplike}, and for what transports and ports say of themselves.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import ISSLTransport, ITCPTransport, ITLSTransport
from zope.interface.verify import verifyObject

from kcptwisted.client.connector import KCPConnector
from kcptwisted.errors import PeerTimeout
from kcptwisted.interfaces import IKCPTransport
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from kcptwisted.udp.addresses import showAddress, toAddress
from kcptwisted.workers.ports import AbsentPort
from tests.connections import ConnectionTestCase

SILENT = KCPOptions(crypt="null", keepAlive=0)


class InterfaceTests(ConnectionTestCase):
    """
    What a transport says that it is.
    """

    def test_provided(self) -> None:
        """
        It can be asked what a TCP transport can be asked, and TLS can be started on it; it is not
        secure before.
        """
        for protocol in self.connect():
            for interface in (ITCPTransport, ITLSTransport, IKCPTransport):
                self.assertTrue(verifyObject(interface, protocol.session))
            self.assertFalse(ISSLTransport.providedBy(protocol.session))
            for name in ("getHandle", "getPeerCertificate", "negotiatedProtocol"):
                self.assertFalse(hasattr(protocol.session, name))
        self.finish(self.port)


class NoDelayTests(ConnectionTestCase):
    """
    TCP_NODELAY.
    """

    def test_remembered(self) -> None:
        """
        What is set is noted.
        """
        client, server = self.connect()
        self.assertTrue(client.session.getTcpNoDelay())
        client.session.setTcpNoDelay(False)
        self.assertFalse(client.session.getTcpNoDelay())
        client.session.setTcpNoDelay(True)
        self.assertTrue(client.session.getTcpNoDelay())
        self.assertTrue(server.session.getTcpNoDelay())
        self.finish(self.port)

    def test_writeDelay(self) -> None:
        """
        C{writeDelay} is what comes next to Nagle's algorithm.
        """
        client, _ = self.connect(KCPOptions(crypt="null", writeDelay=True))
        self.assertFalse(client.session.getTcpNoDelay())
        self.finish(self.port)


class KeepAliveTests(ConnectionTestCase):
    """
    SO_KEEPALIVE.
    """

    def test_remembered(self) -> None:
        """
        What is set is noted; C{keepAlive} of the endpoint stays in force all the same.
        """
        client, _ = self.connect(link=Link(loss=1))
        self.assertTrue(client.session.getTcpKeepAlive())
        client.session.setTcpKeepAlive(False)
        self.assertFalse(client.session.getTcpKeepAlive())
        self.network.run(60)
        self.assertIsInstance(self.reasonOf(client), PeerTimeout)
        self.finish(self.port)

    def test_turnedOn(self) -> None:
        """
        With C{keepAlive=0} it turns asking on.
        """
        client, server = self.connect(SILENT)
        self.assertFalse(client.session.getTcpKeepAlive())
        client.session.setTcpKeepAlive(True)
        self.assertTrue(client.session.getTcpKeepAlive())
        self.network.run(25)
        self.assertGreater(client.session.stats.OutPkts, 2)
        self.bothWays(Link(loss=1))
        self.network.run(60)
        self.assertIsInstance(self.reasonOf(client), PeerTimeout)
        self.assertEqual(server.reasons, [])
        self.finish(self.port)

    def test_turnedOff(self) -> None:
        """
        What it has turned on it turns off, even while the peer is being asked; and on again with
        no memory of what was not answered.
        """
        client, _ = self.connect(SILENT, Link(loss=1))
        client.session.setTcpKeepAlive(True)
        self.network.run(35)
        client.session.setTcpKeepAlive(False)
        sent = client.session.stats.OutPkts
        self.network.run(3600)
        self.assertEqual(client.reasons, [])
        self.assertEqual(client.session.stats.OutPkts, sent)
        self.bothWays(Link())
        client.session.setTcpKeepAlive(True)
        self.network.run(60)
        self.assertEqual(client.reasons, [])
        self.finish(self.port)

    def test_atTheEnd(self) -> None:
        """
        It is asked for nothing when the connection is over.
        """
        client, _ = self.connect(SILENT)
        session = client.session
        session.abortConnection()
        self.network.run(1)
        session.setTcpKeepAlive(True)
        session.setTcpNoDelay(True)
        self.network.run(1)
        self.finish(self.port)


class ReprTests(ConnectionTestCase):
    """
    What is seen of it in a log.
    """

    def test_transport(self) -> None:
        """
        A transport shows both addresses, and its state, also when it is over.
        """
        client, server = self.connect()
        session, theirs = client.session, server.session
        self.assertEqual(
            repr(session),
            f"<KCPTransport {session.conv} established, 10.0.0.1:49152 to 10.0.0.2:4000>",
        )
        self.assertEqual(
            repr(theirs),
            f"<KCPTransport {session.conv} established, 10.0.0.2:4000 to 10.0.0.1:49152>",
        )
        session.write(b"x")
        session.loseConnection()
        self.assertIn(" closing, ", repr(session))
        self.network.run(1)
        self.assertIn(" closed, ", repr(session))
        self.assertIn(" closed, ", repr(theirs))
        self.finish(self.port)

    def test_port(self) -> None:
        """
        A port shows its address, its state and how many it serves.
        """
        self.connect()
        factory = repr(self.serverFactory)
        self.assertEqual(
            repr(self.port), f"<KCPListeningPort 10.0.0.2:4000 listening, 1 sessions, {factory}>"
        )
        self.port.stopListening()
        self.assertIn(" stopping, 1 sessions", repr(self.port))
        self.network.run(1)
        self.assertIn(" stopped, 0 sessions", repr(self.port))

    def test_absentPort(self) -> None:
        """
        So does one that other processes serve.
        """
        self.assertEqual(repr(AbsentPort(("0.0.0.0", 4000))), "<AbsentPort 0.0.0.0:4000>")

    def test_connector(self) -> None:
        """
        A connector shows what it tries.
        """
        connector = KCPConnector(
            self.network.host("10.0.0.1"), self.options, self.clientFactory, lambda: 7
        )
        self.assertEqual(repr(connector), "<KCPConnector None>")
        connecting = connector.connect(("0.0.0.0", 0), ("10.0.0.2", 4000))
        self.assertEqual(
            repr(connector),
            "<KCPConnector <KCPSession 7 connecting, 10.0.0.1:49152 to 10.0.0.2:4000>>",
        )
        connecting.cancel()
        self.network.run(1)
        self.failureResultOf(connecting, CancelledError)

    def test_ipv6(self) -> None:
        """
        IPv6 addresses stand in brackets.
        """
        self.assertEqual(showAddress(toAddress(("fe80::1", 5, 0, 0))), "[fe80::1]:5")
