"""
xtaci/smux at the other end: both versions, both roles, over KCP and over TCP.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from kcptwisted.commands.bench.loads import COUNT
from kcptwisted.smux.errors import SmuxKeepAliveTimeout
from tests.interop.roles import EchoClient, EchoServer, SinkServer, SourceClient, SourceServer
from tests.interop.smuxcases import PLAIN, HalfClient, HalfServer, SmuxCase, portOf, turn
from tests.interop.stream import Pattern, streamHash

LARGE = 100_000_000
SMALL = 1_000_000

STREAMS = 1000


class Holding(Protocol):
    """
    Asks a source, and takes nothing until it is told to.

    @ivar done: fires with the bytes that came, when there are as many as were asked for.
    @ivar lost: fires with the reason.
    """

    transport: Any

    def __init__(self, count: int) -> None:
        self._count = count
        self.received = 0
        self._expected = Pattern()
        self.done: Deferred[int] = Deferred()
        self.lost: Deferred[BaseException | None] = Deferred()

    def connectionMade(self) -> None:
        """
        Ask.
        """
        self.transport.pauseProducing()
        self.transport.write(COUNT.pack(self._count))

    def dataReceived(self, data: bytes) -> None:
        """
        Compare.
        """
        self.received += len(data)
        if not self._expected.matches(data):
            self.done.errback(AssertionError("other bytes"))
        elif self.received == self._count:
            self.done.callback(self.received)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell.
        """
        self.lost.callback(reason.value)


class SmuxMixin(SmuxCase):
    """
    What is so for any version and carrier.
    """

    async def test_largeToGo(self) -> None:
        """
        100 MB come back from a server of Go's.
        """
        _, port = await self.goSmuxServer("echo")
        client = await self.opened(self.smuxClient(port), EchoClient(LARGE))
        await client.done

    async def test_largeFromGo(self) -> None:
        """
        100 MB of a client of Go's come back from ours.
        """
        port = await self.smuxServer(EchoServer)
        client = self.goSmuxClient("echo", portOf(port), f"-bytes={LARGE}")
        result = await client.result
        self.assertEqual((result["bytes"], result["sha256"]), (LARGE, streamHash(LARGE)))

    async def test_manyStreamsToGo(self) -> None:
        """
        1,000 streams of one session, all at once, to a server of Go's.
        """
        _, port = await self.goSmuxServer("echo")
        endpoint = self.smuxClient(port)
        clients = [await self.opened(endpoint, EchoClient(20_000)) for _ in range(STREAMS)]
        await gatherResults([client.done for client in clients])
        self.assertEqual(endpoint.stats.sessions, 1)

    async def test_manyStreamsFromGo(self) -> None:
        """
        1,000 streams of a client of Go's in one session.
        """
        port = await self.smuxServer(EchoServer)
        client = self.goSmuxClient("echo", portOf(port), f"-sessions={STREAMS}", "-bytes=20000")
        result = await client.result
        self.assertEqual(result["bytes"], STREAMS * 20_000)
        self.assertEqual((port.stats.sessions, port.stats.accepted), (1, STREAMS))
        self.assertEqual((port.stats.protocolErrors, port.stats.refused), (0, 0))

    async def test_sink(self) -> None:
        """
        Our sink gets what Go writes, and its answer arrives.
        """
        sink = SinkServer(Pattern())
        port = await self.smuxServer(lambda: sink)
        client = self.goSmuxClient("sink", portOf(port), f"-bytes={SMALL}")
        self.assertEqual((await client.result)["bytes"], SMALL)
        self.assertTrue(sink.matched)

    async def test_halfCloseToGo(self) -> None:
        """
        A server of Go's sees the end of what our client wrote, and answers after it.
        """
        _, port = await self.goSmuxServer("half")
        data = Pattern().take(SMALL)
        client = await self.opened(self.smuxClient(port), HalfClient(data))
        self.assertEqual(await client.done, data)

    async def test_halfCloseFromGo(self) -> None:
        """
        Our server sees C{CloseWrite}, and what it answers then reaches Go.
        """
        port = await self.smuxServer(HalfServer)
        client = self.goSmuxClient("half", portOf(port), f"-bytes={SMALL}", "-sessions=10")
        await client.result
        self.assertEqual(port.sessions[0].liveStreams if port.sessions else 0, 0)

    async def test_abortedStream(self) -> None:
        """
        A stream that we end in the middle ends for Go, and the others go on.
        """
        _, port = await self.goSmuxServer("source")
        endpoint = self.smuxClient(port)
        aborted = await self.opened(endpoint, Holding(LARGE))
        aborted.transport.abortConnection()
        await aborted.lost
        client = await self.opened(endpoint, SourceClient(SMALL))
        await client.done
        self.assertEqual(endpoint.stats.sessions, 1)

    async def test_killed(self) -> None:
        """
        When Go's process dies our stream ends: over TCP at once, over KCP by the keepalive.
        """
        server, port = await self.goSmuxServer("echo")
        endpoint = self.smuxClient(port, keepAliveInterval=0.2, keepAliveTimeout=1.0)
        client = await self.opened(endpoint, Holding(SMALL))
        client.transport.resumeProducing()
        await server.kill()
        reason = await client.lost
        if self.overTCP:
            self.assertNotIsInstance(reason, ConnectionDone)
        else:
            self.assertIsInstance(reason, SmuxKeepAliveTimeout)

    async def test_wrongVersion(self) -> None:
        """
        Our server ends a session of the other version, and counts it.
        """
        port = await self.smuxServer(EchoServer)
        flags = [*self.flags(), f"-smux={3 - self.version}", "-patience=1", "-timeout=3"]
        client = self.goClient("echo", portOf(port), PLAIN, *flags)
        while not port.stats.protocolErrors:
            await turn()
        self.assertEqual((port.stats.protocolErrors, port.stats.accepted), (1, 0))
        await client.kill()

    async def test_goGoesAway(self) -> None:
        """
        A client of Go's that exits leaves no stream behind.
        """
        port = await self.smuxServer(EchoServer, keepAliveInterval=0.2, keepAliveTimeout=1.0)
        client = self.goSmuxClient("echo", portOf(port), "-bytes=1000", "-sessions=5")
        await client.result
        for session in port.sessions:
            await session.whenEnded()
        self.assertEqual(port.sessions, [])


