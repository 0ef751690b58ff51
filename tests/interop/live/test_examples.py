"""
Runs the examples, and the one in README.md, as a reader would.
"""

from __future__ import annotations

import os
import re
import signal

from twisted.python.filepath import FilePath

from kcptwisted.testing.link import Link
from kcptwisted.testing.lossyrelay import LossyRelay
from tests.programs import EXAMPLES, ROOT, Program, ProgramTestCase, freePort, reactor
from tests.tlscases import skipTLS
from tests.workers.clients import WorkersCase, isLinux


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
        await server.printed(r"<SessionStats BytesSent=5 BytesReceived=5 .*>\n")
        await server.ended()

    async def test_nobodyThere(self) -> None:
        """
        The client's status is 1 if it cannot connect.
        """
        client = self.startExample("echo_client.py", f"kcp:127.0.0.1:{freePort()}:key=sesame")
        await client.printed("PeerRefused")
        await client.ended()
        self.assertEqual(client.status, 1)


class SmuxTests(ProgramTestCase):
    """
    Tests for smux_streams.py.
    """

    async def test_fetch(self) -> None:
        """
        Questions are answered while the download stands still, and all of it comes.
        """
        _, port = await self.startServer(
            "smux_streams.py", "serve", "smux:kcp:0:interface=127.0.0.1:key=sesame"
        )
        client = self.startExample(
            "smux_streams.py", "fetch", f"smux:kcp:127.0.0.1:{port}:key=sesame"
        )
        await client.ended()
        self.assertEqual(
            client.output,
            "stressed: desserts\ndrawer: reward\nfile: 3000000 bytes\n3 streams, 1 connection\n",
        )
        self.assertEqual(client.status, 0)


class StartTLSTests(ProgramTestCase):
    """
    Tests for starttls.py.
    """

    skip = skipTLS

    async def test_tell(self) -> None:
        """
        The server hears the greeting without TLS, and the secret with it.
        """
        file = os.path.abspath(self.mktemp())
        server, port = await self.startServer(
            "starttls.py", "serve", file, "kcp:0:interface=127.0.0.1:key=sesame"
        )
        client = self.startExample(
            "starttls.py", "tell", file, f"kcp:127.0.0.1:{port}:key=sesame", "my secret"
        )
        await client.ended()
        self.assertEqual(client.output, "told\nConnection was closed cleanly.\n")
        await server.printed(r"'hello' over <KCPTransport \d+ established, \S+ to \S+>\n")
        await server.printed(r"'my secret' over <KCPTransport .*, TLS>\n")


class LifecycleTests(ProgramTestCase):
    """
    Tests for lifecycle.py.
    """

    async def count(self, port: int = 0) -> tuple[Program, int]:
        """
        @return: a server, and its port.
        """
        return await self.startServer(
            "lifecycle.py", "count", f"kcp:{port}:interface=127.0.0.1:retry=yes:key=sesame"
        )

    def tell(self, port: int) -> Program:
        """
        @return: a client that soon notices when its server is gone.
        """
        return self.startExample(
            "lifecycle.py", "tell", f"kcp:127.0.0.1:{port}:keepAlive=0.3:deadAfter=20:key=sesame"
        )

    async def test_restart(self) -> None:
        """
        When the server is killed and started again, the client is told, connects anew and goes on.
        """
        server, port = await self.count()
        client = self.tell(port)
        await client.printed("connected\n")
        client.write("first\n")
        await server.printed("told: first\n")
        await server.stop()
        await self.count(port)
        await client.printed(r"lost: Peer(Restarted|Refused): (.*\n)+connected\n")
        client.write("second\n")
        client.closeInput()
        await client.printed("the server counted 1 lines\n")
        await client.ended()
        self.assertEqual(client.status, 0, client.output)

    async def test_halfClose(self) -> None:
        """
        The server answers when the client has stopped writing; both ends see a clean close.
        """
        server, port = await self.count()
        client = self.tell(port)
        client.write("one\ntwo\nthree\n")
        client.closeInput()
        await client.printed(
            r"connected\n(.*\n)*the server counted 3 lines\n(.*\n)*lost: ConnectionDone: "
        )
        await client.ended()
        self.assertEqual(client.status, 0, client.output)
        await server.printed("lost a client: ConnectionDone: ")

    async def test_serverStops(self) -> None:
        """
        A server that is asked to stop closes its connections, and ends.
        """
        server, port = await self.count()
        client = self.tell(port)
        await client.printed("connected\n")
        server.transport.signalProcess("TERM")
        await client.printed("lost: ConnectionDone: ")
        await server.printed("lost a client: ConnectionDone: ")
        await server.ended()

    async def test_usage(self) -> None:
        """
        Without arguments it says how to run it.
        """
        program = self.startExample("lifecycle.py")
        await program.printed("lifecycle.py tell")
        await program.ended()
        self.assertEqual(program.status, 1)


