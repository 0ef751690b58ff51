"""
Datagrams that come again: recorded ones that somebody sends, and late ones of closed sessions.
"""

from __future__ import annotations

from kcptwisted.options import KCPOptions
from kcptwisted.testing import Link
from tests.callers import AEAD, ATTACKER, BARE_AEAD, CallerTestCase, push
from tests.connections import CLIENT, SERVER, RecordingProtocol
from tests.inside import connectionOf, sessionOf

AEAD_FEC = KCPOptions(key="k", crypt="aes-128-gcm", dataShards=2, parityShards=1)
NULL = KCPOptions(crypt="null")
FEC = KCPOptions(crypt="null", dataShards=2, parityShards=1)

BARE_PORT = 5000


class RecordedTestCase(CallerTestCase):
    """
    A session of which all is recorded.

    @ivar address: the client's.
    """

    def record(self, server: KCPOptions, client: KCPOptions, bare: bool) -> RecordingProtocol:
        """
        Hold a session with much of everything over a bad link, on a new network.

        @param bare: whether the client knows no control frames.
        @return: the server's protocol.
        """
        self.setUp()
        self.bothWays(Link(delay=0.01))
        self.port = self.listen(server)
        if bare:
            peer = self.plain(5, client, port=BARE_PORT)
            self.address = CLIENT, BARE_PORT
            write = peer.write
        else:
            protocol = self.reach(5, client)
            self.address = self.addressOf(protocol)
            write = protocol.session.write
        self.bothWays(Link(delay=0.01, loss=0.2, duplicate=0.1, reorder=0.2))
        for number in range(20):
            write(bytes([number]) * 5000)
            self.network.run(0.3)
            self.serverFactory.made[0].session.write(bytes(100))
        self.network.run(20)
        self.made = 1
        recorded = self.serverFactory.made[0]
        # When the link loses two answers in a row, the client goes on from another port.
        self.address = sessionOf(recorded.session).address[:2]
        return recorded

    def repeat(self, *sources: tuple[str, int]) -> None:
        """
        Send all that the client has sent once more, and give the server time to answer.
        """
        recorded = self.fromClient()
        self.assertGreater(len(recorded), 50)
        for source in sources:
            for datagram in recorded:
                self.inject(datagram, source)
        self.network.run(2)

    def assertNothingOpened(self) -> None:
        """
        Assert that there was never more than the one session.
        """
        self.assertEqual(len(self.serverFactory.made), self.made)
        self.assertEqual(self.port.stats.PassiveOpens, self.made)


CASES = (
    (AEAD, AEAD, False),
    (AEAD_FEC, AEAD_FEC, False),
    (AEAD, AEAD, True),
    (BARE_AEAD, AEAD, False),
)


