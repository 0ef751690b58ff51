"""
Relays that get signals, as processes of their own.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.task import deferLater

from tests.programs import Program
from tests.services.relay.programs import Caller, RelaysCase, Source, reactor
from tests.workers.clients import isLinux

#: What must have gone through before the signal.
UNDER_WAY = 3_000_000

LONG = ("--stop-timeout", "600")


def moved(program: Program) -> tuple[int, int]:
    """
    @return: the bytes that a relay had read from its client and from its target.
    """
    (found,) = re.findall(r"ended after .*; (\d+) bytes there, (\d+) back", program.output)
    return int(found[0]), int(found[1])


class StoppingCase(RelaysCase):
    """
    Relays with something under way.
    """

    async def loaded(
        self, *options: str, reads: bool = True
    ) -> tuple[Program, Program, Caller, Caller]:
        """
        @return: the near relay, the far one, a client that sends without end, and its server.
        """
        callers, target = await self.serve(reads)
        near, far, port = await self.chain(target, *options)
        client = await self.connect(port)
        server = await callers.first()
        source = Source(client.transport)
        source.start()
        if reads:
            await server.until(lambda: server.received > UNDER_WAY)
        else:
            before = -1
            while before != source.written:
                before = source.written
                await deferLater(reactor, 0.3, lambda: None)
        return near, far, client, server

    def assertAborted(self, caller: Caller, relay: Program | None = None) -> None:
        """
        Fail if a peer may take what it has for the whole.

        @param relay: what the peer is connected to; its log tells why.
        """
        self.assertIsNotNone(caller.reason)
        said = "" if relay is None else relay.output
        self.assertFalse(caller.sawEnd, f"taken for the end of the data\n{said}")

    async def checkFar(self) -> None:
        """
        Stop the relay at the receiver: what it has read arrives, and an abort after it.
        """
        near, far, client, server = await self.loaded()
        self.kill(far, "TERM")
        await far.ended()
        await server.over()
        self.assertEqual(server.received, moved(far)[0])
        self.assertAborted(server, far)
        await client.over()
        self.assertAborted(client, near)

    async def checkLimit(self) -> None:
        """
        Stop it while the receiver takes nothing.
        """
        _, far, _, server = await self.loaded("--stop-timeout", "0.5", reads=False)
        self.kill(far, "TERM")
        await far.ended()
        self.assertIn("Not all was delivered within 0.5 s", far.output)
        server.transport.resumeProducing()
        await server.over()
        self.assertAborted(server)

    async def checkSecondSignal(self) -> None:
        """
        Send it two signals while the receiver takes nothing.
        """
        for first, second in (("TERM", "TERM"), ("INT", "INT")):
            _, far, _, server = await self.loaded(*LONG, reads=False)
            self.kill(far, first)
            await far.printed("Stopping: connections have 600 s")
            self.kill(far, second)
            await far.ended()
            self.assertNotIn("killed", far.output)
            server.transport.resumeProducing()
            await server.over()
            self.assertAborted(server)


class StoppingTests(StoppingCase):
    """
    SIGTERM.
    """

    async def test_near(self) -> None:
        """
        What the relay at the sender has read arrives, and an abort after it.
        """
        near, _, client, server = await self.loaded()
        self.kill(near, "TERM")
        await near.ended()
        await client.over()
        await server.over()
        self.assertEqual(server.received, moved(near)[0])
        self.assertAborted(server)
        self.assertAborted(client)

    async def test_far(self) -> None:
        """
        What the relay at the receiver has read arrives, and an abort after it.
        """
        await self.checkFar()

    async def test_answersGoOut(self) -> None:
        """
        What comes from the server has its time as well.
        """
        callers, target = await self.serve()
        _, far, port = await self.chain(target)
        client = await self.connect(port)
        server = await callers.first()
        Source(server.transport).start()
        await client.until(lambda: client.received > UNDER_WAY)
        self.kill(far, "TERM")
        await far.ended()
        await client.over()
        self.assertEqual(client.received, moved(far)[1])
        self.assertAborted(client)

    async def test_limit(self) -> None:
        """
        A reader that takes nothing holds a stop for no longer than the option says.
        """
        await self.checkLimit()

    async def test_atOnce(self) -> None:
        """
        With 0 it waits for nothing.
        """
        _, far, _, server = await self.loaded("--stop-timeout", "0", reads=False)
        self.kill(far, "TERM")
        await far.ended()
        server.transport.resumeProducing()
        await server.over()
        self.assertAborted(server)

    async def test_secondSignal(self) -> None:
        """
        A second signal ends a stop at once, whatever the option says.
        """
        await self.checkSecondSignal()

    async def test_idle(self) -> None:
        """
        Connections with nothing under way do not hold it.
        """
        callers, target = await self.serve()
        near, far, port = await self.chain(target, *LONG)
        client: Any = await self.connect(port)
        server = await callers.first()
        client.transport.write(b"hello")
        await server.until(lambda: server.received == 5)
        self.kill(near, "TERM")
        await near.ended()
        await client.over()
        await server.over()
        self.assertAborted(client)
        self.assertAborted(server)
        self.kill(far, "TERM")
        await far.ended()


class WorkersTests(StoppingCase):
    """
    The same where workers serve the far relay's port: the signal reaches their master only.
    """

    far = ":workers=2"
    if not isLinux():
        skip = "only Linux shares a port out"

    async def test_far(self) -> None:
        """
        What a worker has read arrives, and an abort after it.
        """
        await self.checkFar()

    async def test_limit(self) -> None:
        """
        A reader that takes nothing holds workers for no longer than the option says.
        """
        await self.checkLimit()

    async def test_secondSignal(self) -> None:
        """
        A second signal reaches the workers' connections, too.
        """
        await self.checkSecondSignal()
