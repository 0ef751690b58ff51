"""
A relay that cannot listen, or is misconfigured, ends with a status that tells its supervisor so.
"""

from __future__ import annotations

import socket
from pathlib import Path

from tests.services.relay.programs import RelaysCase


class ExitTests(RelaysCase):
    """
    C{twistd kcp-relay} where it cannot listen.
    """

    async def status(self, server: str) -> tuple[int | None, str]:
        """
        @return: with what it exited, and what it has printed.
        """
        program = self.relay(server, "tcp:127.0.0.1:9")
        await program.ended()
        return program.status, program.output

    def taken(self, kind: socket.SocketKind) -> int:
        """
        @return: a port that is in use.
        """
        sock = socket.socket(socket.AF_INET, kind)
        self.addCleanup(sock.close)
        sock.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            sock.listen(1)
        port: int = sock.getsockname()[1]
        return port

    def check(self, status: int | None, output: str, *reasons: str) -> None:
        """
        One line of the log says why.
        """
        self.assertEqual(status, 1, output)
        lines = [line for line in output.splitlines() if "Cannot listen: " in line]
        self.assertEqual(len(lines), 1, output)
        self.assertTrue(any(reason in lines[0] for reason in reasons), lines)
        self.assertNotIn("Traceback", output)

    async def test_inUse(self) -> None:
        """
        A port in use, at an address and at a name.
        """
        port = self.taken(socket.SOCK_DGRAM)
        for interface in ("127.0.0.1", "localhost"):
            server = f"kcp:{port}:crypt=null:interface={interface}"
            self.check(*await self.status(server), "Address already in use")

    async def test_tcpInUse(self) -> None:
        """
        The same with TCP.
        """
        server = f"tcp:{self.taken(socket.SOCK_STREAM)}:interface=127.0.0.1"
        self.check(*await self.status(server), "Address already in use")

    async def test_unknownName(self) -> None:
        """
        A name that has no address.
        """
        self.check(*await self.status("kcp:0:crypt=null:interface=no-such-host.invalid"), "no-such")

    async def test_foreignAddress(self) -> None:
        """
        An address that is not this host's.
        """
        self.check(*await self.status("kcp:0:crypt=null:interface=192.0.2.1"), "assign")

    async def test_workers(self) -> None:
        """
        Workers that cannot listen.
        """
        port = self.taken(socket.SOCK_DGRAM)
        server = f"kcp:{port}:crypt=null:interface=127.0.0.1:workers=2"
        self.check(*await self.status(server), "Address already in use")

    async def test_noDirectory(self) -> None:
        """
        A Unix socket in a directory that is not there.
        """
        self.check(*await self.status("unix:/no/such/directory"), "No such file or directory")

    async def test_second(self) -> None:
        """
        One of several routes is enough.
        """
        program = self.kcpRelay(
            *("--from", "tcp:0:interface=127.0.0.1", "--to", "tcp:127.0.0.1:9"),
            *("--from", f"tcp:{self.taken(socket.SOCK_STREAM)}:interface=127.0.0.1"),
            *("--to", "tcp:127.0.0.1:9"),
        )
        await program.ended()
        self.check(program.status, program.output, "Address already in use")


class MisconfiguredTests(RelaysCase):
    """
    What is wrong before anything begins: status 2, and one line at standard error.
    """

    async def refused(self, *options: str) -> str:
        """
        @return: the only line.
        """
        program = self.kcpRelay(*options)
        await program.ended()
        self.assertEqual(program.status, 2, program.output)
        (line,) = program.output.splitlines()
        self.assertTrue(line.startswith("kcp-relay: "), line)
        return line.removeprefix("kcp-relay: ")

    async def test_commandLine(self) -> None:
        """
        Options.
        """
        ends = ("--from", "tcp:0", "--to", "tcp:127.0.0.1:9")
        for options, problem in (
            ((), "--from and --to are needed, or --config"),
            (("--from", "tcp:0"), "1 --from and 0 --to: each --from needs one --to"),
            ((*ends, "--from", "tcp:1"), "2 --from and 1 --to: each --from needs one --to"),
            (("--from", "tpc:0", *ends[2:]), "--from: Unknown endpoint type: 'tpc'"),
            ((*ends, "--reconnect", "soon"), "--reconnect must be seconds, 0 or more, not 'soon'"),
            ((*ends, "--loud"), "option --loud not recognized"),
            ((*ends[:3], "kcp:h:1:keyFile=none"), "--to: keyFile"),
            (("--from", "ssl:0:privateKey=none", *ends[2:]), "--from: "),
            (("--config", "/no/such.toml"), "/no/such.toml: No such file or directory"),
        ):
            found = await self.refused(*options)
            self.assertTrue(found.startswith(problem), (found, problem))

    async def test_files(self) -> None:
        """
        Files.
        """
        path = Path(self.mktemp()).absolute()
        for text, problem in (
            ("quiet quiet\n", "Expected '=' after a key"),
            ("loud = true\n", "unknown key 'loud'; allowed are route, "),
            ("[[route]]\nfrom = 'tcp:0'\n", "route 1: to is needed: an endpoint string"),
            ("[[route]]\nfrom = 'tcp:x'\nto = 'tcp:h:1'\n", "route 1: from: "),
        ):
            path.write_text(text)
            found = await self.refused("--config", str(path))
            self.assertTrue(found.startswith(f"{path}: {problem}"), found)
