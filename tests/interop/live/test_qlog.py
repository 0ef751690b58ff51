"""
C{qlog=} in programs, and the example that draws it.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from unittest import SkipTest

from tests.programs import ProgramTestCase
from tests.qlog.records import named, problems, read
from tests.workers.clients import isLinux


class ProgramTests(ProgramTestCase):
    """
    Servers and clients that are programs.
    """

    def directory(self) -> str:
        """
        @return: a new one.
        """
        path: str = os.path.abspath(self.mktemp())
        os.mkdir(path)
        return path

    async def test_draw(self) -> None:
        """
        plot_qlog.py draws the file of a client, and says how it ended.
        """
        if not find_spec("matplotlib"):
            raise SkipTest("matplotlib is not installed")
        path = self.directory()
        _, port = await self.startServer("echo_server.py", "kcp:0:interface=127.0.0.1:key=sesame")
        client = self.startExample(
            "echo_client.py", f"kcp:127.0.0.1:{port}:key=sesame:qlog={path}", "x" * 50_000
        )
        await client.ended()
        (file,) = Path(path).iterdir()
        picture = os.path.join(path, "picture.svg")
        plot = self.startExample("plot_qlog.py", str(file), picture)
        await plot.ended()
        self.assertEqual(plot.status, 0, plot.output)
        self.assertRegex(plot.output, r"^\d+ events in \d+\.\d{3} s: Connection was closed cleanly")
        self.assertIn("</svg>", Path(picture).read_text("utf-8"))
        plot = self.startExample("plot_qlog.py")
        await plot.ended()
        self.assertEqual(plot.status, 2)

    async def test_killed(self) -> None:
        """
        plot_qlog.py takes a file that ends in the middle of a record.
        """
        if not find_spec("matplotlib"):
            raise SkipTest("matplotlib is not installed")
        path = self.directory()
        _, port = await self.startServer("echo_server.py", "kcp:0:interface=127.0.0.1:key=sesame")
        client = self.startExample(
            "echo_client.py", f"kcp:127.0.0.1:{port}:key=sesame:qlog={path}", "x" * 50_000
        )
        await client.ended()
        (file,) = Path(path).iterdir()
        file.write_bytes(file.read_bytes()[:-20])
        plot = self.startExample("plot_qlog.py", str(file), os.path.join(path, "picture.svg"))
        await plot.ended()
        self.assertEqual(plot.status, 0, plot.output)
        self.assertIn("no end", plot.output)

    async def test_signal(self) -> None:
        """
        A server that is stopped by a signal writes the files of its connections.
        """
        path = self.directory()
        server, port = await self.startServer(
            "echo_server.py", f"kcp:0:interface=127.0.0.1:key=sesame:qlog={path}"
        )
        client = self.startExample("echo_client.py", f"kcp:127.0.0.1:{port}:key=sesame", "hello")
        await client.ended()
        server.transport.signalProcess("TERM")
        await server.ended()
        (file,) = Path(path).iterdir()
        records = read(file)
        self.assertEqual(problems(records), [])
        self.assertEqual(len(named(records, "connection_closed")), 1)

    async def test_workers(self) -> None:
        """
        Workers write files of their own connections.
        """
        if not isLinux():
            raise SkipTest("workers need Linux")
        path = self.directory()
        server, port = await self.startServer(
            "echo_server.py", f"kcp:0:interface=127.0.0.1:key=sesame:workers=2:qlog={path}"
        )
        clients = [
            self.startExample("echo_client.py", f"kcp:127.0.0.1:{port}:key=sesame", "hello")
            for _ in range(6)
        ]
        for client in clients:
            await client.ended()
            self.assertEqual(client.status, 0, client.output)
        server.transport.signalProcess("TERM")
        await server.ended()
        files = [read(file) for file in Path(path).iterdir()]
        self.assertEqual(len(files), 6)
        for records in files:
            self.assertEqual(problems(records), [])
            self.assertEqual(len(named(records, "connection_closed")), 1)

    async def test_noDirectory(self) -> None:
        """
        A directory that is not there is said at the start.
        """
        client = self.startExample("echo_client.py", "kcp:127.0.0.1:1:key=sesame:qlog=/no/such")
        await client.printed("qlog must be a directory that can be written to; there is none")
        await client.ended()
        self.assertNotEqual(client.status, 0)
