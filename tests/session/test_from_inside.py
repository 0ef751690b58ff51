"""
Tests for L{kcptwisted.session.session} and L{kcptwisted.session.transport}: what an application
does from inside its callbacks, and what is left of connections that are over.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, cast
from weakref import ref

from twisted.internet import error
from twisted.python.failure import Failure

from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from tests.connections import CLIENT, ConnectionTestCase, RecordingProtocol
from tests.session.test_half_close import HalfCloseable, HalfCloseableFactory
from tests.session.test_session_producers import Producer

SLOW = Link(delay=0.02)

#: What may be called, with the reason that the caller's protocol gets; None if that does not end
#: the connection by itself.
CALLS: dict[str, type[Exception] | None] = {
    "loseConnection": error.ConnectionDone,
    "abortConnection": error.ConnectionAborted,
    "loseWriteConnection": None,
    "write": None,
}


class InsideTests(ConnectionTestCase):
    """
    Each call from inside each callback.
    """

    def setUp(self) -> None:
        """
        Use protocols that know all callbacks.
        """
        super().setUp()
        self.serverFactory = HalfCloseableFactory()
        self.clientFactory = HalfCloseableFactory()

    def check(self, arrange: Callable[[HalfCloseable, Callable[[], None]], None]) -> None:
        """
        Whatever is called from inside a callback of the client happens afterwards, and happens
        once.

        @param arrange: is given the client's protocol before it is connected, and what to call.
        """
        for name, kind in CALLS.items():
            with self.subTest(call=name):
                self.setUp()
                during: list[int] = []

                def act(name: str = name, during: list[int] = during) -> None:
                    if during:
                        return
                    client = self.clientFactory.made[0]
                    call = getattr(client.session, name)
                    call(b"from inside") if name == "write" else call()
                    during.append(len(client.reasons))

                def prepare(protocol: RecordingProtocol, act: Callable[[], None] = act) -> None:
                    arrange(cast(HalfCloseable, protocol), act)

                self.clientFactory.prepare = prepare
                client, server = self.connect(link=SLOW)
                server.session.write(b"x")
                server.session.loseWriteConnection()
                self.network.run(2)
                self.assertEqual(during, [0])
                if name == "write":
                    self.assertEqual(server.received, b"from inside")
                elif name == "loseWriteConnection":
                    # Both directions are closed by now.
                    self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)
                else:
                    assert kind is not None
                    self.assertIsInstance(self.reasonOf(client), kind)
                    self.assertEqual(len(server.reasons), 1)
                self.finish(self.port)
                self.assertEqual((len(client.reasons), len(server.reasons)), (1, 1))

    def test_dataReceived(self) -> None:
        """
        From dataReceived.
        """

        def arrange(protocol: HalfCloseable, act: Callable[[], None]) -> None:
            protocol.onData = lambda data: act()

        self.check(arrange)

    def test_connectionMade(self) -> None:
        """
        From connectionMade.
        """

        def arrange(protocol: HalfCloseable, act: Callable[[], None]) -> None:
            protocol.onMade = lambda made: act()

        self.check(arrange)

    def test_readConnectionLost(self) -> None:
        """
        From readConnectionLost.
        """

        def arrange(protocol: HalfCloseable, act: Callable[[], None]) -> None:
            protocol.onHalf = lambda half: act()

        self.check(arrange)

    def test_resumeProducing(self) -> None:
        """
        From a producer's resumeProducing.
        """

        def arrange(protocol: HalfCloseable, act: Callable[[], None]) -> None:
            def start(data: bytes) -> None:
                producer = Producer(protocol.session, b"")

                def resume() -> None:
                    protocol.session.unregisterProducer()
                    act()

                producer.resumeProducing = resume  # type: ignore[method-assign]
                protocol.session.registerProducer(producer, False)

            protocol.onData = start

        self.check(arrange)

    def test_pauseProducing(self) -> None:
        """
        From a push producer's pauseProducing, which write calls: what was written before counts.
        """
        data = self.data(1 << 20)
        for name, kind in CALLS.items():
            with self.subTest(call=name):
                self.setUp()
                client, server = self.connect(link=SLOW)
                producer = Producer(client.session, b"")

                def pause(name: str = name, client: RecordingProtocol = client) -> None:
                    client.session.unregisterProducer()
                    call = getattr(client.session, name)
                    call(b"from inside") if name == "write" else call()

                producer.pauseProducing = pause  # type: ignore[method-assign]
                client.session.registerProducer(producer, True)
                client.session.write(data)
                self.network.run(20)
                if name != "abortConnection":
                    self.assertEqual(server.received[: len(data)], data)
                if kind is not None:
                    self.assertIsInstance(self.reasonOf(client), kind)
                self.finish(self.port)
                self.assertEqual((len(client.reasons), len(server.reasons)), (1, 1))

    def test_stopProducing(self) -> None:
        """
        From a producer's stopProducing, at the connection's end, nothing has any effect.
        """
        for name in CALLS:
            with self.subTest(call=name):
                self.setUp()
                client, server = self.connect(link=SLOW)
                producer = Producer(client.session, b"")

                def stop(name: str = name, client: RecordingProtocol = client) -> None:
                    call = getattr(client.session, name)
                    call(b"from inside") if name == "write" else call()

                producer.stopProducing = stop  # type: ignore[method-assign]
                client.session.registerProducer(producer, True)
                server.session.abortConnection()
                self.network.run(2)
                self.assertEqual((len(client.reasons), server.received), (1, b""))
                self.finish(self.port)

    def test_connectionLost(self) -> None:
        """
        From connectionLost nothing has any effect.
        """
        for name in CALLS:
            with self.subTest(call=name):
                self.setUp()
                client, _ = self.connect(link=SLOW)
                session = client.session

                def lost(
                    reason: Failure, name: str = name, client: Any = client, session: Any = session
                ) -> None:
                    client.reasons.append(reason)
                    call = getattr(session, name)
                    call(b"too late") if name == "write" else call()

                client.connectionLost = lost  # type: ignore[method-assign,assignment]
                session.loseConnection()
                self.network.run(1)
                self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)
                self.finish(self.port)
                self.assertEqual(len(client.reasons), 1)

    def test_connectAgainInConnectionLost(self) -> None:
        """
        But a new connection can be begun there.
        """
        client, _ = self.connect(link=SLOW)
        results: list[object] = []

        def lost(reason: Failure) -> None:
            client.reasons.append(reason)
            self.begin().addBoth(results.append)

        client.connectionLost = lost  # type: ignore[method-assign,assignment]
        client.session.abortConnection()
        self.network.run(1)
        self.assertIsInstance(results[0], RecordingProtocol)


class ExceptionTests(ConnectionTestCase):
    """
    An application that raises.
    """

    def test_onlyItsOwn(self) -> None:
        """
        An exception in any callback ends that connection, is logged once, and leaves the port and
        the other connections as they were.
        """

        def inMade(protocol: RecordingProtocol) -> None:
            protocol.onMade = lambda made: 1 / 0

        def inData(protocol: RecordingProtocol) -> None:
            protocol.onData = lambda data: 1 / 0

        def inLost(protocol: RecordingProtocol) -> None:
            def lost(reason: Failure) -> None:
                protocol.reasons.append(reason)
                raise ZeroDivisionError

            protocol.connectionLost = lost  # type: ignore[method-assign,assignment]
            protocol.onData = lambda data: protocol.session.abortConnection()

        def good(protocol: RecordingProtocol) -> None:
            protocol.onData = lambda data: protocol.session.write(data)

        self.serverFactory.prepare = good
        other, _ = self.connect(KCPOptions(key="k"))
        for prepare in (inMade, inData, inLost):
            with self.subTest(prepare=prepare.__name__):
                self.serverFactory.prepare = prepare
                connecting = self.begin(KCPOptions(key="k"))
                self.network.run(0.1)
                connecting.addErrback(lambda _: None)
                client = self.clientFactory.made[-1] if prepare is not inMade else None
                if client is not None:
                    client.session.write(b"x")
                self.network.run(1)
                self.assertEqual(len(self.serverFactory.made[-1].reasons), 1)
                self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
                if client is not None:
                    self.assertIsInstance(self.reasonOf(client), error.ConnectionLost)
                connecting.cancel()
                other.pieces.clear()
                other.session.write(b"still here")
                self.network.run(0.1)
                self.assertEqual(other.received, b"still here")
                self.assertEqual(len(self.port.sessions), 1)


class NothingLeftTests(ConnectionTestCase):
    """
    100 connections in a row.
    """

    def test_nothingLeft(self) -> None:
        """
        They leave no delayed call, no session, no reader, and no reference to protocol and session.
        """
        options = KCPOptions(key="k", dataShards=3, parityShards=1)
        port = self.listen(options)
        kept: list[ref[Any]] = []
        for number in range(100):
            connecting = self.begin(options)
            self.network.run(0.1)
            self.successResultOf(connecting)
            ends = [factory.made.pop() for factory in (self.clientFactory, self.serverFactory)]
            for end in ends:
                kept += [ref(end), ref(end.session)]
                end.session.write(b"x" * 2000)
            closer = ends[number % 2].session
            (closer.abortConnection if number % 10 == 0 else closer.loseConnection)()
            self.network.run(1)
            self.assertEqual([len(end.reasons) for end in ends], [1, 1])
            del ends, end, closer, connecting
        self.assertEqual((port.sessions, port.stats.CurrEstab), ([], 0))
        self.assertEqual(self.network.host(CLIENT).ports, {})
        self.assertEqual(self.network.clock.getDelayedCalls(), [])
        gc.collect()
        self.assertEqual(len(kept), 400)
        self.assertEqual([one() for one in kept if one() is not None], [])
        self.finish(port)
