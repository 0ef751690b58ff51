"""
Tests for L{kcptwisted.services.relay.factory} and L{kcptwisted.services.relay.report}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.services.relay.factory import RelayFactory
from kcptwisted.services.relay.report import REFUSED_PAUSE, showAddress, withoutSecrets
from kcptwisted.services.relay.routes import Route
from kcptwisted.smux.addresses import SmuxAddress
from tests.machines.relays import Talker
from tests.services.relay.test_pairs import PairCase

ROUTE = Route("tcp:1", "kcp:h:1:key=s")


class FactoryCase(PairCase):
    """
    Looks at the log.
    """

    def setUp(self) -> None:
        """
        Collect lines.
        """
        super().setUp()
        self.lines: list[str] = []
        observer: Any = self.note
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.factory.change(self.target, ROUTE)

    def note(self, event: Any) -> None:
        """
        Note a line of whatever level.
        """
        self.lines.append(formatEvent(event))

    def route(self, **options: Any) -> None:
        """
        Change the options.
        """
        self.factory.change(self.target, Route(ROUTE.source, ROUTE.target, **options))

    def another(self) -> Talker:
        """
        @return: another client, connected.
        """
        talker = Talker()
        self.port.connect(talker)
        self.pump(0.1)
        return talker


class LineTests(FactoryCase):
    """
    What the log has of a connection.
    """

    def test_closed(self) -> None:
        """
        One line when it is over.
        """
        client = self.another()
        client.write(b"hello")
        self.pump(0.5)
        self.server.write(b"answer")
        self.server.transport.loseWriteConnection()
        client.transport.loseWriteConnection()
        self.pump()
        (line,) = self.lines
        self.assertRegex(
            line,
            r"^127\.0\.0\.1:1 to 127\.0\.0\.1:1 ended after [\d.]+ s: closed;"
            r" 5 bytes there, 6 back$",
        )
        counts = self.factory.counts
        self.assertEqual((counts.taken, counts.there, counts.back), (1, 5, 6))

    def test_reset(self) -> None:
        """
        The line says who has ended it, and how.
        """
        for side in ("client", "target"):
            client = self.another()
            (client if side == "client" else self.servers[-1]).transport.abortConnection()
            self.pump()
            self.assertIn(f": {side}: Connection to the other side was lost", self.lines[-1])
        self.assertEqual(len(self.lines), 2)

    def test_refused(self) -> None:
        """
        For a target that cannot be reached the line has its endpoint, without the key.
        """
        self.target.delay = None
        self.another()
        self.pump()
        (line,) = self.lines
        self.assertIn("to kcp:h:1:key=*** ended", line)
        self.assertRegex(line, r": cannot connect: .*[^.]; 0 bytes")
        self.assertEqual(self.factory.counts.failed, 1)

    def test_stopped(self) -> None:
        """
        A stop is a reason, too.
        """
        self.another()
        self.factory.stop()
        self.pump()
        self.assertIn(": the relay stops; ", self.lines[-1])

    def test_quiet(self) -> None:
        """
        No line at all with C{quiet}, however it ends.
        """
        self.route(quiet=True)
        self.another().transport.abortConnection()
        self.another().transport.loseConnection()
        self.pump()
        self.target.delay = None
        self.another()
        self.pump()
        self.assertEqual(self.lines, [])


class LimitTests(FactoryCase):
    """
    C{--max-connections}.
    """

    def test_limit(self) -> None:
        """
        One more is reset, and counts; a place that becomes free is taken.
        """
        self.route(maxConnections=2, quiet=True)
        clients = [self.another() for _ in range(3)]
        self.assertAborted(clients[2])
        self.assertEqual(len(self.servers), 2)
        self.assertIsNone(clients[0].reason)
        counts = self.factory.counts
        self.assertEqual((counts.taken, counts.refused), (2, 1))
        clients[0].transport.abortConnection()
        self.pump()
        self.assertIsNone(self.another().reason)
        self.assertEqual(len(self.servers), 3)
        self.assertEqual(
            self.lines, ["1 more connections to tcp:1 refused: max-connections=2 are open"]
        )

    def test_line(self) -> None:
        """
        A flood of them fills no log.
        """
        self.route(maxConnections=1, quiet=True)
        for _ in range(101):
            self.another()
        self.assertEqual(len(self.lines), 1)
        self.clock.advance(REFUSED_PAUSE)
        self.another()
        self.assertIn("100 more connections", self.lines[-1])
        self.assertEqual(self.factory.counts.refused, 101)

    def test_lower(self) -> None:
        """
        A lower limit ends none.
        """
        clients = [self.another() for _ in range(3)]
        self.route(maxConnections=1)
        self.pump(1)
        self.assertEqual([client.reason for client in clients], [None] * 3)
        self.assertAborted(self.another())


class ReconnectTests(FactoryCase):
    """
    C{--reconnect}.
    """

    def test_waits(self) -> None:
        """
        What a client has sent meanwhile arrives at a target that comes back.
        """
        self.route(reconnect=20.0)
        self.target.delay = None
        client = self.another()
        client.write(b"early")
        self.pump(3)
        self.assertIsNone(client.reason)
        self.target.delay = 0
        self.pump(6)
        self.assertEqual(self.server.received, b"early")

    def test_tooLate(self) -> None:
        """
        A client of a target that does not come back is reset.
        """
        self.route(reconnect=5.0)
        self.target.delay = None
        client = self.another()
        self.pump(4)
        self.assertIsNone(client.reason)
        self.pump(2)
        self.assertAborted(client)
        self.assertEqual(len(self.lines), 1)

    def test_stop(self) -> None:
        """
        A stop does not wait for it.
        """
        self.route(reconnect=50.0)
        self.target.delay = None
        client = self.another()
        stopped = self.factory.stop()
        self.pump(0.1)
        self.successResultOf(stopped)
        self.pump(1)
        self.assertAborted(client)


class PrefaceTests(FactoryCase):
    """
    What a target gets before anything else.
    """

    def test_first(self) -> None:
        """
        It comes before what the client has sent already.
        """
        from kcptwisted.services.relay.pairs import Pair

        seen: list[Any] = []

        def preface(incoming: Any, outgoing: Any) -> bytes:
            seen.append((incoming, outgoing))
            return b"PROXY "

        pairs: list[Pair] = []

        def build(addr: Any) -> Any:
            pairs.append(Pair(self.target, self.clock, lambda pair: None, preface))
            return pairs[-1].incoming

        self.patch(self.factory, "buildProtocol", build)
        client = self.another()
        client.write(b"hello")
        self.pump(1)
        self.assertEqual(self.server.received, b"PROXY hello")
        ((incoming, outgoing),) = seen
        self.assertIs(incoming, pairs[0].incoming.transport)
        self.assertIsNot(incoming, outgoing)


class ShowTests(SynchronousTestCase):
    """
    Addresses and endpoints as the log has them.
    """

    def test_addresses(self) -> None:
        """
        All kinds.
        """
        for address, shown in (
            (IPv4Address("TCP", "10.0.0.1", 80), "10.0.0.1:80"),
            (IPv6Address("UDP", "fe80::1", 80), "[fe80::1]:80"),
            (UNIXAddress(b"/run/x"), "unix:/run/x"),
            (UNIXAddress(None), "unix:"),
            (SmuxAddress(IPv4Address("UDP", "10.0.0.1", 80), 3), "10.0.0.1:80 stream 3"),
            ("else", "else"),
        ):
            self.assertEqual(showAddress(address), shown)

    def test_secrets(self) -> None:
        """
        Keys are left out, and nothing else.
        """
        for given, shown in (
            (r"kcp:h:1:key=a\:b:mode=fast", "kcp:h:1:key=***:mode=fast"),
            ("kcp:h:1:mode=fast:rawKey=00ff", "kcp:h:1:mode=fast:rawKey=***"),
            ("kcp:h:1:keyFile=f:crypt=aes", "kcp:h:1:keyFile=f:crypt=aes"),
            ("ssl:1:privateKey=f", "ssl:1:privateKey=f"),
            (r"tls:kcp\:h\:1\:key=s", r"tls:kcp\:h\:1\:key=***"),
        ):
            self.assertEqual(withoutSecrets(given), shown)

    def test_noisy(self) -> None:
        """
        Twisted and the KCP ports have no lines of their own for the factory.
        """
        self.assertFalse(RelayFactory(None, object()).noisy)  # type: ignore[arg-type]