class RoamingClientTests(ProgramTestCase):
    """
    Tests for roaming_client.py.
    """

    async def test_signal(self) -> None:
        """
        When it is told that the network has changed it goes on from another port, and the server
        follows.
        """
        _, port = await self.startServer("echo_server.py", "kcp:0:interface=127.0.0.1:key=sesame")
        client = self.startExample("roaming_client.py", f"kcp:127.0.0.1:{port}:key=sesame")
        await client.printed("connected from ")
        client.write("first\n")
        await client.printed("echoed: first\n")
        for number in range(3):
            client.transport.signalProcess(signal.SIGUSR1)
            await client.printed(rf"(going on from (.*\n)+?){{{number + 1}}}")
            client.write(f"number {number}\n")
            await client.printed(f"echoed: number {number}\n")
        ports = re.findall(r"from (\d+)\n", client.output)
        self.assertEqual(len(set(ports)), 4)
        client.closeInput()
        await client.ended()
        self.assertEqual(client.status, 0, client.output)


class WorkerServiceTests(WorkersCase):
    """
    Tests for worker_service.py.
    """

    if not isLinux():
        skip = "only Linux shares a port out"

    async def test_echo(self) -> None:
        """
        Both workers echo, and what is to be done once is done by the master.
        """
        endpoint = "kcp:0:interface=127.0.0.1:key=sesame:workers=2"
        self.patch(os, "environ", {**os.environ, "ENDPOINT": endpoint})
        service = self.twistd("-noy", str(EXAMPLES / "worker_service.py"))
        port = int((await service.printed(r"2 workers listening on .*port=(\d+)"))[1])
        for number in (0, 1):
            while not re.search(rf"worker {number}: .* a client", service.output):
                asker = await self.connect(port)
                self.assertEqual(await asker.ask(b"hello"), b"hello")
        await service.printed("the master is there")
        self.assertEqual(len(re.findall("the master is there", service.output)), 1)
        service.transport.signalProcess("TERM")
        await service.printed(r"\] Server Shut Down\.\n")
        await service.ended()


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


class OwnCongestionTests(ProgramTestCase):
    """
    Tests for own_congestion.py.
    """

    async def test_runs(self) -> None:
        """
        All bytes arrive, at about the rate of the line.
        """
        program = self.startExample("own_congestion.py")
        await program.printed(r"2000000 bytes in 2\.\d s, \d{1,2} datagrams dropped\n")
        await program.ended()
        self.assertEqual(program.status, 0, program.output)

    async def test_isUsed(self) -> None:
        """
        The name stands for the control that the program registers.
        """
        check = (
            "import sys; sys.path.insert(0, sys.argv[1]); import own_congestion\n"
            "from kcptwisted.options import KCPOptions\n"
            "options = KCPOptions(crypt='null', congestion='reno')\n"
            "spec = options.connectionSettings(0).arq.congestion\n"
            "control = spec.make(1400, 40)\n"
            "print(type(control).__name__, control.window)\n"
        )
        program = self.start("-c", check, str(EXAMPLES))
        await program.printed("Reno 14000\n")
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


