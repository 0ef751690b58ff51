"""
How connections end that go through two relays, with real processes.
"""

from __future__ import annotations

from typing import Any

from tests.services.relay.programs import Caller, RelaysCase, Source

LENGTH = 300_000


class EndingTests(RelaysCase):
    """
    TCP to KCP to TCP.
    """

    async def both(self) -> tuple[Any, Any, Caller, Caller]:
        """
        @return: the near relay, the far one, a client's connection and its server's.
        """
        callers, target = await self.serve()
        near, far, port = await self.chain(target)
        client = await self.connect(port)
        server = await callers.first()
        client.transport.write(b"hello")
        await server.until(lambda: server.received == 5)
        return near, far, client, server

    def assertAborted(self, caller: Caller) -> None:
        """
        Fail if a peer may take what it has for the whole.
        """
        self.assertIsNotNone(caller.reason)
        self.assertFalse(caller.sawEnd, "taken for the end of the data")

    async def test_halfClose(self) -> None:
        """
        A client that says that it sends no more gets the answer to it, and the end of that.
        """
        _, _, client, server = await self.both()
        client.transport.write(bytes(LENGTH))
        client.transport.loseWriteConnection()
        await server.ended()
        self.assertEqual((server.received, server.sawEnd), (LENGTH + 5, True))
        server.transport.write(bytes(2 * LENGTH))
        server.transport.loseConnection()
        await client.ended()
        self.assertEqual((client.received, client.sawEnd), (2 * LENGTH, True))

    async def test_serverEndsFirst(self) -> None:
        """
        The same the other way round.
        """
        _, _, client, server = await self.both()
        server.transport.loseWriteConnection()
        await client.ended()
        self.assertTrue(client.sawEnd)
        client.transport.write(bytes(LENGTH))
        client.transport.loseConnection()
        await server.ended()
        self.assertEqual((server.received, server.sawEnd), (LENGTH + 5, True))

    async def test_reset(self) -> None:
        """
        A reset arrives as a reset.
        """
        _, _, client, server = await self.both()
        client.transport.abortConnection()
        await server.over()
        self.assertAborted(server)

    async def test_serverResets(self) -> None:
        """
        The same the other way round.
        """
        _, _, client, server = await self.both()
        server.transport.abortConnection()
        await client.over()
        self.assertAborted(client)

    async def test_nearKilled(self) -> None:
        """
        When a relay is killed, both its own TCP connection and the other relay's are reset.
        """
        near, _, client, server = await self.both()
        self.kill(near, "KILL")
        await client.over()
        self.assertAborted(client)
        await server.over()
        self.assertAborted(server)

    async def test_farKilled(self) -> None:
        """
        The same the other way round.
        """
        _, far, client, server = await self.both()
        self.kill(far, "KILL")
        await server.over()
        self.assertAborted(server)
        await client.over()
        self.assertAborted(client)

    async def test_oneShot(self) -> None:
        """
        What a client sends that closes at once arrives, and so does the end of it.
        """
        callers, target = await self.serve()
        _, _, port = await self.chain(target)
        client = await self.connect(port)
        client.transport.write(bytes(LENGTH))
        client.transport.loseConnection()
        server = await callers.first()
        await server.ended()
        self.assertEqual((server.received, server.sawEnd), (LENGTH, True))

    async def test_slowReader(self) -> None:
        """
        A server that has closed is waited for by a reader that takes its time.
        """
        _, _, client, server = await self.both()
        client.transport.pauseProducing()
        server.transport.write(bytes(4_000_000))
        server.transport.loseConnection()
        await server.over()
        client.transport.resumeProducing()
        await client.ended()
        self.assertEqual((client.received, client.sawEnd), (4_000_000, True))

    async def test_closedWhileServed(self) -> None:
        """
        When a client goes away that is being served, the server is told with a reset.
        """
        _, _, client, server = await self.both()
        Source(server.transport).start()
        await client.until(lambda: client.received > LENGTH)
        client.transport.loseConnection()
        await server.over()
        self.assertTrue(server.reason)
