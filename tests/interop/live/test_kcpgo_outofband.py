"""
Out-of-band datagrams with kcp-go at the other end.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.protocol import Protocol

from kcptwisted.errors import OutOfBandRefused
from tests.interop.cases import KCPGoCase, Settings
from tests.interop.outofband import (
    NoisyEchoClient,
    NoisyEchoServer,
    OutOfBandClient,
    OutOfBandEcho,
)
from tests.interop.peers import PeerFailed
from tests.interop.roles import EchoClient, session
from tests.interop.stream import Pattern, streamHash
from tests.interop.transfers import TransferCase

PLAIN = Settings()
CODED = Settings(dataShards=10, parityShards=3)

#: The largest payload: the mtu less cipher, FEC header and conversation id.
LARGEST = {"null": 1388, "aes-128": 1368, "aes-256-gcm": 1360, "chacha20-poly1305": 1360}

SIZE = 100_000
SHORT = 2_000


class CiphersMixin:
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

    async def test_aesGCM(self) -> None:
        """
        With AES-GCM all come back unchanged.
        """
        await self.check("aes-256-gcm")

    async def test_chacha20Poly1305(self) -> None:
        """
        With ChaCha20-Poly1305 all come back unchanged.
        """
        await self.check("chacha20-poly1305")


class ToKCPGoTests(CiphersMixin, KCPGoCase):
    """
    kcp-go's handler gets what our client sends, and our client what kcp-go sends back.
    """

    async def check(self, crypt: str) -> None:
        """
        Send to kcp-go.
        """
        settings = replace(CODED, crypt=crypt)
        server, port = await self.goServer("oob", settings)
        stream = Pattern()
        payloads = [stream.take(size) for size in (0, 1, LARGEST[crypt])]
        client = await self.connect(OutOfBandClient(payloads), port, settings.options())
        await client.done
        self.assertEqual(client.received, payloads)
        with self.assertRaises(OutOfBandRefused):
            session(client).sendOutOfBand(stream.take(LARGEST[crypt] + 1))
        stats = session(client).stats
        self.assertEqual((stats.OOBSent, stats.OOBDropped, stats.KCPInErrors), (3, 0, 0))
        await server.stop()
        self.assertEqual((server.counters["OOBPackets"], server.counters["KCPInErrors"]), (3, 0))


class FromKCPGoTests(CiphersMixin, KCPGoCase):
    """
    Our server gets what kcp-go sends, and kcp-go's handler what our server sends back.
    """

    async def check(self, crypt: str) -> None:
        """
        Send from kcp-go.
        """
        settings = replace(CODED, crypt=crypt)
        listening = await self.listen(OutOfBandEcho, settings.options())
        client = self.goClient("oob", listening.getHost().port, settings, "-bytes=1")
        result = await client.result
        # Its limit is ours.
        self.assertEqual((result["messages"], result["size"]), (3, LARGEST[crypt]))
        [found] = listening.sessions
        self.assertEqual((found.stats.OOBReceived, found.stats.OOBDropped), (3, 0))
        self.assertEqual(found.stats.KCPInErrors, 0)
        self.assertEqual((client.counters["OOBPackets"], client.counters["KCPInErrors"]), (3, 0))


class OpeningTests(KCPGoCase):
    """
    Nothing else comes first.
    """

    async def test_toKCPGo(self) -> None:
        """
        It opens a session at a kcp-go server, whose application cannot have a handler by then.
        """
        server, port = await self.goServer("oob", CODED)
        client = await self.connect(Protocol(), port, CODED.options(handshake=False))
        session(client).sendOutOfBand(b"first")
        await (await self.connect(EchoClient(1), port, CODED.options())).done
        await server.stop()
        self.assertEqual((server.counters["OOBPackets"], server.counters["PassiveOpens"]), (1, 2))


class OneSideTests(KCPGoCase):
    """
    FEC, without which nothing is sent out of band, is on at one end only.
    """

    async def test_kcpGoSends(self) -> None:
        """
        Our application gets what kcp-go sends, but cannot answer.
        """
        echo = OutOfBandEcho()
        listening = await self.listen(lambda: echo, PLAIN.options())
        port = listening.getHost().port
        client = self.goClient("oob", port, CODED, "-bytes=1", "-patience=1")
        with self.assertRaises(PeerFailed) as raised:
            await client.result
        self.assertIn("0 bytes out of band did not come back", str(raised.exception))
        # Our application is told so by an exception.
        self.assertEqual(len(self.flushLoggedErrors(OutOfBandRefused)), 1)

    async def test_kcpGoWithout(self) -> None:
        """
        kcp-go's application without FEC has no way to get what our client sends: kcp-go counts it,
        and the stream goes on.
        """
        server, port = await self.goServer("echo", PLAIN)
        client = await self.connect(NoisyEchoClient(SHORT, bytes(30)), port, CODED.options())
        await client.done
        sent = session(client).stats.OOBSent
        self.assertGreater(sent, 0)
        await (await self.connect(EchoClient(1), port, CODED.options())).done
        await server.stop()
        self.assertEqual((server.counters["OOBPackets"], server.counters["KCPInErrors"]), (sent, 0))

    async def test_kcpGoRefuses(self) -> None:
        """
        kcp-go without FEC refuses a handler.
        """
        listening = await self.listen(OutOfBandEcho, CODED.options())
        client = self.goClient("oob", listening.getHost().port, PLAIN, "-bytes=1")
        with self.assertRaises(PeerFailed) as raised:
            await client.result
        self.assertIn("OOB requires FEC", str(raised.exception))


class BesideStreamTests(TransferCase):
    """
    kcp-go without a handler is sent some in the middle of a stream.
    """

    async def toServer(self, payload: bytes) -> None:
        """
        Send it to a kcp-go server beside an echo; it goes on, and counts all of them.
        """
        server, port = await self.goServer("echo", CODED)
        client = await self.connect(NoisyEchoClient(SIZE, payload), port, CODED.options())
        await client.done
        sent = session(client).stats.OOBSent
        self.assertGreater(sent, 0)
        await self.settle(port)
        await server.stop()
        counters = server.counters
        self.assertEqual((counters["KCPInErrors"], counters["InErrs"]), (0, 0))
        self.assertEqual((counters["OOBPackets"], counters["PassiveOpens"]), (sent, 2))

    async def settle(self, port: int) -> None:
        """
        See to it that a kcp-go server has dealt with all that was sent to it: it reads one datagram
        after the other, so then it has if another session gets an answer.
        """
        other = await self.connect(EchoClient(1), port, CODED.options())
        await other.done

    async def toClient(self, payload: bytes) -> None:
        """
        Send it to a kcp-go client beside an echo; it goes on, and counts all of them.
        """
        listening = await self.listen(lambda: NoisyEchoServer(payload), CODED.options())
        port = listening.getHost().port
        client = self.goClient("echo", port, CODED, f"-bytes={SIZE}")
        result = await client.result
        self.assertEqual((result["bytes"], result["sha256"]), (SIZE, streamHash(SIZE)))
        [found] = listening.sessions
        self.assertGreater(found.stats.OOBSent, 0)
        counters = client.counters
        self.assertEqual((counters["KCPInErrors"], counters["InErrs"]), (0, 0))
        self.assertEqual(counters["OOBPackets"], found.stats.OOBSent)

    async def test_server(self) -> None:
        """
        A server drops them.
        """
        await self.toServer(b"beside the stream")

    async def test_client(self) -> None:
        """
        A client drops them.
        """
        await self.toClient(b"beside the stream")

    async def test_serverShort(self) -> None:
        """
        So does a server with some that are shorter than a segment.
        """
        await self.toServer(bytes(11))

    async def test_clientShort(self) -> None:
        """
        So does a client with some that are shorter than a segment.
        """
        await self.toClient(b"short")

    async def test_serverZeros(self) -> None:
        """
        A server does not take zeros, where a segment would have its sequence number, for a peer
        that has restarted.
        """
        await self.toServer(bytes(30))

    async def test_clientLooksLikeSegment(self) -> None:
        """
        A client does not take for a segment what looks like one.
        """
        await self.toClient(bytes(4) + bytes([81]) + bytes(30))
