"""
Tests for L{kcptwisted.timing.shared}: one clock for all ports of a reactor.
"""

from __future__ import annotations

from gc import collect
from typing import Any
from weakref import ref

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IProtocol, IReactorTime
from twisted.internet.task import Clock
from twisted.python.components import proxyForInterface
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.layer import DatagramLayer
from kcptwisted.options import KCPOptions
from kcptwisted.options.table import TICK
from kcptwisted.session.session import KCPSession
from kcptwisted.stack.socketstack import SocketLayer
from kcptwisted.testing.link import Link
from kcptwisted.timing.shared import clockOf, dropClock
from tests.connections import CLIENT, SERVER, ConnectionTestCase, RecordingProtocol
from tests.inside import sessionOf
from tests.plain import needsPlain


class SlottedReactor:
    """
    A reactor that can be neither hashed, nor weakly referenced, nor given attributes.
    """

    __slots__ = ("_clock",)

    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self._clock = Clock()

    def __eq__(self, other: object) -> bool:
        return True

    def seconds(self) -> float:
        """
        @return: the time.
        """
        return self._clock.seconds()

    def callLater(self, delay: float, callable: Any, *args: object, **kw: object) -> IDelayedCall:
        """
        As of any reactor.
        """
        return self._clock.callLater(delay, callable, *args, **kw)


class ClockOfTests(SynchronousTestCase):
    """
    Tests for L{clockOf}.
    """

    def test_shared(self) -> None:
        """
        A reactor has one clock, and another reactor has another.
        """
        one, two = Clock(), Clock()
        clock = clockOf(one)
        self.assertIs(clockOf(one), clock)
        self.assertIsNot(clockOf(two), clock)

    def test_anyReactor(self) -> None:
        """
        It takes any object for a reactor: one with slots that is equal to another, and a proxy.
        """
        one: Any = SlottedReactor()
        two: Any = SlottedReactor()
        proxy: Any = proxyForInterface(IReactorTime)(one)
        for reactor in (one, two, proxy):
            self.assertIs(clockOf(reactor), clockOf(reactor))
        clocks = [clockOf(one), clockOf(two)]
        self.assertIsNot(*clocks)

    def test_released(self) -> None:
        """
        When nobody has the clock any more, neither it nor the reactor is kept.
        """
        reactor = Clock()
        clock = clockOf(reactor)
        # The clock holds it.
        left = ref(reactor)
        del reactor, clock
        collect()
        self.assertIsNone(left())

    def test_dropped(self) -> None:
        """
        A clock that is dropped is not found again.
        """
        reactor = Clock()
        clock = clockOf(reactor)
        dropClock(reactor)
        self.assertIsNot(clockOf(reactor), clock)
        dropClock(Clock())

    def test_manyReactors(self) -> None:
        """
        Of thousands of reactors, one after the other in the same memory, each begins at 0.
        """
        for _ in range(2000):
            reactor = Clock()
            clock = clockOf(reactor)
            self.assertEqual(clock.now(), 0)
            reactor.advance(1)
            self.assertEqual(clockOf(reactor).now(), 1000)
            del reactor, clock


