"""
Closing a connection with a peer that knows no control frames.
"""

from __future__ import annotations

import struct
from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone

from kcptwisted.errors import LingerTimeout
from kcptwisted.session import KCPTransport
from kcptwisted.testing.link import Link, LinkModel
from kcptwisted.wire.control import Hello, decodeBlock
from kcptwisted.wire.segment import PUSH, WASK, decodeSegments
from tests.interop.cases import LOSS, KCPGoCase, Settings
from tests.interop.restarting import SLACK, reactor
from tests.interop.roles import SourceServer
from tests.interop.stream import Pattern, streamHash
from tests.interop.talking import Talker
from tests.interop.tap import Tap

SIZE = 1_000_000

#: Seconds.
LINGER = 1.0

PLAIN = Settings()

_COUNT = struct.Struct("<Q")
_ANSWER = struct.Struct("<QQ")


class AwaitsAnswer(LinkModel):
    """
    Looks for the answer of a sink, for whose client it comes too late.

    @ivar counted: fires with the bytes that the sink counted.
    """

    def __init__(self) -> None:
        super().__init__(Link(), Random(0))
        self.counted: Deferred[int] = Deferred()

    def arrivals(self, datagram: bytes) -> list[tuple[float, bytes]]:
        """
        @return: what arrives of one datagram.
        """
        for segment in decodeSegments(datagram):
            if segment.cmd == PUSH and not self.counted.called:
                self.counted.callback(_ANSWER.unpack(segment.data)[0])
        return super().arrivals(datagram)


class ClosingSource(SourceServer):
    """
    Closes as soon as it has written what it was asked for.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Write and close.
        """
        super().dataReceived(data)
        assert isinstance(self.transport, KCPTransport)
        self.transport.loseConnection()


class ClosingTests(KCPGoCase):
    """
    A close ends by ACKs.
    """

    def assertNoFin(self, tap: Tap) -> None:
        """
        Of control frames nothing was sent but the hello.
        """
        for datagram in tap.sent:
            for segment in decodeSegments(datagram):
                if segment.cmd >= WASK and segment.data:
                    block = decodeBlock(segment.data)
                    assert block is not None
                    self.assertEqual([type(frame) for frame in block.frames], [Hello])

    async def closing(self, loss: float) -> None:
        """
        A client of ours closes right after it has written everything.
        """
        _, port = await self.goServer("sink", PLAIN)
        relay = self.relay(port, loss)
        relay.inward = answer = AwaitsAnswer()
        tap = Tap()
        talker = await self.connect(Talker(), relay.start(), PLAIN.options(), [tap])
        talker.write(_COUNT.pack(SIZE) + Pattern().take(SIZE))
        talker.session.loseConnection()
        self.assertIsInstance(await talker.lost, ConnectionDone)
        self.assertEqual(await answer.counted, SIZE)
        self.assertNoFin(tap)

    async def test_deliversAll(self) -> None:
        """
        kcp-go's application gets everything.
        """
        await self.closing(0)

    async def test_deliversAllOverBadPath(self) -> None:
        """
        So it does when much of it is lost on the way.
        """
        await self.closing(LOSS)

    async def test_serverCloses(self) -> None:
        """
        Everything that our server wrote before it closed reaches a kcp-go client.
        """
        tap = Tap()
        listening = await self.listen(ClosingSource, PLAIN.options(), [tap])
        port = listening.getHost().port
        client = self.goClient("source", port, PLAIN, f"-bytes={SIZE}", "-seed=1")
        result = await client.result
        self.assertEqual(result["sha256"], streamHash(SIZE))
        self.assertEqual(listening.sessions, [])
        self.assertNoFin(tap)

    async def test_isBounded(self) -> None:
        """
        If a kcp-go server dies meanwhile, the close gives up after C{linger} seconds.
        """
        server, port = await self.goServer("sink", PLAIN)
        relay = self.relay(port, loss=0)
        tap = Tap()
        options = PLAIN.options(linger=LINGER)
        talker = await self.connect(Talker(), relay.start(), options, [tap])
        await server.kill()
        talker.write(b"anybody?")
        talker.session.loseConnection()
        lost = talker.lost.addTimeout(LINGER + SLACK, reactor)
        self.assertIsInstance(await lost, LingerTimeout)
        self.assertNoFin(tap)
