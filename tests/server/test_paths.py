"""
Tests for L{kcptwisted.server.paths}, and for clients whose address changes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise

from twisted.internet.address import IPv4Address

from kcptwisted.options import KCPOptions
from kcptwisted.server.paths import CHALLENGE_INTERVAL
from kcptwisted.testing import Link
from kcptwisted.wire.control import Challenge
from tests.callers import AEAD, CallerTestCase, blocksOf, push
from tests.connections import CLIENT, SERVER, RecordingProtocol
from tests.inside import sessionOf

AEAD_FEC = KCPOptions(key="k", crypt="aes-128-gcm", dataShards=3, parityShards=1)

#: Where the client appears in turn.
PLACES = [("10.9.0.1", 77), ("10.9.0.2", 77), ("10.9.0.2", 78), ("10.0.0.1", 7)]

#: Bytes of a datagram with a challenge, and what the cipher adds.
CHALLENGE = 24 + 19 + 10 + AEAD.overhead


class RoamingTestCase(CallerTestCase):
    """
    A client that moves.
    """

    def start(
        self, server: KCPOptions = AEAD, client: KCPOptions | None = None, link: Link | None = None
    ) -> None:
        """
        Connect, on a new network.
        """
        self.setUp()
        self.port = self.listen(server)
        self.client = self.reach(5, client or server)
        self.server: RecordingProtocol = self.serverFactory.made[0]
        self.home = self.addressOf(self.client)
        self.bothWays(link or Link(delay=0.02))

    def move(self, place: tuple[str, int]) -> None:
        """
        Give the client another address.
        """
        self.network.translate(self.home, place)

    def openedBy(self, options: KCPOptions, datagram: bytes) -> bytes:
        """
        @return: a sealed datagram in clear.
        """
        cipher = options.cipher.make(options.cipherKey)
        assert cipher is not None
        (opened,), _ = cipher.open([datagram])
        return opened

    def sealed(self, datagram: bytes) -> bytes:
        """
        @return: a datagram, sealed with the key.
        """
        cipher = AEAD.cipher.make(AEAD.cipherKey)
        assert cipher is not None
        return cipher.seal([datagram])[0]

    def isAt(self, place: tuple[str, int]) -> bool:
        """
        Whether the server sends to there.
        """
        return sessionOf(self.server.session).address == place

    def hasMore(self, server: int, client: int) -> bool:
        """
        Whether both ends have received more bytes than that.
        """
        return len(self.server.received) > server and len(self.client.received) > client

    def assertAt(self, place: tuple[str, int]) -> None:
        """
        Assert that the listener knows the client there, and nowhere else.
        """
        self.assertEqual(self.server.session.getPeer(), IPv4Address("UDP", *place))
        self.assertEqual(self.port._listener.sessions.addresses(), [place])
        self.assertEqual(self.port.stats.CurrEstab, 1)

    def assertTalk(self) -> None:
        """
        Assert that either end gets what the other writes.
        """
        before = len(self.server.received), len(self.client.received)
        self.client.session.write(b"to the server")
        self.network.run(1)
        self.server.session.write(b"to the client")
        self.network.run(1)
        self.assertEqual(self.server.received[before[0] :], b"to the server")
        self.assertEqual(self.client.received[before[1] :], b"to the client")


class MovingTests(RoamingTestCase):
    """
    Both ends have a cipher that authenticates, and control frames.
    """

    def test_transfer(self) -> None:
        """
        Several moves in the middle of a transfer in both directions, over a link that loses
        datagrams: either stream arrives whole, and it is one connection to both protocols.
        """
        data = self.data(600_000)
        for options in (replace(AEAD, rateLimit=200_000), replace(AEAD_FEC, rateLimit=200_000)):
            self.start(options, link=Link(delay=0.02, loss=0.1))
            self.client.session.write(data)
            self.server.session.write(data[::-1])
            for place in PLACES:
                before = len(self.server.received), len(self.client.received)
                self.move(place)
                self.network.runUntil(partial(self.isAt, place))
                self.assertAt(place)
                self.network.runUntil(partial(self.hasMore, *before), limit=5)
                self.assertLess(len(self.server.received), len(data))
            self.network.run(60)
            self.assertEqual(self.server.received, data)
            self.assertEqual(self.client.received, data[::-1])
            self.assertEqual((self.client.reasons, self.server.reasons), ([], []))
            # When the link loses two answers in a row, the client moves by itself.
            self.assertGreaterEqual(self.port.stats.SessionsMoved, len(PLACES))
            self.assertEqual(len(self.serverFactory.made), 1)

    def test_quick(self) -> None:
        """
        It takes a round trip from the client's first datagram on, and what the client sent
        meanwhile need not wait for a timeout.
        """
        self.start()
        self.move(PLACES[0])
        self.client.session.write(b"moved")
        self.network.run(0.06)
        self.assertAt(PLACES[0])
        self.assertEqual(self.server.received, b"moved")

    def test_idle(self) -> None:
        """
        A client without data to send moves when it asks whether the server is there, and stays
        connected for long.
        """
        self.start()
        for place in PLACES:
            self.move(place)
            self.network.run(15)
            self.assertAt(place)
            self.network.run(100)
        self.assertTalk()

    def test_oldAddress(self) -> None:
        """
        What still comes from the old address causes a challenge and nothing more.
        """
        self.start()
        self.move(PLACES[0])
        self.assertTalk()
        before = len(self.sentTo(self.home))
        late = next(s for s in reversed(self.fromClient()) if s != self.fromClient()[0])
        errors = self.port.stats.InErrs
        self.inject(late, self.home)
        self.network.run(1)
        self.assertEqual(len(self.sentTo(self.home)), before + 1)
        self.assertEqual(len(self.sentTo(self.home)[-1]), CHALLENGE)
        self.assertEqual(self.port.stats.InErrs, errors + 1)
        self.assertAt(PLACES[0])
        self.assertTalk()

    def test_nothingBefore(self) -> None:
        """
        Before the answer nothing goes to the new address but challenges, and of these no more than
        one in a while; nothing goes there at all without a datagram from there.
        """
        self.start()
        self.server.session.write(self.data(500_000))
        self.move(PLACES[0])
        self.network.setLink(SERVER, CLIENT, Link(loss=1))
        start = self.network.clock.seconds()
        for _ in range(500):
            self.client.session.write(b"x" * 1000)
            self.network.run(0.01)
        there = [sent for sent in self.sent if sent.destination == PLACES[0]]
        self.assertEqual({len(sent.datagram) for sent in there}, {CHALLENGE})
        for earlier, later in pairwise(there):
            # The server's clock counts whole milliseconds, not from this network's beginning.
            self.assertGreater((later.at - earlier.at) * 1000, CHALLENGE_INTERVAL - 1)
        self.assertLessEqual(len(there), 5000 // CHALLENGE_INTERVAL + 1)
        self.assertGreater(len(there), 5)
        self.assertGreater(there[0].at, start)
        for sent in there:
            (block,) = blocksOf(self.openedBy(AEAD, sent.datagram))
            self.assertIsInstance(block.frames[0], Challenge)
        self.assertAt(self.home)
        self.assertEqual(self.port.stats.PathsChallenged, len(there))

    def test_perHost(self) -> None:
        """
        The client counts where it is: its old host has room again, and its new one is full.
        """
        self.start(KCPOptions(key="k", maxSessionsPerHost=1), AEAD)
        self.move(PLACES[0])
        self.assertTalk()
        self.inject(self.sealed(push(8, 0)), (PLACES[0][0], 1))
        self.assertEqual((self.port.stats.RefusedHostFull, len(self.port.sessions)), (1, 1))
        self.inject(self.sealed(push(9, 0)), (self.home[0], 1))
        self.assertEqual(len(self.port.sessions), 2)

    def test_ended(self) -> None:
        """
        It does not matter that another session has ended at the new address lately.
        """
        self.start()
        self.inject(self.sealed(push(8, 0)), PLACES[0])
        self.serverFactory.made[1].session.abortConnection()
        self.network.run(0.1)
        self.move(PLACES[0])
        self.assertTalk()
        self.assertAt(PLACES[0])

    def test_sameConversation(self) -> None:
        """
        Another client with the same conversation id has a session of its own, and what it sends
        moves nobody.
        """
        self.start()
        other = self.reach(5, AEAD, "10.0.0.3")
        other.session.write(b"other")
        self.network.run(1)
        self.assertEqual(len(self.port.sessions), 2)
        self.assertEqual(self.serverFactory.made[1].received, b"other")
        self.move(PLACES[0])
        self.client.session.write(b"first")
        self.network.run(1)
        self.assertEqual(self.server.received, b"first")
        self.assertEqual(sessionOf(self.server.session).address, PLACES[0])
        self.assertEqual(self.port.stats.SessionsMoved, 1)

    def test_over(self) -> None:
        """
        A session that has ended moves no more, and does not keep a later one with its conversation
        id from moving.
        """
        self.start()
        self.client.session.abortConnection()
        self.network.run(1)
        self.assertEqual(len(self.port._listener.paths), 0)
        self.client = self.reach(5, AEAD)
        self.server, self.home = self.serverFactory.made[1], self.addressOf(self.client)
        self.move(PLACES[0])
        self.assertTalk()
        self.assertAt(PLACES[0])

    def test_stopping(self) -> None:
        """
        A port that takes no newcomers lets its clients move.
        """
        self.start()
        stopped = self.port.stopListening("finish")
        self.move(PLACES[0])
        self.assertTalk()
        self.assertNoResult(stopped)
