"""
Relays that wait for their target, and that take no more than so many connections.
"""

from __future__ import annotations

from twisted.internet.endpoints import serverFromString
from twisted.internet.task import deferLater

from tests.programs import freePort
from tests.services.relay.programs import Callers, RelaysCase, Source, freeTCPPort, reactor


class LimitTests(RelaysCase):
    """
    Options of a route.
    """

    async def test_reconnect(self) -> None:
        """
        A client waits for a target that comes late, over TCP and over KCP; what it has sent
        meanwhile arrives.
        """
        for kind in ("tcp", "kcp"):
            near = freeTCPPort()
            port = freeTCPPort() if kind == "tcp" else freePort()
            key = ":key=k" if kind == "kcp" else ""
            program = await self.listening(
                *(f"tcp:{near}:interface=127.0.0.1", f"{kind}:127.0.0.1:{port}{key}"),
                *("--reconnect", "20"),
            )
            client = await self.connect(near)
            client.transport.write(b"early")
            await deferLater(reactor, 0.7, lambda: None)
            self.assertIsNone(client.reason)
            callers = Callers()
            listened = await serverFromString(
                reactor, f"{kind}:{port}:interface=127.0.0.1{key}"
            ).listen(callers)
            self.addCleanup(listened.stopListening)
            self.addCleanup(self._abort, callers)
            server = await callers.first()
            await server.until(lambda server=server: server.received == 5)
            self.assertNotIn("cannot connect", program.output)

    async def test_notForever(self) -> None:
        """
        When the time is over, the client is reset, and the log has the reason.
        """
        near = freeTCPPort()
        program = await self.listening(
            *(f"tcp:{near}:interface=127.0.0.1", f"tcp:127.0.0.1:{freeTCPPort()}"),
            *("--reconnect", "1"),
        )
        client = await self.connect(near)
        await client.over()
        self.assertFalse(client.sawEnd)
        await program.printed(r"ended after 1\.\d s: cannot connect: Connection was refused")

    async def test_maxConnections(self) -> None:
        """
        One more is reset at once, with a line, and is counted.
        """
        callers, target = await self.serve()
        near = freeTCPPort()
        program = await self.listening(
            *(f"tcp:{near}:interface=127.0.0.1", f"tcp:127.0.0.1:{target}"),
            *("--max-connections", "1", "--quiet"),
        )
        client = await self.connect(near)
        await callers.first()
        refused = await self.connect(near)
        await refused.over()
        self.assertFalse(refused.sawEnd)
        await program.printed("1 more connections to tcp:.* refused: max-connections=1 are open")
        client.transport.abortConnection()
        await callers.made[0].over()
        callers.made.clear()
        another = await self.connect(near)
        await callers.first()
        self.kill(program, "TERM")
        await another.over()
        await program.printed(": 2 connections, 1 refused, 0 without target; ")
        self.assertNotIn("ended after", program.output)

    async def test_portRateLimit(self) -> None:
        """
        The rate in an endpoint string holds for all of its connections together.
        """
        callers, target = await self.serve()
        between, near = freePort(), freeTCPPort()
        await self.listening(f"kcp:{between}:interface=127.0.0.1:key=k", f"tcp:127.0.0.1:{target}")
        await self.listening(
            f"tcp:{near}:interface=127.0.0.1",
            f"kcp:127.0.0.1:{between}:key=k:portRateLimit=200000",
        )
        for _ in range(2):
            client = await self.connect(near)
            Source(client.transport).start()
        await callers.first()
        began = reactor.seconds()
        await deferLater(reactor, 3, lambda: None)
        passed = sum(caller.received for caller in callers.made)
        self.assertLess(passed, 200_000 * (reactor.seconds() - began + 3))
        self.assertGreater(passed, 0)
