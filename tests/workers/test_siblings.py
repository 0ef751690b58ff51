"""
Tests for L{kcptwisted.workers.siblings}, with real sockets.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from kcptwisted.interfaces import Address
from kcptwisted.server.routing import IRouting
from kcptwisted.stats import PortStats
from kcptwisted.workers import siblings as siblingsModule
from kcptwisted.workers.interfaces import IStrayTaker
from kcptwisted.workers.siblings import CATCH_UP, Siblings

HERE = ("10.0.0.1", 1)


class ReadingClock(Clock):
    """
    A reactor.

    @ivar readers: what reads.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[object] = []

    def addReader(self, reader: object) -> None:
        """
        Note.
        """
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        """
        As reactors do, ask for the descriptor.
        """
        assert reader.fileno() >= 0
        self.readers.remove(reader)


@implementer(IStrayTaker)
class Taker:
    """
    A listener that takes all but what is said to be left.

    @ivar events: what it was told.
    @ivar onReturned: called while something is given back.
    """

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []
        self.left = b"left"
        self.stats = PortStats()
        self.onReturned: Callable[[], object] = lambda: None

    def strayReceived(self, datagrams: list[bytes], address: Address) -> list[bytes]:
        """
        Note.
        """
        self.events.append(("received", datagrams, address))
        return [datagram for datagram in datagrams if datagram == self.left]

    def strayReturned(self, datagrams: list[bytes], address: Address) -> None:
        """
        Note.
        """
        self.events.append(("returned", datagrams, address))
        self.onReturned()

    def learn(self, keys: list[bytes]) -> None:
        """
        Note.
        """
        self.events.append(("learn", keys))

    def movable(self) -> list[int]:
        """
        @return: one conversation.
        """
        return [77]

    def batchFinished(self) -> None:
        """
        Note.
        """
        self.events.append(("finished",))


class SiblingsTests(SynchronousTestCase):
    """
    Two workers.
    """

    def setUp(self) -> None:
        """
        Connect them.
        """
        self.clock = ReadingClock()
        self.pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
        for pair in self.pairs:
            for end in pair:
                end.setblocking(False)
                self.addCleanup(end.close)
        self.takers = [Taker(), Taker()]
        self.stats = [taker.stats for taker in self.takers]
        self.both = [
            Siblings(
                cast(Any, self.clock),
                number,
                self.pairs[number][0],
                {1 - number: self.pairs[1 - number][1]},
            )
            for number in (0, 1)
        ]
        for one, taker in zip(self.both, self.takers, strict=True):
            one.start(taker)
            self.addCleanup(one.stop)
        self.read()

    def read(self) -> None:
        """
        Have both read until there is nothing.
        """
        for _ in range(3):
            for one in self.both:
                one.doRead()
        for taker in self.takers:
            taker.events = [event for event in taker.events if event != ("finished",)]

    def test_interfaces(self) -> None:
        """
        They are what listener and reactor want.
        """
        verifyObject(IRouting, self.both[0])
        verifyObject(IReadDescriptor, self.both[0])
        verifyObject(IStrayTaker, self.takers[0])
        self.assertEqual(self.both[0].fileno(), self.pairs[0][0].fileno())
        self.assertEqual(self.clock.readers, self.both)

    def test_claim(self) -> None:
        """
        What is of the other's conversation is handed over, then all from there; what is given back
        is the listener's once more.
        """
        one, other = self.both
        self.assertFalse(one.follow([b"x"], HERE))
        self.assertEqual((one.knows(78), one.knows(77)), (False, True))
        self.assertFalse(one.claim(78, [b"x"], HERE))
        self.assertTrue(one.claim(77, [b"x"], HERE))
        self.assertTrue(one.follow([b"y", b"left"], HERE))
        other.doRead()
        self.assertEqual(
            self.takers[1].events,
            [("received", [b"x"], HERE), ("received", [b"y", b"left"], HERE), ("finished",)],
        )
        one.doRead()
        self.assertEqual(self.takers[0].events, [("returned", [b"left"], HERE), ("finished",)])
        self.assertFalse(one.follow([b"z"], HERE))
        self.assertEqual((self.stats[0].StraysPassed, self.stats[1].StraysTaken), (3, 2))

    def test_givenBack(self) -> None:
        """
        What is given back is not handed over again while the listener deals with it.
        """
        one, other = self.both
        asked: list[bool] = []
        there = ("10.0.0.1", 2)
        self.takers[0].onReturned = lambda: asked.extend(
            [one.follow([b"left"], there), one.knows(77)]
        )
        one.claim(77, [b"x"], there)
        one.claim(77, [b"left"], HERE)
        other.doRead()
        one.doRead()
        self.assertEqual((asked, one.knows(77)), ([False, False], True))
        self.assertEqual(self.stats[0].StraysPassed, 2)

    def test_news(self) -> None:
        """
        News reach the other.
        """
        one, other = self.both
        other.began(5)
        other.opened([b"key"])
        self.read()
        self.assertEqual(self.takers[0].events, [("learn", [b"key"])])
        self.assertTrue(one.claim(5, [b"x"], HERE))
        other.ended(5)
        self.read()
        self.assertFalse(one.claim(5, [b"x"], HERE))

    def test_budget(self) -> None:
        """
        Who is told much reads a part of it, and then lets others have their turn.
        """
        self.patch(siblingsModule, "INBOX_READ_BUDGET", 5000)
        one, other = self.both
        for number in range(10):
            self.assertTrue(one.claim(77, [bytes([number]) * 1400], HERE))
        other.doRead()
        self.assertEqual(len(self.takers[1].events), 4 + 1)
        other.doRead()
        other.doRead()
        self.assertEqual(len(self.takers[1].events), 10 + 3)

    def test_full(self) -> None:
        """
        There is an end to what is kept for one that does not read: what is handed over is dropped
        and counted, and of what it has to know it is told when it reads again.
        """
        one, other = self.both
        while not self.stats[0].StraysDropped:
            self.assertTrue(one.claim(77, [bytes(50_000)], HERE))
        one.began(5)
        self.assertEqual(self.stats[0].SiblingErrs, 1)
        self.clock.advance(CATCH_UP)
        self.read()
        self.assertFalse(other.claim(5, [b"x"], HERE))
        self.patch(self.takers[0], "movable", lambda: [5])
        self.clock.advance(CATCH_UP)
        self.read()
        self.assertTrue(other.claim(5, [b"x"], HERE))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop(self) -> None:
        """
        When the listener is no more nothing is read, nothing is to happen later, and all is closed.
        """
        one, other = self.both
        while not self.stats[0].StraysDropped:
            one.claim(77, [bytes(50_000)], HERE)
        one.began(5)
        one.stop()
        one.stop()
        other.connectionLost(Failure(ConnectionLost()))
        self.assertEqual((self.clock.readers, self.clock.getDelayedCalls()), ([], []))
        self.assertEqual([one.fileno(), other.fileno()], [-1, -1])
        for pair in self.pairs:
            self.assertEqual([end.fileno() for end in pair], [-1, -1])
