"""
The C C{ikcp} at the other end.
"""

from __future__ import annotations

from random import Random

from twisted.internet import reactor
from twisted.internet.protocol import Protocol

from kcptwisted.wire.segment import WASK, WINS, decodeSegments
from tests.interop.cases import IKCPCase, Settings
from tests.interop.cpeer import CPeer
from tests.interop.messages import MessageClient
from tests.interop.roles import EchoClient, EchoServer, session
from tests.interop.stream import Pattern
from tests.interop.tap import Tap, commands

SIZE = 1_000_000

#: What ikcp makes of its default mtu.
MSS = 1376

#: ikcp takes messages of fewer than 128 fragments.
LONGEST = 127 * MSS

STREAM = Settings()
MESSAGES = Settings(stream=False)


def someMessages() -> list[bytes]:
    """
    @return: messages of all lengths that are worth trying.
    """
    random = Random(3)
    sizes = [1, MSS - 1, MSS, MSS + 1, 2 * MSS, 20_000, LONGEST, 1]
    return [random.randbytes(size) for size in sizes]


def echo(peer: CPeer, message: bytes) -> None:
    """
    Send a message back.
    """
    peer.write(message)


class EchoTests(IKCPCase):
    """
    Long echoes, we in stream mode; ikcp through this package knows message mode only.
    """

    async def toIKCP(self, port: int) -> None:
        """
        Echo from our client.
        """
        client = await self.connect(EchoClient(SIZE), port, STREAM.options())
        await client.done
        self.assertEqual(client.received, SIZE)

    async def fromIKCP(self, port: int) -> None:
        """
        Echo from an ikcp client.
        """
        stream = Pattern()
        messages = [stream.take(10_000) for _ in range(SIZE // 10_000)]
        echoed = await self.exchange(port, messages)
        self.assertTrue(b"".join(echoed) == b"".join(messages))

    async def test_toIKCP(self) -> None:
        """
        What our client sends comes back from an ikcp server unchanged.
        """
        await self.toIKCP(self.start(CPeer(echo)))

    async def test_fromIKCP(self) -> None:
        """
        What an ikcp client sends comes back from our server unchanged.
        """
        listening = await self.listen(EchoServer, STREAM.options())
        await self.fromIKCP(listening.getHost().port)

    async def test_toIKCPWithLoss(self) -> None:
        """
        The same over a lossy path.
        """
        relay = self.relay(self.start(CPeer(echo)))
        await self.toIKCP(relay.start())
        self.assertGreater(min(relay.outward.lost, relay.inward.lost), 0)

    async def test_fromIKCPWithLoss(self) -> None:
        """
        The same over a lossy path.
        """
        listening = await self.listen(EchoServer, STREAM.options())
        relay = self.relay(listening.getHost().port)
        await self.fromIKCP(relay.start())
        self.assertGreater(min(relay.outward.lost, relay.inward.lost), 0)


class MessageModeTests(IKCPCase):
    """
    Both ends in message mode.
    """

    async def test_toIKCP(self) -> None:
        """
        Our client's messages, of up to as many fragments as ikcp takes, come back one by one.
        """
        messages = someMessages()
        port = self.start(CPeer(echo))
        client = await self.connect(MessageClient(messages), port, MESSAGES.options())
        await client.done
        self.assertEqual(list(map(len, client.received)), list(map(len, messages)))
        self.assertTrue(client.received == messages)

    async def test_fromIKCP(self) -> None:
        """
        An ikcp client's messages come back from our server one by one.
        """
        messages = someMessages()
        listening = await self.listen(EchoServer, MESSAGES.options())
        echoed = await self.exchange(listening.getHost().port, messages)
        self.assertEqual(list(map(len, echoed)), list(map(len, messages)))
        self.assertTrue(echoed == messages)


class WindowTests(IKCPCase):
    """
    What ikcp tells about its window.
    """

    async def test_connectsWithoutData(self) -> None:
        """
        ikcp answers our WASK with a WINS, which is all that it takes to connect.
        """
        tap = Tap()
        port = self.start(CPeer(echo))
        await self.connect(Protocol(), port, STREAM.options(), [tap])
        self.assertEqual((commands(tap.sent), commands(tap.received)), ({WASK}, {WINS}))

    async def test_shutWindow(self) -> None:
        """
        While ikcp's window is shut we ask for it, and go on when it opens.
        """
        server = CPeer(echo, window=128)
        server.reading = False
        told: list[int] = []

        def sent(datagram: bytes) -> None:
            for segment in decodeSegments(datagram):
                if segment.cmd == WINS and segment.wnd == 0 and not server.reading:
                    told.append(segment.wnd)
                    server.reading = True
                    # Not from inside of ikcp's own flush.
                    reactor.callLater(0, server.read)

        server.sent = sent
        client = EchoClient(SIZE)
        await self.connect(client, self.start(server), STREAM.options())
        await client.done
        self.assertEqual((client.received, told), (SIZE, [0]))
        self.assertTrue(session(client).connected)
