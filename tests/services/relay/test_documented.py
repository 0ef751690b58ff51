"""
Tests of the command lines in the documentation of the relay.
"""

from __future__ import annotations

import os
import re
import shlex
from functools import partial

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.services.relay.config import readConfig
from kcptwisted.services.relay.kinds import checkRoute, checkRoutes, usesStdio
from kcptwisted.services.relay.options import OPTIONS
from kcptwisted.services.relay.routes import Route
from kcptwisted.services.relay.tap import Options
from tests.test_docs import DOCS, ROOT

_LINE = re.compile(r"^ +(?:\S+/)?twistd -n (?:--pidfile= )?kcp-relay (--from .*)$", re.MULTILINE)


class DocumentedTests(SynchronousTestCase):
    """
    What the documentation shows.
    """

    def setUp(self) -> None:
        """
        The passphrase is there.
        """
        self.patch(os, "environ", {**os.environ, "KCP_KEY": "k"})

    def test_lines(self) -> None:
        """
        Each command line of the relay is right.
        """
        lines = _LINE.findall((DOCS / "relay.md").read_text("utf-8"))
        routes: list[Route] = []
        for line in lines:
            options = Options()
            arguments = [
                word for word in shlex.split(line, comments=True) if "ENDPOINT" not in word
            ]
            if "--from" not in arguments[:1] or len(arguments) < 4:
                # The synopsis.
                continue
            options.parseOptions(arguments)
            routes += options.routes
        self.assertTrue({"v2"} <= {route.proxyProtocol for route in routes})
        sources = {route.source.partition(":")[0] for route in routes}
        self.assertTrue({"tcp", "kcp", "udp", "haproxy"} <= sources, sources)

    def test_options(self) -> None:
        """
        The table has all options.
        """
        (section,) = re.findall(
            r"^### Options$(.*?)^### ", (DOCS / "relay.md").read_text("utf-8"), re.M | re.S
        )
        documented = set(re.findall(r"`--([a-z-]+)`", section)) - {"from", "to", "config"}
        process = {"log-format", "metrics", "status", "status-host", "status-token"}
        self.assertEqual(documented, {option.name for option in OPTIONS} | process)

    def test_config(self) -> None:
        """
        The example of a file is right, and what the documentation shows of it.
        """
        check = partial(checkRoute, MemoryReactorClock())
        example = ROOT / "examples" / "relay.toml"
        routes = readConfig(str(example), check)
        self.assertEqual([route.stopTimeout for route in routes], [10, 10])
        checkRoutes(routes)
        (block,) = re.findall(
            r"^```toml\n(.*?)^```$", (DOCS / "relay.md").read_text("utf-8"), re.M | re.S
        )
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(block)
        self.assertEqual(readConfig(path, check), routes)

    def test_proxyCommand(self) -> None:
        """
        So is ssh's ProxyCommand.
        """
        for page in (DOCS / "relay.md", ROOT / "README.md"):
            (command,) = re.findall(r"'ProxyCommand (twistd .*?)'", page.read_text("utf-8"))
            words = shlex.split(command.replace("%h", "example.com"))
            self.assertEqual(words[:4], ["twistd", "-n", "--pidfile=", "kcp-relay"])
            options = Options()
            options.parseOptions(words[4:])
            self.assertTrue(usesStdio(options.routes))

    def test_sizes(self) -> None:
        """
        The largest datagrams are as the documentation says; see
        L{tests.services.relay.test_udp.FlowTests.test_largest}.
        """
        text = (DOCS / "relay.md").read_text("utf-8")
        for overhead, size in ((0, 1460), (20, 1440), (28, 1432)):
            # Of FEC 8 bytes, the conversation id 4.
            self.assertEqual(1472 - overhead - 8 - 4, size)
            self.assertRegex(text, rf"\| {size} \|.* {size - 32}")

    def test_units(self) -> None:
        """
        The units' options exist.
        """
        for path in (ROOT / "examples" / "systemd").glob("kcp-relay*.service"):
            text = path.read_text("utf-8").replace("\\\n", " ")
            (line,) = re.findall(r"^ExecStart=.*kcp-relay +(--.*)$", text, re.MULTILINE)
            names = {f"--{name}" for name in (*Options().longOpt, "config=", "from=", "to=")}
            for word in shlex.split(line):
                if word.startswith("--"):
                    self.assertIn(f"{word}=", names)
