"""
Tests for L{kcptwisted.stack.guard}, and for what else goes wrong inside of one connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import SkipTest

from twisted.internet import error

from kcptwisted.errors import PeerReset
from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.layer import DatagramLayer
from kcptwisted.native import isCompiled
from kcptwisted.options import KCPOptions
from tests.connections import CLIENT, ConnectionTestCase
from tests.inside import connectionOf, sessionOf
from tests.plain import needsPlain


class FailingLayer(DatagramLayer):
    """
    A layer of a user's own.

    @ivar victim: whose datagrams it fails for.
    @ivar failsAfterwards: it does so when it is told that the batch is finished.
    """

    victim: Address | None = None
    failsAfterwards = False

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Fail, or pass up.
        """
        if address == self.victim:
            raise ZeroDivisionError("in a layer")
        super().datagramsReceived(datagrams, address)

    def batchFinished(self) -> None:
        """
        Fail, or pass up.
        """
        if self.failsAfterwards:
            raise ZeroDivisionError("in a layer")
        super().batchFinished()


class TwoTestCase(ConnectionTestCase):
    """
    Two connections to one server, the first of which something is wrong with.
    """

    options = KCPOptions(crypt="null", dataShards=3, parityShards=1, fecFlush=20)

    def meet(self) -> None:
        """
        Connect both.
        """
        layers: list[FailingLayer] = []

        def layer(wrapped: IDatagramProtocol) -> FailingLayer:
            layers.append(FailingLayer(wrapped))
            return layers[0]

        self.port = self.listen(layers=[layer])
        (self.layer,) = layers
        for _ in range(2):
            self.begin()
            self.network.run(0.1)
        self.sick, self.well = self.serverFactory.made
        self.victim: Any = sessionOf(self.sick.session)

    def say(self) -> None:
        """
        Let both clients write something.
        """
        for client in self.clientFactory.made:
            client.session.write(b"x")
        self.network.run(1)

    def assertOnlyOne(self) -> None:
        """
        One has ended with the failure, and its peer knows; the other goes on, and the clock, too.
        """
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertIsInstance(self.reasonOf(self.sick), ZeroDivisionError)
        client, other = self.clientFactory.made
        self.network.run(1)
        self.assertIsInstance(self.reasonOf(client), PeerReset)
        self.assertEqual(self.port.sessions, [self.well.session])
        before = self.well.received, other.received
        other.session.write(b"there")
        self.well.session.write(b"and back")
        self.network.run(1)
        self.assertEqual(self.well.received, before[0] + b"there")
        self.assertEqual(other.received, before[1] + b"and back")
        self.finish(self.port)


class LayerTests(TwoTestCase):
    """
    Tests for L{kcptwisted.stack.guard.LayerGuard}.
    """

    def test_datagramsReceived(self) -> None:
        """
        A layer that raises ends the connection whose datagrams it was given.
        """
        self.meet()
        self.layer.victim = sessionOf(self.sick.session).address
        self.clientFactory.made[0].session.write(b"x")
        self.network.run(0)
        self.layer.victim = None
        self.network.run(1)
        self.assertOnlyOne()

    def test_stranger(self) -> None:
        """
        Where there is none it is logged.
        """
        self.meet()
        self.layer.victim = (CLIENT, 9)
        port: Any = self.port._listener.stack._port
        port._protocol.datagramsReceived([bytes(24)], (CLIENT, 9))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(self.port.sessions), 2)

    def test_batchFinished(self) -> None:
        """
        A layer that raises when the batch is over keeps nobody from being answered.
        """
        self.meet()
        self.layer.failsAfterwards = True
        client = self.clientFactory.made[0]
        client.session.write(b"x")
        self.network.run(1)
        self.well.session.write(b"y")
        self.network.run(1)
        self.assertEqual(self.clientFactory.made[1].received, b"y")
        self.assertTrue(connectionOf(client.session).conversation.drained)
        self.assertGreater(len(self.flushLoggedErrors(ZeroDivisionError)), 0)


class SessionTests(TwoTestCase):
    """
    A session that raises ends with that, and nothing else does.
    """

    def breakIt(self, thing: Any, name: str) -> None:
        """
        Have C{thing}'s method raise, the first time.
        """
        whole: Callable[..., Any] = getattr(thing, name)
        problems = [ZeroDivisionError("inside")]

        def fail(*arguments: Any, **keywords: Any) -> Any:
            if problems:
                raise problems.pop()
            return whole(*arguments, **keywords)

        self.replace(thing, name, fail)

    def replace(self, thing: Any, name: str, function: Callable[..., Any]) -> None:
        """
        Put C{function} in the place of C{thing}'s method: the classes have slots.
        """
        needsPlain()
        kind = type(thing)
        whole = getattr(kind, name)

        def method(this: Any, *arguments: Any, **keywords: Any) -> Any:
            if this is thing:
                return function(*arguments, **keywords)
            return whole(this, *arguments, **keywords)

        self.patch(kind, name, method)

    def lowest(self) -> IDatagramProtocol:
        """
        @return: the victim's lowest own layer.
        """
        return self.port._listener.stack.sessions[self.victim.address].lowest

    def test_flush(self) -> None:
        """
        In a flush.
        """
        self.meet()
        self.breakIt(self.victim, "flush")
        self.say()
        self.assertOnlyOne()

    def test_deadline(self) -> None:
        """
        When the clock asks for its deadline.
        """
        needsPlain()
        self.meet()
        kind: Any = type(self.victim)
        whole, problems = kind.due, [ZeroDivisionError("inside")]

        def fail(this: Any) -> int | None:
            if this is self.victim and problems:
                raise problems.pop()
            due: int | None = whole.fget(this)
            return due

        self.patch(kind, "due", property(fail))
        self.say()
        self.assertOnlyOne()

    def test_datagrams(self) -> None:
        """
        With datagrams.
        """
        self.meet()
        self.breakIt(self.victim, "datagramsReceived")
        self.say()
        self.assertOnlyOne()

    def test_recovered(self) -> None:
        """
        With what was rebuilt.
        """
        self.meet()
        stack = self.port._listener.stack
        self.breakIt(self.lowest(), "datagramsRecovered")
        stack.datagramsRecovered([bytes(24)], self.victim.address)
        stack.batchFinished()
        self.assertOnlyOne()

    def test_fec(self) -> None:
        """
        In its FEC layer, from both sides.
        """
        for name in ("datagramsReceived", "flush"):
            with self.subTest(name=name):
                self.setUp()
                self.meet()
                self.breakIt(self.lowest(), name)
                self.say()
                self.assertOnlyOne()

    def test_lastWord(self) -> None:
        """
        Even if it fails when it says its last word, it ends, as it was to.
        """
        if isCompiled():
            raise SkipTest("compiled methods cannot be replaced")
        self.meet()
        self.breakIt(self.victim.connection.lifecycle, "_sayLastWord")
        self.sick.session.abortConnection()
        self.network.run(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertIsInstance(self.reasonOf(self.sick), error.ConnectionAborted)
        self.assertEqual(self.port.sessions, [self.well.session])

    def test_client(self) -> None:
        """
        A client's session ends likewise.
        """
        client, server = self.connect(KCPOptions(crypt="null"))
        self.breakIt(sessionOf(client.session), "flush")
        client.session.write(b"x")
        self.network.run(1)
        self.assertIsInstance(self.reasonOf(client), ZeroDivisionError)
        self.assertIsInstance(self.reasonOf(server), PeerReset)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
