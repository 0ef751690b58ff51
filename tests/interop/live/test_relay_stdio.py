"""
A relay between standard input and KCP, by itself and as ssh's ProxyCommand.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet import utils
from twisted.internet.defer import Deferred

from tests.interop.peers import skipReason
from tests.programs import Program, freePort
from tests.services.relay.programs import RelaysCase, freeTCPPort, reactor

LENGTH = 1_000_000

SSHD = "/usr/sbin/sshd"


class StdioTests(RelaysCase):
    """
    C{twistd kcp-relay --from stdio:}.
    """

    def stdio(self, target: str, *options: str) -> Program:
        """
        @return: the program.
        """
        return self.relay("stdio:", target, *options)

    async def kcpTo(self, target: int) -> int:
        """
        @return: the port of a KCP relay to a TCP port.
        """
        port = freePort()
        await self.listening(
            f"kcp:{port}:interface=127.0.0.1:key=k", f"tcp:127.0.0.1:{target}", "--quiet"
        )
        return port

    async def test_endOfInput(self) -> None:
        """
        It ends with status 0 when both directions have ended, and prints what came, nothing else.
        """
        callers, target = await self.serve()
        program = self.stdio(f"kcp:127.0.0.1:{await self.kcpTo(target)}:key=k")
        server = await callers.first()
        program.write("question")
        program.closeInput()
        await server.ended()
        self.assertEqual((server.received, server.sawEnd), (8, True))
        server.transport.write(b"answer")
        server.transport.loseConnection()
        await program.ended()
        self.assertEqual((program.status, program.output), (0, "answer"))

    async def test_reset(self) -> None:
        """
        A reset is a failure, with a line at standard error.
        """
        callers, target = await self.serve()
        program = self.stdio(f"kcp:127.0.0.1:{await self.kcpTo(target)}:key=k")
        server = await callers.first()
        program.write("question")
        await server.until(lambda: server.received == 8)
        server.transport.abortConnection()
        await program.ended()
        self.assertEqual(program.status, 1)
        self.assertRegex(program.output, r"\Akcp-relay: target: The peer reset .*\n\Z")

    async def test_refused(self) -> None:
        """
        So is a target that cannot be reached, at once and later.
        """
        for target in (
            f"tcp:127.0.0.1:{freeTCPPort()}",
            "tcp:no-such-host.invalid:1",
            f"kcp:127.0.0.1:{freePort()}:key=k",
        ):
            program = self.stdio(target)
            await program.ended()
            self.assertEqual(program.status, 1, program.output)
            self.assertRegex(program.output, r"\Akcp-relay: cannot connect: .*\n\Z")

    async def test_background(self) -> None:
        """
        In the background there is no standard input.
        """
        script = Path(self.mktemp())
        script.write_text("from twisted.scripts.twistd import run\nrun()\n")
        program = self.start(
            *(str(script.absolute()), "--pidfile=", "kcp-relay"),
            *("--from", "stdio:", "--to", "tcp:127.0.0.1:1"),
        )
        await program.ended()
        line = "kcp-relay: --from stdio: needs twistd -n\n"
        self.assertEqual((program.status, program.output), (2, line))


class SSHTests(RelaysCase):
    """
    OpenSSH's client, which runs the relay, to its server.
    """

    if shutil.which("ssh") is None or not os.path.exists(SSHD):
        skip = skipReason("OpenSSH's client or server is missing")
    elif os.geteuid() != 0:
        skip = skipReason("OpenSSH's server needs root")

    async def setUp(self) -> None:  # type: ignore[override]
        """
        Start both.
        """
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir(mode=0o700)
        for name in ("host", "user"):
            path = str(self.directory / name)
            await self.run_("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path)
        ssh, between = freeTCPPort(), freePort()
        os.makedirs("/run/sshd", exist_ok=True)
        self.configure(
            "sshd",
            f"Port {ssh}\nListenAddress 127.0.0.1\nHostKey {self.directory}/host\n"
            f"AuthorizedKeysFile {self.directory}/user.pub\nPidFile none\nStrictModes no\n"
            "UsePAM no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n",
        )
        arguments = ["-D", "-e", "-f", str(self.directory / "sshd")]
        server = self.spawn(SSHD, arguments)
        await server.printed("Server listening")
        self.distant = await self.listening(
            f"kcp:{between}:interface=127.0.0.1:key=k", f"tcp:127.0.0.1:{ssh}"
        )
        twistd = self.directory / "twistd"
        twistd.write_text("from twisted.scripts.twistd import run\nrun()\n")
        proxy = f"{sys.executable} {twistd} -n --pidfile= kcp-relay --from stdio:"
        self.configure(
            "ssh",
            f"Host far\nHostName 127.0.0.1\nPort {between}\nUser root\n"
            f"IdentityFile {self.directory}/user\nIdentitiesOnly yes\nIdentityAgent none\n"
            "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n"
            "GlobalKnownHostsFile /dev/null\nLogLevel ERROR\nBatchMode yes\n"
            f"ProxyCommand {proxy} --to kcp:%h:%p:key=k\n",
        )

    def configure(self, name: str, text: str) -> None:
        """
        Write a file.
        """
        (self.directory / name).write_text(text)

    def run_(self, *command: str) -> Deferred[Any]:
        """
        @return: fires with what a program prints, to standard error as well, and its status.
        """
        path = [str(Path(__file__).resolve().parents[3]), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}
        executable = shutil.which(command[0]) or command[0]
        found: Deferred[Any] = utils.getProcessOutputAndValue(
            executable, command[1:], environment, reactor=reactor
        )
        return found

    def ssh(self, *command: str) -> Deferred[Any]:
        """
        @return: the same of a command on the far host.
        """
        return self.run_("ssh", "-F", str(self.directory / "ssh"), "far", *command)

    def ends(self) -> Sequence[str]:
        """
        @return: how connections have ended at the far relay.
        """
        return [line for line in self.distant.output.splitlines() if " ended after " in line]

    async def test_command(self) -> None:
        """
        A command's output and status arrive, the user sees nothing of the relay, and the far end of
        the connection is closed in good order.
        """
        self.assertEqual(await self.ssh("echo hello; exit 3"), (b"hello\n", b"", 3))
        await self.distant.printed("ended after")
        (line,) = self.ends()
        self.assertIn(": closed;", line)

    async def test_bulk(self) -> None:
        """
        So does much, both ways.
        """
        blob = self.directory / "blob"
        blob.write_bytes(os.urandom(LENGTH))
        output, errors, status = await self.run_(
            "sh", "-c", f"ssh -F {self.directory}/ssh far cat <{blob}"
        )
        self.assertEqual((errors, status), (b"", 0))
        self.assertEqual(output, blob.read_bytes())

    async def test_noServer(self) -> None:
        """
        The user is told what keeps the relay from connecting.
        """
        text = (self.directory / "ssh").read_text()
        self.configure("ssh", text.replace("kcp:%h:%p:", f"kcp:%h:{freePort()}:"))
        _, errors, status = await self.ssh("true")
        self.assertEqual(status, 255)
        self.assertIn(b"kcp-relay: cannot connect: Nothing listens at the peer's port\n", errors)
