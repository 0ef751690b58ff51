"""
Out-of-band datagrams: Go code that makes and reads them, and kcp-go 5.6.1, which knows none.
"""

from __future__ import annotations

from dataclasses import replace

from tests.interop.cases import KCPGoCase, Settings
from tests.interop.outofband import (
    NoisyEchoClient,
    NoisyEchoServer,
    OutOfBandClient,
    OutOfBandEcho,
)
from tests.interop.roles import EchoClient, session
from tests.interop.stream import Pattern, streamHash
from tests.interop.transfers import TransferCase

CODED = Settings(dataShards=10, parityShards=3)

#: The largest payload: the mtu less cipher, FEC header and conversation id.
LARGEST = {"null": 1388, "aes-128": 1368, "chacha20-poly1305": 1360}

SIZE = 100_000


class WithGoMixin:
    """
    The same with each way to protect a datagram.
    """

    async def check(self, crypt: str) -> None:
        """
        Subclasses exchange datagrams of 0, 1 and the largest number of bytes.
        """
        raise NotImplementedError

    async def test_plain(self) -> None:
        """
        Without a cipher all come back unchanged.
        """
        await self.check("null")

    async def test_checksummed(self) -> None:
        """
        With a cipher and a checksum all come back unchanged.
        """
        await self.check("aes-128")

    async def test_authenticated(self) -> None:
        """
        With authenticated encryption all come back unchanged.
        """
        await self.check("chacha20-poly1305")


class ToGoTests(WithGoMixin, KCPGoCase):
    """
    Go code reads what our client sends, and our client what Go code makes of it.
    """

    timeout = 15

    async def check(self, crypt: str) -> None:
        """
        Send to Go code.
        """
        settings = replace(CODED, crypt=crypt)
        _, port = await self.goServer("oob", settings)
        stream = Pattern()
        payloads = [stream.take(size) for size in (0, 1, LARGEST[crypt])]
        # It does not answer a request to connect.
        options = settings.options(handshake=False)
        client = await self.connect(OutOfBandClient(payloads), port, options)
        await client.done
        self.assertEqual(client.received, payloads)
        stats = session(client).stats
        self.assertEqual((stats.OOBSent, stats.OOBDropped, stats.KCPInErrors), (3, 0, 0))


class FromGoTests(WithGoMixin, KCPGoCase):
    """
    Our server reads what Go code sends, and Go code what our server sends back.
    """

    async def check(self, crypt: str) -> None:
        """
        Send from Go code.
        """
        settings = replace(CODED, crypt=crypt)
        listening = await self.listen(OutOfBandEcho, settings.options())
        port = listening.getHost().port
        client = self.goClient("oob", port, settings, f"-size={LARGEST[crypt]}")
        result = await client.result
        self.assertEqual(result["messages"], 3)
        [found] = listening.sessions
        self.assertEqual((found.stats.OOBReceived, found.stats.OOBDropped), (3, 0))
        self.assertEqual(found.stats.KCPInErrors, 0)


class BesideStreamTests(TransferCase):
    """
    kcp-go 5.6.1 is sent what it does not know, in the middle of a stream.
    """

    async def toServer(self, payload: bytes) -> dict[str, int]:
        """
        Send it to a kcp-go server beside an echo.

        @return: its counters.
        """
        server, port = await self.goServer("echo", CODED)
        client = await self.connect(NoisyEchoClient(SIZE, payload), port, CODED.options())
        await client.done
        self.assertGreater(session(client).stats.OOBSent, 0)
        await self.settle(port)
        await server.stop()
        return server.counters

    async def settle(self, port: int) -> None:
        """
        See to it that a kcp-go server has dealt with all that was sent to it: it reads one datagram
        after the other, so then it has if another session gets an answer.
        """
        other = await self.connect(EchoClient(1), port, CODED.options())
        await other.done

    async def toClient(self, payload: bytes) -> tuple[int, dict[str, int]]:
        """
        Send it to a kcp-go client beside an echo.

        @return: how often it was sent, and the client's counters.
        """
        listening = await self.listen(lambda: NoisyEchoServer(payload), CODED.options())
        port = listening.getHost().port
        client = self.goClient("echo", port, CODED, f"-bytes={SIZE}")
        result = await client.result
        self.assertEqual((result["bytes"], result["sha256"]), (SIZE, streamHash(SIZE)))
        [found] = listening.sessions
        self.assertGreater(found.stats.OOBSent, 0)
        return found.stats.OOBSent, client.counters

    async def test_serverIgnores(self) -> None:
        """
        A kcp-go server takes them for another conversation's, and drops them without counting.
        """
        counters = await self.toServer(b"beside the stream")
        self.assertEqual((counters["KCPInErrors"], counters["InErrs"]), (0, 0))
        self.assertEqual(counters["PassiveOpens"], 2)

    async def test_serverIgnoresShort(self) -> None:
        """
        Those too short for a segment it drops as such, whatever they hold.
        """
        counters = await self.toServer(bytes(11))
        self.assertEqual((counters["KCPInErrors"], counters["InErrs"]), (0, 0))
        self.assertEqual(counters["PassiveOpens"], 2)

    async def test_clientCounts(self) -> None:
        """
        A kcp-go client counts each as an error of KCP, and goes on.
        """
        sent, counters = await self.toClient(b"beside the stream")
        self.assertEqual((counters["KCPInErrors"], counters["InErrs"]), (sent, 0))

    async def test_clientIgnoresShort(self) -> None:
        """
        Those too short for a segment it drops without counting.
        """
        _, counters = await self.toClient(b"short")
        self.assertEqual((counters["KCPInErrors"], counters["InErrs"]), (0, 0))

    async def test_serverTakesZerosForRestart(self) -> None:
        """
        A kcp-go 5.6.1 server looks for a sequence number where the payload begins: of four zeros it
        concludes that the peer has restarted, and gives the session up.
        """
        server, port = await self.goServer("echo", CODED)
        client = await self.connect(EchoClient(1), port, CODED.options())
        await client.done
        session(client).sendOutOfBand(bytes(12))
        await self.settle(port)
        await server.stop()
        # Ours are two; our last ACK, of sn 0, may even look like one more.
        self.assertGreater(server.counters["PassiveOpens"], 2)