class LiveTuningTests(ProgramTestCase):
    """
    Tests for live_tuning.py.
    """

    async def test_slower(self) -> None:
        """
        The sender tries for more while the round trip is short, and for less when it grows.  All
        that it sent arrives.
        """
        receiver, port = await self.startServer(
            "live_tuning.py", "receive", "kcp:0:interface=127.0.0.1:key=sesame"
        )
        relay = LossyRelay(reactor, ("127.0.0.1", port), Link(), seed=1)
        self.addCleanup(relay.stop)
        endpoint = f"kcp:127.0.0.1:{relay.start()}:key=sesame"
        sender = self.startExample("live_tuning.py", "send", endpoint, "4")
        await sender.printed(r"round trip \d+ ms, \d+ in flight: faster, 1\d\d\d kB/s\n")
        relay.outward.link = relay.inward.link = Link(delay=0.15)
        await sender.printed(r"round trip \d+ ms, \d+ in flight: slower, \d+ kB/s\n")
        relay.outward.link = relay.inward.link = Link()
        match = await sender.printed(r"(\d+) bytes: Connection was closed cleanly")
        await sender.ended()
        self.assertEqual(sender.status, 0, sender.output)
        await receiver.printed(rf"\b{match[1]} bytes received\n")

    async def test_rates(self) -> None:
        """
        The rate keeps between its bounds, and waits for the first round trip.
        """
        check = (
            "import sys; sys.path.insert(0, sys.argv[1]); from live_tuning import Tuner\n"
            "tuner = Tuner()\n"
            "print(tuner.look(0), tuner.rate)\n"
            "print(tuner.look(20), tuner.look(70), tuner.rate)\n"
            "print(tuner.look(71), tuner.rate)\n"
            "for _ in range(99): tuner.look(200)\n"
            "print(tuner.rate)\n"
            "for _ in range(99): tuner.look(20)\n"
            "print(tuner.rate)\n"
        )
        program = self.start("-c", check, str(EXAMPLES))
        await program.ended()
        expected = "False 1000000\nFalse False 1210000\nTrue 847000\n100000\n100000000\n"
        self.assertEqual(program.output, expected)

    async def test_usage(self) -> None:
        """
        Without arguments it says how to run it.
        """
        program = self.startExample("live_tuning.py")
        await program.printed("live_tuning.py send")
        await program.ended()
        self.assertEqual(program.status, 1)


class SharedUplinkTests(ProgramTestCase):
    """
    Tests for shared_uplink.py.
    """

    async def test_shared(self) -> None:
        """
        Two that fetch at the same time together get no more than the port may send.
        """
        path = FilePath(self.mktemp())
        path.setContent(bytes(60_000))
        _, port = await self.startServer(
            "shared_uplink.py", "serve", "kcp:0:interface=127.0.0.1:key=sesame", "60000", path.path
        )
        endpoint = f"kcp:127.0.0.1:{port}:key=sesame"
        rates = []
        clients = [self.startExample("shared_uplink.py", "fetch", endpoint) for _ in range(2)]
        for client in clients:
            match = await client.printed(r"60000 bytes, (\d+) bytes/s\n")
            rates.append(int(match[1]))
            await client.ended()
            self.assertEqual(client.status, 0, client.output)
        # Without the limit they would have megabytes a second.
        self.assertLess(min(rates), 50_000)

    async def test_usage(self) -> None:
        """
        Without arguments it says how to run it.
        """
        program = self.startExample("shared_uplink.py")
        await program.printed("shared_uplink.py serve")
        await program.ended()
        self.assertEqual(program.status, 1)


class ChooseOptionsTests(ProgramTestCase):
    """
    Tests for choose_options.py.
    """

    async def test_compares(self) -> None:
        """
        There is a line for each set of options, and no message comes back before the link lets it.
        """
        first, second = "mode=fast3", "mode=fast3:dataShards=3:parityShards=1"
        program = self.startExample("choose_options.py", "0.5", first, second)
        for options in (first, second):
            match = await program.printed(rf"(\d+\.\d) +(\d+\.\d) +(\d+\.\d)  {options}\n")
            p50, p99, longest = map(float, match.groups())
            self.assertTrue(50 <= p50 <= p99 <= longest, program.output)
        await program.ended()
        self.assertEqual(program.status, 0, program.output)

    async def test_wrong(self) -> None:
        """
        Options that are wrong are named, and without any it says how to run it.
        """
        for arguments, expected in ((["1", "mode=warp"], "mode must be"), ([], "a number of sec")):
            program = self.startExample("choose_options.py", *arguments)
            await program.printed(expected)
            await program.ended()
            self.assertEqual(program.status, 1)
            self.assertNotIn("Traceback", program.output)


class HolePunchingTests(ProgramTestCase):
    """
    Tests for hole_punching.py.
    """

    async def test_meet(self) -> None:
        """
        Both ends find each other, and greet.
        """
        _, port = await self.startServer("hole_punching.py", "introduce", "0")
        ends = [
            self.startExample(
                "hole_punching.py", end, "127.0.0.1", str(port), "a word", "key=sesame:mode=fast3"
            )
            for end in ("listen", "connect")
        ]
        for end in ends:
            await end.printed(r"hello from IPv4Address\(type='UDP', host='127.0.0.1', port=\d+\)\n")
        for end in ends:
            await end.ended()
            self.assertEqual(end.status, 0, end.output)


class TrialExampleTests(ProgramTestCase):
    """
    Tests for trial_example.py.
    """

    async def test_passes(self) -> None:
        """
        trial runs it, and its tests pass.
        """
        program = self.start("-m", "twisted.trial", str(EXAMPLES / "trial_example.py"))
        await program.printed(r"PASSED \(successes=6\)")
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
