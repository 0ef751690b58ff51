"""
What C{gopeer} measures, and the path that it makes bad, are as it says.
"""

from __future__ import annotations

import socket
import struct
from time import perf_counter
from typing import Any, cast

from twisted.internet import reactor as installedReactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import deferLater

from tests.interop.cases import KCPGoCase, Settings
from tests.interop.peers import GoRelay
from tests.interop.roles import EchoServer, session

PLAIN = Settings()

reactor: Any = installedReactor


class ForgetfulServer(EchoServer):
    """
    Writes back so many bytes, and no more.
    """

    left = 3 * 64

    def dataReceived(self, data: bytes) -> None:
        """
        Write back what is left.
        """
        session(self).write(data[: self.left])
        self.left -= min(self.left, len(data))


class PacedTests(KCPGoCase):
    """
    The client that sends on schedule.
    """

    async def test_answered(self) -> None:
        """
        It sends as many messages as rate, time and sessions make, and counts those answered.
        """
        listening = await self.listen(EchoServer, PLAIN.options())
        flags = ["-rate=100", "-seconds=0.5", "-sessions=3"]
        client = self.goClient("paced", listening.getHost().port, PLAIN, *flags)
        result = await client.result
        self.assertEqual((result["messages"], result["lost"]), (150, 0))
        self.assertGreater(result["seconds"], 0.49)
        times = [result[name] for name in ("p50_us", "p99_us", "p999_us", "max_us")]
        self.assertEqual(times, sorted(times))
        self.assertGreater(result["cpu"], 0)

    async def test_unanswered(self) -> None:
        """
        Messages without an answer are lost, and hold up no others: all are sent.
        """
        listening = await self.listen(ForgetfulServer, PLAIN.options())
        flags = ["-rate=100", "-seconds=0.2", "-patience=0.2"]
        client = self.goClient("paced", listening.getHost().port, PLAIN, *flags)
        result = await client.result
        # The first answer was that of the message that is not timed.
        self.assertEqual((result["messages"], result["lost"]), (2, 18))
        [found] = listening.sessions
        self.assertEqual(found.stats.BytesReceived, 21 * 64)

    async def test_readyFirst(self) -> None:
        """
        With C{-ready} it says when all sessions are there.
        """
        listening = await self.listen(EchoServer, PLAIN.options())
        flags = ["-ready", "-count=5", "-sessions=3"]
        client = self.goClient("pingpong", listening.getHost().port, PLAIN, *flags)
        await client.ready
        self.assertEqual((await client.result)["messages"], 15)

    async def test_serverTellsUsage(self) -> None:
        """
        A server tells at its end what it has used.
        """
        server, _ = await self.goServer("echo", PLAIN)
        await server.stop()
        self.assertGreater(server.told["cpu"], 0)
        self.assertGreater(server.told["rss"], 1_000_000)


class Arrivals(DatagramProtocol):
    """
    Keeps numbered datagrams, each with how long it took; sends them back, if that is wanted.
    """

    def __init__(self, echoes: bool = False) -> None:
        """
        @param echoes: whether to send back.
        """
        self._echoes = echoes
        self.came: list[tuple[int, float]] = []

    def datagramReceived(self, datagram: bytes, address: tuple[str, int]) -> None:
        """
        Note it.
        """
        number, sent = struct.unpack("<Id", datagram)
        self.came.append((number, perf_counter() - sent))
        if self._echoes:
            cast(Any, self.transport).write(datagram, address)

    @property
    def numbers(self) -> list[int]:
        """
        Which have come, in order of arrival.
        """
        return [number for number, _ in self.came]


class RelayTests(KCPGoCase):
    """
    The bad path.
    """

    COUNT = 1000

    def udp(self, protocol: DatagramProtocol) -> int:
        """
        @return: the port that C{protocol} is at.
        """
        port = reactor.listenUDP(0, protocol, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        # This process may be busy, or stand still, while all of them come.
        port.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        return cast(int, port.getHost().port)

    async def across(self, *flags: str) -> tuple[Arrivals, Arrivals, dict[str, Any]]:
        """
        Send L{COUNT} datagrams there and back.

        @return: what came there, what came back, and what the relay counted.
        """
        server, client = Arrivals(echoes=True), Arrivals()
        relay = GoRelay(self.udp(server), *flags)
        relay.start(reactor, self._binary)
        self.addCleanup(relay.kill)
        port = await relay.port
        self.udp(client)
        for start in range(0, self.COUNT, 50):
            for number in range(start, start + 50):
                datagram = struct.pack("<Id", number, perf_counter())
                cast(Any, client.transport).write(datagram, ("127.0.0.1", port))
            await self._pause(0.002)
        quiet = False
        while not quiet:
            before = len(server.came) + len(client.came)
            await self._pause(0.2)
            quiet = len(server.came) + len(client.came) == before
        await relay.stop()
        return server, client, relay.told

    @staticmethod
    def _pause(seconds: float) -> Deferred[None]:
        return deferLater(reactor, seconds, lambda: None)

    async def test_loss(self) -> None:
        """
        It loses the share that it should in each direction, and counts what became of all.
        """
        server, client, counted = await self.across("-loss=0.1")
        self.assertEqual(counted["out"]["passed"], len(server.came))
        self.assertEqual(counted["in"]["passed"], len(client.came))
        self.assertEqual(counted["out"]["lost"], self.COUNT - len(server.came))
        self.assertEqual(counted["in"]["lost"], len(server.came) - len(client.came))
        for lane in ("out", "in"):
            self.assertEqual(counted[lane]["overflowed"], 0)
            # Five times the standard deviation of a thousand.
            self.assertApproximates(counted[lane]["lost"] / self.COUNT, 0.1, 0.05)

    async def test_delay(self) -> None:
        """
        Each direction takes as long as it should, and keeps the order.
        """
        server, client, _ = await self.across("-delay=0.025")
        for arrivals, least in ((server, 0.025), (client, 0.05)):
            self.assertEqual(arrivals.numbers, list(range(self.COUNT)))
            self.assertGreaterEqual(min(took for _, took in arrivals.came), least)

    async def test_seed(self) -> None:
        """
        The same seed loses the same datagrams, another one others.
        """
        first, _, _ = await self.across("-loss=0.1", "-seed=3")
        again, _, _ = await self.across("-loss=0.1", "-seed=3")
        other, _, _ = await self.across("-loss=0.1", "-seed=4")
        self.assertEqual(first.numbers, again.numbers)
        self.assertNotEqual(first.numbers, other.numbers)

    async def test_session(self) -> None:
        """
        kcp-go sessions pass, each with a socket of its own before the server.
        """
        server, port = await self.goServer("echo", PLAIN)
        relay = GoRelay(port, "-loss=0.1", "-delay=0.001")
        relay.start(reactor, self._binary)
        self.addCleanup(relay.kill)
        client = self.goClient("echo", await relay.port, PLAIN, "-sessions=3", "-bytes=100000")
        self.assertEqual((await client.result)["bytes"], 300_000)
        await relay.stop()
        self.assertGreater(relay.told["out"]["lost"], 0)
        await server.stop()
        self.assertEqual(server.counters["PassiveOpens"], 3)
