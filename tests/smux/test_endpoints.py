"""
The endpoints, over KCP on the simulated network.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import (
    ConnectingCancelledError,
    ConnectionAborted,
    ConnectionDone,
    ConnectionRefusedError,
)
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from kcptwisted.commands.bench.loads import Writer
from kcptwisted.commands.bench.stream import Pattern
from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.smux import SmuxClientEndpoint, SmuxOptions, SmuxServerEndpoint
from kcptwisted.smux.errors import SmuxSessionLost
from kcptwisted.smux.frames import SYN, header
from kcptwisted.smux.interfaces import ISmuxListeningPort
from kcptwisted.smux.server import SmuxListeningPort
from kcptwisted.testing import Link, SimulatedNetwork
from tests.connections import CLIENT, PORT, SERVER
from tests.smux.driving import Accepting, HalfRecorder, Lower, Recorder

KCP = KCPOptions(crypt="null", environ={})


@implementer(IStreamClientEndpoint)
class Dialled:
    """
    An endpoint that counts, and does what it is told.
    """

    def __init__(self, wrapped: IStreamClientEndpoint) -> None:
        self._wrapped = wrapped
        self.dials = 0
        self.outcome: Deferred[Any] | None = None

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect, if not told otherwise.
        """
        self.dials += 1
        return self.outcome or self._wrapped.connect(protocolFactory)


class EndpointCase(SynchronousTestCase):
    """
    Has a server, and a client endpoint.
    """

    version = 2

    def setUp(self) -> None:
        """
        Listen.
        """
        self.network = SimulatedNetwork(seed=3, link=Link(loss=0.05, delay=0.02))
        self.factory = Accepting()
        self.options = SmuxOptions(version=self.version)
        host = self.network.host(SERVER)
        server = SmuxServerEndpoint(host, KCPServerEndpoint(host, PORT, KCP), self.options)
        self.assertTrue(verifyObject(IStreamServerEndpoint, server))
        listening = server.listen(self.factory)
        self.network.run(0.1)
        self.port = cast(SmuxListeningPort, self.successResultOf(listening))
        self.endpoint = self.client()

    def client(self, connections: int = 1) -> SmuxClientEndpoint:
        """
        @return: an endpoint.
        """
        host = self.network.host(CLIENT)
        self.dialled = Dialled(KCPClientEndpoint(host, SERVER, PORT, KCP))
        return SmuxClientEndpoint(host, self.dialled, self.options, connections)

    def connecting(self) -> tuple[Accepting, Deferred[IProtocol]]:
        """
        Begin to connect.
        """
        factory = Accepting(HalfRecorder)
        return factory, self.endpoint.connect(factory)

    def connect(self) -> Any:
        """
        @return: the protocol of a stream.
        """
        _, connecting = self.connecting()
        self.network.run(1)
        return self.successResultOf(connecting)