class PortsTests(ConnectionTestCase):
    """
    Several ports of one reactor.
    """

    #: Keeps no connection awake.
    quiet = KCPOptions(crypt="null", keepAlive=0)

    def planned(self) -> list[IDelayedCall]:
        """
        @return: the calls that the clocks of both hosts wait for.
        """
        return [
            call
            for call in self.network.clock.getDelayedCalls()
            if "FlushClock" in str(call) or "LoopingCall" in str(call)
        ]

    def clients(self, count: int, options: KCPOptions | None = None) -> list[RecordingProtocol]:
        """
        @return: clients, each with a socket of its own.
        """
        results = [self.begin(options or self.quiet) for _ in range(count)]
        self.network.run(1)
        return [self.taken(result) for result in results]

    def through(self, layer: SocketLayer) -> RecordingProtocol:
        """
        @return: a client with a layer on its socket.
        """
        result = self.begin(self.quiet, [layer])
        self.network.run(1)
        return self.taken(result)

    def taken(self, result: Deferred[IProtocol]) -> RecordingProtocol:
        """
        @return: the protocol.
        """
        protocol = self.successResultOf(result)
        assert isinstance(protocol, RecordingProtocol)
        return protocol

    def test_thousandClients(self) -> None:
        """
        A thousand clients that wait for acknowledgements have one delayed call between them, and
        one for their keepalives.
        """
        self.listen(KCPOptions(crypt="null", keepAlive=0, maxSessionsPerHost=2000, acceptRate=2000))
        clients = self.clients(1000, KCPOptions(crypt="null", keepAlive=30))
        self.assertEqual(len(self.planned()), 1)
        self.network.setLink(CLIENT, SERVER, Link(loss=1))
        for client in clients:
            client.session.write(b"x")
        self.network.run(0.001)
        self.assertEqual(len(self.planned()), 1)
        self.assertEqual(
            {sessionOf(client.session).socket.clock for client in clients},
            {clockOf(self.network.host(CLIENT))},
        )

    def test_oneCloses(self) -> None:
        """
        When one port closes the other's timers stay, and after the last one nothing is left.
        """
        port = self.listen(self.quiet)
        one, two = self.clients(2)
        self.network.setLink(CLIENT, SERVER, Link(loss=1))
        for client in (one, two):
            client.session.write(b"x")
        self.network.run(0.01)
        one.session.abortConnection()
        self.network.run(0.01)
        self.assertEqual(len(one.reasons), 1)
        self.network.setLink(CLIENT, SERVER, Link())
        self.network.run(5)
        self.assertEqual(sum(each.received == b"x" for each in self.serverFactory.made), 1)
        two.session.abortConnection()
        self.successResultOf(self.closed(port))
        self.network.run(0)
        self.assertEqual(self.network.clock.getDelayedCalls(), [])

    def closed(self, port: Any) -> Deferred[None]:
        """
        @return: the result of closing C{port} by now.
        """
        closing: Deferred[None] = port.stopListening()
        self.network.run(60)
        return closing

    def test_leavingFails(self) -> None:
        """
        When a port closes and one of its sessions raises, nothing of it stays in the clock.
        """
        needsPlain()
        self.listen(self.quiet)
        one, two = self.clients(2, KCPOptions(crypt="null", keepAlive=10))
        session = sessionOf(one.session)
        self.patch(type(session), "leave", lambda self, reason: 1 // 0)
        stack: Any = session.socket
        clockOf(self.network.host(CLIENT)).wantFlush(session)
        stack.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertIs(session.scheduled, None)
        self.assertEqual(len(self.planned()), 1)
        self.assertIsNot(sessionOf(two.session).scheduled, None)

    def test_relayed(self) -> None:
        """
        What is read on one port and written on another goes out at the end of the batch, without
        another turn.
        """
        self.listen(self.quiet)
        inward, outward = self.clients(2)
        inward.onData = outward.session.write
        source, target = self.serverFactory.made
        later = self.network.clock.callLater
        delays: list[float] = []

        def note(delay: float, *arguments: Any, **keywords: Any) -> Any:
            delays.append(delay)
            return later(delay, *arguments, **keywords)

        source.session.write(b"x")
        self.network.run(0)
        self.patch(self.network.host(CLIENT), "callLater", note)
        self.network.run(1)
        self.assertEqual(target.received, b"x")
        self.assertNotIn(0, delays)

    def test_neverFinished(self) -> None:
        """
        A port whose batches are never finished, since a layer of the user does not pass that on,
        does not hold up the others.
        """
        self.listen(self.quiet)
        finishes = Forgetful.finishes = [True]
        forgetful = self.through(Forgetful)
        (other,) = self.clients(1)
        finishes.clear()
        for made in self.serverFactory.made:
            made.session.write(b"x")
        self.network.run(1)
        self.assertEqual((forgetful.received, other.received), (b"x", b"x"))
        other.session.write(b"y")
        self.network.run(TICK / 1000)
        self.assertEqual(self.serverFactory.made[1].received, b"y")
        (third,) = self.clients(1)
        self.assertEqual(third.reasons, [])

    def test_raisesInBatch(self) -> None:
        """
        Nor does one whose session raises in a batch.
        """
        needsPlain()
        self.listen(self.quiet)
        sick, well = self.clients(2)
        kind = KCPSession
        whole = kind.datagramsReceived

        def fail(session: KCPSession, datagrams: list[bytes], address: Any) -> None:
            if session is sessionOf(sick.session):
                raise ZeroDivisionError
            whole(session, datagrams, address)

        self.patch(kind, "datagramsReceived", fail)
        self.serverFactory.made[0].session.write(b"x")
        well.session.write(b"y")
        self.network.run(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertFalse(clockOf(self.network.host(CLIENT)).held)
        self.assertEqual(self.serverFactory.made[1].received, b"y")
        self.assertEqual((len(sick.reasons), well.reasons), (1, []))

    def test_sameTime(self) -> None:
        """
        All ports agree about the time, whenever they were opened.
        """
        self.listen(self.quiet)
        (one,) = self.clients(1)
        self.network.run(5)
        (two,) = self.clients(1)
        clocks = [sessionOf(end.session).socket.clock for end in (one, two)]
        self.assertEqual(clocks[0].now(), clocks[1].now())


class Forgetful(DatagramLayer):
    """
    Does not pass on that a batch is finished.

    @cvar finishes: not empty while it does.
    """

    finishes: list[bool]

    def batchFinished(self) -> None:
        """
        Pass up, or not.
        """
        if self.finishes:
            super().batchFinished()
