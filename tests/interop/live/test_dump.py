"""
C{kcptwisted dump} in a process of its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from random import Random
from typing import Any
from unittest import SkipTest

from twisted.protocols.wire import Echo

from kcptwisted.options import KCPOptions
from tests.commands.dump.captures import CLIENT, RAW, SERVER, START, packet, pcap, write
from tests.commands.dump.test_flows import push
from tests.interop.cases import OurEndsCase
from tests.interop.talking import Talker
from tests.programs import ROOT, ProgramTestCase

#: Bytes that are echoed.
SIZE = 200_000


def environment() -> dict[str, str]:
    """
    @return: that of a program which finds the package.
    """
    path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


class InterfaceTests(OurEndsCase, ProgramTestCase):
    """
    C{kcptwisted dump -i lo}, beside connections of ours.
    """

    timeout = 60

    async def capture(self, options: KCPOptions, *arguments: str) -> dict[str, Any]:
        """
        Exchange something while the command runs.

        @return: the summary.
        """
        if not sys.platform.startswith("linux") or os.geteuid():
            raise SkipTest("needs Linux and root")
        port = await self.listen(Echo, options)
        number = port.getHost().port
        program = self.start(
            *("-m", "kcptwisted", "dump", "-i", "lo", "--json", "--port", str(number)), *arguments
        )
        # What is captured first shows that it captures.
        talker = await self.connect(Talker(), number, options)
        while '"datagram"' not in program.output:
            await talker.exchange(b"are you there?")
        await talker.exchange(Random(1).randbytes(SIZE))
        talker.session.loseConnection()
        await talker.lost
        await program.printed('"frame":"fin-ack"')
        program.transport.signalProcess("TERM")
        await program.ended()
        self.assertEqual(program.status, 0, program.output)
        found = [json.loads(line) for line in program.output.splitlines()]
        (summary,) = [one for one in found if one["type"] != "datagram"]
        return dict(summary)

    async def test_cipher(self) -> None:
        """
        All that was written is in the summary, also where segmentation offload joined datagrams.
        """
        options = KCPOptions(crypt="aes-128-gcm", key="k", interface="127.0.0.1")
        summary = await self.capture(options, "--key", "k")
        self.assertEqual((summary["type"], summary["crypt"]), ("conversation", "aes-128-gcm"))
        for direction in summary["directions"]:
            self.assertGreaterEqual(direction["data"], SIZE)
            self.assertEqual(direction["missing"], 0)
            self.assertEqual(direction["malformed"], 0)

    async def test_guess(self) -> None:
        """
        So it is without a cipher, with FEC.
        """
        options = KCPOptions(crypt="null", dataShards=10, parityShards=3, interface="127.0.0.1")
        summary = await self.capture(options)
        self.assertEqual((summary["crypt"], summary["guess"]), ("null", True))
        for direction in summary["directions"]:
            self.assertGreaterEqual(direction["data"], SIZE)
            self.assertEqual(direction["fec"]["dataShards"], 10)
            self.assertEqual(direction["fec"]["missing"], 0)


class PipeTests(ProgramTestCase):
    """
    C{kcptwisted dump} in a pipe.
    """

    skip = None if find_spec("scapy") else "scapy is not installed"

    def command(self, *arguments: str) -> list[str]:
        """
        @return: the command line.
        """
        return [sys.executable, "-m", "kcptwisted", "dump", *arguments]

    def capture(self, count: int) -> bytes:
        """
        @return: a file with so many datagrams.
        """
        return pcap([(START, packet(CLIENT, SERVER, push(sn))) for sn in range(count)], RAW)

    def test_standardInput(self) -> None:
        """
        A capture may come from another program.
        """
        done = subprocess.run(
            self.command("-"), input=self.capture(3), capture_output=True, env=environment()
        )
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(done.stdout.count(b"PUSH sn="), 3)

    def test_closed(self) -> None:
        """
        If whoever reads has enough, it ends without a word.
        """
        path = write(self.mktemp(), self.capture(20_000))
        with subprocess.Popen(
            self.command(path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
        ) as program:
            assert program.stdout is not None and program.stderr is not None
            program.stdout.readline()
            program.stdout.close()
            self.assertEqual(program.stderr.read(), b"")
            self.assertEqual(program.wait(), 0)

    def test_interrupted(self) -> None:
        """
        Ctrl-C ends the reading, and the summary is printed.
        """
        with subprocess.Popen(
            self.command("-"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment(), "PYTHONUNBUFFERED": "1"},
        ) as program:
            assert program.stdin is not None and program.stdout is not None
            program.stdin.write(self.capture(200))
            program.stdin.flush()
            program.stdout.readline()
            program.send_signal(signal.SIGINT)
            output, errors = program.communicate(timeout=30)
            self.assertEqual((program.returncode, errors), (130, b""))
            self.assertIn(b"conversation 00c0ffee", output)
