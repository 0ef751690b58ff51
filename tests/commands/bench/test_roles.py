"""
Tests for L{kcptwisted.commands.bench.roles}.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, cast

from twisted.internet.defer import Deferred, FirstError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from kcptwisted.commands.bench.loads import EchoServer, SinkServer, WrongBytes
from kcptwisted.commands.bench.roles import ANSWER_TIMEOUT, MAXIMUM_CONNECTING, Job, Player
from kcptwisted.commands.bench.stream import Pattern
from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.testing import SimulatedNetwork
from kcptwisted.testing.link import Link
from tests.connections import CLIENT, PORT, SERVER

DELAY = 0.025


class Lossy(Protocol):
    """
    An echo server that swallows what comes after a number of bytes.

    @ivar room: how many it still sends back.
    """

    def __init__(self, room: int) -> None:
        """
        @param room: bytes.
        """
        self.room = room

    def dataReceived(self, data: bytes) -> None:
        """
        Send back.
        """
        assert self.transport is not None
        self.transport.write(data[: self.room])
        self.room = max(self.room - len(data), 0)


@implementer(IStreamClientEndpoint)
class Counting:
    """
    An endpoint that opens nothing before it is told to.

    @ivar waiting: connections under way.
    @ivar most: the most at once.
    """

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        """
        @param endpoint: what opens them.
        """
        self._endpoint = endpoint
        self.waiting = 0
        self.most = 0

    def connect(self, factory: Any) -> Deferred[Any]:
        """
        Count.
        """
        self.waiting += 1
        self.most = max(self.most, self.waiting)

        def connected(result: Any) -> Any:
            self.waiting -= 1
            return result

        return self._endpoint.connect(factory).addBoth(connected)


class PlayerTests(SynchronousTestCase):
    """
    Tests for L{Player}, on a network in memory.
    """

    options = KCPOptions(crypt="null", mode="fast3")

    def setUp(self) -> None:
        """
        Make the network.
        """
        self.network = SimulatedNetwork(seed=3, link=Link(delay=DELAY))
        self.held: Deferred[None] = Deferred()

    def serve(self, make: Any) -> Any:
        """
        @param make: makes the server's protocols.
        @return: the port.
        """
        endpoint = KCPServerEndpoint(self.network.host(SERVER), PORT, self.options)
        return self.successResultOf(endpoint.listen(Factory.forProtocol(make)))

    def play(self, job: Job, count: bool = False) -> Deferred[dict[str, Any]]:
        """
        @return: what a client host comes to.
        """
        host = self.network.host(CLIENT)
        endpoint: Any = KCPClientEndpoint(host, SERVER, PORT, self.options)
        if count:
            endpoint = self.counting = Counting(endpoint)
        clock = self.network.clock

        async def hold() -> None:
            await self.held

        self.player = Player(
            host, endpoint, job, lambda: round(clock.seconds() * 1e9), lambda: clock.seconds() / 10
        )
        self.ready: list[float] = []
        return Deferred.fromCoroutine(
            self.player.play(hold, lambda: self.ready.append(clock.seconds()))
        )

    def test_echo(self) -> None:
        """
        All sessions' bytes come back over a bad link; the hash is that of the first's.
        """
        self.network.setLink(CLIENT, SERVER, Link(delay=DELAY, loss=0.05))
        self.serve(EchoServer)
        playing = self.play(Job("echo", sessions=3, bytes=200_000, seed=4))
        self.network.run(20)
        found = self.successResultOf(playing)
        self.assertEqual(found["bytes"], 600_000)
        self.assertEqual(found["sha256"], sha256(Pattern(4).take(200_000)).hexdigest())
        self.assertEqual((found["role"], found["sessions"]), ("echo", 3))
        # A round trip to connect, which does not count, and at least one for the data.
        self.assertGreaterEqual(found["seconds"], 2 * DELAY)
        self.assertGreaterEqual(found["cpu_before"], 2 * DELAY / 10)
        self.assertEqual(len(self.player.clients), 3)

    def test_sink(self) -> None:
        """
        Bytes and time are the server's: the sum of all sessions' bytes, and the time of the
        slowest.
        """
        looks = iter([[0, 10**9], [0, 3 * 10**9], [0, 2 * 10**9]])

        def sink() -> SinkServer:
            moments = iter(next(looks))
            return SinkServer(lambda: next(moments))

        self.serve(sink)
        playing = self.play(Job("sink", sessions=3, bytes=100_000))
        self.network.run(5)
        found = self.successResultOf(playing)
        self.assertEqual((found["bytes"], found["seconds"]), (300_000, 3.0))

    def test_pingpong(self) -> None:
        """
        Each message takes a round trip; the first, untimed one on each session does not count.
        """
        self.serve(EchoServer)
        playing = self.play(Job("pingpong", sessions=3, count=10, size=200))
        self.network.run(5)
        found = self.successResultOf(playing)
        self.assertEqual((found["messages"], found["size"]), (30, 200))
        self.assertAlmostEqual(found["seconds"], 10 * 2 * DELAY, 2)
        # To connect, and for the first message.
        self.assertEqual(len(self.ready), 1)
        self.assertAlmostEqual(self.ready[0], 2 * 2 * DELAY, 2)
        self.assertAlmostEqual(found["cpu_before"], 2 * 2 * DELAY / 10, 3)
        self.assertAlmostEqual(found["messages_per_second"], 3 / (2 * DELAY), 0)
        for name in ("p50_us", "p99_us", "p999_us", "max_us"):
            self.assertAlmostEqual(found[name], 2 * DELAY * 1e6, -3)

    def test_paced(self) -> None:
        """
        Messages leave on schedule, and do not wait for answers: at 100 a second, several are under
        way over a round trip of 50 ms.
        """
        self.serve(EchoServer)
        playing = self.play(Job("paced", sessions=2, rate=100, seconds=0.5))
        self.network.run(3)
        found = self.successResultOf(playing)
        self.assertEqual((found["messages"], found["lost"]), (100, 0))
        self.assertAlmostEqual(found["seconds"], 0.5 + 2 * DELAY, 1)
        self.assertAlmostEqual(found["p50_us"], 2 * DELAY * 1e6, -3)

    def test_lost(self) -> None:
        """
        Messages without an answer are lost some seconds after the last was due, and the others
        count.
        """
        # The first is the one that does not count.
        self.serve(lambda: Lossy(64 * (1 + 30)))
        playing = self.play(Job("paced", rate=50, seconds=1))
        self.network.run(ANSWER_TIMEOUT)
        self.assertNoResult(playing)
        self.network.run(2)
        found = self.successResultOf(playing)
        self.assertEqual((found["messages"], found["lost"]), (30, 20))

    def test_allLost(self) -> None:
        """
        Without any answer there are no percentiles.
        """
        self.serve(lambda: Lossy(64))
        playing = self.play(Job("paced", rate=50, seconds=1))
        self.network.run(ANSWER_TIMEOUT + 3)
        found = self.successResultOf(playing)
        self.assertEqual((found["messages"], found["lost"]), (0, 50))
        self.assertNotIn("p50_us", found)

    def test_idle(self) -> None:
        """
        All sessions are open when an idle client says so, and its time begins then.
        """
        port = self.serve(EchoServer)
        playing = self.play(Job("idle", sessions=5))
        self.network.run(7)
        self.assertNoResult(playing)
        self.assertEqual(len(port.sessions), 5)
        self.assertEqual(self.ready, [4 * DELAY])
        self.held.callback(None)
        found = self.successResultOf(playing)
        self.assertAlmostEqual(found["seconds"], 7 - 4 * DELAY, 1)

    def test_connects(self) -> None:
        """
        Sessions are opened and closed, no more at once than were asked for; each time goes from the
        beginning to C{connectionLost}, and the server keeps none of them.
        """
        lost: list[Failure] = []

        class Server(EchoServer):
            """
            Counts the ends.
            """

            def connectionLost(self, reason: Failure = connectionDone) -> None:
                lost.append(reason)

        port = self.serve(Server)
        playing = self.play(Job("connects", sessions=3, count=10), count=True)
        self.network.run(10)
        found = self.successResultOf(playing)
        self.assertEqual((found["messages"], found["size"], found["sessions"]), (10, 1, 3))
        self.assertLessEqual(self.counting.most, 3)
        # At least a round trip to connect and one for the byte.
        self.assertGreaterEqual(found["p50_us"], 4 * DELAY * 1e6)
        self.assertGreaterEqual(found["seconds"], 4 * 4 * DELAY)
        self.assertEqual(len(lost), 10)
        self.assertEqual(len(port.sessions), 0)

    def test_opening(self) -> None:
        """
        No more than 64 sessions are opened at once, and all are.
        """
        port = self.serve(EchoServer)
        playing = self.play(Job("pingpong", sessions=200, count=1), count=True)
        self.network.run(5)
        self.assertEqual(self.successResultOf(playing)["messages"], 200)
        self.assertEqual((self.counting.most, MAXIMUM_CONNECTING), (64, 64))
        self.assertEqual(len(port.sessions), 200)

    def test_notListening(self) -> None:
        """
        When nobody is there the role fails.
        """
        self.network.host(SERVER)
        playing = self.play(Job("echo"))
        self.network.run(1)
        self.failureResultOf(playing, FirstError)

    def test_wrongBytes(self) -> None:
        """
        Wrong bytes fail the role, in every role that sends.
        """

        class Liar(Protocol):
            """
            Answers something else, after the greeting.
            """

            greeted = False

            def dataReceived(self, data: bytes) -> None:
                assert self.transport is not None
                self.transport.write(data if not self.greeted else bytes(len(data)))
                self.greeted = True

        self.serve(Liar)
        for role in ("echo", "pingpong", "paced"):
            playing = self.play(Job(role, bytes=500_000))
            self.network.run(5)
            failure: Failure = self.failureResultOf(playing, FirstError)
            self.assertIsInstance(cast(FirstError, failure.value).subFailure.value, WrongBytes)
