"""
Sockets that others have opened: systemd, the program before, an application that talks to kcp-go.
"""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass
from shutil import which
from typing import Any

from twisted.internet import reactor as installedReactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol, serverFromString
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory
from twisted.protocols.wire import Echo

from kcptwisted.options import KCPOptions
from tests.endpoints.test_given import Caller
from tests.interop.cases import Settings
from tests.interop.transfers import TransferCase
from tests.programs import Program, ProgramTestCase, freePort
from tests.udp.fakes import LOOPBACK

reactor: Any = installedReactor

SIZE = 1_000_000

ECHO: Any = Factory.forProtocol(Echo)

#: systemd's tool; it waits for the first datagram before it starts the program.
ACTIVATE = which("systemd-socket-activate")


@dataclass(frozen=True)
class OwnSocketSettings(Settings):
    """
    Settings whose end of ours uses an application's socket.
    """

    fd: int = 0

    def options(self, **others: Any) -> KCPOptions:
        """
        @return: the settings with the socket.
        """
        return super().options(fd=self.fd, **others)


class KCPGoTests(TransferCase):
    """
    kcp-go at the other end.
    """

    def settings(self, **others: Any) -> OwnSocketSettings:
        """
        @return: settings with a new socket.
        """
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        sock.bind(LOOPBACK)
        return OwnSocketSettings(fd=sock.fileno(), **others)

    async def test_client(self) -> None:
        """
        A kcp-go client and our server.
        """
        for others in ({}, {"crypt": "aes-128-gcm", "dataShards": 10, "parityShards": 3}):
            arguments: dict[str, Any] = others
            theirs = Settings(**arguments)
            await self.echoFromKCPGo(self.settings(**arguments), theirs, SIZE)

    async def test_server(self) -> None:
        """
        Our client and a kcp-go server.
        """
        for others in ({}, {"crypt": "aes-128-gcm", "dataShards": 10, "parityShards": 3}):
            arguments: dict[str, Any] = others
            theirs = Settings(**arguments)
            await self.echoToKCPGo(self.settings(**arguments), theirs, SIZE)


class ActivationTests(ProgramTestCase):
    """
    A relay that is given its socket as descriptor 3.
    """

    async def relayArguments(self) -> list[str]:
        """
        @return: of the Python interpreter, for a relay to an echo server of this test.
        """
        echo: Any = await serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(ECHO)
        self.addCleanup(echo.stopListening)
        target = f"tcp:127.0.0.1:{echo.getHost().port}"
        source = "kcp:fd=3:key=sesame"
        return ["-m", "twisted", "kcp-relay", "--from", source, "--to", target]

    async def talk(self, port: int) -> None:
        """
        Have an echo through the relay.
        """
        endpoint = clientFromString(reactor, f"kcp:127.0.0.1:{port}:key=sesame:timeout=30")
        caller = await connectProtocol(endpoint, Caller())
        data = bytes(range(256)) * 100
        self.assertEqual(await caller.call(data), data)
        caller.transport.loseConnection()
        self.assertIsInstance(await caller.lost, ConnectionDone)

    async def finish(self, program: Program) -> None:
        """
        Stop the relay.
        """
        program.transport.signalProcess("TERM")
        await program.ended()
        self.assertNotIn("Traceback", program.output)

    async def test_systemd(self) -> None:
        """
        systemd has the socket, and starts the relay for the first datagram, which is answered.
        """
        assert ACTIVATE is not None
        port = freePort()
        arguments = await self.relayArguments()
        listen = ["--datagram", f"--listen=127.0.0.1:{port}"]
        program = self.spawn(ACTIVATE, [*listen, sys.executable, *arguments])
        await program.printed("Listening on")
        await self.talk(port)
        await self.finish(program)

    if ACTIVATE is None:
        test_systemd.skip = "there is no systemd-socket-activate"  # type: ignore[attr-defined]

    async def test_inherited(self) -> None:
        """
        A parent has opened it; when the relay is started again the next connection is served, with
        no datagram lost in between.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(LOOPBACK)
            port = sock.getsockname()[1]
            arguments = await self.relayArguments()
            for _ in range(2):
                talking = Deferred.fromCoroutine(self.talk(port))
                program = self.spawn(sys.executable, arguments, {3: sock.fileno()})
                await talking
                await self.finish(program)