class ReplayedTests(RecordedTestCase):
    """
    Behind a cipher that authenticates.
    """

    def test_during(self) -> None:
        """
        Whatever is recorded of a session and sent again while it lasts, from its client's address
        or from another one, opens nothing, does not end it, and is not taken twice.
        """
        for server, client, bare in CASES:
            protocol = self.record(server, client, bare)
            received = protocol.received
            errors = self.port.stats.InErrs + self.port.stats.InReplayed
            self.repeat(self.address, ATTACKER, (CLIENT, 1))
            self.assertNothingOpened()
            self.assertEqual((protocol.received, protocol.reasons), (received, []))
            self.assertEqual(sessionOf(protocol.session).address, self.address)
            counted = self.port.stats.InErrs + self.port.stats.InReplayed - errors
            self.assertGreaterEqual(counted, 100)

    def test_after(self) -> None:
        """
        Nor does it when the session has ended: at once, when nothing can be late any more, and
        when the listener has forgotten that there was a session with that address.
        """
        for server, client, bare in CASES:
            protocol = self.record(server, client, bare)
            protocol.session.loseConnection()
            self.network.run(5)
            self.assertEqual(self.port.sessions, [])
            self.crash(CLIENT)
            for pause in (0, 10, 100):
                self.network.run(pause)
                self.repeat(self.address, ATTACKER)
                self.assertNothingOpened()
            self.assertGreater(self.port.stats.InReplayed, 0)

    def test_otherSession(self) -> None:
        """
        Nor does it end a session that the client, or another one, has begun since, however well
        its address is forged.
        """
        for server, client, bare in CASES:
            self.record(server, client, bare).session.loseConnection()
            self.network.run(5)
            self.crash(CLIENT)
            self.network.run(100)
            recorded = self.fromClient()
            peer = self.plain(6, client, port=BARE_PORT)
            peer.write(b"later")
            # The link may lose the first copies.
            self.network.run(2)
            later = self.serverFactory.made[1]
            for datagram in recorded:
                self.inject(datagram, (CLIENT, BARE_PORT))
            peer.write(b" and later")
            self.network.run(2)
            self.assertEqual((later.received, later.reasons), (b"later and later", []))
            self.assertEqual(len(self.serverFactory.made), 2)

    def test_first(self) -> None:
        """
        The datagram that opened a session opens none from elsewhere, and is counted as replayed.
        """
        for client, bare in ((AEAD, False), (BARE_AEAD, False), (AEAD, True)):
            self.setUp()
            self.port = self.listen(AEAD)
            if bare:
                self.plain(5, client, port=BARE_PORT).write(b"x")
            else:
                self.dial(5, client)
            self.network.run(1)
            self.serverFactory.made[0].session.abortConnection()
            self.network.run(1)
            for number, host in enumerate(("10.0.0.7", "10.0.0.8", CLIENT), 1):
                self.inject(self.fromClient()[0], (host, 7))
                self.assertEqual(self.port.stats.InReplayed, number)
            self.assertEqual(len(self.serverFactory.made), 1)

    def test_firstAgain(self) -> None:
        """
        Copies of the first segment that a client sent again, because its beginning was lost, are
        known as well, however much it had sent before.
        """
        self.bothWays(Link(delay=0.01))
        self.port = self.listen(AEAD)
        client = self.reach(5, AEAD)
        self.network.setLink(CLIENT, SERVER, Link(loss=1))
        client.session.write(self.data(1000))
        self.network.run(0.03)
        self.network.setLink(CLIENT, SERVER, Link(delay=0.01))
        # What has never arrived nobody can know again.
        self.sent.clear()
        client.session.write(self.data(500_000))
        self.network.run(5)
        (server,) = self.serverFactory.made
        self.assertEqual(len(server.received), 501_000)
        server.session.abortConnection()
        self.network.run(200)
        self.repeat(ATTACKER)
        self.assertEqual(len(self.serverFactory.made), 1)


class GhostTests(RecordedTestCase):
    """
    Late datagrams of a closed session, without a cipher.
    """

    def test_late(self) -> None:
        """
        They open nothing at the address of the session, whatever they are, with FEC and without;
        and the port's other clients do not notice.
        """
        for options, bare in ((NULL, False), (FEC, False), (NULL, True)):
            for ending in ("loseConnection", "abortConnection"):
                protocol = self.record(options, options, bare)
                other = self.reach(9, options, "10.0.0.3")
                self.made = 2
                getattr(protocol.session, ending)()
                self.network.run(1)
                self.assertEqual(len(self.port.sessions), 1)
                self.crash(CLIENT)
                self.repeat(self.address)
                self.assertNothingOpened()
                other.session.write(b"still here")
                self.network.run(0.5)
                self.assertEqual(self.serverFactory.made[1].received, b"still here")

    def test_overtaken(self) -> None:
        """
        A hello that was overtaken by the first data, and of which a copy comes when all is over,
        opens nothing.
        """
        options = KCPOptions(crypt="null", handshake=False)
        self.port = self.listen(NULL)
        client = self.reach(5, options)
        client.session.write(self.data(1376))
        self.network.run(0)
        first, second = self.fromClient()[:2]
        self.setUp()
        self.port = self.listen(NULL)
        for datagram in (second, push(5, 1), first):
            self.inject(datagram)
        self.assertTrue(connectionOf(self.port.sessions[0]).controls.greeted)
        self.serverFactory.made[0].session.abortConnection()
        self.network.run(1)
        self.inject(first)
        self.assertEqual((len(self.serverFactory.made), self.port.stats.InReplayed), (1, 1))
