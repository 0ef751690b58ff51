"""
Limits of a listener: how many sessions, from one host and at once, and who goes first.
"""

from __future__ import annotations

from random import Random

from twisted.internet.defer import Deferred

from kcptwisted.errors import Evicted
from kcptwisted.options import KCPOptions
from kcptwisted.server.admission import UNPROVEN_AGE
from kcptwisted.server.ended import MAXIMUM_REMEMBERED
from tests.callers import AEAD, CallerTestCase, hello, push
from tests.connections import CLIENT, RecordingProtocol

OTHER = "10.0.0.3"

#: Seconds that a session has to show a second datagram.
AGE = UNPROVEN_AGE / 1000

TOKEN = bytes(range(1, 9))


class LimitTestCase(CallerTestCase):
    """
    Clients that write, and see that it arrives.
    """

    def serve(self, **limits: float) -> None:
        """
        Listen without a cipher, on a new network.
        """
        self.setUp()
        self.port = self.listen(KCPOptions(crypt="null", **limits))  # type: ignore[arg-type]
        self.serverFactory.prepare = self._echo

    def _echo(self, protocol: RecordingProtocol) -> None:
        protocol.onData = lambda data: protocol.session.write(data)

    def assertEcho(self, *clients: RecordingProtocol) -> None:
        """
        Assert that clients are connected.
        """
        for number, client in enumerate(clients):
            client.pieces.clear()
            client.session.write(b"%d" % number)
        self.network.run(0.5)
        for number, client in enumerate(clients):
            self.assertEqual((client.received, client.reasons), (b"%d" % number, []))

    def spoof(self, random: Random, count: int) -> list[tuple[str, int]]:
        """
        Send first datagrams, half of them with a hello, from addresses that are made up.

        @return: the addresses.
        """
        addresses = []
        for number in range(count):
            host = ".".join(str(random.randrange(1, 255)) for _ in range(4))
            address = host, random.randrange(1, 65536)
            conv = random.randrange(1, 1 << 32)
            first = hello(conv, random.randbytes(8)) if number % 2 else push(conv, 0)
            self.inject(first, address)
            addresses.append(address)
        return addresses


class NewcomerTests(LimitTestCase):
    """
    Newcomers over a limit.
    """

    def refused(self) -> tuple[int, int, int]:
        """
        @return: how many newcomers were dropped for each of the limits.
        """
        stats = self.port.stats
        return stats.RefusedFull, stats.RefusedHostFull, stats.RefusedTooFast

    def test_full(self) -> None:
        """
        C{maxSessions}: one more is dropped and counted, those that are there do not notice, and it
        gets in when one of them has left, by saying hello again.
        """
        self.serve(maxSessions=2)
        first, second = self.reach(1), self.reach(2, host=OTHER)
        waiting = self.dial(3, host="10.0.0.4")
        self.assertEcho(first, second)
        self.network.run(10)
        self.assertNoResult(waiting)
        full, hostFull, tooFast = self.refused()
        self.assertGreater(full, 2)
        self.assertEqual((hostFull, tooFast), (0, 0))
        self.assertEqual((self.port.stats.MaxConn, self.port.stats.SessionsEvicted), (2, 0))
        self.assertEcho(first, second)
        second.session.loseConnection()
        self.network.run(5)
        self.successResultOf(waiting)
        self.assertEcho(first, self.clientFactory.made[2])
        self.assertEqual(self.port.stats.MaxConn, 2)

    def test_hostFull(self) -> None:
        """
        C{maxSessionsPerHost}: the same for one more of a host; other hosts get in.
        """
        self.serve(maxSessionsPerHost=2)
        first, second = self.reach(1), self.reach(2)
        waiting = self.dial(3)
        other = self.reach(4, host=OTHER)
        self.assertEcho(first, second, other)
        self.network.run(10)
        self.assertNoResult(waiting)
        full, hostFull, tooFast = self.refused()
        self.assertGreater(hostFull, 2)
        self.assertEqual((full, tooFast), (0, 0))
        first.session.abortConnection()
        self.network.run(5)
        self.successResultOf(waiting)
        self.assertEcho(second, other, self.clientFactory.made[3])

    def test_acceptRate(self) -> None:
        """
        C{acceptRate}: so many get in at once and so many a second; the others get in later.
        """
        self.serve(acceptRate=5)
        early = [self.dial(number) for number in range(1, 9)]
        self.network.run(0.1)
        self.assertEqual(len(self.port.sessions), 5)
        self.assertEqual(self.refused(), (0, 0, 3))
        self.assertEcho(*self.clientFactory.made)
        self.network.run(5)
        for connecting in early:
            self.successResultOf(connecting)
        self.assertEcho(*self.clientFactory.made)
        self.assertEqual(len(self.port.sessions), 8)

    def test_restarts(self) -> None:
        """
        A client that comes back takes its own place, however full it is.
        """
        self.serve(maxSessions=1)
        self.reach(1)
        for conv in (2, 2, 3):
            self.crash(CLIENT)
            self.assertEcho(self.reach(conv))
        self.assertEqual((self.refused(), self.port.stats.MaxConn), ((0, 0, 0), 1))


