"""
Tests for L{kcptwisted.services.relay.redial}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectionRefusedError, TimeoutError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from kcptwisted.services.relay.redial import RedialledEndpoint

FACTORY = Factory.forProtocol(Protocol)


@implementer(IStreamClientEndpoint)
class Target:
    """
    Answers when told.

    @ivar attempts: all.
    @ivar cancelled: how many were cancelled.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.attempts: list[tuple[float, Deferred[Any]]] = []
        self.cancelled = 0
        self.refuses = False

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """
        @return: fires when the test says so.
        """
        attempt: Deferred[Any] = Deferred(self._cancel)
        self.attempts.append((self._clock.seconds(), attempt))
        return fail(ConnectionRefusedError()) if self.refuses else attempt

    def _cancel(self, attempt: Deferred[Any]) -> None:
        self.cancelled += 1


class RedialTests(SynchronousTestCase):
    """
    A target that cannot be reached at first.
    """

    def setUp(self) -> None:
        """
        Dial for 10 s.
        """
        self.clock = Clock()
        self.target = Target(self.clock)
        self.endpoint = RedialledEndpoint(self.clock, self.target, 10, lambda: 0.0)

    def times(self) -> list[float]:
        """
        @return: when it was dialled.
        """
        return [at for at, _ in self.target.attempts]

    def test_interface(self) -> None:
        """
        It is an endpoint.
        """
        verifyObject(IStreamClientEndpoint, self.endpoint)

    def test_atOnce(self) -> None:
        """
        One that answers is dialled once.
        """
        connecting = self.endpoint.connect(FACTORY)
        protocol = Protocol()
        self.target.attempts[0][1].callback(protocol)
        self.assertIs(self.successResultOf(connecting), protocol)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_later(self) -> None:
        """
        One that refuses is dialled again after pauses that become longer.
        """
        self.target.refuses = True
        connecting = self.endpoint.connect(FACTORY)
        self.clock.pump([0.25] * 16)
        self.assertEqual(self.times(), [0, 0.5, 1.5, 3.5])
        self.target.refuses = False
        self.clock.pump([0.25] * 16)
        self.assertEqual(self.times(), [0, 0.5, 1.5, 3.5, 7.5])
        self.assertNoResult(connecting)
        protocol = Protocol()
        self.target.attempts[-1][1].callback(protocol)
        self.assertIs(self.successResultOf(connecting), protocol)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_never(self) -> None:
        """
        When the time is over, the reason of the last attempt is that of all.
        """
        self.target.refuses = True
        connecting = self.endpoint.connect(FACTORY)
        self.clock.pump([0.25] * 39)
        self.assertNoResult(connecting)
        self.clock.advance(0.25)
        self.failureResultOf(connecting, ConnectionRefusedError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.times(), [0, 0.5, 1.5, 3.5, 7.5])

    def test_silent(self) -> None:
        """
        The time includes that of an attempt that nobody answers.
        """
        connecting = self.endpoint.connect(FACTORY)
        self.clock.advance(10)
        self.failureResultOf(connecting, TimeoutError)
        self.assertEqual((self.target.cancelled, self.clock.getDelayedCalls()), (1, []))

    def test_cancel(self) -> None:
        """
        A client that is gone needs no connection, neither while one is made nor in a pause.
        """
        connecting = self.endpoint.connect(FACTORY)
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertEqual((self.target.cancelled, self.clock.getDelayedCalls()), (1, []))
        self.target.refuses = True
        connecting = self.endpoint.connect(FACTORY)
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertEqual((self.target.cancelled, self.clock.getDelayedCalls()), (1, []))
