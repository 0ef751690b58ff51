"""
OpenSSH's client and Twisted's Conch, with KCP between them::

    ssh -> TCP -> kcp-relay -> KCP -> Conch
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installedReactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.utils import getProcessOutputAndValue
from twisted.protocols.wire import Echo
from twisted.python import components

from tests.programs import Program, ProgramTestCase

try:
    from twisted.conch import unix
    from twisted.conch.checkers import InMemorySSHKeyDB, SSHPublicKeyChecker
    from twisted.conch.interfaces import IConchUser, ISession, ISFTPServer
    from twisted.conch.ssh import factory, filetransfer, forwarding, keys, session
    from twisted.cred.portal import IRealm, Portal
    from zope.interface import implementer

    missing = None
except ImportError as problem:
    missing = f"Twisted[conch] is not installed: {problem}"

reactor: Any = installedReactor

SSH = shutil.which("ssh")
SFTP = shutil.which("sftp")
KEYGEN = shutil.which("ssh-keygen")

if missing is None and not (SSH and SFTP and KEYGEN):
    missing = "OpenSSH's client is not installed"

#: Seconds for one call of ssh.
PATIENCE = 30

if missing is None:

    @implementer(IRealm)
    class Realm:
        """
        Everybody is the user that runs the tests.
        """

        def requestAvatar(self, name: Any, mind: Any, *interfaces: Any) -> Any:
            """
            @return: the avatar.
            """
            avatar = Avatar()
            return IConchUser, avatar, avatar.logout

    class Avatar(unix.UnixConchUser):
        """
        Stays who it is, so that it takes no superuser.
        """

        def __init__(self) -> None:
            super(unix.UnixConchUser, self).__init__()
            self.username = "somebody"
            self.listeners: dict[Any, Any] = {}
            self.channelLookup.update(
                {
                    b"session": session.SSHSession,
                    b"direct-tcpip": forwarding.openConnectForwardingClient,
                }
            )
            self.subsystemLookup[b"sftp"] = filetransfer.FileTransferServer

        def getUserGroupId(self) -> Any:
            """
            @return: no change.
            """
            return None, None

        def getHomeDir(self) -> str:
            """
            @return: where the test is.
            """
            return os.getcwd()

        def getShell(self) -> str:
            """
            @return: the shell.
            """
            return "/bin/sh"

        def _runAsUser(self, f: Any, *args: Any, **kw: Any) -> Any:
            calls = f if isinstance(f, list) else [(f, args, kw)]
            for call in calls:
                result = call[0](*(call[1] if len(call) > 1 else ()), **dict(*call[2:]))
            return result

    class Session(unix.SSHSessionForUnixConchUser):
        """
        Leaves terminals to those who have them.
        """

        def getPtyOwnership(self) -> None:
            """
            It is ours.
            """

    class Files(unix.SFTPServerForUnixConchUser):
        """
        Finds files from where the test is.
        """

        def _absPath(self, path: bytes) -> str:
            return os.path.join(os.getcwd(), path.decode())

    components.registerAdapter(Session, Avatar, ISession)
    components.registerAdapter(Files, Avatar, ISFTPServer)


class ConchTests(ProgramTestCase):
    """
    What people do with ssh.
    """

    skip = missing

    def setUp(self) -> Any:
        """
        Start server and relay.
        """
        return Deferred.fromCoroutine(self._start())

    async def _start(self) -> None:
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir()
        for name in ("host", "user"):
            await self.call(KEYGEN, "-q", "-t", "ed25519", "-N", "", "-f", name)
        host = keys.Key.fromFile(str(self.directory / "host"))
        user = keys.Key.fromFile(str(self.directory / "user.pub"))
        server: Any = factory.SSHFactory()
        server.publicKeys = {b"ssh-ed25519": host.public()}
        server.privateKeys = {b"ssh-ed25519": host}
        server.getPrimes = lambda: None
        server.portal = Portal(Realm(), [SSHPublicKeyChecker(InMemorySSHKeyDB({b"me": [user]}))])
        port = await serverFromString(reactor, "kcp:0:interface=127.0.0.1:key=sesame").listen(
            server
        )
        self.addCleanup(port.stopListening, sessions="abort")
        relay: Program = self.start(
            *("-m", "twisted", "kcp-relay", "--from", "tcp:0:interface=127.0.0.1"),
            *("--to", f"kcp:127.0.0.1:{port.getHost().port}:key=sesame"),
        )
        started = await relay.printed(r"starting on (\d+)")
        (self.directory / "config").write_text(
            f"Host conch\nHostName 127.0.0.1\nPort {started[1]}\nUser me\n"
            f"IdentityFile {self.directory}/user\nIdentitiesOnly yes\nIdentityAgent none\n"
            "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n"
            "GlobalKnownHostsFile /dev/null\nLogLevel ERROR\nBatchMode yes\nConnectTimeout 10\n"
        )

    async def call(self, *command: str | None) -> tuple[bytes, bytes, int]:
        """
        @return: output, complaints and status of a program.
        """
        program, *arguments = map(str, command)
        called = getProcessOutputAndValue(
            program, arguments, env=os.environ, path=str(self.directory)
        )
        called.addTimeout(PATIENCE, reactor)
        result: tuple[bytes, bytes, int] = await called
        return result

    async def ssh(self, *arguments: str) -> tuple[bytes, bytes, int]:
        """
        @return: what ssh printed, and its status.
        """
        return await self.call(SSH, "-F", "config", *arguments)

    async def test_exec(self) -> None:
        """
        A command's output and status come back.
        """
        out, err, status = await self.ssh("conch", "echo out; echo err >&2; exit 7")
        self.assertEqual((out, err, status), (b"out\n", b"err\n", 7))

    async def test_large(self) -> None:
        """
        A large output is complete.
        """
        # Beyond the 2 MiB of ssh's window Conch says that this is all before it has sent the rest,
        # over TCP too.
        out, err, status = await self.ssh("conch", "head -c 2000000 /dev/zero | tr '\\0' x")
        self.assertEqual((len(out), out.strip(b"x"), err, status), (2000000, b"", b"", 0))

    async def test_terminal(self) -> None:
        """
        A shell on a terminal answers.
        """
        program = Program()
        reactor.spawnProcess(
            program,
            SSH,
            ["ssh", "-F", "config", "-tt", "conch"],
            os.environ,
            str(self.directory),
            childFDs={0: "w", 1: "r", 2: "r"},
        )
        self.addCleanup(program.stop)
        program.write("test -t 0 && echo termi''nal $((6 * 7))\n")
        await program.printed("terminal 42")
        program.write("exit 3\n")
        await program.ended()
        self.assertEqual(program.status, 3)

    async def test_sftp(self) -> None:
        """
        A file goes there and comes back.
        """
        data = os.urandom(1000000)
        (self.directory / "sent").write_bytes(data)
        there = Path(os.getcwd()) / self.mktemp()
        (self.directory / "orders").write_text(f"put sent {there}\nget {there} back\n")
        out, err, status = await self.call(SFTP, "-F", "config", "-b", "orders", "conch")
        self.assertEqual(status, 0, out + err)
        self.assertEqual((self.directory / "back").read_bytes(), data)

    async def test_forward(self) -> None:
        """
        A port is forwarded.
        """
        echo = await serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(
            Factory.forProtocol(Echo)
        )
        self.addCleanup(echo.stopListening)
        program = Program()
        target = f"127.0.0.1:{echo.getHost().port}"
        reactor.spawnProcess(
            program,
            SSH,
            ["ssh", "-F", "config", "-W", target, "conch"],
            os.environ,
            str(self.directory),
            childFDs={0: "w", 1: "r", 2: "r"},
        )
        self.addCleanup(program.stop)
        program.write("there and back\n")
        await program.printed("there and back")
