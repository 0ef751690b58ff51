"""
Runs the examples, and the one in README.md, as a reader would.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installedReactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"

#: Seconds for one program's next line or end.
PATIENCE = 30

reactor: Any = installedReactor


class Program(ProcessProtocol):
    """
    A running program.

    @ivar output: what it has printed, warnings and errors included.
    @ivar status: its exit status; None while it runs, or if a signal ended it.
    """

    transport: IProcessTransport

    def __init__(self) -> None:
        self.output = ""
        self.status: int | None = None
        self._ended = False
        self._awaited: list[tuple[re.Pattern[str], Deferred[re.Match[str]]]] = []
        self._ends: list[Deferred[None]] = []

    def write(self, text: str) -> None:
        """
        Give it input.
        """
        self.transport.writeToChild(0, text.encode())

    def closeInput(self) -> None:
        """
        End its input.
        """
        self.transport.closeChildFD(0)

    def printed(self, pattern: str) -> Deferred[re.Match[str]]:
        """
        @return: fires with the first match of C{pattern} in the output, or fails when the program
            ends without one.
        """
        found: Deferred[re.Match[str]] = Deferred()
        found.addTimeout(PATIENCE, reactor, self._tooLate(f"{pattern!r} was not printed"))
        self._awaited.append((re.compile(pattern), found))
        self._look()
        return found

    def ended(self) -> Deferred[None]:
        """
        @return: fires when the program has ended.
        """
        if self._ended:
            return succeed(None)
        end: Deferred[None] = Deferred()
        end.addTimeout(PATIENCE, reactor, self._tooLate("the program did not end"))
        self._ends.append(end)
        return end

    def stop(self) -> Deferred[None]:
        """
        Kill it if it still runs.

        @return: fires when it is gone.
        """
        if not self._ended:
            self.transport.signalProcess("KILL")
        return self.ended()

    def _tooLate(self, what: str) -> Any:
        def complain(result: object, seconds: float) -> None:
            raise AssertionError(f"{what} within {seconds:g} s: {self.output}")

        return complain

    def _look(self) -> None:
        for item in list(self._awaited):
            pattern, found = item
            match = pattern.search(self.output)
            if match is not None:
                self._awaited.remove(item)
                found.callback(match)

    def outReceived(self, data: bytes) -> None:
        """
        Note what it prints.
        """
        self.output += data.decode()
        self._look()

    errReceived = outReceived

    def processEnded(self, reason: Failure) -> None:
        """
        Tell all who wait.
        """
        self._ended = True
        self.status = getattr(reason.value, "exitCode", None)
        for pattern, found in self._awaited:
            problem = AssertionError(f"{pattern.pattern!r} was never printed: {self.output}")
            found.errback(problem)
        self._awaited.clear()
        ends, self._ends = self._ends, []
        for end in ends:
            end.callback(None)


class ProgramTestCase(TestCase):
    """
    Starts programs that do not outlive the test.
    """

    timeout = 120

    def start(self, *arguments: str) -> Program:
        """
        @param arguments: of the Python interpreter.
        """
        program = Program()
        directory = self.mktemp()
        os.mkdir(directory)
        path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path),
            "PYTHONUTF8": "1",
            "PYTHONUNBUFFERED": "1",
        }
        reactor.spawnProcess(
            program, sys.executable, [sys.executable, *arguments], environment, directory
        )
        self.addCleanup(program.stop)
        return program

    def startExample(self, name: str, *arguments: str) -> Program:
        """
        @param name: of a file in examples/.
        """
        return self.start(str(EXAMPLES / name), *arguments)

    async def startServer(self, name: str, *arguments: str) -> tuple[Program, int]:
        """
        @return: the program, and the port it printed.
        """
        program = self.startExample(name, *arguments)
        match = await program.printed(r"listening on port (\d+)\n")
        return program, int(match[1])


class EchoTests(ProgramTestCase):
    """
    Tests for echo_server.py and echo_client.py.
    """

    async def test_echo(self) -> None:
        """
        The client prints what it sent; the server goes on.
        """
        server, port = await self.startServer(
            "echo_server.py", "kcp:0:interface=127.0.0.1:key=sesame"
        )
        for text in ("hello", "grüß dich", "x" * 5000):
            client = self.startExample("echo_client.py", f"kcp:127.0.0.1:{port}:key=sesame", text)
            await client.printed(re.escape(text) + r" \([0-9.]+ ms\)\n")
            await client.ended()
            self.assertEqual(client.status, 0, client.output)
        self.assertIsNone(server.status)

    async def test_serverSaysWhatItCarried(self) -> None:
        """
        When it is stopped, the server prints each connection's counters.
        """
        server, port = await self.startServer(
            "echo_server.py", "kcp:0:interface=127.0.0.1:key=sesame"
        )
        client = self.startExample("echo_client.py", f"kcp:127.0.0.1:{port}:key=sesame", "hello")
        await client.ended()
        server.transport.signalProcess("TERM")
        await server.printed(r"<SessionStats BytesReceived=5 BytesSent=5 .*>\n")
        await server.ended()

    async def test_nobodyThere(self) -> None:
        """
        The client's status is 1 if it cannot connect.
        """
        client = self.startExample("echo_client.py", f"kcp:127.0.0.1:{freePort()}:key=sesame")
        await client.printed("PeerRefused")
        await client.ended()
        self.assertEqual(client.status, 1)


class MessageChatTests(ProgramTestCase):
    """
    Tests for message_chat.py.
    """

    async def test_chat(self) -> None:
        """
        What one member types the others see, each line by itself, and whoever leaves is let go.
        """
        room, port = await self.startServer(
            "message_chat.py", "open", "kcp:0:interface=127.0.0.1:stream=no:key=sesame"
        )
        endpoint = f"kcp:127.0.0.1:{port}:stream=no:key=sesame"
        alice = self.startExample("message_chat.py", "join", endpoint, "Alice")
        # Alice hears of Bob only if she was there first.
        await alice.printed("connected\n")
        bob = self.startExample("message_chat.py", "join", endpoint, "Bob")
        await alice.printed("Bob: has joined\n")
        alice.write("first\nsecond\n")
        await bob.printed("Alice: first\nAlice: second\n")
        alice.closeInput()
        await alice.ended()
        self.assertEqual(alice.status, 0, alice.output)
        await room.printed("1 left: Connection was closed cleanly")
        bob.closeInput()
        await bob.ended()
        self.assertEqual(bob.status, 0, bob.output)
        await room.printed("0 left: Connection was closed cleanly")

    async def test_usage(self) -> None:
        """
        Without arguments it says how to run it.
        """
        program = self.startExample("message_chat.py")
        await program.printed("message_chat.py join")
        await program.ended()
        self.assertEqual(program.status, 1)


class CustomLayerTests(ProgramTestCase):
    """
    Tests for custom_layer.py.
    """

    async def test_runs(self) -> None:
        """
        A word gets through the layers, which were used.
        """
        program = self.startExample("custom_layer.py")
        await program.printed("heard hello\n")
        await program.printed(r"masked [1-9]\d* datagrams\n")
        await program.ended()
        self.assertEqual(program.status, 0, program.output)


class CustomCipherTests(ProgramTestCase):
    """
    Tests for custom_cipher.py.
    """

    async def test_runs(self) -> None:
        """
        A word gets through the cipher.
        """
        program = self.startExample("custom_cipher.py")
        await program.printed("heard hello\n")
        await program.ended()
        self.assertEqual(program.status, 0, program.output)

    async def test_isUsed(self) -> None:
        """
        The name stands for AES-OCB3 with the key that is derived from the passphrase.
        """
        check = (
            "import sys; sys.path.insert(0, sys.argv[1]); import custom_cipher\n"
            "from cryptography.hazmat.primitives.ciphers.aead import AESOCB3\n"
            "from kcptwisted.options import KCPOptions\n"
            "options = KCPOptions(crypt='aes-256-ocb', key='sesame')\n"
            "[sealed] = options.cipher.make(options.cipherKey).seal([b'a word'])\n"
            "print(AESOCB3(options.cipherKey).decrypt(sealed[:12], sealed[12:], None))\n"
        )
        program = self.start("-c", check, str(EXAMPLES))
        await program.printed("b'a word'\n")
        await program.ended()
        self.assertEqual(program.status, 0, program.output)


class OutOfBandPositionTests(ProgramTestCase):
    """
    Tests for outofband_position.py.
    """

    async def test_play(self) -> None:
        """
        The world knows where a player is that says something, the others hear it, and whoever
        leaves is let go.
        """
        options = "dataShards=10:parityShards=3:key=sesame"
        world, port = await self.startServer(
            "outofband_position.py", "open", f"kcp:0:interface=127.0.0.1:{options}"
        )
        endpoint = f"kcp:127.0.0.1:{port}:{options}"
        players = []
        for name in ("Alice", "Bob"):
            player = self.startExample("outofband_position.py", "play", endpoint, name)
            await player.printed("connected\n")
            # The first line may overtake the first position.
            player.write("here I come\n")
            await world.printed(f"{name}: here I come")
            player.write("here I am\n")
            await world.printed(rf"{name}: here I am \[at \(-?\d+, -?\d+\)\]\n")
            players.append(player)
        alice, bob = players
        await alice.printed("Bob: here I come\nBob: here I am\n")
        alice.write("hello\n")
        await bob.printed("Alice: hello\n")
        for player in players:
            player.closeInput()
            await player.printed("goodbye: Connection was closed cleanly")
            await player.ended()
            self.assertEqual(player.status, 0, player.output)
        await world.printed(r"(one left after [1-9]\d* positions\n){2}")

    async def test_withoutFEC(self) -> None:
        """
        A player whose endpoint names no shards is told so.
        """
        _, port = await self.startServer(
            "outofband_position.py", "open", "kcp:0:interface=127.0.0.1:key=sesame"
        )
        player = self.startExample(
            "outofband_position.py", "play", f"kcp:127.0.0.1:{port}:key=sesame", "Alice"
        )
        await player.printed("need dataShards and parityShards\n")
        await player.ended()

    async def test_usage(self) -> None:
        """
        Without arguments it says how to run it.
        """
        program = self.startExample("outofband_position.py")
        await program.printed("outofband_position.py play")
        await program.ended()
        self.assertEqual(program.status, 1)


class TrialExampleTests(ProgramTestCase):
    """
    Tests for trial_example.py.
    """

    async def test_passes(self) -> None:
        """
        trial runs it, and its tests pass.
        """
        program = self.start("-m", "twisted.trial", str(EXAMPLES / "trial_example.py"))
        await program.printed(r"PASSED \(successes=5\)")
        await program.ended()
        self.assertEqual(program.status, 0, program.output)


class ReadmeExampleTests(ProgramTestCase):
    """
    Tests for the program in README.md.
    """

    async def test_runs(self) -> None:
        """
        It prints the greeting that came back, and ends.
        """
        readme = ROOT / "README.md"
        match = re.search(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
        assert match is not None
        source = match[1].replace("4000", str(freePort()))
        program = self.start("-c", source)
        await program.printed("hello\n")
        await program.ended()
        self.assertEqual(program.status, 0, program.output)


def freePort() -> int:
    """
    @return: a UDP port of the loopback interface where nothing listens.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
