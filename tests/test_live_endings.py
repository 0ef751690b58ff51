"""
What connections over real sockets leave behind.
"""

from __future__ import annotations

import gc
from typing import Any
from weakref import ref

from twisted.internet import error
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from kcptwisted.udp.port import BatchPort


class Noting(Protocol):
    """
    Fires when its connection is over.
    """

    transport: Any

    def __init__(self) -> None:
        self.received = b""
        self.lost: Deferred[object] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """
        Gather.
        """
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Note.
        """
        self.lost.callback(reason.value)


class NotingFactory(Factory):
    """
    Makes L{Noting}s and keeps the last one.
    """

    noisy = False

    def buildProtocol(self, addr: object) -> Noting:
        """
        @return: a new protocol.
        """
        self.last = Noting()
        return self.last


class NothingLeftTests(TestCase):
    """
    100 connections in a row.
    """

    timeout = 60

    @inlineCallbacks
    def test_nothingLeft(self) -> Any:
        """
        They are closed cleanly at both ends, by either, and leave no delayed call, no session, no
        reader, and no reference to protocol and session.
        """
        from twisted.internet import reactor

        clock: Any = reactor
        server, client = NotingFactory(), NotingFactory()
        listening = serverFromString(clock, "kcp:0:interface=127.0.0.1:key=k")
        port: Any = yield listening.listen(server)
        self.addCleanup(port.stopListening)
        endpoint = clientFromString(clock, f"kcp:127.0.0.1:{port.getHost().port}:key=k")
        readers = self.readers(clock)
        kept: list[ref[Any]] = []
        for number in range(100):
            yield endpoint.connect(client)
            ends = [client.last, server.last]
            for end in ends:
                kept += [ref(end), ref(end.transport)]
            ends[number % 2].transport.write(b"x" * 2000)
            ends[number % 2].transport.loseConnection()
            for end in ends:
                reason = yield end.lost
                self.assertIsInstance(reason, error.ConnectionDone)
            self.assertEqual(len(ends[1 - number % 2].received), 2000)
            del ends, end, reason
        del client.last, server.last
        # Its socket closes a turn after the protocol was told, and this runs while it is.
        for _ in range(2):
            yield deferLater(clock, 0, lambda: None)
        self.assertEqual(port.sessions, [])
        self.assertEqual(self.readers(clock), readers)
        self.assertEqual(
            [call for call in clock.getDelayedCalls() if "kcptwisted" in repr(call.func)], []
        )
        gc.collect()
        self.assertEqual(len(kept), 400)
        self.assertEqual([one() for one in kept if one() is not None], [])

    @staticmethod
    def readers(reactor: Any) -> int:
        """
        @return: how many of our sockets the reactor reads, if it watches descriptors.
        """
        if not IReactorFDSet.providedBy(reactor):
            return 0
        return sum(isinstance(reader, BatchPort) for reader in reactor.getReaders())
