"""
A relay whose configuration changes while it runs.
"""

from __future__ import annotations

from pathlib import Path

from tests.programs import Program, freePort
from tests.services.relay.programs import Caller, Callers, RelaysCase, freeTCPPort
from tests.workers.clients import isLinux


class ReloadingTests(RelaysCase):
    """
    SIGHUP.
    """

    async def begin(self) -> tuple[Program, Callers, Caller]:
        """
        @return: a relay with a route of KCP, which is reached through another relay, those who are
            connected at its target, and a client.
        """
        callers, self.target = await self.serve()
        self.kcp, near = freePort(), freeTCPPort()
        self.path = Path(self.mktemp()).absolute()
        self.write(self.route(self.kcp, self.target))
        program = self.kcpRelay("--config", str(self.path))
        await program.printed("Listening at")
        await self.listening(
            f"tcp:{near}:interface=127.0.0.1", f"kcp:127.0.0.1:{self.kcp}:key=k:timeout=5"
        )
        self.near = near
        client = await self.connect(near)
        await self.passes(client, await callers.first())
        return program, callers, client

    def route(self, port: int, target: int, more: str = "") -> str:
        """
        @return: a route of a file.
        """
        return (
            f'[[route]]\nfrom = "kcp:{port}:interface=127.0.0.1:key=k{more}"\n'
            f'to = "tcp:127.0.0.1:{target}"\n'
        )

    def tcp(self, port: int) -> str:
        """
        @return: a route of TCP to the same target.
        """
        return (
            f'[[route]]\nfrom = "tcp:{port}:interface=127.0.0.1"\n'
            f'to = "tcp:127.0.0.1:{self.target}"\n'
        )

    def write(self, *routes: str) -> None:
        """
        Write the file.
        """
        self.path.write_text("".join(routes))

    async def reload(self, program: Program, said: str) -> None:
        """
        Send the signal, and wait for what the log then says.
        """
        before = program.output
        program.output = ""
        self.kill(program, "HUP")
        await program.printed(said)
        program.output = before + program.output

    async def passes(self, client: Caller, server: Caller) -> None:
        """
        Fail if nothing goes through any more.
        """
        for here, there in ((client, server), (server, client)):
            before = there.received
            here.transport.write(b"hello")
            await there.until(lambda there=there, before=before: there.received == before + 5)

    async def test_changes(self) -> None:
        """
        Connections stay, whatever becomes of their route, and new ones take the new one.
        """
        program, callers, client = await self.begin()
        server = callers.made[0]
        others, second = await self.serve()
        self.write(self.route(self.kcp, second))
        await self.reload(program, "0 added, 0 removed, 1 changed, 0 as before")
        await self.passes(client, server)
        another = await self.connect(self.near)
        await self.passes(another, await others.first())
        self.assertEqual(len(callers.made), 1)
        tcp = freeTCPPort()
        self.write(self.tcp(tcp))
        await self.reload(program, "1 added, 1 removed, 0 changed, 0 as before")
        await self.passes(client, server)
        await self.passes(another, others.made[0])
        callers.made.clear()
        third = await self.connect(tcp)
        await self.passes(third, await callers.first())
        refused = await self.connect(self.near)
        await refused.over()
        self.write(self.tcp(freeTCPPort()))
        await self.reload(program, "1 added, 1 removed, 0 changed, 0 as before")
        await self.passes(client, server)
        self.assertIsNone(third.reason)
        self.kill(program, "TERM")
        await program.ended()
        self.assertNotIn("Traceback", program.output)

    async def test_broken(self) -> None:
        """
        A file that is wrong, or gone, changes nothing, and is named in one line.
        """
        program, callers, client = await self.begin()
        self.write("[[route]\n")
        await self.reload(program, f"The configuration stays as it was: {self.path}: Expected")
        self.path.unlink()
        await self.reload(program, f"stays as it was: {self.path}: No such file or directory")
        await self.passes(client, callers.made[0])
        await self.connect(self.near)
        self.assertNotIn("Traceback", program.output)

    async def test_options(self) -> None:
        """
        Options of an open KCP port stay, which the log says; a port that is in use is left out.
        """
        program, callers, client = await self.begin()
        self.write(self.route(self.kcp, self.target, ":mode=fast3"))
        await self.reload(program, "Options of the open port stay as they are until a restart")
        self.write(self.route(self.kcp, self.target), self.tcp(self.near))
        await self.reload(program, "Cannot listen: .*Address already in use")
        await self.passes(client, callers.made[0])

    async def test_sameTCPPort(self) -> None:
        """
        Another route at a TCP port takes it over.
        """
        program, callers, client = await self.begin()
        port = freeTCPPort()
        self.write(self.tcp(port))
        await self.reload(program, "1 added, 1 removed")
        first = await self.connect(port)
        self.write(self.tcp(port).replace("interface", "backlog=9:interface"))
        await self.reload(program, "1 added, 1 removed")
        callers.made.clear()
        second = await self.connect(port)
        await self.passes(second, await callers.first())
        self.assertIsNone(first.reason)
        self.assertIsNone(client.reason)


class WorkersTests(RelaysCase):
    """
    Routes with workers.
    """

    async def test_reload(self) -> None:
        """
        The signal reaches the workers, whose connections stay.
        """
        callers, target = await self.serve()
        others, second = await self.serve()
        between, near = freePort(), freeTCPPort()
        path = Path(self.mktemp()).absolute()
        text = f'[[route]]\nfrom = "kcp:{between}:interface=127.0.0.1:key=k:workers=2"\n'
        path.write_text(f'{text}to = "tcp:127.0.0.1:{target}"\n')
        program = self.kcpRelay("--config", str(path))
        await program.printed("workers listening")
        await self.listening(f"tcp:{near}:interface=127.0.0.1", f"kcp:127.0.0.1:{between}:key=k")
        client = await self.connect(near)
        server = await callers.first()
        path.write_text(f'{text}to = "tcp:127.0.0.1:{second}"\n')
        self.kill(program, "HUP")
        for number in range(2):
            await program.printed(f"worker {number}: .*1 changed, 0 as before")
        client.transport.write(b"hello")
        await server.until(lambda: server.received == 5)
        for _ in range(3):
            await self.connect(near)
        await others.first()
        self.assertEqual(len(callers.made), 1)
        self.assertNotIn("stay as they are", program.output)

    if not isLinux():
        skip = "only Linux shares a port out"

    async def test_others(self) -> None:
        """
        The other routes are served by the master, not by the workers.
        """
        callers, target = await self.serve()
        between, near, plain = freePort(), freeTCPPort(), freeTCPPort()
        program = self.kcpRelay(
            *("--from", f"kcp:{between}:interface=127.0.0.1:key=k:workers=2"),
            *("--to", f"tcp:127.0.0.1:{target}"),
            *("--from", f"tcp:{plain}:interface=127.0.0.1", "--to", f"tcp:127.0.0.1:{target}"),
        )
        await program.printed("workers listening")
        await self.listening(f"tcp:{near}:interface=127.0.0.1", f"kcp:127.0.0.1:{between}:key=k")
        for port in (near, plain):
            client = await self.connect(port)
            client.transport.write(b"hello")
            server = await callers.first()
            callers.made.clear()
            await server.until(lambda server=server: server.received == 5)
        self.kill(program, "TERM")
        await program.ended()
        self.assertNotIn("Cannot listen", program.output)
