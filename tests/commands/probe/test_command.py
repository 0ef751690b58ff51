"""
Tests for L{kcptwisted.commands.probe.command} and L{kcptwisted.commands.probe.plot}.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

from kcptwisted.__main__ import buildParser
from kcptwisted.commands.probe import command
from kcptwisted.commands.probe.endpoint import parse
from kcptwisted.testing.link import Link
from tests.commands.probe.networks import CLIENT, PORT, SERVER, ProbingTestCase


class UsageTests(ProbingTestCase):
    """
    Command lines that are wrong: nothing is sent.
    """

    def test_wrong(self) -> None:
        """
        What is wrong is named.
        """
        server = "127.0.0.1:1"
        for arguments, what in (
            (["127.0.0.1"], "port"),
            ([f"{server}:mode=x"], "mode"),
            ([server, "--megabytes", "0.01"], "--megabytes must be 0.05 to 1000"),
            ([server, "--seconds", "nan"], "--seconds must be 1 to 600"),
            ([server, "--plot", "x.gif"], "--plot"),
        ):
            output, errors = StringIO(), StringIO()
            parsed = buildParser().parse_args(["probe", *arguments])
            self.assertEqual(command.run(parsed, output, errors), 2)
            self.assertIn(what, errors.getvalue())
            self.assertEqual(output.getvalue(), "")


class FinishTests(ProbingTestCase):
    """
    What is printed at the end.
    """

    def finish(self, *arguments: str) -> tuple[int, str, str]:
        """
        @return: the exit status, and what is printed.
        """
        output, errors = StringIO(), StringIO()
        server = f"{SERVER}:{PORT}:crypt=null"
        parsed = buildParser().parse_args(["probe", server, *arguments])
        endpoint = parse(self.client, server)
        status = command.finish(parsed, endpoint, self.probing, output, errors)
        return status, output.getvalue(), errors.getvalue()

    def test_lossy(self) -> None:
        """
        The report ends with what suits, and why.
        """
        self.measure(Link(delay=0.03, loss=0.08))
        status, output, errors = self.finish()
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("\nWhat suits:\n    kcp:10.0.0.2:4000:crypt=null:mode=fast3", output)
        self.assertIn("    - dataShards=10:parityShards=", output)

    def test_json(self) -> None:
        """
        The same as one object.
        """
        self.measure(Link(delay=0.03))
        status, output, _ = self.finish("--json")
        found = json.loads(output)
        self.assertEqual((status, found["mtu"], found["kcptwisted"]), (0, 1500, True))
        self.assertEqual(found["endpoint"], "kcp:10.0.0.2:4000:crypt=null:mode=fast")

    def test_plot(self) -> None:
        """
        The picture is one, of a whole run and of one that was stopped early.
        """
        if find_spec("matplotlib") is None:
            self.skipTest("needs matplotlib")
        path = Path(self.mktemp() + ".png")
        self.measure(Link(delay=0.03, loss=0.1))
        self.finish("--plot", str(path))
        self.assertEqual(path.read_bytes()[:4], b"\x89PNG")
        path.unlink()
        self.stop()
        self.assertEqual(self.finish("--plot", str(path))[0], 130)
        self.assertEqual(path.read_bytes()[:4], b"\x89PNG")

    def stop(self) -> None:
        """
        Stop a run after a second.
        """
        self.listen()
        self.network.setLink(CLIENT, SERVER, Link(delay=0.05))
        self.probing = self.begin()
        self.network.run(1)
        self.probing.stop()

    def test_interrupted(self) -> None:
        """
        What is known is printed.
        """
        self.stop()
        status, output, errors = self.finish()
        self.assertEqual(status, 130)
        self.assertIn("round trip  min", output)
        self.assertIn("interrupted", errors)

    def test_nobody(self) -> None:
        """
        Where there is nobody, that is all.
        """
        self.listen()
        self.probing = self.begin(port=PORT + 1)
        self.network.runUntil(lambda: bool(self.done))
        status, output, errors = self.finish()
        self.assertEqual((status, output), (1, ""))
        self.assertIn("kcptwisted probe: Nothing listens", errors)
        status, output, _ = self.finish("--json")
        self.assertEqual((status, json.loads(output)["roundTrip"]), (1, None))