class ClientTests(EndpointCase):
    """
    L{SmuxClientEndpoint}.
    """

    def test_interfaces(self) -> None:
        """
        It is an endpoint, and its port a port.
        """
        self.assertTrue(verifyObject(IStreamClientEndpoint, self.endpoint))
        self.assertTrue(verifyObject(ISmuxListeningPort, self.port))
        self.assertEqual(self.port.getHost().port, PORT)  # type: ignore[attr-defined]

    def test_oneSession(self) -> None:
        """
        Nothing is dialled before it is needed; then streams share a session, also those that are
        asked for while it is dialled.
        """
        self.assertEqual(self.dialled.dials, 0)
        together = [self.connecting()[1] for _ in range(3)]
        self.network.run(1)
        protocols = [cast(Any, self.successResultOf(one)) for one in together]
        protocols.append(self.connect())
        self.assertEqual(self.dialled.dials, 1)
        self.assertEqual([one.transport.streamId for one in protocols], [3, 5, 7, 9])
        for number, protocol in enumerate(protocols):
            protocol.transport.write(b"from %d" % number)
        self.network.run(1)
        self.assertEqual([made.data for made in self.factory.made],
                         [b"from 0", b"from 1", b"from 2", b"from 3"])  # fmt: skip
        self.assertEqual((self.port.stats.sessions, self.port.stats.accepted), (1, 4))

    def test_roundRobin(self) -> None:
        """
        With C{connections=2} sessions take turns.
        """
        self.endpoint = self.client(2)
        ids = [self.connect().transport.streamId for _ in range(4)]
        self.assertEqual((ids, self.dialled.dials), ([3, 3, 5, 5], 2))
        self.assertEqual(len(self.endpoint.sessions), 2)

    def test_dialledAgain(self) -> None:
        """
        A session that is lost is dialled again, for the next stream.
        """
        first = self.connect()
        [session] = self.endpoint.sessions
        session.abortConnection()
        self.network.run(1)
        self.assertIsInstance(first.lost, ConnectionAborted)
        self.assertEqual((self.endpoint.sessions, self.dialled.dials), ([], 1))
        again = self.connect()
        self.assertEqual((again.transport.streamId, self.dialled.dials), (3, 2))

    def test_dialledWhenIdsAreUsed(self) -> None:
        """
        When a session has used all ids another one is dialled, and the first goes on.
        """
        first = self.connect()
        self.endpoint.sessions[0].engine._nextId = 1 << 32
        self.connect()
        self.assertEqual((self.dialled.dials, first.lost), (2, None))

    def test_failure(self) -> None:
        """
        All who wait for a session get the reason why there is none, and the next one dials.
        """
        self.dialled.outcome = Deferred()
        waiting = [self.connecting()[1] for _ in range(2)]
        self.dialled.outcome.errback(ConnectionRefusedError())
        for one in waiting:
            self.failureResultOf(one, ConnectionRefusedError)
        self.dialled.outcome = fail(ConnectionRefusedError())
        self.failureResultOf(self.connecting()[1], ConnectionRefusedError)
        self.dialled.outcome = None
        self.connect()
        self.assertEqual(self.dialled.dials, 3)

    def test_cancel(self) -> None:
        """
        The dialling is cancelled when nobody waits for it any more.
        """
        cancelled: list[Deferred[Any]] = []
        self.dialled.outcome = Deferred(cancelled.append)
        (_, one), (_, two) = self.connecting(), self.connecting()
        one.cancel()
        self.failureResultOf(one, ConnectingCancelledError)
        self.assertEqual(cancelled, [])
        two.cancel()
        self.failureResultOf(two, ConnectingCancelledError)
        self.assertEqual(len(cancelled), 1)
        self.dialled.outcome = None
        self.connect()

    def test_close(self) -> None:
        """
        A close ends the sessions when what was written has been delivered.
        """
        protocol = self.connect()
        protocol.transport.write(bytes(500_000))
        closed = self.endpoint.close()
        self.assertNoResult(closed)
        self.network.run(20)
        self.successResultOf(closed)
        self.assertEqual(len(self.factory.made[0].data), 500_000)
        self.assertIsInstance(protocol.lost, ConnectionDone)
        self.assertIsInstance(self.factory.made[0].lost, ConnectionDone)
        self.assertEqual(self.port.sessions, [])

    def test_closeWhileDialling(self) -> None:
        """
        It also ends what is being dialled.
        """
        _, connecting = self.connecting()
        self.endpoint.close()
        self.failureResultOf(connecting)
        self.network.run(30)
        self.assertEqual(self.port.stats.sessions, 0)

    def test_connections(self) -> None:
        """
        There is at least one session.
        """
        problem = self.assertRaises(ValueError, self.client, 0)
        self.assertEqual(str(problem), "connections must be at least 1, not 0")


