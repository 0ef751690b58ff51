"""
Services under systemd: its messages, its sockets, its units.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from shutil import which
from typing import Any

from twisted.internet import reactor as installedReactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.protocol import DatagramProtocol, Protocol
from twisted.trial.unittest import SynchronousTestCase

from tests.programs import EXAMPLES, PATIENCE, ROOT, Program, freePort
from tests.services.relay.programs import RelaysCase
from tests.udp.fakes import LOOPBACK

reactor: Any = installedReactor

UNITS = EXAMPLES / "systemd"

#: Where the units say that the programs are.
BIN = "/opt/kcptwisted/bin"

ANALYZE = which("systemd-analyze")

#: Starts a program as systemd does: with the messages' socket and descriptors 3, 4 and so on in the
#: environment.  The process id is not known before the process is there.
LAUNCHER = """
import os, sys
os.environ["LISTEN_PID"] = os.environ["WATCHDOG_PID"] = str(os.getpid())
for fd in range(3, 3 + int(os.environ["LISTEN_FDS"])):
    os.set_inheritable(fd, True)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


class Manager(DatagramProtocol):
    """
    Takes the messages of a service.

    @ivar messages: what has come, line by line.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, str]] = []
        self._awaited: list[tuple[str, Deferred[None]]] = []

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """
        Note.
        """
        lines = datagram.decode().splitlines()
        self.messages.append(dict(line.split("=", 1) for line in lines))
        for item in list(self._awaited):
            if item[0] in self.messages[-1]:
                self._awaited.remove(item)
                item[1].callback(None)

    def told(self, name: str) -> Deferred[None]:
        """
        @return: fires with the next message of that name.
        """
        told: Deferred[None] = Deferred()
        told.addTimeout(PATIENCE, reactor)
        self._awaited.append((name, told))
        return told

    @property
    def names(self) -> list[str]:
        """
        The first name of each message but for the watchdog's.
        """
        firsts = [next(iter(message)) for message in self.messages]
        return [name for name in firsts if name != "WATCHDOG"]


class Questioner(Protocol):
    """
    Says something, and waits for the echo.
    """

    def __init__(self) -> None:
        self.answered: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        """
        Say it.
        """
        transport: Any = self.transport
        transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        """
        Take the answer.
        """
        transport: Any = self.transport
        transport.loseConnection()
        self.answered.callback(data)


class LiveCase(RelaysCase):
    """
    Starts programs as systemd does.
    """

    if not sys.platform.startswith("linux"):
        skip = "systemd is for Linux."

    def setUp(self) -> None:
        """
        Listen for messages.
        """
        self.manager = Manager()
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "notify")
        port = reactor.listenUNIXDatagram(self.path, self.manager)
        self.addCleanup(port.stopListening)

    def udpSocket(self) -> tuple[socket.socket, int]:
        """
        @return: a UDP socket that stays open, and its port.
        """
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        sock.bind(LOOPBACK)
        return sock, sock.getsockname()[1]

    def launch(
        self, *arguments: str, sockets: Mapping[str, socket.socket] = {}, **environ: str
    ) -> Program:
        """
        @param arguments: of C{twistd -n --pidfile=}.
        @param sockets: by their names.
        @param environ: more variables.
        """
        given = {
            "NOTIFY_SOCKET": self.path,
            "LISTEN_FDS": str(len(sockets)),
            "LISTEN_FDNAMES": ":".join(sockets),
            **environ,
        }
        for name, value in given.items():
            self.patch(os, "environ", {**os.environ, name: value})
        script = Path(self.mktemp())
        script.mkdir()
        launcher, twistd = (script / "launcher").absolute(), (script / "twistd").absolute()
        launcher.write_text(LAUNCHER)
        twistd.write_text("from twisted.scripts.twistd import run\nrun()\n")
        command = [str(launcher), str(twistd), "-n", "--pidfile=", *arguments]
        descriptors = {3 + at: sock.fileno() for at, sock in enumerate(sockets.values())}
        return self.spawn(sys.executable, command, descriptors)

    async def ask(self, port: int, options: str = "crypt=null") -> bytes:
        """
        @return: the echo.
        """
        questioner = Questioner()
        endpoint = clientFromString(reactor, f"kcp:127.0.0.1:{port}:{options}")
        await connectProtocol(endpoint, questioner)
        return await questioner.answered


class RelayTests(LiveCase):
    """
    The relay.
    """

    async def test_life(self) -> None:
        """
        It takes the socket by its name, says that it is ready when it listens there, lives, and
        says that it stops.
        """
        callers, target = await self.serve()
        other, _ = self.udpSocket()
        sock, port = self.udpSocket()
        ready, alive = self.manager.told("READY"), self.manager.told("WATCHDOG")
        program = self.launch(
            "kcp-relay",
            "--from",
            "kcp:systemd=relay:crypt=null",
            "--to",
            f"tcp:127.0.0.1:{target}",
            sockets={"other": other, "relay": sock},
            WATCHDOG_USEC="200000",
        )
        await ready
        await alive
        questioner = Questioner()
        endpoint = clientFromString(reactor, f"kcp:127.0.0.1:{port}:crypt=null")
        await connectProtocol(endpoint, questioner)
        caller = await callers.first()
        await caller.until(lambda: caller.received == 5)
        stopping = self.manager.told("STOPPING")
        self.kill(program, "TERM")
        await stopping
        await program.ended()
        self.assertEqual(self.manager.names, ["READY", "STOPPING"])

    async def test_number(self) -> None:
        """
        It takes the socket by its number, also for plain UDP.
        """
        sock, port = self.udpSocket()
        ready = self.manager.told("READY")
        target = freePort()
        self.launch(
            "kcp-relay",
            "--from",
            "udp:systemd=0",
            "--to",
            f"udp:127.0.0.1:{target}",
            sockets={"relay": sock},
        )
        await ready
        got: Deferred[bytes] = Deferred()

        class Target(DatagramProtocol):
            def datagramReceived(self, datagram: bytes, addr: Any) -> None:
                got.callback(datagram)

        there = reactor.listenUDP(target, Target(), "127.0.0.1")
        self.addCleanup(there.stopListening)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"hello", ("127.0.0.1", port))
        self.assertEqual(await got.addTimeout(PATIENCE, reactor), b"hello")

    async def test_reload(self) -> None:
        """
        On SIGHUP it says that it reloads, with the time that systemd can compare, and then that it
        is ready again.
        """
        config = Path(self.mktemp()).absolute()
        config.write_text(f'[[route]]\nfrom = "udp:{freePort()}"\nto = "udp:127.0.0.1:9"\n')
        ready = self.manager.told("READY")
        program = self.launch("kcp-relay", "--config", str(config))
        await ready
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        again = self.manager.told("READY")
        self.kill(program, "HUP")
        await again
        self.assertEqual(self.manager.names, ["READY", "RELOADING", "READY"])
        self.assertGreaterEqual(int(self.manager.messages[1]["MONOTONIC_USEC"]), before)

    async def test_wrong(self) -> None:
        """
        If it cannot start it never says that it is ready, and ends.
        """
        taken, port = self.udpSocket()
        program = self.launch(
            "kcp-relay", "--from", f"udp:{port}:interface=127.0.0.1", "--to", "udp:127.0.0.1:9"
        )
        await program.ended()
        self.assertEqual(program.status, 1, program.output)
        program = self.launch("kcp-relay", "--from", "kcp:systemd=0", "--to", "tcp:127.0.0.1:9")
        await program.ended()
        self.assertIn("systemd has given this process no socket", program.output)
        self.assertNotIn("READY", self.manager.names)
        taken.close()

    async def test_workers(self) -> None:
        """
        A relay with workers is ready when they listen, and they say nothing themselves.
        """
        _, target = await self.serve()
        ready = self.manager.told("READY")
        program = self.launch(
            "kcp-relay",
            "--from",
            f"kcp:{freePort()}:crypt=null:workers=2",
            "--to",
            f"tcp:127.0.0.1:{target}",
        )
        await ready
        self.assertIn("workers listening", program.output)
        self.kill(program, "TERM")
        await program.ended()
        self.assertEqual(self.manager.names, ["READY", "STOPPING"])


class ServerTests(LiveCase):
    """
    Any server that twistd runs.
    """

    async def test_echo(self) -> None:
        """
        The example.
        """
        sock, port = self.udpSocket()
        ready = self.manager.told("READY")
        program = self.launch(
            "--python",
            str(UNITS / "echo.tac"),
            sockets={"kcp-echo": sock},
            ECHO_ENDPOINT="kcp:systemd=kcp-echo:crypt=null",
        )
        await ready
        self.assertEqual(await self.ask(port), b"hello")
        self.kill(program, "TERM")
        await program.ended()
        self.assertEqual(self.manager.names, ["READY", "STOPPING"])


class UnitTests(SynchronousTestCase):
    """
    The units in C{examples/systemd}.
    """

    if ANALYZE is None:
        skip = "systemd-analyze is not installed."

    def verify(self, change: tuple[str, str] = ("", "")) -> tuple[int, str]:
        """
        @param change: text that is replaced everywhere, and what by.
        @return: the exit status of C{systemd-analyze verify}, and what it says.
        """
        assert ANALYZE is not None
        directory = Path(self.mktemp())
        directory.mkdir()
        paths = []
        for unit in sorted([*UNITS.glob("*.service"), *UNITS.glob("*.socket")]):
            text = unit.read_text().replace(BIN + "/twistd", sys.executable)
            # A template is checked as one of its instances.
            path = directory / unit.name.replace("@.", "@office.")
            path.write_text(text.replace(*change) if change[0] else text)
            paths.append(str(path.absolute()))
        command = [ANALYZE, "verify", "--man=no", *paths]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        # Units of the machine's own may be amiss.
        ours = "\n".join(line for line in done.stderr.splitlines() if str(directory) in line)
        return done.returncode, ours or (done.stderr if done.returncode else "")

    def test_accepted(self) -> None:
        """
        systemd accepts all of them.
        """
        self.assertEqual(self.verify(), (0, ""))

    def test_refused(self) -> None:
        """
        What systemd does not know would be found.
        """
        _, said = self.verify(("WatchdogSec=", "WatchDogSeconds="))
        self.assertIn("WatchDogSeconds", said)

    def test_named(self) -> None:
        """
        Each unit and the application are in the documentation.
        """
        text = (ROOT / "docs" / "systemd.md").read_text("utf-8")
        for path in UNITS.iterdir():
            if path.is_file():
                self.assertIn(f"../examples/systemd/{path.name}", text)

    def test_limits(self) -> None:
        """
        systemd gives each service more time to stop than it takes.
        """
        for path in UNITS.glob("*.service"):
            found = re.search(r"^TimeoutStopSec=(\d+)$", path.read_text(), re.MULTILINE)
            assert found is not None, path
            self.assertGreater(int(found[1]), 30)
