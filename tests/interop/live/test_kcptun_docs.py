"""
Runs the session in docs/kcptun.md as a reader would, and the example.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

from twisted.internet.protocol import Protocol

from tests.interop.kcptunpeer import LOCAL, OURS, THEIRS, KcptunCase
from tests.programs import freePort
from tests.test_docs import DOCS, section

FILE = bytes(range(256)) * 1000


class FileServer(Protocol):
    """
    Gives the one file that it has, in HTTP/1.0.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Answer.
        """
        assert self.transport is not None
        self.transport.write(b"HTTP/1.0 200 OK\r\n\r\n" + FILE)
        self.transport.loseConnection()


class SessionTests(KcptunCase):
    """
    What the documentation shows.
    """

    async def test_session(self) -> None:
        """
        The commands of docs/kcptun.md do what it says, but on ports that are free here.
        """
        text = section(DOCS / "kcptun.md", "Try it")
        script = "".join(re.findall(r"^```bash\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
        for port in ("8080", "29900", "12948", "29901", "12949"):
            self.assertIn(f":{port}" if port != "8080" else port, script)
            script = script.replace(port, str(freePort()))
        prelude = "set -e\ntrap 'kill $(jobs -p) 2> /dev/null' EXIT\n"
        path = f"export PATH={Path(sys.executable).parent}:$PATH\n"
        program = self.spawn("/bin/bash", ["-c", prelude + path + script])
        await program.ended()
        self.assertEqual(program.status, 0, program.output)
        sums = re.findall(r"^([0-9a-f]{64})  (.+)$", program.output, re.MULTILINE)
        self.assertEqual([name for _, name in sums], ["served/file", "first", "served/file",
                                                      "second"], program.output)  # fmt: skip
        self.assertEqual(len({digest for digest, _ in sums}), 1, program.output)
        self.assertEqual(program.output.count("both directions ended"), 2, program.output)

    async def test_example(self) -> None:
        """
        The example fetches a file through either server.
        """
        target = await self.listenTCP(FileServer)
        for server, compat in ((THEIRS, ["--compat", "20210922"]), (OURS, [])):
            port = await self.runServer(server, ["--key=sesame"], target)
            program = self.startExample(
                "kcptun_endpoint.py", "/file", "-r", f"{LOCAL}:{port}", "--key", "sesame", *compat
            )
            await program.ended()
            digest = hashlib.sha256(FILE).hexdigest()
            expected = f"HTTP/1.0 200 OK\n{len(FILE)} bytes, SHA-256 {digest}\n"
            self.assertEqual((program.status, program.output), (0, expected))