class ServerTests(EndpointCase):
    """
    L{SmuxServerEndpoint}.
    """

    def test_stopListening(self) -> None:
        """
        Streams deliver what was written, and end well, before the connections are closed.
        """
        client = self.connect()
        self.factory.made[0].transport.write(bytes(200_000))
        stopped = self.port.stopListening()
        self.network.run(20)
        self.successResultOf(stopped)
        self.assertEqual(len(client.data), 200_000)
        self.assertEqual((client.ends, type(client.lost)), (["read"], SmuxSessionLost))
        self.assertIsInstance(self.factory.made[0].lost, ConnectionDone)

    def test_finish(self) -> None:
        """
        With C{"finish"} streams go on, no new ones are taken, and sessions close with their last.
        """
        client = self.connect()
        [server] = self.factory.made
        stopped = self.port.stopListening("finish")
        refused = self.connect()
        self.assertEqual((refused.ends, len(self.factory.made)), (["read"], 1))
        refused.transport.loseConnection()
        client.transport.write(b"still")
        self.network.run(2)
        self.assertEqual(server.data, b"still")
        self.assertNoResult(stopped)
        client.transport.loseConnection()
        self.network.run(5)
        self.successResultOf(stopped)
        self.assertIsInstance(server.lost, ConnectionDone)

    def test_abort(self) -> None:
        """
        With C{"abort"} all is over at once, also after a stop that waits.
        """
        client = self.connect()
        waiting = self.port.stopListening("finish")
        self.network.run(1)
        stopped = self.port.stopListening("abort")
        self.network.run(1)
        for one in (waiting, stopped):
            self.successResultOf(one)
        self.assertIsInstance(self.factory.made[0].lost, ConnectionAborted)
        self.assertIsNotNone(client.lost)
        problem = self.assertRaises(ValueError, self.port.stopListening, "now")
        self.assertEqual(str(problem), "sessions must be one of finish, close, abort, not 'now'")

    def test_gone(self) -> None:
        """
        A client whose server has gone learns of it by the keepalive.
        """
        client = self.connect()
        self.network.setLink(SERVER, CLIENT, Link(loss=1))
        self.network.run(100)
        self.assertIsNotNone(client.lost)
        self.assertEqual(self.endpoint.sessions, [])


@implementer(IListeningPort)
class PlainPort:
    """
    A port that leaves its connections alone when it stops, as TCP's do.
    """

    stops = 0

    def startListening(self) -> None:
        """
        It does.
        """

    def stopListening(self) -> None:
        """
        Count.
        """
        self.stops += 1

    def getHost(self) -> IAddress:
        """
        It has one.
        """
        return IPv4Address("TCP", SERVER, PORT)


