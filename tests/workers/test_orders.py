"""
Tests for L{kcptwisted.workers.orders}.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionDone, ConnectionLost, ReactorNotRunning
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.workers.orders import ORDER_TIMEOUT, Orders


class StoppableClock(Clock):
    """
    A reactor that notes that it is stopped, and does not like to be stopped again.

    @ivar stops: how often it was.
    """

    stops = 0

    def stop(self) -> None:
        """
        Note.
        """
        self.stops += 1
        if self.stops > 1:
            raise ReactorNotRunning


class StoppablePort:
    """
    @ivar endings: what C{stopListening} was given.
    @ivar stopped: what it gives.
    """

    def __init__(self) -> None:
        self.endings: list[str] = []
        self.stopped: Deferred[None] = Deferred()

    def stopListening(self, sessions: str = "close") -> Deferred[None]:
        """
        Note.
        """
        self.endings.append(sessions)
        stopped: Deferred[None] = Deferred()
        self.stopped.chainDeferred(stopped)
        return stopped


class OrdersTests(SynchronousTestCase):
    """
    A worker and its master.
    """

    def setUp(self) -> None:
        """
        Connect, and listen.
        """
        self.reactor = StoppableClock()
        self.killed: list[float] = []
        self.orders = Orders(
            self.reactor,
            lambda: self.killed.append(self.reactor.seconds()),
            {b"count": lambda more: [b"one", b"with " + more]},
        )
        self.transport = StringTransport()
        self.orders.makeConnection(self.transport)
        self.port = StoppablePort()

    def listen(self) -> None:
        """
        Have a port.
        """
        self.orders.listening(cast(Any, self.port))
        self.transport.clear()

    def test_counts(self) -> None:
        """
        It answers with lines that have the number of the question.
        """
        self.listen()
        self.orders.dataReceived(b"count 7 a b\nnothing 8\n")
        self.assertEqual(self.transport.value(), b"answer 7 one\nanswer 7 with a b\nanswer 7\n")

    def test_reports(self) -> None:
        """
        The master is told that the port is open, or why not, in one line.
        """
        self.orders.listening(cast(Any, self.port))
        self.orders.failed(ValueError("mtu must be\nlarger"))
        self.assertEqual(
            self.transport.value(), b"listening\nfailed ValueError: mtu must be larger\n"
        )

    def test_stop(self) -> None:
        """
        An order to stop is answered at once, and obeyed; when the sessions have ended, so does the
        program.
        """
        self.listen()
        self.orders.dataReceived(b"stop finish\n")
        self.assertEqual((self.port.endings, self.transport.value()), (["finish"], b"stopping\n"))
        self.orders.dataReceived(b"stop abort\n")
        self.assertEqual(self.port.endings, ["finish", "abort"])
        self.assertEqual(self.reactor.stops, 0)
        self.port.stopped.callback(None)
        self.assertGreater(self.reactor.stops, 0)
        self.assertTrue(self.transport.value().endswith(b"stopped\n"))

    def test_failingStop(self) -> None:
        """
        It ends too if the sessions do not.
        """
        self.listen()
        self.port.stopped = fail(ZeroDivisionError())
        self.orders.dataReceived(b"stop close\n")
        self.assertEqual(self.reactor.stops, 1)

    def test_withoutPort(self) -> None:
        """
        It ends also if it could not listen.
        """
        self.orders.failed(ValueError())
        self.orders.dataReceived(b"stop close\n")
        self.assertEqual(self.reactor.stops, 1)

    def test_unknown(self) -> None:
        """
        Other orders are for other versions.
        """
        self.listen()
        self.orders.dataReceived(b"dance\n\n")
        self.assertEqual((self.port.endings, self.reactor.stops), ([], 0))

    def test_orphaned(self) -> None:
        """
        When the master is gone all sessions end at once, and so does the program; if it does not,
        it is killed.
        """
        self.listen()
        self.orders.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.port.endings, ["abort"])
        self.port.stopped.callback(None)
        self.assertEqual(self.reactor.stops, 1)
        self.reactor.advance(ORDER_TIMEOUT - 1)
        self.assertEqual(self.killed, [])
        self.reactor.advance(1)
        self.assertEqual(self.killed, [ORDER_TIMEOUT])

    def test_ending(self) -> None:
        """
        When the program ends by itself nothing of that happens.
        """
        self.listen()
        self.orders.connectionLost(Failure(ConnectionLost()))
        self.assertEqual((self.port.endings, self.reactor.getDelayedCalls()), ([], []))
