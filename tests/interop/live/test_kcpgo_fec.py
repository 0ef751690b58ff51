"""
FEC with kcp-go at the other end: counts of shards that differ, large groups, groups that are filled
up when traffic pauses.
"""

from __future__ import annotations

from kcptwisted.testing.lossyrelay import LossyRelay
from tests.interop.cases import Settings
from tests.interop.roles import EchoServer
from tests.interop.transfers import Counted, TransferCase
from tests.interop.turns import LosesFirstCopies, TurnsClient

SIZE = 1_000_000


def coded(dataShards: int, parityShards: int) -> Settings:
    """
    @return: settings without a cipher.
    """
    return Settings(dataShards=dataShards, parityShards=parityShards)


class DifferentCountsTests(TransferCase):
    """
    Each end finds out the other's counts, on a path that loses from the first datagram on, and then
    rebuilds what was lost.
    """

    def assertTuned(self, counted: Counted) -> None:
        """
        Both ends rebuilt datagrams, ours after it had changed its mind once.
        """
        self.assertLossy()
        self.assertEqual(counted.ours.FECRetunes, 1)
        self.assertGreater(counted.ours.FECRecovered, 0)
        self.assertEqual(counted.ours.KCPInErrors, 0)
        self.assertGreater(counted.theirs["FECRecovered"], 0)
        self.assertEqual((counted.theirs["FECErrs"], counted.theirs["KCPInErrors"]), (0, 0))

    async def test_smallerGroupsOfKCPGoServer(self) -> None:
        """
        Our client has 10/3, a kcp-go server 5/2.
        """
        self.assertTuned(await self.echoToKCPGo(coded(10, 3), coded(5, 2), SIZE, lossy=True))

    async def test_smallerGroupsOfKCPGoClient(self) -> None:
        """
        Our server has 10/3, a kcp-go client 5/2.
        """
        self.assertTuned(await self.echoFromKCPGo(coded(10, 3), coded(5, 2), SIZE, lossy=True))

    async def test_largerGroupsOfKCPGoServer(self) -> None:
        """
        Our client has 10/3, a kcp-go server 20/10.
        """
        self.assertTuned(await self.echoToKCPGo(coded(10, 3), coded(20, 10), SIZE, lossy=True))

    async def test_largerGroupsOfKCPGoClient(self) -> None:
        """
        Our server has 10/3, a kcp-go client 20/10.
        """
        self.assertTuned(await self.echoFromKCPGo(coded(10, 3), coded(20, 10), SIZE, lossy=True))

    async def test_smallerGroupsOfOurClient(self) -> None:
        """
        Our client has 5/2, a kcp-go server 10/3.
        """
        self.assertTuned(await self.echoToKCPGo(coded(5, 2), coded(10, 3), SIZE, lossy=True))

    async def test_largerGroupsOfOurServer(self) -> None:
        """
        Our server has 20/10, a kcp-go client 10/3.
        """
        self.assertTuned(await self.echoFromKCPGo(coded(20, 10), coded(10, 3), SIZE, lossy=True))


class LargeGroupTests(TransferCase):
    """
    Both ends have the same large counts, and rebuild what is lost.
    """

    def assertRebuilt(self, counted: Counted) -> None:
        """
        Both ends rebuilt datagrams, all of them right.
        """
        self.assertLossy()
        for counters in (counted.ours.asDict(), counted.theirs):
            self.assertGreater(counters["FECRecovered"], 0)
            self.assertEqual((counters["FECErrs"], counters["KCPInErrors"]), (0, 0))

    async def test_toKCPGo(self) -> None:
        """
        Our client, a kcp-go server, 100/30.
        """
        large = coded(100, 30)
        self.assertRebuilt(await self.echoToKCPGo(large, large, SIZE, lossy=True))

    async def test_fromKCPGo(self) -> None:
        """
        A kcp-go client, our server, 100/30.
        """
        large = coded(100, 30)
        self.assertRebuilt(await self.echoFromKCPGo(large, large, SIZE, lossy=True))

    async def test_largest(self) -> None:
        """
        Our client, a kcp-go server, 200/56: as many shards as a group can have.
        """
        largest = coded(200, 56)
        self.assertRebuilt(await self.echoToKCPGo(largest, largest, SIZE, lossy=True))


class FillingUpTests(TransferCase):
    """
    With C{fecFlush} the parity of a single message goes out, too, and kcp-go rebuilds the message.

    No message of ours arrives but by parity: all first copies are lost.
    """

    settings = coded(10, 3)
    messages = 20

    def assertRebuilt(self, lost: int, theirs: dict[str, int]) -> None:
        """
        kcp-go rebuilt every lost datagram, and found nothing wrong.
        """
        self.assertGreaterEqual(lost, self.messages)
        self.assertEqual(theirs["FECRecovered"], lost)
        for name in ("KCPInErrors", "InErrs", "InCsumErrors", "FECErrs"):
            self.assertEqual((name, theirs[name]), (name, 0))

    def wayToKCPGo(self, port: int, direction: str) -> tuple[LossyRelay, int]:
        """
        @param direction: of the relay, "outward" or "inward", that loses first copies.
        @return: the relay, and its port.
        """
        path = self.relay(port, loss=0)
        setattr(path, direction, LosesFirstCopies())
        return path, path.start()

    async def test_ourClient(self) -> None:
        """
        Our client sends single messages to a kcp-go server.
        """
        server, port = await self.goServer("echo", self.settings)
        path, port = self.wayToKCPGo(port, "outward")
        # Without nodelay nothing is sent again before 100 ms.
        options = self.settings.options(fecFlush=20, nodelay=False)
        client = await self.connect(TurnsClient(self.messages), port, options)
        await client.done
        await server.stop()
        self.assertRebuilt(path.outward.lost, server.counters)

    async def test_ourServer(self) -> None:
        """
        Our server answers a kcp-go client with single messages.
        """
        options = self.settings.options(fecFlush=20, nodelay=False)
        listening = await self.listen(EchoServer, options)
        path, port = self.wayToKCPGo(listening.getHost().port, "inward")
        client = self.goClient("pingpong", port, self.settings, f"-count={self.messages}")
        result = await client.result
        self.assertEqual(result["messages"], self.messages)
        self.assertRebuilt(path.inward.lost, client.counters)
