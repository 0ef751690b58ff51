"""
kcp-go at the other end.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from twisted.internet.error import TimeoutError
from twisted.internet.protocol import Protocol

from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import WASK, WINS
from tests.interop.cases import Settings
from tests.interop.messages import MessageClient
from tests.interop.roles import (
    EchoClient,
    EchoServer,
    SinkClient,
    SinkServer,
    SourceClient,
    SourceServer,
    session,
)
from tests.interop.stream import Pattern, streamHash
from tests.interop.tap import Tap, commands
from tests.interop.transfers import TransferCase

LARGE = 10_000_000
SMALL = 1_000_000

PLAIN = Settings()
CODED = Settings(dataShards=10, parityShards=3)


class LossyEchoTests(TransferCase):
    """
    A long echo over a bad path, with a cipher and FEC.
    """

    timeout = 100
    settings = replace(CODED, crypt="aes-128")

    async def test_toKCPGo(self) -> None:
        """
        What our client sends comes back from a kcp-go server unchanged.
        """
        counted = await self.echoToKCPGo(self.settings, self.settings, LARGE, lossy=True)
        self.assertLossy()
        self.assertGreater(counted.ours.FECRecovered, 0)
        self.assertGreater(counted.theirs["FECRecovered"], 0)

    async def test_fromKCPGo(self) -> None:
        """
        What a kcp-go client sends comes back from our server unchanged.
        """
        counted = await self.echoFromKCPGo(self.settings, self.settings, LARGE, lossy=True)
        self.assertLossy()
        self.assertGreater(counted.ours.FECRecovered, 0)
        self.assertGreater(counted.theirs["FECRecovered"], 0)

    async def test_betweenOurs(self) -> None:
        """
        What our client sends comes back from our server unchanged.
        """
        options = self.settings.options()
        listening = await self.listen(EchoServer, options)
        port = self.way(listening.getHost().port, lossy=True)
        client = await self.connect(EchoClient(LARGE), port, options)
        stats = session(client).stats
        await client.done
        self.assertLossy()
        self.assertGreater(stats.FECRecovered, 0)


class OneWayTests(TransferCase):
    """
    Bulk in one direction.
    """

    async def test_toSinkOfKCPGo(self) -> None:
        """
        A kcp-go sink counts all that our client sends.
        """
        _, port = await self.goServer("sink", PLAIN)
        client = await self.connect(SinkClient(LARGE), port, PLAIN.options())
        await client.done
        self.assertEqual(client.counted, LARGE)

    async def test_fromSourceOfKCPGo(self) -> None:
        """
        Our client gets unchanged what a kcp-go source sends.
        """
        _, port = await self.goServer("source", PLAIN)
        client = await self.connect(SourceClient(LARGE), port, PLAIN.options())
        await client.done
        self.assertEqual(client.received, LARGE)

    async def test_toOurSink(self) -> None:
        """
        Our sink gets unchanged what a kcp-go client sends.
        """
        sink = SinkServer(Pattern())
        listening = await self.listen(lambda: sink, PLAIN.options())
        port = listening.getHost().port
        result = await self.goClient("sink", port, PLAIN, f"-bytes={LARGE}").result
        self.assertEqual(result["bytes"], LARGE)
        self.assertTrue(sink.matched)

    async def test_fromOurSource(self) -> None:
        """
        A kcp-go client gets unchanged what our source sends.
        """
        listening = await self.listen(SourceServer, PLAIN.options())
        port = listening.getHost().port
        client = self.goClient("source", port, PLAIN, f"-bytes={LARGE}", "-seed=1")
        result = await client.result
        self.assertEqual((result["bytes"], result["sha256"]), (LARGE, streamHash(LARGE)))


class DifferentSettingsTests(TransferCase):
    """
    Ends that are not configured alike.
    """

    def assertRebuilt(self, ours: SessionStats) -> None:
        """
        The path was lossy, and we found out kcp-go's counts of shards and rebuilt what was lost.
        """
        self.assertLossy()
        self.assertEqual(ours.FECRetunes, 1)
        self.assertGreater(ours.FECRecovered, 0)
        self.assertEqual((ours.FECErrs, ours.KCPInErrors), (0, 0))

    async def test_kcpGoServerAloneUsesFEC(self) -> None:
        """
        Our client without FEC rebuilds what a kcp-go server with FEC sends, over a lossy path.
        """
        counted = await self.echoToKCPGo(PLAIN, CODED, SMALL, lossy=True)
        self.assertRebuilt(counted.ours)

    async def test_kcpGoClientAloneUsesFEC(self) -> None:
        """
        Our server without FEC rebuilds what a kcp-go client with FEC sends, over a lossy path.
        """
        counted = await self.echoFromKCPGo(PLAIN, CODED, SMALL, lossy=True)
        self.assertRebuilt(counted.ours)

    def assertRebuiltByKCPGo(self, theirs: dict[str, int]) -> None:
        """
        The path was lossy, and kcp-go found out our counts of shards and rebuilt what was lost.
        """
        self.assertLossy()
        self.assertGreater(theirs["FECRecovered"], 0)
        self.assertEqual((theirs["FECErrs"], theirs["KCPInErrors"]), (0, 0))

    async def test_ourClientAloneUsesFEC(self) -> None:
        """
        A kcp-go server without FEC rebuilds what our client with FEC sends, over a lossy path.
        """
        counted = await self.echoToKCPGo(CODED, PLAIN, SMALL, lossy=True)
        self.assertRebuiltByKCPGo(counted.theirs)

    async def test_ourServerAloneUsesFEC(self) -> None:
        """
        A kcp-go client without FEC rebuilds what our server with FEC sends, over a lossy path.
        """
        counted = await self.echoFromKCPGo(CODED, PLAIN, SMALL, lossy=True)
        self.assertRebuiltByKCPGo(counted.theirs)

    async def mtus(self, ours: Settings, theirs: Settings) -> tuple[int, int]:
        """
        Echo between ends of different mtu.

        @return: the longest datagrams that we sent and received.
        """
        tap = Tap()
        listening = await self.listen(EchoServer, ours.options(), [tap])
        await self.goClient("echo", listening.getHost().port, theirs).result
        return max(map(len, tap.sent)), max(map(len, tap.received))

    async def test_ourMtuIsLarger(self) -> None:
        """
        Each end keeps to its own mtu and takes the other's datagrams, ours being the larger.
        """
        longest = await self.mtus(PLAIN, replace(PLAIN, mtu=576))
        self.assertEqual(longest, (1400, 576))

    async def test_ourMtuIsSmaller(self) -> None:
        """
        Each end keeps to its own mtu and takes the other's datagrams, ours being the smaller.
        """
        longest = await self.mtus(replace(PLAIN, mtu=576), PLAIN)
        self.assertEqual(longest, (576, 1400))

    async def test_largestMtu(self) -> None:
        """
        kcp-go takes datagrams of up to 1472 bytes.
        """
        largest = replace(PLAIN, mtu=1472)
        await self.echoToKCPGo(largest, largest, SMALL)
        await self.echoFromKCPGo(largest, largest, SMALL)

    async def test_tooLargeMtu(self) -> None:
        """
        Of longer ones it takes a part, and drops it.
        """
        server, port = await self.goServer("echo", PLAIN)
        larger = replace(PLAIN, mtu=1473)
        await self.connect(EchoClient(SMALL), port, larger.options())
        # It reads one datagram after the other.
        other = await self.connect(EchoClient(1), port, PLAIN.options())
        await other.done
        await server.stop()
        self.assertGreater(server.counters["KCPInErrors"], 0)
        self.assertEqual(server.counters["BytesReceived"], 1)

    async def test_mtuCountsCipherAndFEC(self) -> None:
        """
        With cipher and FEC, too, a full datagram has just the mtu, at either end.
        """
        coded = replace(CODED, crypt="aes-128-gcm")
        longest = await self.mtus(coded, replace(coded, mtu=1000))
        self.assertEqual(longest, (1400, 1000))


class MessageModeTests(TransferCase):
    """
    Both ends in message mode.
    """

    ours = replace(PLAIN, stream=False)

    async def exchange(self, messages: list[bytes], theirs: Settings) -> list[bytes]:
        """
        Send messages to a kcp-go server that echoes what each of its reads gives.

        @return: what comes back.
        """
        _, port = await self.goServer("echo", theirs)
        client = await self.connect(MessageClient(messages), port, self.ours.options())
        await client.done
        return client.received

    async def test_messagesOfOneSegment(self) -> None:
        """
        Messages of up to one segment come back one by one.
        """
        random = Random(1)
        sizes = [1, 1375, 1376, *(random.randint(1, 1376) for _ in range(300))]
        messages = [random.randbytes(size) for size in sizes]
        self.assertEqual(await self.exchange(messages, self.ours), messages)

    async def test_messagesOfManySegments(self) -> None:
        """
        kcp-go puts our fragments together: it reads whole messages, and cuts only their echo.
        """
        random = Random(2)
        messages = [random.randbytes(20_000) for _ in range(20)]
        # kcp-go's Write cuts at its own mss, so unequal ones show what its Read gave.
        theirs = replace(self.ours, mtu=1000)
        pieces = [
            message[at : at + 976] for message in messages for at in range(0, len(message), 976)
        ]
        self.assertEqual(await self.exchange(messages, theirs), pieces)

    async def test_fromKCPGo(self) -> None:
        """
        What a kcp-go client writes in message mode comes back from our server unchanged.
        """
        await self.echoFromKCPGo(self.ours, self.ours, SMALL)


class ConnectingTests(TransferCase):
    """
    How a connection begins.
    """

    async def test_connectsWithoutData(self) -> None:
        """
        kcp-go answers our WASK with a WINS, which is all that it takes to connect.
        """
        _, port = await self.goServer("echo", PLAIN)
        tap = Tap()
        await self.connect(Protocol(), port, PLAIN.options(), [tap])
        self.assertEqual((commands(tap.sent), commands(tap.received)), ({WASK}, {WINS}))

    async def test_wrongKey(self) -> None:
        """
        With a wrong key there is no connection, and with the right one there still is.
        """
        right = Settings(crypt="aes-128")
        wrong = replace(right, key="another")
        _, port = await self.goServer("echo", right)
        refused = self.connect(Protocol(), port, wrong.options(timeout=1.0))
        with self.assertRaises(TimeoutError):
            await refused
        client = await self.connect(EchoClient(1000), port, right.options())
        await client.done
        self.assertEqual(client.received, 1000)

    async def test_manySessionsOnOnePort(self) -> None:
        """
        Fifty kcp-go sessions at once on one port of ours each get their own echo.
        """
        listening = await self.listen(EchoServer, PLAIN.options())
        port = listening.getHost().port
        client = self.goClient("echo", port, PLAIN, "-sessions=50", "-bytes=200000")
        result = await client.result
        self.assertEqual(result["bytes"], 50 * 200_000)
        self.assertEqual(listening.stats.PassiveOpens, 50)
        self.assertEqual(
            [found.stats.BytesReceived for found in listening.sessions], [200_000] * 50
        )
