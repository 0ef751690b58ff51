"""
What kcptun sent (C{tests/vectors/README.md}), as captured frames.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kcptwisted.commands.dump.sources import Frame
from tests.commands.dump.captures import (
    CLIENT,
    ETHERNET,
    MILLISECOND,
    SERVER,
    START,
    ethernet,
    packet,
)

VECTORS = Path(__file__).resolve().parents[2] / "vectors"


@dataclass
class Recording:
    """
    One recording.

    @ivar smux: the version.
    @ivar streams: bytes of each TCP connection by direction.
    @ivar payloads: direction, UDP payload and time, milliseconds.
    """

    name: str
    crypt: str
    key: str
    dataShards: int
    parityShards: int
    compressed: bool
    smux: int
    streams: list[dict[str, bytes]]
    payloads: list[tuple[str, bytes, float]]

    def frames(self) -> Iterator[Frame]:
        """
        @return: Ethernet frames.
        """
        for direction, payload, time in self.payloads:
            ends = (CLIENT, SERVER) if direction == "c2s" else (SERVER, CLIENT)
            yield Frame(START + int(time * MILLISECOND), ETHERNET, ethernet(packet(*ends, payload)))

    @property
    def options(self) -> list[str]:
        """
        What the command needs to read it.
        """
        key = [] if self.crypt == "none" else ["--key", self.key]
        return ["--crypt", self.crypt, *key]


def load(path: Path) -> Recording:
    """
    @return: the recording in a file.
    """
    parts = json.loads(path.read_text("utf-8"))
    return Recording(
        path.stem,
        parts["crypt"],
        parts["key"],
        parts["dataShards"],
        parts["parityShards"],
        parts["compressed"],
        parts.get("smux", 1),
        [{way: bytes.fromhex(digits) for way, digits in one.items()} for one in parts["streams"]],
        [
            # Where times were not kept, one a millisecond.
            (entry[0], bytes.fromhex(entry[1]), entry[2] if len(entry) == 3 else float(place))
            for place, entry in enumerate(parts["packets"])
        ],
    )


RECORDINGS = [
    load(path)
    for path in [*sorted(VECTORS.glob("*.json")), *sorted(VECTORS.glob("tunnels/*.json"))]
]
