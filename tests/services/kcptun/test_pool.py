"""
Tests for L{kcptwisted.services.kcptun.pool}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionAborted, ConnectionRefusedError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.services.kcptun.pool import SessionPool


class FakeSession:
    """
    A session that counts.
    """

    def __init__(self) -> None:
        self.isUsable = True
        self.streams = 0
        self.isClosed = False

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Count.
        """
        self.streams += 1
        protocol = protocolFactory.buildProtocol(None)  # type: ignore[arg-type]
        assert protocol is not None
        return succeed(protocol)

    def close(self) -> None:
        """
        Note.
        """
        self.isClosed = True


class PoolTests(SynchronousTestCase):
    """
    Which session takes a connection.
    """

    def setUp(self) -> None:
        """
        Nothing is dialled yet.
        """
        self.clock = Clock()
        self.dialled: list[Deferred[Any]] = []
        self.sessions: list[FakeSession] = []
        self.isSlow = False

    def dial(self) -> Deferred[Any]:
        """
        Make a session, at once or later.
        """
        self.dialled.append(Deferred())
        dialled = self.dialled[-1]
        if not self.isSlow:
            self.answer()
        return dialled

    def answer(self) -> FakeSession:
        """
        The last one that was dialled is there.
        """
        self.sessions.append(FakeSession())
        self.dialled[-1].callback(self.sessions[-1])
        return self.sessions[-1]

    def pool(self, count: int = 1, autoExpire: float = 0, scavenge: float = 600) -> SessionPool:
        """
        @return: a pool.
        """
        return SessionPool(self.clock, self.dial, count, autoExpire, scavenge)

    def connect(self, pool: SessionPool) -> Deferred[IProtocol]:
        """
        Open a stream.
        """
        return pool.connect(Factory.forProtocol(Protocol))

    def streams(self) -> list[int]:
        """
        @return: how many streams each session has.
        """
        return [session.streams for session in self.sessions]

    def test_interface(self) -> None:
        """
        It is an endpoint, and dials nothing by itself.
        """
        verifyObject(IStreamClientEndpoint, self.pool())
        self.assertEqual(self.dialled, [])

    def test_turns(self) -> None:
        """
        The sessions take turns.
        """
        pool = self.pool(3)
        for _ in range(7):
            self.assertIsInstance(self.successResultOf(self.connect(pool)), Protocol)
        self.assertEqual(self.streams(), [3, 2, 2])

    def test_waiting(self) -> None:
        """
        A session is dialled once, however many wait for it; who gives up is left out.
        """
        self.isSlow = True
        pool = self.pool()
        waiting = [self.connect(pool) for _ in range(3)]
        self.assertEqual(len(self.dialled), 1)
        waiting[1].cancel()
        self.failureResultOf(waiting[1], CancelledError)
        self.answer()
        self.assertEqual(self.streams(), [2])
        for one in (waiting[0], waiting[2]):
            self.successResultOf(one)

    def test_failed(self) -> None:
        """
        If that fails all fail, and the next connection dials again.
        """
        self.isSlow = True
        pool = self.pool()
        waiting = [self.connect(pool) for _ in range(2)]
        self.dialled[0].errback(Failure(ConnectionRefusedError()))
        for one in waiting:
            self.failureResultOf(one, ConnectionRefusedError)
        again = self.connect(pool)
        self.answer()
        self.successResultOf(again)

    def test_ended(self) -> None:
        """
        One that has ended is replaced when the next connection needs it.
        """
        pool = self.pool()
        self.connect(pool)
        self.sessions[0].isUsable = False
        pool.ended(self.sessions[0])
        self.assertEqual(len(self.dialled), 1)
        self.connect(pool)
        self.assertEqual(self.streams(), [1, 1])
        self.assertEqual(pool.sessions, [self.sessions[1]])

    def test_autoExpire(self) -> None:
        """
        One that is old enough is replaced, on the next connection only, and lives on until its time
        is over.
        """
        pool = self.pool(autoExpire=60, scavenge=100)
        self.connect(pool)
        self.clock.advance(59)
        self.connect(pool)
        self.clock.advance(50)
        self.assertEqual(self.streams(), [2])
        self.connect(pool)
        self.assertEqual(self.streams(), [2, 1])
        self.clock.advance(50)
        self.assertFalse(self.sessions[0].isClosed)
        self.clock.advance(1)
        self.assertTrue(self.sessions[0].isClosed)
        self.assertFalse(self.sessions[1].isClosed)
        self.clock.advance(109)
        self.assertTrue(self.sessions[1].isClosed)

    def test_scavengeCancelled(self) -> None:
        """
        One that ends before leaves no call behind.
        """
        pool = self.pool(autoExpire=60)
        self.connect(pool)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        pool.ended(self.sessions[0])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_neverScavenged(self) -> None:
        """
        Without C{autoexpire} they live for ever.
        """
        pool = self.pool()
        self.connect(pool)
        self.clock.advance(1e6)
        self.connect(pool)
        self.assertEqual(self.streams(), [2])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopped(self) -> None:
        """
        When it is stopped, what is being dialled is given up, and nothing is dialled any more.
        """
        self.isSlow = True
        pool = self.pool()
        waiting = self.connect(pool)
        pool.stop()
        self.failureResultOf(waiting, CancelledError)
        self.failureResultOf(self.connect(pool), ConnectionAborted)
        self.assertEqual(len(self.dialled), 1)
