"""
What a session holds while nothing happens.
"""

from __future__ import annotations

from collections import deque
from typing import Any
from weakref import ref

from zope.interface import Interface, directlyProvides

from kcptwisted.arq.overtaken import Overtaken
from kcptwisted.arq.probe import WindowProbe
from kcptwisted.connection.shutdown import Shutdown
from kcptwisted.options import KCPOptions
from kcptwisted.session.producers import ProducerGate
from kcptwisted.testing.link import Link
from tests.connections import ConnectionTestCase, RecordingProtocol
from tests.held import held, size
from tests.inside import sessionOf

#: Bytes of an idle session, without those of its protocol and of what the listener keeps of it.
MOST = 5120

BAD = Link(delay=0.02, jitter=0.01, loss=0.1, duplicate=0.02, reorder=0.05)


class IMarked(Interface):
    """
    Something that an application may say of a transport.
    """


def echo(protocol: RecordingProtocol) -> None:
    """
    Have a protocol write back what it receives, and pause itself.
    """
    protocol.onMade = lambda made: made.session.registerProducer(made.session, True)
    protocol.onData = lambda data: protocol.session.write(data)


class AttributeTests(ConnectionTestCase):
    """
    The attributes of a session.
    """

    def test_none(self) -> None:
        """
        Whatever happens in its life, a session sets no attribute that has no slot.
        """
        self.serverFactory.prepare = echo
        client, server = self.connect(
            KCPOptions(key="k", dataShards=3, parityShards=1, idleTimeout=50, trace=True), BAD
        )
        data = self.data(100_000)
        client.session.write(data)
        self.network.runUntil(lambda: client.received == data)
        client.session.sendOutOfBand(b"x")
        self.network.run(30)
        server.session.unregisterProducer()
        client.session.loseWriteConnection()
        self.network.run(5)
        client.session.loseConnection()
        self.network.run(20)
        for protocol in (client, server):
            self.assertEqual(len(protocol.reasons), 1)
            self.assertEqual(vars(protocol.session), {})

    def test_own(self) -> None:
        """
        An application may set some, have the session provide an interface, and refer to it weakly.
        """
        client, _ = self.connect()
        client.session.user = "me"  # type: ignore[attr-defined]
        directlyProvides(client.session, IMarked)
        self.assertEqual(vars(client.session)["user"], "me")
        self.assertTrue(IMarked.providedBy(client.session))
        self.assertIs(ref(client.session)(), client.session)


class HoldingTests(ConnectionTestCase):
    """
    What a session is made of.
    """

    def holds(self, protocol: RecordingProtocol) -> list[object]:
        """
        @return: what is the session's alone.
        """
        session = sessionOf(protocol.session)
        socket: Any = session.socket
        settings = session.options.connectionSettings(socket.overhead)
        shared = [socket, socket.clock, socket.stats, socket.transport, session._holder]
        # Those for each size of a path are also the same for all sessions.
        arq = [settings.arq, session.connection.conversation._settings]
        return held(protocol.session, [*shared, session.options, settings, *arq, protocol])

    def kinds(self, protocol: RecordingProtocol) -> set[type]:
        """
        @return: of what.
        """
        return {type(each) for each in self.holds(protocol)}

    def exchange(self, client: RecordingProtocol, count: int) -> None:
        """
        Send so many bytes there and back.
        """
        data = self.data(count)
        before = len(client.received)
        client.session.write(data)
        self.network.runUntil(lambda: len(client.received) - before >= count)
        # Until the last ACK, and until a timeout would be over.
        self.network.run(2)

    def test_little(self) -> None:
        """
        A session that has been used and is idle takes little.
        """
        self.serverFactory.prepare = lambda protocol: setattr(
            protocol, "onData", lambda data: protocol.session.write(data)
        )
        client, server = self.connect()
        self.exchange(client, 1)
        for protocol in (client, server):
            self.assertLess(size(self.holds(protocol)), MOST)

    def test_lazily(self) -> None:
        """
        It has no object for what has not happened to it: segments that were overtaken, a shut
        window, a producer, a close; nor a queue, which is large even if nothing waits.
        """
        client, server = self.connect()
        client.session.write(b"x")
        self.network.run(2)
        for protocol in (client, server):
            kinds = self.kinds(protocol)
            self.assertFalse(
                kinds & {Overtaken, WindowProbe, ProducerGate, Shutdown, deque, set}, kinds
            )

    def test_inOrder(self) -> None:
        """
        Nor does it count overtaken segments while none is.
        """
        client, server = self.connect(link=Link(delay=0.005))
        data = self.data(200_000)
        kinds = self.kinds(client)
        server.onData = lambda _: kinds.update(self.kinds(client))
        client.session.write(data)
        self.network.runUntil(lambda: server.received == data)
        self.assertNotIn(Overtaken, kinds)

    def test_letsGo(self) -> None:
        """
        After many segments, some of which were lost, it takes little more than before: larger
        numbers, and what is known of the path's MTU, but no tables for what is over.
        """
        self.serverFactory.prepare = lambda protocol: setattr(
            protocol, "onData", lambda data: protocol.session.write(data)
        )
        client, server = self.connect()
        self.exchange(client, 1)
        before = [size(self.holds(protocol)) for protocol in (client, server)]
        self.bothWays(BAD)
        self.exchange(client, 500_000)
        # Until a sign of life has come that nothing follows.
        self.network.run(25)
        for protocol, least in zip((client, server), before, strict=True):
            self.assertGreater(protocol.session.stats.FastRetransSegs, 0)
            self.assertLess(size(self.holds(protocol)), least + MOST / 3)
