"""
Listeners that want a cookie back before they keep anything (C{retry=yes}).
"""

from __future__ import annotations

from random import Random

from kcptwisted.options import KCPOptions
from kcptwisted.server.cookies import COOKIE_PERIOD
from kcptwisted.testing import Link
from kcptwisted.wire.control import COOKIE, NO_TOKEN, TOKEN, Retry, decodeBlock
from kcptwisted.wire.segment import WINS, decodeSegments
from tests.callers import BARE, CallerTestCase, blocksOf, hello, push
from tests.connections import CLIENT, SERVER
from tests.inside import connectionOf

RETRY = KCPOptions(crypt="null", retry=True)
HERE = ("10.0.0.9", 1)
TOKEN_A = b"A" * TOKEN

DELAY = 0.05


class CookieTestCase(CallerTestCase):
    """
    A listener that wants cookies.
    """

    def setUp(self) -> None:
        """
        Listen.
        """
        super().setUp()
        self.port = self.listen(RETRY)

    def start(self, options: KCPOptions) -> None:
        """
        Listen with other options, on a new network.
        """
        super().setUp()
        self.port = self.listen(options)
        self.bothWays(Link(delay=DELAY))

    def cookie(
        self, conv: int = 5, token: bytes = TOKEN_A, address: tuple[str, int] = HERE
    ) -> bytes:
        """
        @return: the cookie that a hello is answered with.
        """
        self.inject(hello(conv, token), address)
        (block,) = blocksOf(self.sentTo(address)[-1])
        (frame,) = block.frames
        assert isinstance(frame, Retry)
        return frame.cookie

    def held(self) -> list[int]:
        """
        @return: how much of anything the listener holds.
        """
        listener = self.port._listener
        newcomers = listener.newcomers
        return [
            len(listener.sessions),
            len(listener.ended),
            len(listener.paths),
            len(newcomers._admission),
            len(newcomers._admission._unproven),
            len(newcomers._replays),
            len(newcomers._watched),
            len(listener.stack.clock.deadlines.times),
        ]


class ClientTests(CookieTestCase):
    """
    Clients of ours.
    """

    def test_connects(self) -> None:
        """
        A client with control frames connects after one round trip more, and until its cookie has
        come there is neither a session nor a protocol; FEC and ciphers change nothing about that.
        """
        for more in (
            {"crypt": "null"},
            {"crypt": "null", "dataShards": 3, "parityShards": 1},
            {"key": "k"},
            {"key": "k", "crypt": "aes", "dataShards": 3, "parityShards": 1},
        ):
            options = KCPOptions(retry=True, **more)
            self.start(options)
            connecting = self.dial(5, options)
            self.network.run(3 * DELAY - 0.005)
            self.assertEqual((self.port.sessions, self.serverFactory.made), ([], []))
            self.assertEqual(self.held(), [0] * 8)
            self.network.run(0.01)
            self.assertEqual(len(self.serverFactory.made), 1)
            self.assertNoResult(connecting)
            self.network.run(DELAY)
            self.successResultOf(connecting)
            self.assertEqual(self.port.stats.RetriesSent, 1)
            client, server = self.clientFactory.made[0], self.serverFactory.made[0]
            client.session.write(b"question")
            server.session.write(b"answer")
            self.network.run(0.3)
            self.assertEqual((server.received, client.received), (b"question", b"answer"))

    def test_withoutHandshake(self) -> None:
        """
        A client that does not wait for the server loses nothing of what it sends meanwhile.
        """
        self.start(RETRY)
        client = self.reach(5, KCPOptions(crypt="null", handshake=False), wait=0)
        client.session.write(self.data(100_000))
        self.network.run(0.6)
        self.assertEqual(self.serverFactory.made[0].received, self.data(100_000))
        self.network.run(2)
        self.assertTrue(connectionOf(client.session).controls.greeted)
        self.assertEqual(len(self.port.sessions), 1)

    def test_lost(self) -> None:
        """
        When the cookie is lost, or the hello with it, the client says hello again.
        """
        for source, destination in ((SERVER, CLIENT), (CLIENT, SERVER)):
            self.start(RETRY)
            connecting = self.dial(5)
            self.network.run(0.07 if source == CLIENT else 0.02)
            self.network.setLink(source, destination, Link(loss=1))
            self.network.run(0.1)
            self.network.setLink(source, destination, Link(delay=DELAY))
            self.assertNoResult(connecting)
            self.network.run(2)
            self.successResultOf(connecting)
            self.assertEqual(len(self.serverFactory.made), 1)

    def test_badLink(self) -> None:
        """
        A link that loses much, doubles and reorders leads to one session all the same.
        """
        for seed in range(10):
            self.start(RETRY)
            self.bothWays(Link(delay=DELAY, loss=0.4, duplicate=0.3, reorder=0.3, jitter=0.1))
            client = self.reach(5 + seed, wait=29)
            client.session.write(b"here")
            self.network.run(20)
            (server,) = self.serverFactory.made
            self.assertEqual((server.received, server.reasons), (b"here", []))

    def test_bare(self) -> None:
        """
        Peers without control frames get in as ever.
        """
        self.start(RETRY)
        peer = self.plain(5, port=7)
        peer.write(b"plain")
        client = self.reach(6, BARE)
        client.session.write(b"bare")
        self.network.run(0.5)
        received = {protocol.received for protocol in self.serverFactory.made}
        self.assertEqual((received, self.port.stats.RetriesSent), ({b"plain", b"bare"}, 0))