class StalledMixin(SmuxCase):
    """
    One stream that is not read, with version 2.
    """

    async def test_stalledByUs(self) -> None:
        """
        A source of Go's waits, and others of the session run; then nothing is missing.
        """
        _, port = await self.goSmuxServer("source")
        endpoint = self.smuxClient(port)
        holding = await self.opened(endpoint, Holding(10 * SMALL))
        client = await self.opened(endpoint, SourceClient(10 * SMALL))
        await client.done
        [session] = endpoint.sessions
        unread = session.engine.streams[holding.transport.streamId].unread
        self.assertEqual(unread, 262144)
        self.assertEqual(holding.received, 0)
        holding.transport.resumeProducing()
        self.assertEqual(await holding.done, 10 * SMALL)

    async def test_stalledByGo(self) -> None:
        """
        Our source waits for a reader of Go's, and others of the session run.
        """
        port = await self.smuxServer(SourceServer)
        client = self.goSmuxClient(
            "stalled", portOf(port), "-sessions=4", f"-bytes={10 * SMALL}", "-seed=1"
        )
        result = await client.result
        self.assertEqual(result["bytes"], 40 * SMALL)


class BudgetMixin(SmuxCase):
    """
    One stream that is not read, with version 1.
    """

    async def test_stalled(self) -> None:
        """
        When the budget is used up nothing more is read from Go.  Then all goes on, and nothing is
        missing.
        """
        _, port = await self.goSmuxServer("source")
        endpoint = self.smuxClient(port)
        holding = await self.opened(endpoint, Holding(10 * SMALL))
        while not endpoint.stats.readingStopped:
            await turn()
        [session] = endpoint.sessions
        client = await self.opened(endpoint, SourceClient(SMALL))
        for _ in range(100):
            await turn()
        budget, room = session.options.sessionBuffer, session.engine.room
        self.assertTrue(0 <= -room < session.options.frameSize, room)
        self.assertEqual(session.engine.streams[holding.transport.streamId].unread, budget - room)
        self.assertEqual(client.received, 0)
        holding.transport.resumeProducing()
        await client.done
        self.assertEqual(await holding.done, 10 * SMALL)


class Version1OverKCPTests(BudgetMixin, SmuxMixin):
    """
    Version 1 over kcp-go.
    """

    version = 1


class Version2OverKCPTests(StalledMixin, SmuxMixin):
    """
    Version 2 over kcp-go.
    """


class Version1OverTCPTests(BudgetMixin, SmuxMixin):
    """
    Version 1 over TCP.
    """

    version = 1
    overTCP = True


class Version2OverTCPTests(StalledMixin, SmuxMixin):
    """
    Version 2 over TCP.
    """

    overTCP = True


# No cases of their own.
del BudgetMixin, SmuxMixin, StalledMixin
