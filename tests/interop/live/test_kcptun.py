"""
Our C{kcptun-client} and C{kcptun-server} with Debian's.
"""

from __future__ import annotations

import json
import signal
import socket
import tempfile
from itertools import combinations
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installedReactor
from twisted.internet.endpoints import UNIXClientEndpoint, UNIXServerEndpoint, connectProtocol
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater

from kcptwisted.services.kcptun.flags import OLD_CIPHERS
from tests.interop.kcptunpeer import (
    LOCAL,
    OURS,
    THEIRS,
    Asking,
    Echo,
    KcptunCase,
    LateAnswer,
    Settings,
    matrix,
)
from tests.programs import freePort

reactor: Any = installedReactor

LOSS = 0.05

#: Both ends notice sooner.
WATCHFUL = "--keepalive=1"


class MatrixTests(KcptunCase):
    """
    Every cipher, FEC 10/3 and 0/0, smux 1 and 2, with and without compression, both directions.
    """

    timeout = 200

    def test_pairs(self) -> None:
        """
        The matrix has each pair of values.
        """
        rows = [(whose, *settings) for whose, settings in matrix()]
        values = [set(column) for column in zip(*rows, strict=True)]
        self.assertEqual(values[1], set(OLD_CIPHERS))
        for first, second in combinations(range(len(values)), 2):
            found = {(row[first], row[second]) for row in rows}
            self.assertEqual(len(found), len(values[first]) * len(values[second]))

    async def transfer(self, server: str, settings: Settings, size: int) -> None:
        """
        Send bytes each way through a lossy path.
        """
        client = OURS if server == THEIRS else THEIRS
        target = await self.listenTCP()
        port = await self.runServer(server, settings.flags(), target)
        way = self.relay(port, LOSS)
        entry = await self.runClient(client, settings.flags(), way)
        await self.echo(entry, size)
        await self.stopBoth()

    async def test_all(self) -> None:
        """
        Bytes go both ways with each of the settings.
        """
        for server, settings in matrix():
            try:
                await self.transfer(server, settings, 100_000)
            except Exception as problem:
                raise AssertionError(f"with the server {server} and {settings}") from problem

    async def test_large(self) -> None:
        """
        10 MB each way, with what differs the most.
        """
        for server in (THEIRS, OURS):
            await self.transfer(server, Settings(), 10_000_000)
            await self.transfer(server, Settings("none", False, 2, False), 10_000_000)


class EndTests(KcptunCase):
    """
    How connections end.
    """

    async def tunnel(self, server: str, target: int, *flags: str) -> int:
        """
        @return: the client's port.
        """
        port = await self.runServer(server, ["--compat=20210922", *flags] if server == OURS
                                      else [*flags], target)  # fmt: skip
        client = OURS if server == THEIRS else THEIRS
        compat = ["--compat=20210922"] if client == OURS else []
        return await self.runClient(client, [*compat, *flags], port)

    async def test_closed(self) -> None:
        """
        All that was written before a close arrives, from either end.
        """

        class Giving(Echo):
            def connectionMade(self) -> None:
                assert self.transport is not None
                self.transport.write(bytes(300_000))
                self.transport.loseConnection()

        for server in (THEIRS, OURS):
            entry = await self.tunnel(server, await self.listenTCP(Giving))
            asking = await self.connect(entry)
            self.assertEqual(len(await asking.over), 300_000)

    async def test_refused(self) -> None:
        """
        Nobody listens at the target: the connection ends, the session goes on.
        """
        for server in (THEIRS, OURS):
            entry = await self.tunnel(server, closedPort())
            for _ in range(2):
                asking = await self.connect(entry)
                self.assertEqual(await asking.over, b"")

    async def test_halfClosed(self) -> None:
        """
        With both ends ours the end of the question passes through, and the answer comes back.
        """
        target = await self.listenTCP(LateAnswer)
        port = await self.runServer(OURS, [], target)
        entry = await self.runClient(OURS, [], port)
        asking = await self.connect(entry)
        assert asking.transport is not None
        asking.transport.write(bytes(500_000))
        asking.transport.loseWriteConnection()  # type: ignore[attr-defined]
        self.assertEqual(len(await asking.over), 64_000)


class RestartTests(KcptunCase):
    """
    Either end restarts.
    """

    async def served(self, entry: int, seconds: float) -> None:
        """
        Connect again and again, until a connection is served.

        @param seconds: how long that may take.
        """
        end = reactor.seconds() + seconds
        while True:
            asking = await self.connect(entry, 5)
            assert asking.transport is not None
            asking.transport.write(b"hello")
            asking.over.addTimeout(1, reactor, lambda result, timeout: b"")
            if await asking.over == b"hello":
                return
            asking.transport.abortConnection()  # type: ignore[attr-defined]
            self.assertLess(reactor.seconds(), end)
            await deferLater(reactor, 0.2)

    async def test_theirServer(self) -> None:
        """
        kcptun's server restarts under our client, which finds out within a few seconds, also if no
        error of the network tells it.
        """
        for loss in (None, 0.0):
            target, flags = await self.listenTCP(), ["--smuxver=1", WATCHFUL]
            port = await self.runServer(THEIRS, flags, target)
            way = port if loss is None else self.relay(port, loss)
            entry = await self.runClient(OURS, flags, way)
            await self.echo(entry, 5)
            await self.server.stop()
            await self.runServer(THEIRS, flags, target, port)
            await self.served(entry, 20)

    async def test_clients(self) -> None:
        """
        Clients restart, and are served at once.
        """
        for client, server in ((OURS, THEIRS), (THEIRS, OURS)):
            target, flags = await self.listenTCP(), ["--smuxver=1"]
            port = await self.runServer(server, flags, target)
            entry = await self.runClient(client, flags, port)
            await self.echo(entry, 5)
            await (self.client.stop() if client == THEIRS else self.client.stopService())
            entry = await self.runClient(client, flags, port)
            await self.echo(entry, 5)


