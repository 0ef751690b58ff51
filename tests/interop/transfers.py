"""
Transfers of the test stream between ours and kcp-go, checked at the receiving end.
"""

from __future__ import annotations

from dataclasses import dataclass

from kcptwisted.stats import SessionStats
from kcptwisted.testing.lossyrelay import LossyRelay
from tests.interop.cases import KCPGoCase, Settings
from tests.interop.roles import EchoClient, EchoServer, session
from tests.interop.stream import streamHash


@dataclass
class Counted:
    """
    What both ends counted during a transfer.

    @ivar ours: of our session.
    @ivar theirs: of the whole kcp-go process.
    """

    ours: SessionStats
    theirs: dict[str, int]


class TransferCase(KCPGoCase):
    """
    Echoes the test stream.

    @ivar path: the relay between the ends, if the path is lossy.
    """

    path: LossyRelay | None = None

    def way(self, port: int, lossy: bool) -> int:
        """
        @param port: the server's.
        @return: the port to connect to.
        """
        if not lossy:
            return port
        self.path = self.relay(port)
        return self.path.start()

    def assertLossy(self) -> None:
        """
        Both directions did lose datagrams.
        """
        assert self.path is not None
        self.assertGreater(self.path.outward.lost, 0)
        self.assertGreater(self.path.inward.lost, 0)

    async def echoToKCPGo(
        self, ours: Settings, theirs: Settings, size: int, lossy: bool = False
    ) -> Counted:
        """
        Our client, a kcp-go server.

        @param size: bytes.
        @param lossy: whether the path loses datagrams.
        """
        server, port = await self.goServer("echo", theirs)
        options = ours.options()
        port = self.way(port, lossy)
        client = await self.connect(EchoClient(size), port, options)
        stats = session(client).stats
        await client.done
        await server.stop()
        return Counted(stats, server.counters)

    async def echoFromKCPGo(
        self, ours: Settings, theirs: Settings, size: int, lossy: bool = False
    ) -> Counted:
        """
        A kcp-go client, our server.

        @param size: bytes.
        @param lossy: whether the path loses datagrams.
        """
        listening = await self.listen(EchoServer, ours.options())
        port = self.way(listening.getHost().port, lossy)
        client = self.goClient("echo", port, theirs, f"-bytes={size}")
        result = await client.result
        self.assertEqual((result["bytes"], result["sha256"]), (size, streamHash(size)))
        [found] = listening.sessions
        return Counted(found.stats, client.counters)
