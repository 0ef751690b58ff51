"""
Tests for L{kcptwisted.services.relay.transports} and L{kcptwisted.services.relay.drain}, on real
sockets.
"""

from __future__ import annotations

import os
import sys
from socket import SHUT_WR, SO_SNDBUF, SOL_SOCKET
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.task import Clock, deferLater
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import WrappingFactory
from twisted.trial.unittest import SynchronousTestCase, TestCase

from kcptwisted.services.relay.drain import FIRST_POLL, GRACE, Drain
from kcptwisted.services.relay.transports import (
    abort,
    hasHalfClose,
    inKernel,
    isTCP,
    signalsEnd,
    undelivered,
)
from kcptwisted.session import KCPTransport
from tests.services.relay.programs import Caller, Callers, reactor


class SocketTests(TestCase):
    """
    TCP and Unix sockets.
    """

    timeout = 60

    async def join(self, server: str, client: str) -> tuple[Caller, Caller]:
        """
        @return: two ends.
        """
        callers = Callers()
        port = await serverFromString(reactor, server).listen(callers)
        self.addCleanup(port.stopListening)
        number = getattr(port.getHost(), "port", 0)
        endpoint = clientFromString(reactor, client.format(number))
        here: Any = await endpoint.connect(Callers())
        there = await callers.first()
        for caller in (here, there):
            self.addCleanup(self.end, caller)
        return here, there

    async def end(self, caller: Caller) -> None:
        """
        Have a connection over.
        """
        if caller.reason is None:
            caller.transport.abortConnection()
            await caller.over()

    async def check(self, here: Caller, there: Caller) -> None:
        """
        What was written counts until it is delivered.
        """
        self.assertEqual(undelivered(here.transport), 0)
        there.transport.pauseProducing()
        here.transport.write(bytes(20_000_000))
        self.assertEqual(undelivered(here.transport), 20_000_000)
        before = -1
        while before != undelivered(here.transport):
            before = undelivered(here.transport)
            await deferLater(reactor, 0.2, lambda: None)
        self.assertGreater(before, 0)
        there.transport.resumeProducing()
        drained: Deferred[None] = Deferred()
        Drain(reactor, here.transport, None, lambda: drained.callback(None)).start()
        await drained
        self.assertEqual(undelivered(here.transport), 0)
        await there.until(lambda: there.received == 20_000_000)

    async def test_tcp(self) -> None:
        """
        TCP.
        """
        here, there = await self.join("tcp:0:interface=127.0.0.1", "tcp:127.0.0.1:{}")
        self.assertTrue(isTCP(here.transport) and signalsEnd(here.transport))
        await self.check(here, there)

    async def test_unix(self) -> None:
        """
        A Unix socket.
        """
        # The path of one must not be long.
        name = os.path.relpath(self.mktemp())
        here, there = await self.join(f"unix:{name}", f"unix:{name}")
        self.assertTrue(hasHalfClose(here.transport))
        await self.check(here, there)

    async def test_reset(self) -> None:
        """
        Nothing is waited for where nobody is there any more, though nobody reads, and so notices.
        """
        here, there = await self.join("tcp:0:interface=127.0.0.1", "tcp:127.0.0.1:{}")
        here.transport.pauseProducing()
        there.transport.pauseProducing()
        # Not so much that the program has some left, and notices when it writes.
        here.transport.write(bytes(100_000))
        while here.transport.dataBuffer or here.transport._tempDataLen:
            await deferLater(reactor, 0.01, lambda: None)
        there.transport.abortConnection()
        await there.over()
        while inKernel(here.transport):
            await deferLater(reactor, 0.01, lambda: None)
        self.assertEqual(undelivered(here.transport), 0)

    if sys.platform != "linux":
        test_reset.skip = "Linux tells of it"  # type: ignore[attr-defined]

    async def test_bothEnded(self) -> None:
        """
        What is under way counts though both ends have said that they send no more.
        """
        here, there = await self.join("tcp:0:interface=127.0.0.1", "tcp:127.0.0.1:{}")
        there.transport.pauseProducing()
        here.transport.pauseProducing()
        for end in (here, there):
            end.transport.getHandle().setsockopt(SOL_SOCKET, SO_SNDBUF, 1_000_000)
        here.transport.write(bytes(20_000_000))
        before = -1
        while before != undelivered(here.transport):
            before = undelivered(here.transport)
            await deferLater(reactor, 0.2, lambda: None)
        # What the program has left, and then just what the system has.
        here.transport.dataBuffer = here.transport.dataBuffer[: here.transport.offset]
        here.transport._tempDataBuffer, here.transport._tempDataLen = [], 0
        here.transport.stopWriting()
        for end in (here, there):
            end.transport.getHandle().shutdown(SHUT_WR)
        await deferLater(reactor, 0.2, lambda: None)
        self.assertGreater(undelivered(here.transport), 0)

    async def test_wrapper(self) -> None:
        """
        A wrapper passes on what it wraps, but for half close.
        """
        here, _ = await self.join("tcp:0:interface=127.0.0.1", "tcp:127.0.0.1:{}")
        wrapper = WrappingFactory(Callers()).buildProtocol(here.transport.getPeer())
        wrapper.makeConnection(here.transport)
        self.assertFalse(hasHalfClose(wrapper) or signalsEnd(wrapper))
        self.assertTrue(abort(wrapper))
        await here.over()


class Told:
    """
    A KCP connection, as far as this goes.
    """

    unacknowledged = 3

    def __init__(self, greeted: bool) -> None:
        self.greeted = greeted

    def loseWriteConnection(self) -> None:
        """
        Would send a FIN, if the peer knew one.
        """


class KCPTests(SynchronousTestCase):
    """
    KCP.
    """

    def test_signalsEnd(self) -> None:
        """
        Only a peer that takes control frames can be told that one direction has ended.
        """
        self.assertTrue(signalsEnd(Told(True)))
        self.assertFalse(signalsEnd(Told(False)))

    def test_session(self) -> None:
        """
        Sessions have what is looked for.
        """
        for name in ("greeted", "loseWriteConnection", "unacknowledged", "abortConnection"):
            self.assertTrue(hasattr(KCPTransport, name), name)

    def test_undelivered(self) -> None:
        """
        Segments count.
        """
        self.assertEqual(undelivered(Told(True)), 3)


class DrainTests(SynchronousTestCase):
    """
    Without sockets.
    """

    def test_grace(self) -> None:
        """
        A system that does not tell is given some time.
        """
        clock, done = Clock(), []

        class Mute(StringTransport):
            """
            Has a socket that cannot be asked.
            """

            def fileno(self) -> int:
                """
                @return: of something else.
                """
                return null

        null = os.open(os.devnull, os.O_RDONLY)
        self.addCleanup(os.close, null)
        Drain(clock, Mute(), None, lambda: done.append(clock.seconds())).start()
        self.assertEqual(done, [])
        clock.advance(GRACE)
        self.assertEqual(done, [GRACE])

    def test_stop(self) -> None:
        """
        After L{Drain.stop} nothing happens, and nothing is left.
        """
        clock = Clock()
        transport: Any = StringTransport()
        transport.dataBuffer = b"something"
        drain = Drain(clock, transport, None, lambda: self.fail("drained"))
        drain.start()
        clock.advance(FIRST_POLL)
        drain.stop()
        transport.dataBuffer = b""
        clock.advance(100)
        self.assertEqual(clock.getDelayedCalls(), [])
