"""
L{kcptwisted.commands.bench.peer} in processes of its own.
"""

from __future__ import annotations

import json
from typing import Any

from tests.programs import Program, ProgramTestCase, freePort

SERVER = "kcp:0:interface=127.0.0.1:key=k"
TCP_SERVER = "tcp:0:interface=127.0.0.1"


class PeerTests(ProgramTestCase):
    """
    Servers and clients.
    """

    def peer(self, *arguments: str) -> Program:
        """
        @return: one that runs.
        """
        return self.start("-m", "kcptwisted.commands.bench.peer", *arguments)

    async def serve(self, endpoint: str = SERVER, role: str = "echo") -> tuple[Program, str]:
        """
        @return: a server, and the endpoint string of its clients.
        """
        server = self.peer("serve", endpoint, "--role", role)
        match = await server.printed(r"^listening (127\.0\.0\.1:\d+)\n")
        kind, _, options = endpoint.partition(":0:interface=127.0.0.1")
        return server, f"{kind}:{match[1]}{options}"

    async def play(self, role: str, endpoint: str, *arguments: str) -> dict[str, Any]:
        """
        @return: what a client prints.
        """
        client = self.peer(role, endpoint, *arguments)
        await client.ended()
        self.assertEqual(client.status, 0, client.output)
        found: dict[str, Any] = json.loads(client.output)
        self.assertEqual(found["role"], role)
        self.assertGreater(found["rss"], 1 << 20)
        self.assertTrue(0 < found["cpu_before"] <= found["cpu"])
        return found

    async def test_echo(self) -> None:
        """
        An echo server serves all roles but sink, one after the other, over KCP and over TCP.
        """
        for endpoint in (SERVER, TCP_SERVER):
            server, client = await self.serve(endpoint)
            found = await self.play("echo", client, "--bytes=300000", "--sessions=2")
            self.assertEqual(found["bytes"], 600_000)
            found = await self.play("pingpong", client, "--count=20", "--sessions=3", "--size=10")
            self.assertEqual((found["messages"], found["size"]), (60, 10))
            found = await self.play("paced", client, "--rate=100", "--seconds=0.2")
            self.assertEqual((found["messages"], found["lost"]), (20, 0))
            server.closeInput()
            await server.ended()
            self.assertEqual(server.status, 0, server.output)

    async def test_sink(self) -> None:
        """
        A sink counts.
        """
        for endpoint in (SERVER, TCP_SERVER):
            _, client = await self.serve(endpoint, "sink")
            found = await self.play("sink", client, "--bytes=300000")
            self.assertEqual(found["bytes"], 300_000)
            self.assertGreater(found["seconds"], 0)

    async def test_usage(self) -> None:
        """
        A server tells what it has used for each line that it is given, and once more at its end.
        """
        server, client = await self.serve()
        for _ in range(2):
            server.write("\n")
        await server.printed(r"(.*\n){3}")
        await self.play("echo", client, "--bytes=3000000")
        server.closeInput()
        await server.ended()
        told = [json.loads(line) for line in server.output.splitlines()[1:]]
        self.assertEqual([sorted(one) for one in told], [["cpu", "rss"]] * 3)
        cpus = [one["cpu"] for one in told]
        self.assertEqual(cpus, sorted(cpus))
        self.assertGreater(cpus[2], cpus[1])

    async def test_idle(self) -> None:
        """
        An idle client says when its sessions are there, and holds them until its input ends.
        """
        _, endpoint = await self.serve()
        client = self.peer("idle", endpoint, "--sessions=70")
        await client.printed("^ready\n")
        # Time enough for one that holds nothing to end.
        await self.play("pingpong", endpoint, "--count=1")
        self.assertIsNone(client.status)
        client.closeInput()
        await client.ended()
        self.assertEqual(client.status, 0, client.output)
        self.assertEqual(json.loads(client.output.partition("\n")[2])["sessions"], 70)

    async def test_ready(self) -> None:
        """
        Asked to, the other roles say when their sessions are there as well, before their result.
        """
        _, endpoint = await self.serve()
        for role in ("echo", "pingpong", "paced"):
            options = ["--seconds=0.1"] if role == "paced" else []
            client = self.peer(role, endpoint, "--ready", *options)
            await client.ended()
            first, second = client.output.splitlines()
            self.assertEqual((first, json.loads(second)["role"]), ("ready", role))

    async def test_parting(self) -> None:
        """
        A client ends its sessions: one that is refused for want of room gets in when others are
        done.
        """
        _, endpoint = await self.serve(f"{SERVER}:maxSessions=3")
        endpoint = endpoint.replace(":maxSessions=3", "")
        for _ in range(2):
            await self.play("pingpong", endpoint, "--count=1", "--sessions=3")

    async def check(self, status: int, expected: str, *arguments: str) -> None:
        """
        Have one fail.
        """
        peer = self.peer(*arguments)
        await peer.ended()
        self.assertEqual(peer.status, status, peer.output)
        self.assertIn(expected, peer.output)
        self.assertNotIn("Traceback", peer.output)

    async def test_failures(self) -> None:
        """
        What goes wrong is said in a line; the exit status tells a wrong command line from a failed
        run.
        """
        port = freePort()
        await self.check(1, "peer: PeerRefused: ", "echo", f"kcp:127.0.0.1:{port}:key=k")
        await self.check(2, "mode must be one of", "echo", "kcp:127.0.0.1:1:mode=warp")
        await self.check(2, "Unknown endpoint type", "serve", "carrier:pigeon")
        await self.check(2, "must be more than 0, not 0", "pingpong", "tcp:a:1", "--size=0")
        await self.check(
            2, "need a socket each", "idle", "tcp:127.0.0.1:1", "--sessions=1000000000"
        )

    async def test_watchdog(self) -> None:
        """
        A run that takes too long is ended.
        """
        await self.check(3, "not done within 0.5 s", "serve", SERVER, "--timeout=0.5")
        _, endpoint = await self.serve()
        client = self.peer("paced", endpoint, "--seconds=60", "--timeout=0.5")
        await client.ended()
        self.assertEqual((client.status, client.output), (3, "peer: not done within 0.5 s\n"))