class HelloTests(CookieTestCase):
    """
    Hellos made by hand.
    """

    def test_nothingKept(self) -> None:
        """
        A flood of hellos from addresses that are made up, with cookies that are made up or
        without, leaves nothing in memory.
        """
        random = Random(1)
        for number in range(3000):
            address = f"10.{random.randrange(256)}.{random.randrange(256)}.1", number + 1
            cookie = random.randbytes(COOKIE) if number % 2 else None
            self.inject(hello(number, random.randbytes(TOKEN), cookie), address)
        self.assertEqual(self.held(), [0] * 8)
        self.assertEqual(self.serverFactory.made, [])
        self.assertEqual(self.port.stats.RetriesSent, 3000)

    def test_answer(self) -> None:
        """
        The answer is one WINS, to the token that said hello, and hardly larger than the hello.
        """
        for first in (hello(5, TOKEN_A), hello(5, TOKEN_A, bytes(COOKIE))):
            self.inject(first, HERE)
        short, long = self.sentTo(HERE)
        for answer in (short, long):
            (segment,) = decodeSegments(answer)
            self.assertEqual((segment.conv, segment.cmd, segment.sn, segment.una), (5, WINS, 0, 0))
            block = decodeBlock(segment.data)
            assert block is not None
            self.assertEqual((block.to, block.source), (TOKEN_A, NO_TOKEN))
            self.assertLessEqual(len(answer), len(hello(5, TOKEN_A)) + 8)

    def test_wrong(self) -> None:
        """
        Cookies of another address, port, conversation or token, and changed ones, open nothing;
        the right one does, once.
        """
        cookie = self.cookie()
        changed = bytes([cookie[0] ^ 1]) + cookie[1:]
        for datagram, address in (
            (hello(5, TOKEN_A, cookie), (HERE[0], 2)),
            (hello(5, TOKEN_A, cookie), ("10.0.0.8", HERE[1])),
            (hello(6, TOKEN_A, cookie), HERE),
            (hello(5, b"B" * TOKEN, cookie), HERE),
            (hello(5, TOKEN_A, changed), HERE),
        ):
            self.inject(datagram, address)
        self.assertEqual((self.serverFactory.made, self.port.stats.RetriesSent), ([], 6))
        self.inject(hello(5, TOKEN_A, cookie), HERE)
        self.assertEqual(len(self.serverFactory.made), 1)
        self.inject(hello(5, TOKEN_A, cookie), HERE)
        self.assertEqual(len(self.serverFactory.made), 1)

    def test_expired(self) -> None:
        """
        A cookie is good for 10 seconds at least and 20 at most.
        """
        for wait, good in ((COOKIE_PERIOD / 1000, True), (2 * COOKIE_PERIOD / 1000, False)):
            self.setUp()
            cookie = self.cookie()
            self.network.run(wait)
            self.inject(hello(5, TOKEN_A, cookie), HERE)
            self.assertEqual(len(self.serverFactory.made), good)

    def test_otherListener(self) -> None:
        """
        A cookie is good for the listener that made it.
        """
        cookie = self.cookie()
        self.setUp()
        self.inject(hello(5, TOKEN_A, cookie), HERE)
        self.assertEqual(self.serverFactory.made, [])

    def test_bareFlood(self) -> None:
        """
        What looks like a peer without control frames needs no cookie: only the limits hold it back.
        """
        self.start(KCPOptions(crypt="null", retry=True, maxSessions=10))
        for number in range(100):
            self.inject(push(5, 0), ("10.1.1.1", number + 1))
        self.assertEqual(len(self.port.sessions), 10)
