"""
Peers that come back: clients on the address and port that they had, and servers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kcptwisted.errors import PeerRestarted
from kcptwisted.options import KCPOptions
from kcptwisted.server.ended import SETTLING
from kcptwisted.server.listening import KCPListeningPort
from kcptwisted.testing import Link
from tests.callers import (
    AEAD,
    BARE,
    BARE_AEAD,
    CallerTestCase,
    PlainPeer,
    hello,
    push,
)
from tests.connections import CLIENT, SERVER, RecordingFactory, RecordingProtocol
from tests.inside import sessionOf

FEC = KCPOptions(crypt="null", dataShards=3, parityShards=1)
NULL = KCPOptions(crypt="null")

TOKEN = bytes(range(1, 9))

#: Seconds that a datagram takes.
DELAY = 0.05

BARE_PORT = 5000


class RestartTestCase(CallerTestCase):
    """
    A server whose clients crash.
    """

    def start(self, options: KCPOptions, link: Link | None = None) -> None:
        """
        Listen, on a new network.
        """
        self.setUp()
        self.bothWays(link or Link(delay=DELAY))
        self.port: KCPListeningPort = self.listen(options)

    def assertTalk(self, client: RecordingProtocol, server: RecordingProtocol) -> None:
        """
        Assert that what one end writes the other gets.
        """
        before = len(server.received), len(client.received)
        client.session.write(b"to the server")
        server.session.write(b"to the client")
        self.network.run(0.3)
        self.assertEqual(server.received[before[0] :], b"to the server")
        self.assertEqual(client.received[before[1] :], b"to the client")

    def assertReplaced(self, count: int) -> None:
        """
        Assert that of so many sessions all but the last were ended by a restart.
        """
        *old, last = self.serverFactory.made
        self.assertEqual((len(old) + 1, last.reasons), (count, []))
        for protocol in old:
            self.assertIsInstance(self.reasonOf(protocol), PeerRestarted)
        self.assertEqual(self.port.sessions, [last.session])
        self.assertEqual(
            len({sessionOf(protocol.session).address for protocol in self.serverFactory.made}), 1
        )


def has(protocol: RecordingProtocol, data: bytes) -> Callable[[], bool]:
    """
    @return: whether a protocol has got so much.
    """
    return lambda: len(protocol.received) >= len(data)


class ClientTests(RestartTestCase):
    """
    Clients with control frames.
    """

    def restart(self, conv: int, options: KCPOptions) -> RecordingProtocol:
        """
        Crash the client, and see it connect again within the round trip of a cookie and another.
        """
        self.network.run(1)
        self.crash(CLIENT)
        connecting = self.dial(conv, options)
        self.network.run(4 * DELAY + 0.02)
        self.successResultOf(connecting)
        return self.clientFactory.made[-1]

    def test_newConversation(self) -> None:
        """
        One that comes back with another conversation id gets a new session at once: after one
        round trip for a cookie.  The old session's protocol is told.
        """
        for options in (NULL, AEAD, FEC):
            self.start(options)
            client = self.reach(5, options)
            for number in range(3):
                server = self.serverFactory.made[-1]
                self.assertTalk(client, server)
                client = self.restart(6 + number, options)
                self.assertReplaced(number + 2)
            self.assertTalk(client, self.serverFactory.made[-1])
            # FEC may rebuild a hello that has been answered.
            self.assertGreaterEqual(self.port.stats.RetriesSent, 3)

    def test_sameConversation(self) -> None:
        """
        The same with the conversation id that it had.  Neither end gets what was for the other
        incarnation.
        """
        for options in (NULL, AEAD, FEC):
            self.start(options)
            client = self.reach(5, options)
            for number in range(3):
                self.assertTalk(client, self.serverFactory.made[-1])
                client = self.restart(5, options)
                self.assertReplaced(number + 2)
            self.assertTalk(client, self.serverFactory.made[-1])
            for protocol in self.clientFactory.made:
                self.assertEqual(protocol.received, b"to the client")
            for protocol in self.serverFactory.made:
                self.assertEqual(protocol.received, b"to the server")

    def test_byTheNew(self) -> None:
        """
        It is not the old session's questions that connect the client, but the new one's answer.
        """
        for conv in (5, 6):
            self.start(NULL)
            self.assertTalk(self.reach(5), self.serverFactory.made[0])
            self.network.run(1)
            self.crash(CLIENT)
            connecting = self.dial(conv)
            self.network.run(3 * DELAY + 0.02)
            self.assertNoResult(connecting)
            self.network.run(DELAY)
            self.successResultOf(connecting)

    def test_badLink(self) -> None:
        """
        The same over a link that loses, reorders and doubles datagrams, in the middle of a
        transfer.
        """
        # A client whose keepalive questions are lost would look for another address.
        options = replace(AEAD, keepAlive=0)
        for conv in (5, 6):
            for seed in range(5):
                self.start(options)
                self.bothWays(
                    Link(delay=DELAY, loss=0.2, reorder=0.2, reorderDelay=0.2, duplicate=0.2)
                )
                data = self.data(200_000, seed)
                first = self.reach(5, options, wait=20)
                first.session.write(data)
                self.network.run(0.2)
                self.crash(CLIENT)
                if conv == 5:
                    # Segments of both have the same names: the old ones must have arrived.
                    self.network.run(DELAY + 0.2)
                again = self.reach(conv, options, wait=20)
                again.session.write(data[::-1])
                old, new = self.serverFactory.made
                self.network.runUntil(has(new, data[::-1]), 20)
                self.assertTrue(data.startswith(old.received))
                self.assertEqual(new.received, data[::-1])
                self.assertReplaced(2)

    def test_reuse(self) -> None:
        """
        After a close the same conversation id may be used again, at once.
        """
        for options in (NULL, AEAD):
            self.start(options)
            for number in range(3):
                client = self.reach(5, options)
                server = self.serverFactory.made[number]
                self.assertTalk(client, server)
                for protocol in (client, server)[:: 1 if number else -1]:
                    protocol.session.loseConnection()
                self.network.run(0.3)
                self.assertEqual((len(client.reasons), self.port.sessions), (1, []))
                # The same port, too.
                self.crash(CLIENT)
            self.assertEqual(len(self.serverFactory.made), 3)


class BareTests(RestartTestCase):
    """
    Peers that know no control frames.
    """

    def call(self, conv: int, options: KCPOptions) -> PlainPeer:
        """
        @return: a peer that has been answered.
        """
        peer = self.plain(conv, options, port=BARE_PORT)
        peer.write(b"to the server")
        self.network.run(DELAY + 0.02)
        self.serverFactory.made[-1].session.write(b"to the client")
        self.network.run(0.2)
        return peer

    def test_newConversation(self) -> None:
        """
        One that comes back with another conversation id gets a new session with its first segment,
        however soon.
        """
        for server, peer in ((NULL, NULL), (AEAD, AEAD), (BARE_AEAD, AEAD)):
            self.start(server)
            for number in range(3):
                bare = self.call(5 + number, peer)
                self.assertReplaced(number + 1)
                self.assertEqual(self.serverFactory.made[-1].received, b"to the server")
                self.assertEqual(bare.received, b"to the client")
                self.crash(CLIENT)
            self.assertEqual(self.port.stats.RetriesSent, 0)

    def test_backAgain(self) -> None:
        """
        It may also come back with the conversation id of before the last time, as soon as nothing
        can be under way any more.
        """
        self.start(NULL)
        for conv in (5, 6):
            self.call(conv, NULL)
            self.crash(CLIENT)
        self.network.run(SETTLING / 1000)
        self.call(5, NULL)
        self.assertReplaced(3)

    def test_sameConversation(self) -> None:
        """
        The old session ends within seconds, because the peer has forgotten what it acknowledged,
        and the next time it comes it gets a new one at once.
        """
        for options in (NULL, AEAD):
            self.start(options)
            self.call(5, options)
            self.crash(CLIENT)
            peer = self.plain(5, options, port=BARE_PORT)
            for _ in range(10):
                peer.write(b"anew")
                self.network.run(0.5)
            (old,) = self.serverFactory.made
            self.assertIsInstance(self.reasonOf(old), PeerRestarted)
            self.assertTrue(old.received.startswith(b"to the server"))
            self.crash(CLIENT)
            peer = self.call(5, options)
            self.assertReplaced(2)
            self.assertEqual(self.serverFactory.made[1].received, b"to the server")
            self.assertEqual(peer.received, b"to the client")

    def test_reuse(self) -> None:
        """
        After a close the same conversation id is taken as soon as nothing can be under way any
        more, if the peer had acknowledged data.
        """
        for options in (NULL, AEAD):
            self.start(options)
            self.call(5, options)
            self.serverFactory.made[0].session.loseConnection()
            self.network.run(0.5)
            self.assertEqual(self.port.sessions, [])
            self.crash(CLIENT)
            peer = self.plain(5, options, port=BARE_PORT)
            peer.write(b"again")
            self.network.run(SETTLING / 1000 - 0.6)
            self.assertEqual(len(self.serverFactory.made), 1)
            self.network.run(3)
            self.assertEqual(len(self.serverFactory.made), 2)
            self.assertEqual(self.serverFactory.made[1].received, b"again")

    def test_client(self) -> None:
        """
        A client of ours without room for control frames is like any other bare peer.
        """
        self.start(BARE)
        address = self.addressOf(self.reach(5, BARE))
        self.crash(CLIENT)
        self.inject(push(6, 0, b"new"), address)
        self.assertReplaced(2)


class ForgedTests(RestartTestCase):
    """
    Somebody who writes a client's address on what he sends, without a cipher.
    """

    def test_greeted(self) -> None:
        """
        That does not end the session of a client with control frames: a cookie is sent to its
        address, or it is asked whether it is there.
        """
        self.start(NULL)
        client = self.reach(5)
        (server,) = self.serverFactory.made
        address = self.addressOf(client)
        for forged in (push(6, 0), hello(6, TOKEN), hello(5, TOKEN), hello(6, TOKEN, bytes(8))):
            before = len(self.sentTo(address))
            self.inject(forged, address)
            self.network.run(0.3)
            self.assertGreater(len(self.sentTo(address)), before)
            self.assertTalk(client, server)
        self.assertEqual(self.port.stats.RetriesSent, 3)
        self.assertEqual((client.reasons, server.reasons), ([], []))
        self.assertEqual(len(self.serverFactory.made), 1)

    def test_gone(self) -> None:
        """
        If the client is gone for good, and what came was a new peer without control frames, that
        gets its session when the old one has not answered.
        """
        self.start(NULL)
        client = self.reach(5)
        port = self.addressOf(client)[1]
        self.crash(CLIENT)
        peer = self.plain(6, NULL, port=port)
        peer.write(b"here now")
        self.network.run(60)
        self.assertEqual(self.serverFactory.made[-1].received, b"here now")
        self.assertEqual(len(self.serverFactory.made), 2)


class ServerTests(RestartTestCase):
    """
    A server that comes back.
    """

    def restartServer(self, options: KCPOptions) -> RecordingFactory:
        """
        Crash the server and start another.

        @return: the new one's factory.
        """
        self.crash(SERVER)
        self.serverFactory = RecordingFactory()
        self.port = self.listen(options)
        return self.serverFactory

    def test_client(self) -> None:
        """
        What is under way to it opens nothing, and a client with control frames learns, as soon as
        it asks, that it is not known any more.
        """
        for options in (NULL, AEAD, FEC):
            for data in (b"", b"more" * 1000):
                self.start(options)
                client = self.reach(5, options)
                self.assertTalk(client, self.serverFactory.made[0])
                factory = self.restartServer(options)
                client.session.write(data)
                if not data:
                    # Nothing makes it ask before the keepalive does.
                    self.network.run(9)
                    self.assertEqual((client.reasons, factory.made), ([], []))
                self.network.run(11)
                self.assertIsInstance(self.reasonOf(client), PeerRestarted)
                self.assertEqual((factory.made, self.port.sessions), ([], []))
                again = self.reach(6, options, wait=1)
                self.assertTalk(again, factory.made[0])

    def test_untouched(self) -> None:
        """
        A client that had neither sent nor received data gets its first data through, and learns as
        soon as it asks that the server does not know it.
        """
        self.start(NULL)
        client = self.reach(5)
        factory = self.restartServer(NULL)
        client.session.write(b"first")
        self.network.run(1)
        self.assertEqual(factory.made[0].received, b"first")
        self.assertEqual(client.reasons, [])
        self.network.run(11)
        self.assertIsInstance(self.reasonOf(client), PeerRestarted)

    def test_bare(self) -> None:
        """
        What a peer without control frames goes on to send opens nothing.
        """
        self.start(NULL)
        peer = self.plain(5, port=BARE_PORT)
        peer.write(b"to the server")
        self.network.run(0.2)
        self.serverFactory.made[0].session.write(b"to the client")
        self.network.run(0.2)
        factory = self.restartServer(NULL)
        peer.write(b"more" * 1000)
        self.network.run(30)
        self.assertEqual(factory.made, [])
        self.assertGreater(self.port.stats.InErrs, 3)