class SpoofedTests(LimitTestCase):
    """
    First datagrams from addresses that are made up, without a cipher.
    """

    def test_flood(self) -> None:
        """
        Thousands of them lead to no more sessions than there may be, and to bounded memory.  They
        get out of the way of each other and of true clients when they have had their time, and
        they alone.
        """
        self.serve(maxSessions=100)
        random = Random(3)
        before = [self.reach(number, host=OTHER) for number in range(1, 6)]
        self.assertEcho(*before)
        waiting: list[Deferred[object]] = []
        for second in range(20):
            self.spoof(random, 250)
            if second in (5, 10):
                waiting.append(self.dial(100 + second))  # type: ignore[arg-type]
            self.network.run(1)
            self.assertLessEqual(len(self.port.sessions), 100)
            self.assertBounded()
        self.assertEqual(self.port.stats.MaxConn, 100)
        self.network.run(AGE + 5)
        for connecting in waiting:
            self.successResultOf(connecting)
        clients = self.clientFactory.made
        self.assertEqual(len(clients), 7)
        self.assertEcho(*clients)
        evicted = [protocol for protocol in self.serverFactory.made if protocol.reasons]
        self.assertGreater(self.port.stats.SessionsEvicted, 100)
        self.assertEqual(len(evicted), self.port.stats.SessionsEvicted)
        for protocol in evicted:
            self.assertIsInstance(self.reasonOf(protocol), Evicted)
            self.assertEqual(protocol.session.stats.InPkts, 1)

    def assertBounded(self) -> None:
        """
        Assert that nothing grows but with the sessions.
        """
        listener = self.port._listener
        newcomers = listener.newcomers
        count = len(listener.sessions)
        self.assertLessEqual(len(listener.ended), MAXIMUM_REMEMBERED)
        self.assertEqual(len(newcomers), count)
        self.assertLessEqual(len(newcomers._watched), count)
        self.assertLessEqual(len(newcomers._admission._unproven), count)
        self.assertLessEqual(len(newcomers._admission._counts), count)
        self.assertEqual(len(listener.paths), 0)
        self.assertLess(len(listener.stack.clock.deadlines.times), 3 * count + 200)

    def test_age(self) -> None:
        """
        A session of which a single datagram has come is left alone at first, and then goes for a
        newcomer, the oldest one first; without a newcomer it stays.
        """
        self.serve(maxSessions=2)
        self.inject(push(1, 0), ("10.1.1.1", 1))
        self.network.run(1)
        self.inject(push(2, 0), ("10.1.1.2", 1))
        self.network.run(AGE - 1.1)
        self.inject(push(3, 0), ("10.1.1.3", 1))
        self.assertEqual((self.port.stats.RefusedFull, self.port.stats.SessionsEvicted), (1, 0))
        self.network.run(0.2)
        self.inject(push(3, 0), ("10.1.1.3", 1))
        self.inject(push(4, 0), ("10.1.1.4", 1))
        self.assertEqual([session.conv for session in self.port.sessions], [2, 3])
        first, second, third = self.serverFactory.made
        self.assertIsInstance(self.reasonOf(first), Evicted)
        self.assertEqual((second.reasons, third.reasons), ([], []))
        self.network.run(5)
        self.assertEqual(len(self.port.sessions), 2)

    def test_shown(self) -> None:
        """
        A session whose peer has acknowledged something stays, though nothing more comes from it
        for long; the place of a host that is full is another's only if it is the same host's.
        """
        self.serve(maxSessions=3, maxSessionsPerHost=2)
        for port in (1, 2):
            self.inject(push(1, 0), ("10.1.1.1", port))
            self.network.run(0.1)
            self.acknowledge(1, ("10.1.1.1", port))
        self.inject(push(1, 0), ("10.1.1.2", 1))
        self.network.run(10)
        self.inject(push(1, 0), ("10.1.1.1", 3))
        self.assertEqual((self.port.stats.RefusedHostFull, self.port.stats.SessionsEvicted), (1, 0))
        self.inject(push(1, 0), ("10.1.1.3", 1))
        self.assertEqual((self.port.stats.RefusedFull, self.port.stats.SessionsEvicted), (0, 1))
        self.assertEqual(
            self.port._listener.sessions.addresses(),
            [("10.1.1.1", 1), ("10.1.1.1", 2), ("10.1.1.3", 1)],
        )

    def test_stopInside(self) -> None:
        """
        If a protocol that has to make room stops the port, the newcomer is not let in.
        """
        for first in (push(2, 0), hello(2, TOKEN)):
            self.serve(maxSessions=1)
            stopped: list[Deferred[None]] = []
            self.inject(push(1, 0), ("10.1.1.1", 1))
            (protocol,) = self.serverFactory.made
            self.patch(
                protocol,
                "connectionLost",
                lambda _, stopped=stopped: stopped.append(self.port.stopListening("finish")),
            )
            self.network.run(AGE + 0.1)
            self.inject(first, ("10.1.1.2", 1))
            self.network.run(0)
            self.successResultOf(stopped[0])
            self.assertEqual((len(self.serverFactory.made), self.port.sessions), (1, []))

    def test_authenticated(self) -> None:
        """
        Behind a cipher that authenticates nobody has to show a second datagram.
        """
        self.port = self.listen(KCPOptions(key="k", maxSessions=1))
        cipher = AEAD.cipher.make(AEAD.cipherKey)
        assert cipher is not None
        self.inject(cipher.seal([push(1, 0)])[0], ("10.1.1.1", 1))
        self.network.run(5)
        self.inject(cipher.seal([push(2, 0)])[0], ("10.1.1.2", 1))
        self.assertEqual((self.port.stats.RefusedFull, self.port.stats.SessionsEvicted), (1, 0))
        self.assertEqual([session.conv for session in self.port.sessions], [1])
