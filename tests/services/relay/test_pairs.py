"""
Tests for L{kcptwisted.services.relay.pairs}, with TCP in memory on both sides.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.services.relay.factory import RelayFactory
from kcptwisted.services.relay.half import DRAIN_TIMEOUT
from kcptwisted.services.relay.pairs import Pair
from kcptwisted.services.relay.proxied import ProxiedFactory
from tests.machines.relays import Talker
from tests.machines.streams import SimpleStream, StreamClient, StreamServer

LENGTH = 100_000


class PairCase(SynchronousTestCase):
    """
    A client, a relay and a server.
    """

    def setUp(self) -> None:
        """
        Nobody is connected yet.
        """
        self.clock = Clock()
        self.servers: list[Talker] = []
        self.port = StreamServer(self.clock)
        self.target = StreamClient(self.clock, self.accept)
        self.factory = RelayFactory(self.target, self.clock)
        self.port.listen(self.factory)
        self.client = Talker()

    def accept(self) -> Talker:
        """
        @return: the server's end.
        """
        self.servers.append(Talker())
        return self.servers[-1]

    def connect(self) -> None:
        """
        Connect the client.
        """
        self.port.connect(self.client)

    def pump(self, seconds: float = 5) -> None:
        """
        Let time pass.
        """
        self.clock.pump([0.005] * int(seconds / 0.005))

    @property
    def server(self) -> Talker:
        """
        The server's end.
        """
        (server,) = self.servers
        return server

    def assertWhole(self, talker: Talker, data: bytes) -> None:
        """
        Fail if it has not got C{data} and the end of it.
        """
        self.assertEqual(talker.received, data)
        self.assertTrue(talker.sawEnd, talker.reason)

    def assertAborted(self, talker: Talker) -> None:
        """
        Fail if it does not know of a failure.
        """
        assert talker.reason is not None
        self.assertFalse(talker.sawEnd)
        talker.reason.trap(ConnectionLost)


class ConnectingTests(PairCase):
    """
    While the outgoing connection is not there.
    """

    def test_interfaces(self) -> None:
        """
        What Twisted sees.
        """
        half = self.factory.buildProtocol(None)
        verifyObject(IHalfCloseableProtocol, half)
        verifyObject(IPushProducer, half)

    def test_oneShot(self) -> None:
        """
        What a client sends that closes before is delivered, and the end of it.
        """
        self.target.delay = 3
        self.connect()
        self.client.write(bytes(LENGTH))
        self.client.transport.loseConnection()
        self.pump(6)
        self.assertWhole(self.server, bytes(LENGTH))

    def test_readAlready(self) -> None:
        """
        So it is where the client's transport cannot be kept from giving what it has, and all ends
        before.
        """
        self.target.delay = 3
        half = self.factory.buildProtocol(None)
        transport = SimpleStream(self.clock)
        transport.peer = SimpleStream(self.clock)
        half.makeConnection(transport)
        half.dataReceived(b"all")
        transport.disconnected = True
        half.connectionLost(Failure(ConnectionDone()))
        self.pump(4)
        self.assertWhole(self.server, b"all")

    def test_refused(self) -> None:
        """
        A target that cannot be reached aborts the client.
        """
        self.target.delay = None
        self.connect()
        self.client.write(b"hello")
        self.pump()
        self.assertAborted(self.client)

    def test_gone(self) -> None:
        """
        A client that has failed meanwhile needs no connection any more.
        """
        self.target.delay = 3
        half = self.factory.buildProtocol(None)
        transport = SimpleStream(self.clock)
        transport.peer = SimpleStream(self.clock)
        half.makeConnection(transport)
        transport.disconnected = True
        half.connectionLost(Failure(ConnectionLost()))
        self.pump(4)
        self.assertEqual(self.servers, [])
        self.assertEqual(self.factory._pairs, set())

    def test_stopped(self) -> None:
        """
        A stop does not wait for a connection that nothing is to go over.
        """
        self.target.delay = 3
        self.connect()
        stopped = self.factory.stop()
        self.clock.advance(0)
        self.successResultOf(stopped)
        self.pump()
        self.assertAborted(self.client)


class EndingTests(PairCase):
    """
    How the end of one connection becomes the end of the other.
    """

    def test_halfClose(self) -> None:
        """
        Each direction ends by itself.
        """
        self.connect()
        self.client.write(bytes(LENGTH))
        self.client.transport.loseWriteConnection()
        self.pump()
        self.assertWhole(self.server, bytes(LENGTH))
        self.server.write(b"answer" * LENGTH)
        self.server.transport.loseWriteConnection()
        self.pump()
        self.assertWhole(self.client, b"answer" * LENGTH)
        self.assertEqual(self.factory._pairs, set())

    def test_halfCloseProxied(self) -> None:
        """
        So it is behind a header of the PROXY protocol.
        """
        self.port.listen(ProxiedFactory(self.clock, self.factory))
        self.connect()
        self.client.write(b"PROXY UNKNOWN\r\n" + bytes(20_000))
        self.client.transport.loseWriteConnection()
        self.pump(1)
        self.assertWhole(self.server, bytes(20_000))
        self.server.write(bytes(30_000))
        self.server.transport.loseWriteConnection()
        self.pump()
        self.assertWhole(self.client, bytes(30_000))
        self.assertTrue(self.factory.isEmpty)

    def test_noPreface(self) -> None:
        """
        A target that cannot be told who the client is gets nothing, and nobody is left behind.
        """
        pair = Pair(self.target, self.clock, lambda pair: self.over.append(pair), lambda *_: 1 / 0)  # type: ignore[arg-type]
        self.over: list[Pair] = []
        self.port.listen(Factory.forProtocol(lambda: pair.incoming))
        self.connect()
        self.pump(1)
        self.assertEqual((self.over, self.server.received), ([pair], b""))
        self.assertAborted(self.client)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_resetAfterData(self) -> None:
        """
        What was read before a reset is delivered before the other one, to a reader that takes its
        time.
        """
        self.connect()
        self.pump(0.5)
        self.server.transport.pauseProducing()
        self.client.write(bytes(20_000))
        self.pump(0.5)
        self.client.transport.abortConnection()
        self.pump(1)
        self.assertIsNone(self.server.reason)
        self.server.transport.resumeProducing()
        self.pump()
        self.assertAborted(self.server)
        self.assertEqual(len(self.server.received), 20_000)

    def test_drainTimeout(self) -> None:
        """
        A reader that takes nothing is not waited for without end.
        """
        self.connect()
        self.pump(0.5)
        self.server.transport.pauseProducing()
        self.client.write(bytes(20_000))
        self.pump(0.5)
        self.client.transport.abortConnection()
        self.pump(DRAIN_TIMEOUT - 1)
        self.assertEqual(len(self.factory._pairs), 1)
        self.pump(2)
        self.assertEqual(self.factory._pairs, set())
        self.server.transport.resumeProducing()
        self.pump()
        self.assertAborted(self.server)

    def test_raises(self) -> None:
        """
        When what was read cannot be written both ends are aborted: left to the transport, one of
        them would be closed.
        """
        self.connect()
        self.pump(0.5)

        def refuse(data: bytes) -> None:
            raise ValueError("too long")

        (outgoing,) = self.target.ends
        incoming: Any = self.port.ends[0].protocol
        incoming._take = refuse
        self.client.write(b"hello")
        self.pump()
        self.assertAborted(self.client)
        self.assertAborted(self.server)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertTrue(outgoing.disconnected)

    def test_noHalfClose(self) -> None:
        """
        Where there is no half close the end of one direction closes the connection, after delivery,
        and nobody says that the other direction was complete.
        """
        self.target.kind = SimpleStream
        self.connect()
        self.client.write(bytes(LENGTH))
        self.client.transport.loseWriteConnection()
        self.pump()
        self.assertWhole(self.server, bytes(LENGTH))
        self.assertAborted(self.client)

    def test_noHalfCloseServerEnds(self) -> None:
        """
        There, a close by the peer is an end of data.
        """
        self.target.kind = SimpleStream
        self.connect()
        self.pump(0.5)
        self.server.write(bytes(LENGTH))
        self.server.transport.loseConnection()
        self.pump()
        self.assertWhole(self.client, bytes(LENGTH))

    def test_killed(self) -> None:
        """
        A relay that is killed leaves resets, not ends of data.
        """
        self.connect()
        self.pump(0.5)
        for end in (*self.port.ends, *self.target.ends):
            end.kill()
        self.pump()
        self.assertAborted(self.client)
        self.assertAborted(self.server)


class StoppingTests(PairCase):
    """
    L{RelayFactory.stop}.
    """

    def test_delivers(self) -> None:
        """
        What was read is delivered, both ways, and then comes an abort.
        """
        self.connect()
        self.pump(0.5)
        for talker in (self.client, self.server):
            talker.transport.pauseProducing()
        self.client.write(bytes(20_000))
        self.server.write(bytes(30_000))
        self.pump(1)
        stopped = self.factory.stop()
        self.pump(DRAIN_TIMEOUT / 2)
        self.assertNoResult(stopped)
        for talker in (self.client, self.server):
            talker.transport.resumeProducing()
        self.pump()
        self.successResultOf(stopped)
        for talker, length in ((self.client, 30_000), (self.server, 20_000)):
            self.assertAborted(talker)
            self.assertEqual(len(talker.received), length)

    def test_endsWhatEnded(self) -> None:
        """
        A direction whose end was said ends so.
        """
        self.connect()
        self.pump(0.5)
        self.server.transport.pauseProducing()
        self.client.write(bytes(20_000))
        self.client.transport.loseWriteConnection()
        self.pump(1)
        stopped = self.factory.stop()
        self.pump(1)
        self.assertNoResult(stopped)
        self.server.transport.resumeProducing()
        self.pump()
        self.successResultOf(stopped)
        self.assertWhole(self.server, bytes(20_000))
        self.assertAborted(self.client)

    def test_noEndAfterwards(self) -> None:
        """
        An end that is said during a stop, after something that was not read any more, is not passed
        on.
        """
        self.connect()
        self.pump(0.5)
        self.server.transport.pauseProducing()
        self.client.write(bytes(20_000))
        self.pump(1)
        stopped = self.factory.stop()
        self.client.write(b"more")
        self.client.transport.loseWriteConnection()
        self.pump(1)
        self.server.transport.resumeProducing()
        self.pump()
        self.successResultOf(stopped)
        self.assertAborted(self.server)
        self.assertEqual(len(self.server.received), 20_000)

    def test_abort(self) -> None:
        """
        L{RelayFactory.abort} waits for nothing.
        """
        self.connect()
        self.pump(0.5)
        self.server.transport.pauseProducing()
        self.client.write(bytes(20_000))
        self.pump(1)
        stopped = self.factory.stop()
        self.factory.abort()
        self.clock.advance(0)
        self.successResultOf(stopped)
