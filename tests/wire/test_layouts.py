"""
Checks that byte layouts are written down in L{kcptwisted.wire} only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import kcptwisted

ROOT = Path(kcptwisted.__file__).parent

#: Modules outside of C{wire} that encode or decode bytes: no other end of a connection sees these.
ELSEWHERE = {
    "commands/bench/loads.py": "the benchmark's own application protocol",
    "commands/demo.py": "the demonstration's own application protocol",
    "commands/dump/listening.py": "control messages of the kernel",
    "commands/dump/packets.py": "IP and UDP, as captures have them",
    "crypt/aead.py": "cuts random bytes into nonces",
    "crypt/cutting.py": "cuts whole packets apart",
    "crypt/salsa20.py": "the words that a cipher reckons with",
    "crypt/tea.py": "the words that a cipher reckons with",
    "crypt/twofish.py": "the words that a cipher reckons with",
    "crypt/xtea.py": "the words that a cipher reckons with",
    "server/cookies.py": "what a cookie is a MAC of",
    "services/relay/proxyprotocol.py": "headers of the PROXY protocol, which precede a stream",
    "services/relay/transports.py": "an option of TCP sockets",
    "smux/frames.py": "what is in the stream that a connection carries",
    "udp/asked.py": "control messages of the kernel",
    "udp/offload.py": "control messages of the kernel",
    "workers/messages.py": "messages between processes of one program",
}

_CODING = {"iter_unpack", "pack", "pack_into", "unpack", "unpack_from"}

#: Names of what came from or goes to the network.
_PACKETS = ("datagram", "packet", "segment", "shard")


def _isNumber(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def _layouts(source: str) -> Iterator[str]:
    """
    @return: what a module does that takes a layout for granted.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import) and "struct" in [alias.name for alias in node.names]:
            yield "imports struct"
        elif isinstance(node, ast.Attribute) and node.attr in _CODING:
            yield f"line {node.lineno}: {node.attr}"
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            place = node.slice
            bounds = [place.lower, place.upper] if isinstance(place, ast.Slice) else [place]
            if node.value.id in _PACKETS and any(map(_isNumber, bounds)):
                yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Call) and (
            ast.unparse(node.func) == "slice" and all(map(_isNumber, node.args))
        ):
            yield f"line {node.lineno}: {ast.unparse(node)}"


class LayoutTests(SynchronousTestCase):
    """
    L{kcptwisted.wire} is the one place that knows where in a datagram what is.
    """

    def test_elsewhere(self) -> None:
        """
        No other module encodes or decodes, but for those that are listed with their reasons.
        """
        found: dict[str, list[str]] = {}
        for path in sorted(ROOT.rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            layouts = list(_layouts(path.read_text("utf-8")))
            if layouts and not name.startswith("wire/"):
                found[name] = layouts
        self.assertEqual({n: found[n] for n in found if n not in ELSEWHERE}, {})
        self.assertEqual(set(ELSEWHERE) - set(found), set())

    def test_finds(self) -> None:
        """
        Each way of doing so is found.
        """
        for source in (
            "import struct",
            "HEADER.unpack_from(data)",
            "pack = HEADER.pack",
            "cmd = datagram[4]",
            "una = segment[16:20]",
            "rest = packet[8:]",
            "_CMD = slice(4, 5)",
        ):
            self.assertEqual(len(list(_layouts(source))), 1, source)
        for source in ("first = datagrams[0]", "packet[start:]", "slice(start, end)", "x.unpacked"):
            self.assertEqual(list(_layouts(source)), [], source)
