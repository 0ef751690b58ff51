"""
An end of ours that says that its network has changed, with kcp-go at the other end.
"""

from __future__ import annotations

from typing import Any

from tests.interop.cases import Settings
from tests.interop.roles import EchoClient, EchoServer, session
from tests.interop.stream import streamHash
from tests.interop.transfers import TransferCase

SIZE = 2_000_000

PLAIN = Settings()
CODED = Settings(crypt="aes-128", dataShards=10, parityShards=3)


class Restless:
    """
    Says so with each so many bytes.

    @ivar calls: how often it has.
    """

    def __init__(self) -> None:
        self.calls = 0
        self._received = 0

    def received(self, protocol: Any, count: int) -> None:
        """
        So many bytes more have come.
        """
        self._received += count
        if self._received >= 100_000:
            self._received = 0
            self.calls += 1
            session(protocol).networkChanged()


class RestlessClient(EchoClient):
    """
    Says so while it gets its echo.
    """

    def __init__(self, count: int, restless: Restless) -> None:
        """
        @param restless: says so.
        """
        super().__init__(count)
        self._restless = restless

    def dataReceived(self, data: bytes) -> None:
        """
        Say so, and compare.
        """
        self._restless.received(self, len(data))
        super().dataReceived(data)


class RestlessServer(EchoServer):
    """
    Says so while it writes back.
    """

    def __init__(self, restless: Restless) -> None:
        """
        @param restless: says so.
        """
        self._restless = restless

    def dataReceived(self, data: bytes) -> None:
        """
        Say so, and write back.
        """
        self._restless.received(self, len(data))
        super().dataReceived(data)


class NetworkChangedTests(TransferCase):
    """
    kcp-go knows its peer by its address, and follows to no other.
    """

    async def toKCPGo(self, settings: Settings, lossy: bool) -> None:
        """
        Our client goes on from the same port.
        """
        restless = Restless()
        server, port = await self.goServer("echo", settings)
        protocol = RestlessClient(SIZE, restless)
        client = await self.connect(protocol, self.way(port, lossy), settings.options())
        before = session(client).getHost()
        await client.done
        self.assertEqual(session(client).getHost(), before)
        await server.stop()
        self.assertGreater(restless.calls, 10)
        self.assertEqual(server.counters["PassiveOpens"], 1)

    async def test_toKCPGo(self) -> None:
        """
        A transfer goes on whole.
        """
        await self.toKCPGo(PLAIN, False)

    async def test_toKCPGoLossy(self) -> None:
        """
        Also with a cipher and FEC, over a lossy path.
        """
        await self.toKCPGo(CODED, True)
        self.assertLossy()

    async def test_fromKCPGo(self) -> None:
        """
        Likewise if our server says so.
        """
        restless = Restless()
        listening = await self.listen(lambda: RestlessServer(restless), PLAIN.options())
        client = self.goClient("echo", listening.getHost().port, PLAIN, f"-bytes={SIZE}")
        result = await client.result
        self.assertEqual((result["bytes"], result["sha256"]), (SIZE, streamHash(SIZE)))
        self.assertGreater(restless.calls, 1)
        self.assertEqual(listening.stats.PassiveOpens, 1)