class ProgramTests(KcptunCase):
    """
    Both of our programs, in processes of their own.
    """

    async def program(self, end: str, *flags: str) -> Any:
        """
        Start one of ours, as a user does.
        """
        program = self.start("-m", "kcptwisted", f"kcptun-{end}", *flags)
        await program.printed("istening")
        return program

    async def test_signals(self) -> None:
        """
        SIGUSR1 logs the counters; SIGTERM ends the program when what is under way is delivered.
        """
        target = await self.listenTCP()
        port, number = freePort(), closedPort()
        server = await self.program("server", "-l", f"{LOCAL}:{port}", "-t", f"{LOCAL}:{target}")
        client = await self.program("client", "-r", f"{LOCAL}:{port}", "-l", f"{LOCAL}:{number}")
        await self.echo(number, 100_000)
        await client.printed(r"127\.0\.0\.1:\d+ ended after .* 100000 bytes sent, 100000 received")
        for program in (client, server):
            program.transport.signalProcess(signal.SIGUSR1)
            await program.printed(r"Counters: BytesSent=[1-9]\d* ")
            program.transport.signalProcess("TERM")
            await program.ended()
            self.assertNotIn("Traceback", program.output)

    async def test_files(self) -> None:
        """
        C{-c}, C{--log} and unix sockets at both ends.
        """
        port = freePort()
        # The path of a unix socket is short.
        with tempfile.TemporaryDirectory() as directory:
            names = ("entry", "config", "log", "target")
            path, file, log, target = (Path(directory) / name for name in names)
            echo = Factory.forProtocol(Echo)
            echo.noisy = False
            listening = await UNIXServerEndpoint(reactor, str(target)).listen(echo)
            file.write_text(json.dumps({"remoteaddr": f"{LOCAL}:{port}", "localaddr": str(path)}))
            server = self.start(
                "-m", "kcptwisted", "kcptun-server", "-l", f"{LOCAL}:{port}", "-t",
                str(target), "--log", str(log), "--quiet",
            )  # fmt: skip
            while not (log.exists() and "istening" in log.read_text()):
                await deferLater(reactor, 0.01)
            client = await self.program("client", "-c", str(file))
            while not path.exists():
                await deferLater(reactor, 0.01)
            asking = await connectProtocol(UNIXClientEndpoint(reactor, str(path)), Asking(5))
            assert asking.transport is not None
            asking.transport.write(b"hello")
            self.assertEqual(await asking.over, b"hello")
            for program in (client, server):
                program.transport.signalProcess("TERM")
                await program.ended()
            await listening.stopListening()
            self.assertIn("a unix socket ended after", client.output)
            self.assertEqual(server.output, "")
            self.assertNotIn("ended after 0.0 s: 5", log.read_text())

    async def test_misconfigured(self) -> None:
        """
        What is wrong is said in one line, and the status is 2.
        """
        for arguments in (["--crypt=warp"], ["--tcp"], ["-c", "nowhere.json"], ["-l", "1.2.3:4"]):
            program = self.start("-m", "kcptwisted", "kcptun-client", *arguments)
            await program.ended()
            self.assertEqual(program.status, 2, program.output)
            self.assertRegex(program.output, r"\Akcptun-client: -.*\n\Z")

    async def test_mismatch(self) -> None:
        """
        kcptun's server has another version of smux: its client would hang, and ours says what may
        be wrong.
        """
        target = await self.listenTCP()
        port = await self.runServer(THEIRS, ["--key=k"], target)
        number = closedPort()
        client = await self.program(
            "client", "-r", f"{LOCAL}:{port}", "-l", f"{LOCAL}:{number}", "--key=k"
        )
        asking = await self.connect(number)
        assert asking.transport is not None
        asking.transport.write(b"hello")
        await client.printed("nothing came from the peer: it may have another --smuxver")
        self.assertEqual(await asking.over, b"")

    async def test_mismatchedClients(self) -> None:
        """
        Our server says which flag of kcptun's client does not fit.
        """
        port, target = freePort(), await self.listenTCP()
        server = await self.program(
            "server", "-l", f"{LOCAL}:{port}", "-t", f"{LOCAL}:{target}", "--key=k"
        )
        for flags, told in (
            (["--smuxver=1"], "the peer has --smuxver 1, and here it is 2"),
            (["--smuxver=2", "--nocomp"], "the peer does not compress: give --nocomp at both"),
            (["--smuxver=2", "--key=other"], "the peer has another key or crypt"),
        ):
            entry = await self.runClient(THEIRS, ["--key=k", *flags], port)
            asking = await self.connect(entry)
            await server.printed(told)
            await self.client.stop()
            await asking.over

    async def test_taken(self) -> None:
        """
        A port that somebody has is an error of one line, and the status is 1.
        """
        target = await self.listenTCP()
        program = self.start("-m", "kcptwisted", "kcptun-client", "-l", f"{LOCAL}:{target}")
        await program.ended()
        self.assertEqual(program.status, 1, program.output)
        self.assertIn("Cannot listen: Couldn't listen on", program.output)
        self.assertNotIn("Traceback", program.output)


def closedPort() -> int:
    """
    @return: a TCP port of the loopback interface where nothing listens.
    """
    with socket.socket() as sock:
        sock.bind((LOCAL, 0))
        port: int = sock.getsockname()[1]
        return port
