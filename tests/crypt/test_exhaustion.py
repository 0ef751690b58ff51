"""
What happens to connections when a key has been used enough.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionLost

from kcptwisted.crypt import aead
from kcptwisted.errors import KeyExhausted
from kcptwisted.options import KCPOptions
from tests.connections import ConnectionTestCase, RecordingProtocol

#: Datagrams that the side that runs out can send.
FEW = 40


class ExhaustionTests(ConnectionTestCase):
    """
    Connections with AES-GCM, of which one side's key is good for few datagrams.
    """

    # With a small window a batch is small beside what the key is good for.
    options = KCPOptions(crypt="aes-128-gcm", key="secret", sendWindow=8)

    def connectWith(self, server: int, client: int) -> tuple[RecordingProtocol, RecordingProtocol]:
        """
        Connect.

        @param server: how many datagrams the server can send.
        @param client: the client.
        @return: the client's and the server's protocols.
        """
        self.patch(aead, "SEND_LIMIT", server)
        self.port = self.listen()
        self.patch(aead, "SEND_LIMIT", client)
        connecting = self.begin()
        self.network.run(0.1)
        self.successResultOf(connecting)
        return self.clientFactory.made[0], self.serverFactory.made[0]

    def checkReason(self, protocol: RecordingProtocol) -> None:
        """
        See that a connection ended for want of a key, and that nothing was logged as an accident.
        """
        reason = self.reasonOf(protocol)
        self.assertIsInstance(reason, KeyExhausted)
        self.assertIsInstance(reason, ConnectionLost)
        for part in ("key", "changed"):
            self.assertIn(part, str(reason))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_client(self) -> None:
        """
        When the client runs out its connection ends with an error that says so; the server has all
        that was sent until then, in order, and its connection stands.
        """
        client, server = self.connectWith(1 << 30, FEW)
        data = self.data(500_000)
        client.session.write(data)
        self.network.run(5)
        self.checkReason(client)
        self.assertTrue(data.startswith(server.received))
        self.assertGreater(len(server.received), 10_000)
        self.assertEqual(server.reasons, [])
        self.finish(self.port)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_server(self) -> None:
        """
        When the server runs out, so does its connection, and any that comes after.
        """
        client, server = self.connectWith(FEW, 1 << 30)
        server.session.write(self.data(500_000))
        self.network.run(5)
        self.checkReason(server)
        self.assertGreater(len(client.received), 10_000)
        client.session.abortConnection()
        again = self.begin()
        self.network.run(60)
        self.failureResultOf(again)
        self.finish(self.port)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_both(self) -> None:
        """
        When both run out both end, each for itself.
        """
        client, server = self.connectWith(FEW, FEW)
        client.session.write(self.data(500_000))
        server.session.write(self.data(500_000))
        self.network.run(5)
        self.checkReason(client)
        self.checkReason(server)
        self.finish(self.port)

    def test_notTooMany(self) -> None:
        """
        The side that runs out never puts more on the wire than its key is good for.
        """
        sent: list[bytes] = []
        self.network.taps.append(lambda source, _, datagram: sent.append(datagram[:12]))
        client, _ = self.connectWith(FEW, FEW)
        client.session.write(self.data(500_000))
        self.network.run(5)
        self.checkReason(client)
        self.assertLessEqual(len(sent), 2 * FEW)
        self.assertEqual(len(set(sent)), len(sent))
        self.finish(self.port)

    def test_largeBatch(self) -> None:
        """
        Of a batch that is more than what is left nothing is sent, and the connection ends.
        """
        sent: list[bytes] = []
        self.options = KCPOptions(
            crypt="aes-128-gcm", key="secret", congestion="none", sendWindow=1000
        )
        client, server = self.connectWith(1 << 30, FEW)
        self.network.taps.append(lambda source, _, datagram: sent.append(datagram))
        client.session.write(self.data(500_000))
        self.network.run(5)
        self.checkReason(client)
        self.assertEqual((sent, server.received), ([], b""))
        self.finish(self.port)

    def coded(self, pause: int) -> KCPOptions:
        """
        @return: options with FEC.
        """
        return KCPOptions(
            crypt="aes-128-gcm",
            key="secret",
            dataShards=10,
            parityShards=3,
            fecFlush=pause,
            sendWindow=8,
        )

    def test_parity(self) -> None:
        """
        With FEC it is no different.
        """
        self.options = self.coded(pause=0)
        client, server = self.connectWith(1 << 30, FEW)
        client.session.write(self.data(100_000))
        self.network.run(5)
        self.checkReason(client)
        self.assertGreater(len(server.received), 10_000)
        self.finish(self.port)

    def test_pause(self) -> None:
        """
        Nor when the key is not good for what fills up a group in a pause.
        """
        self.options = self.coded(pause=50)
        client, _ = self.connectWith(1 << 30, 8)
        client.session.write(b"little")
        self.network.run(1)
        self.checkReason(client)
        self.finish(self.port)

    def test_closing(self) -> None:
        """
        A close that cannot be finished for want of a key ends with the same error.
        """
        client, _ = self.connectWith(1 << 30, FEW)
        client.session.write(self.data(500_000))
        client.session.loseConnection()
        self.network.run(5)
        self.checkReason(client)
        self.finish(self.port)