@implementer(IStreamServerEndpoint)
class PlainEndpoint:
    """
    Listens with L{PlainPort}.

    @ivar factory: makes sessions.
    """

    factory: IProtocolFactory

    def __init__(self) -> None:
        self.port = PlainPort()

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Listen.
        """
        self.factory = protocolFactory
        return succeed(self.port)


class PlainPortTests(SynchronousTestCase):
    """
    A server over a port that ends no connection.
    """

    def test_stopListening(self) -> None:
        """
        The sessions are ended as over KCP, and the port has stopped when they are over.
        """
        endpoint, accepting = PlainEndpoint(), Accepting()
        listening = SmuxServerEndpoint(Clock(), endpoint).listen(accepting)
        port = cast(SmuxListeningPort, self.successResultOf(listening))
        lower, idle = Lower(), Lower()
        for transport in (lower, idle):
            session: Any = endpoint.factory.buildProtocol(IPv4Address("TCP", CLIENT, 1))
            session.makeConnection(transport)
        busy, quiet = port.sessions
        busy.dataReceived(header(2, SYN, 0, 3))
        waiting = port.stopListening("finish")
        self.assertEqual((lower.disconnecting, idle.disconnecting), (False, True))
        quiet.connectionLost(Failure(ConnectionDone()))
        self.assertNoResult(waiting)
        stopped = port.stopListening()
        self.assertTrue(lower.disconnecting)
        self.assertNoResult(stopped)
        busy.connectionLost(Failure(ConnectionDone()))
        for one in (waiting, stopped):
            self.successResultOf(one)
        self.assertEqual((endpoint.port.stops, port.sessions), (1, []))
        port.startListening()
        self.successResultOf(port.stopListening())
        self.assertEqual(endpoint.port.stops, 2)


class TransferTests(EndpointCase):
    """
    Many bytes over a bad path.
    """

    SIZE = 600_000

    def transfer(self, streams: int, stalled: int) -> None:
        """
        Have each of so many streams carry bytes both ways; readers of some wait until all others
        are done.
        """
        clients = [self.connecting() for _ in range(streams)]
        self.network.run(1)
        pairs = [
            (cast(Any, self.successResultOf(connecting)), server)
            for (_, connecting), server in zip(clients, self.factory.made, strict=True)
        ]
        for number, pair in enumerate(pairs):
            for protocol in pair:
                if number < stalled:
                    protocol.transport.pauseProducing()
                Writer(protocol.transport, Pattern(number), self.SIZE).start()
        self.network.run(60)
        for protocol in [protocol for pair in pairs[:stalled] for protocol in pair]:
            self.assertEqual(protocol.received, [])
            protocol.transport.resumeProducing()
        for pair in pairs[stalled:]:
            self.assertEqual([len(protocol.data) for protocol in pair], [self.SIZE] * 2)
        self.network.run(60)
        for number, pair in enumerate(pairs):
            for protocol in pair:
                self.assertTrue(Pattern(number).matches(protocol.data))
                self.assertEqual(len(protocol.data), self.SIZE)

    def test_several(self) -> None:
        """
        Streams carry what was written.
        """
        self.transfer(5, 0)

    def test_stalled(self) -> None:
        """
        With version 2 stalled readers leave the other streams running.
        """
        self.transfer(5, 2)
        self.assertEqual(self.port.stats.readingStopped, 0)


class Version1Tests(EndpointCase):
    """
    Version 1.
    """

    version = 1

    def test_stalledReader(self) -> None:
        """
        A stalled reader stops the whole session at the budget, and the writer below it; then
        everything goes on and nothing is lost.
        """
        stalled, other = self.connect(), self.connect()
        self.factory.made[0].transport.pauseProducing()
        size = 3 * self.options.sessionBuffer
        Writer(stalled.transport, Pattern(), size).start()
        self.network.run(60)
        [session] = self.port.sessions
        unread = self.options.sessionBuffer - session.engine.room
        self.assertGreaterEqual(unread, self.options.sessionBuffer)
        self.assertLess(unread, self.options.sessionBuffer + self.options.frameSize)
        other.transport.write(b"waits")
        self.network.run(10)
        self.assertEqual(self.factory.made[1].data, b"")
        self.factory.made[0].transport.resumeProducing()
        self.network.run(120)
        self.assertEqual(self.factory.made[1].data, b"waits")
        self.assertTrue(Pattern().matches(self.factory.made[0].data))
        self.assertEqual(len(self.factory.made[0].data), size)
        self.assertEqual(self.port.stats.readingStopped >= 1, True)


class PairTests(EndpointCase):
    """
    Two ends of ours.
    """

    def test_halfClose(self) -> None:
        """
        A half close passes, and the other half goes on.
        """
        self.factory.make = HalfRecorder
        client = self.connect()
        [server] = self.factory.made
        client.transport.write(b"question")
        client.transport.loseWriteConnection()
        self.network.run(1)
        self.assertEqual(
            (server.data, server.ends, client.ends), (b"question", ["read"], ["write"])
        )
        server.transport.write(b"answer")
        server.transport.loseConnection()
        self.network.run(1)
        self.assertEqual((client.data, client.ends), (b"answer", ["write", "read"]))
        self.assertIsInstance(client.lost, ConnectionDone)
        self.assertIsInstance(server.lost, ConnectionDone)

    def test_nobodyHome(self) -> None:
        """
        A server that makes no protocol for a stream closes that stream, and no other.
        """
        self.factory.make = lambda: None  # type: ignore[assignment,return-value]
        refused = self.connect()
        self.factory.make = Recorder
        other = self.connect()
        self.network.run(1)
        self.assertEqual((refused.ends, other.lost), (["read"], None))
