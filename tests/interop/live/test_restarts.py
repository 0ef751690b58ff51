"""
Servers of ours that are killed and start again, under clients of ours and of kcp-go's.
"""

from __future__ import annotations

from kcptwisted.errors import PeerRefused, PeerRestarted
from kcptwisted.options import KCPOptions
from tests.connections import RecordingProtocol
from tests.interop.cases import KCPGoCase, Settings
from tests.interop.peers import GoCaller
from tests.interop.restarting import DEAD_AFTER, KEEP_ALIVE, RestartCase, inTime, reactor
from tests.interop.roles import EchoServer

WATCHFUL = f"keepAlive={KEEP_ALIVE}:deadAfter={DEAD_AFTER}"


class OursTests(RestartCase):
    """
    Under a client of ours.
    """

    # A server takes a while to start on a busy machine, and is not to be found dead before.
    options = KCPOptions(keepAlive=KEEP_ALIVE, deadAfter=3 * DEAD_AFTER, environ={})

    async def test_silent(self) -> None:
        """
        A server that has come back says to the next question for a sign of life that it knows of no
        such connection, and the client connects again.
        """
        server, port = await self.ourServer(WATCHFUL)
        _, way = self.silentRelay(port)
        talkers = self.keepConnected(way, self.options)
        talker = await self.newTalker(talkers)
        await server.kill()
        server, _ = await self.ourServer(WATCHFUL, port)
        self.assertIsInstance(await inTime(talker.lost), PeerRestarted)
        await self.newTalker(talkers)
        server.stop()
        counted = await server.tells(event="counted")
        self.assertEqual(counted["PassiveOpens"], 1)

    async def test_writing(self) -> None:
        """
        So it does while the client keeps writing; nothing of that opens a session.
        """
        server, port = await self.ourServer(WATCHFUL)
        _, way = self.silentRelay(port)
        talkers = self.keepConnected(way, self.options)
        talker = await self.newTalker(talkers)
        self.keepWriting(talker)
        await server.kill()
        server, _ = await self.ourServer(WATCHFUL, port)
        self.assertIsInstance(await inTime(talker.lost), PeerRestarted)
        await self.newTalker(talkers)
        server.stop()
        counted = await server.tells(event="counted")
        self.assertEqual(counted["PassiveOpens"], 1)
        self.assertGreater(counted["InErrs"], 0)

    async def test_refused(self) -> None:
        """
        If its host says that nothing listens, a silent client knows with the next question.
        """
        server, port = await self.ourServer(WATCHFUL)
        talkers = self.keepConnected(port, self.options)
        talker = await self.newTalker(talkers)
        await server.kill()
        self.assertIsInstance(await inTime(talker.lost), PeerRefused)
        await self.ourServer(WATCHFUL, port)
        await self.newTalker(talkers)


class _Echo(RecordingProtocol, EchoServer):
    """
    Echoes, and notes.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Write back.
        """
        self.session.write(data)


class KCPGoTests(KCPGoCase, RestartCase):
    """
    Under a client of kcp-go's, whose application waits for answers only so long.
    """

    def caller(self, port: int, settings: Settings, *flags: str) -> GoCaller:
        """
        Start a client.
        """
        caller = GoCaller(port, *settings.flags(), *flags)
        caller.start(reactor, self._binary)
        self.addCleanup(caller.kill)
        return caller

    async def checkKilled(self, *flags: str) -> None:
        """
        The server is killed; what is left of the conversation opens nothing at the next one.
        """
        options = f"{WATCHFUL}:crypt=null"
        server, port = await self.ourServer(options)
        # By then there is a server again.
        caller = self.caller(port, Settings(), "-patience=3", *flags)
        await caller.tells(event="answered", session=1)
        await server.kill()
        server, _ = await self.ourServer(options, port)
        await inTime(caller.tells(event="answered", session=2))
        caller.stop()
        await caller.ended
        server.stop()
        counted = await server.tells(event="counted")
        self.assertEqual(counted["PassiveOpens"], 1)
        self.assertGreater(counted["InErrs"], 0)
        connected = [event["peer"] for event in server.told if event["event"] == "connected"]
        self.assertEqual(connected, [caller.told[-1]["port"]])
        self.assertEqual([event["event"] for event in caller.told],
                         ["answered", "late", "answered", "over"])  # fmt: skip

    async def test_killed(self) -> None:
        """
        The client dials again from another port.
        """
        await self.checkKilled()

    async def test_killedSamePort(self) -> None:
        """
        The client dials again from the same port.
        """
        await self.checkKilled("-sameport")

    async def checkDialsAgain(self, settings: Settings) -> None:
        """
        A client that begins another conversation from the same port has a session at once, and the
        former one's protocol is told.
        """
        made: list[_Echo] = []

        def build() -> _Echo:
            made.append(_Echo())
            return made[-1]

        listening = await self.listen(build, settings.options())
        port = listening.getHost().port
        caller = self.caller(port, settings, "-sameport", "-count=3", "-patience=5")
        first = await caller.tells(event="enough", session=1)
        second = await inTime(caller.tells(event="enough", session=2))
        self.assertEqual(first["port"], second["port"])
        [reason] = made[0].reasons
        self.assertIsInstance(reason.value, PeerRestarted)
        opened = listening.stats.PassiveOpens
        self.assertEqual(opened, len(made))
        self.assertLessEqual(opened, 3)

    async def test_dialsAgain(self) -> None:
        """
        Without a cipher.
        """
        await self.checkDialsAgain(Settings())

    async def test_dialsAgainAuthenticated(self) -> None:
        """
        With one that authenticates.
        """
        await self.checkDialsAgain(Settings(crypt="aes-128-gcm"))
