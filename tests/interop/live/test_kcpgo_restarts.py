"""
kcp-go servers that are killed and start again under a client of ours.
"""

from __future__ import annotations

from twisted.internet.task import deferLater

from kcptwisted.errors import PeerRefused, PeerRestarted, PeerTimeout
from kcptwisted.wire.segment import WASK, WINS
from tests.interop.cases import KCPGoCase, Settings
from tests.interop.restarting import (
    DEAD_AFTER,
    KEEP_ALIVE,
    RETRY,
    RestartCase,
    inTime,
    reactor,
)
from tests.interop.talking import Talker
from tests.interop.tap import Tap, commands

PLAIN = Settings()


async def untilAsked(tap: Tap) -> None:
    """
    Wait until a silent client has asked for a sign of life, and was given one: then it does not ask
    again before C{KEEP_ALIVE}.
    """
    tap.sent.clear()
    tap.received.clear()
    while WASK not in commands(tap.sent) or WINS not in commands(tap.received):
        await deferLater(reactor, 0.01)


class RestartTests(KCPGoCase, RestartCase):
    """
    The client is told why, and connects again.
    """

    options = PLAIN.options(keepAlive=KEEP_ALIVE, deadAfter=DEAD_AFTER)

    async def startAgain(self, port: int) -> None:
        """
        Start a server where there was one.
        """
        await self.goServer("echo", PLAIN, port)

    async def assertLost(self, talker: Talker, expected: type[Exception]) -> None:
        """
        The connection ends in time, for that reason.
        """
        self.assertIsInstance(await inTime(talker.lost), expected)

    async def test_writing(self) -> None:
        """
        The client keeps writing: its own host tells that nobody listens.
        """
        server, port = await self.goServer("echo", PLAIN)
        talkers = self.keepConnected(port, self.options)
        talker = await self.newTalker(talkers)
        self.keepWriting(talker)
        await server.kill()
        await self.assertLost(talker, PeerRefused)
        await self.startAgain(port)
        await self.newTalker(talkers)

    async def test_writingIntoSilence(self) -> None:
        """
        Nobody tells: the new server acknowledges what comes, but its una shows that it is another.
        """
        server, port = await self.goServer("echo", PLAIN)
        _, way = self.silentRelay(port)
        talkers = self.keepConnected(way, self.options)
        talker = await self.newTalker(talkers)
        self.keepWriting(talker)
        await server.kill()
        await self.startAgain(port)
        await self.assertLost(talker, PeerRestarted)
        await self.newTalker(talkers)

    async def test_betweenQuestions(self) -> None:
        """
        The client is silent, and there is a server again before it asks for a sign of life: the
        answer shows that it is another.
        """
        server, port = await self.goServer("echo", PLAIN)
        tap = Tap()
        talkers = self.keepConnected(port, self.options, tap)
        talker = await self.newTalker(talkers)
        await untilAsked(tap)
        await server.kill()
        await self.startAgain(port)
        await self.assertLost(talker, PeerRestarted)
        await self.newTalker(talkers)

    async def test_longGone(self) -> None:
        """
        Nobody tells, and there is no server for so long that the client, silent or not, takes it
        for dead.
        """
        server, port = await self.goServer("echo", PLAIN)
        _, way = self.silentRelay(port)
        everyones = [self.keepConnected(way, self.options) for _ in range(2)]
        silent, writing = [await self.newTalker(talkers) for talkers in everyones]
        self.keepWriting(writing)
        await server.kill()
        await self.assertLost(silent, PeerTimeout)
        await self.assertLost(writing, PeerTimeout)
        # Attempts to connect go nowhere meanwhile.
        await deferLater(reactor, 2 * RETRY)
        await self.startAgain(port)
        for talkers in everyones:
            await self.newTalker(talkers)
