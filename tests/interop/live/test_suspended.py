"""
A process that is suspended keeps its connections.
"""

from __future__ import annotations

from random import Random
from signal import SIGCONT, SIGSTOP
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link, LinkModel
from kcptwisted.wire.segment import WASK
from tests.interop.cases import OurEndsCase
from tests.interop.peers import OurProcess
from tests.interop.roles import EchoServer
from tests.interop.tap import commands

reactor: Any = installed

#: Seconds without the process.
SUSPENSION = 4

#: Questions for a sign of life that a client asks in vain at first.
ASKED = 3


class Gate(LinkModel):
    """
    Lets everything pass, or nothing.

    @ivar asked: fires when L{ASKED} questions were stopped.
    """

    def __init__(self) -> None:
        super().__init__(Link(), Random(0))
        self.shut = False
        self.asked: Deferred[None] = Deferred()
        self._questions = 0

    def arrivals(self, datagram: bytes) -> list[tuple[float, bytes]]:
        """
        @return: what arrives of one datagram.
        """
        if not self.shut:
            return super().arrivals(datagram)
        if WASK in commands([datagram]):
            self._questions += 1
            if self._questions == ASKED:
                self.asked.callback(None)
        return []


class SuspendedTests(OurEndsCase):
    """
    A client in a process of its own.
    """

    timeout = 30

    async def connected(self, options: str) -> OurProcess:
        """
        Start a client.

        @param options: the endpoint's.
        @return: it, connected through two gates.
        """
        patient = KCPOptions(deadAfter=60.0, environ={})
        listening = await self.listen(EchoServer, patient)
        relay = self.relay(listening.getHost().port, loss=0)
        self.gates = relay.outward, relay.inward = Gate(), Gate()
        client = OurProcess("connect", f"kcp:127.0.0.1:{relay.start()}:crypt=null:{options}")
        client.start(reactor)
        self.addCleanup(client.kill)
        # Its input is kept until it can be sent.
        await client.say("before")
        return client

    async def suspend(self, client: OurProcess) -> None:
        """
        Stop the process for a while.
        """
        client.signal(SIGSTOP)
        await deferLater(reactor, SUSPENSION)
        client.signal(SIGCONT)

    async def assertLives(self, client: OurProcess) -> None:
        """
        The connection is the one that there was.
        """
        await client.say("after")
        events = [event["event"] for event in client.told]
        self.assertEqual(events, ["connected", "received", "received"])

    async def test_silent(self) -> None:
        """
        All is well until the process stops, for longer than it takes to find a server dead.
        """
        client = await self.connected("keepAlive=1:deadAfter=1")
        await self.suspend(client)
        await self.assertLives(client)

    async def test_whileItAsks(self) -> None:
        """
        The process has asked for a sign of life, in vain as yet, when it stops: the time in which
        it did not run does not count against the server.
        """
        client = await self.connected("keepAlive=1:deadAfter=3")
        outward, inward = self.gates
        outward.shut = inward.shut = True
        await outward.asked
        await self.suspend(client)
        outward.shut = inward.shut = False
        await self.assertLives(client)
