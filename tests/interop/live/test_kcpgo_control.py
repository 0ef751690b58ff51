"""
The other implementations do not notice control frames, and answer questions for a sign of life.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectionDone
from twisted.internet.task import deferLater

from kcptwisted.session import KCPTransport
from kcptwisted.wire.control import Hello, decodeBlock
from kcptwisted.wire.segment import WASK, decodeSegments
from tests.inside import connectionOf
from tests.interop.cases import IKCPCase, KCPGoCase, OurEndsCase, Settings
from tests.interop.cpeer import CPeer
from tests.interop.peers import GoCaller
from tests.interop.restarting import reactor
from tests.interop.roles import EchoServer
from tests.interop.stream import Pattern
from tests.interop.talking import Talker
from tests.interop.tap import Tap

SIZE = 100_000

#: Seconds.  A peer that does not answer is taken for dead within the silence below.
KEEP_ALIVE = 0.3
DEAD_AFTER = 0.9

#: Seconds of silence between two exchanges.
SILENCE = 5 * KEEP_ALIVE

CIPHERS = ("null", "aes-128", "aes-128-gcm")
PLAIN = Settings()
CODED = Settings(dataShards=10, parityShards=3)


def controls(tap: Tap) -> tuple[list[type], int]:
    """
    @return: the frames that left in plain KCP datagrams, and how many questions had none.
    """
    frames: list[type] = []
    bare = 0
    for datagram in tap.sent:
        for segment in decodeSegments(datagram):
            if segment.cmd == WASK and not segment.data:
                bare += 1
            elif segment.cmd >= WASK and segment.data:
                block = decodeBlock(segment.data)
                assert block is not None
                frames += map(type, block.frames)
    return frames, bare


class InvisibleCase(OurEndsCase):
    """
    Exchanges data before and after a silence.
    """

    def assertUnharmed(self, session: KCPTransport) -> None:
        """
        Nothing was wrong at our end, nor did the peer seem to know control frames.
        """
        stats = session.stats
        self.assertEqual((stats.KCPInErrors, stats.ControlErrs, stats.FECErrs), (0, 0, 0))
        self.assertFalse(connectionOf(session).controls.greeted)

    async def talk(self, port: int, settings: Settings) -> None:
        """
        Have a client of ours talk to an echo server.
        """
        options = settings.options(keepAlive=KEEP_ALIVE, deadAfter=DEAD_AFTER)
        tap = Tap()
        talker = await self.connect(Talker(), port, options, [tap])
        session = talker.session
        stream = Pattern()
        await talker.exchange(stream.take(SIZE))
        answers = session.stats.InPkts
        await deferLater(reactor, SILENCE)
        self.assertGreater(session.stats.InPkts, answers)
        await talker.exchange(stream.take(SIZE))
        self.assertUnharmed(session)
        session.loseConnection()
        self.assertIsInstance(await talker.lost, ConnectionDone)
        if settings == PLAIN:
            frames, bare = controls(tap)
            self.assertEqual(set(frames), {Hello})
            self.assertGreater(bare, 2)


class KCPGoTests(KCPGoCase, InvisibleCase):
    """
    kcp-go.
    """

    def assertNotNoticed(self, counters: dict[str, int]) -> None:
        """
        kcp-go counted no error of any kind.
        """
        names = ("InErrs", "InCsumErrors", "KCPInErrors", "FECErrs")
        self.assertEqual({name: counters[name] for name in names}, dict.fromkeys(names, 0))

    async def withEach(
        self, check: Callable[[Settings], Awaitable[None]], settings: Settings
    ) -> None:
        """
        Do the same with each kind of cipher at once.
        """

        async def one(crypt: str) -> None:
            await check(replace(settings, crypt=crypt))

        await gatherResults([Deferred.fromCoroutine(one(crypt)) for crypt in CIPHERS])

    async def toServer(self, settings: Settings) -> None:
        """
        Our client, a kcp-go server.
        """
        server, port = await self.goServer("echo", settings)
        await self.talk(port, settings)
        await server.stop()
        self.assertNotNoticed(server.counters)

    async def fromClient(self, settings: Settings) -> None:
        """
        A kcp-go client, our server.
        """
        options = settings.options(keepAlive=KEEP_ALIVE, deadAfter=DEAD_AFTER)
        tap = Tap()
        listening = await self.listen(EchoServer, options, [tap])
        port = listening.getHost().port
        flags = (f"-size={SIZE}", "-count=2", f"-pause={SILENCE}", "-patience=10")
        caller = GoCaller(port, *settings.flags(), *flags)
        caller.start(reactor, self._binary)
        self.addCleanup(caller.kill)
        await caller.tells(event="answered", session=1)
        session = listening.sessions[0]
        await caller.tells(event="enough", session=1)
        self.assertTrue(session.connected)
        self.assertUnharmed(session)
        caller.stop()
        await caller.ended
        self.assertTrue(caller.succeeded)
        self.assertNotNoticed(caller.counters)
        if settings == PLAIN:
            frames, bare = controls(tap)
            self.assertEqual(frames, [])
            self.assertGreater(bare, 2)

    async def test_server(self) -> None:
        """
        A server.
        """
        await self.withEach(self.toServer, PLAIN)

    async def test_serverWithFEC(self) -> None:
        """
        A server, with FEC.
        """
        await self.withEach(self.toServer, CODED)

    async def test_client(self) -> None:
        """
        A client.
        """
        await self.withEach(self.fromClient, PLAIN)

    async def test_clientWithFEC(self) -> None:
        """
        A client, with FEC.
        """
        await self.withEach(self.fromClient, CODED)


class IKCPTests(IKCPCase, InvisibleCase):
    """
    C C{ikcp}.
    """

    async def test_server(self) -> None:
        """
        A server.
        """
        await self.talk(self.start(CPeer(lambda peer, message: peer.write(message))), PLAIN)

    async def test_client(self) -> None:
        """
        A client.
        """
        options = PLAIN.options(keepAlive=KEEP_ALIVE, deadAfter=DEAD_AFTER)
        tap = Tap()
        listening = await self.listen(EchoServer, options, [tap])
        echoed: list[bytes] = []
        arrived: list[Deferred[None]] = [Deferred(), Deferred()]

        def received(peer: CPeer, message: bytes) -> None:
            echoed.append(message)
            total = len(b"".join(echoed))
            for number, all in enumerate(arrived, 1):
                if total >= number * SIZE and not all.called:
                    all.callback(None)

        client = CPeer(received, ("127.0.0.1", listening.getHost().port))
        self.start(client)
        stream = Pattern()
        for all in arrived:
            client.write(stream.take(SIZE))
            await all
            await deferLater(reactor, SILENCE)
        self.assertTrue(b"".join(echoed) == Pattern().take(2 * SIZE))
        session = listening.sessions[0]
        self.assertTrue(session.connected)
        self.assertUnharmed(session)
        frames, bare = controls(tap)
        self.assertEqual(frames, [])
        self.assertGreater(bare, 2)
