"""
L{kcptwisted.fec.reedsolomon} and klauspost/reedsolomon; see C{tests/vectors/README.md}.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256, shake_128
from pathlib import Path
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.fec.reedsolomon import codec

STORED = Path(__file__).parents[1] / "vectors/reedsolomon/klauspost.json"

#: The pairs of shard counts that there have to be, at least.
PAIRS = 20


@dataclass(frozen=True)
class Vector:
    """
    Data and its parity.

    @ivar digest: SHA-256 of all parity shards, one after another.
    @ivar parity: these shards, or None where they are too long to be stored.
    """

    data: list[bytes]
    parityShards: int
    digest: str
    parity: list[bytes] | None

    @property
    def name(self) -> str:
        """
        For messages.
        """
        return f"{len(self.data)}+{self.parityShards}"

    def encoded(self) -> list[bytes]:
        """
        @return: the parity that our coder computes.
        """
        return codec(len(self.data), self.parityShards).encode(self.data)


def _cut(joined: bytes, length: int) -> list[bytes]:
    return [joined[start : start + length] for start in range(0, len(joined), length)]


def _load() -> list[Vector]:
    vectors = []
    for found in json.loads(STORED.read_text("utf-8"))["vectors"]:
        length = found["length"]
        data = shake_128(found["seed"].encode()).digest(found["dataShards"] * length)
        parity = found.get("parity")
        vectors.append(
            Vector(
                _cut(data, length),
                found["parityShards"],
                found["sha256"],
                None if parity is None else _cut(bytes.fromhex(parity), length),
            )
        )
    return vectors


class KlauspostTests(SynchronousTestCase):
    """
    Our coder and klauspost's agree.
    """

    vectors = _load()

    def test_pairs(self) -> None:
        """
        There are vectors for many pairs of counts, and the bytes of parity for most.
        """
        pairs = {(len(vector.data), vector.parityShards) for vector in self.vectors}
        self.assertGreaterEqual(len(pairs), PAIRS)
        self.assertLessEqual({(1, 1), (10, 3), (128, 128), (1, 255), (255, 1)}, pairs)
        stored = [vector for vector in self.vectors if vector.parity is not None]
        self.assertGreaterEqual(len(stored), PAIRS)

    def test_encode(self) -> None:
        """
        Our parity is klauspost's, byte for byte.
        """
        for vector in self.vectors:
            encoded = vector.encoded()
            if vector.parity is not None:
                self.assertEqual(encoded, vector.parity, vector.name)
            digest = sha256(b"".join(encoded)).hexdigest()
            self.assertEqual(digest, vector.digest, vector.name)

    def test_reconstruct(self) -> None:
        """
        With klauspost's parity we rebuild as many data shards as it has shards, whichever these
        are, and of a smaller group all.
        """
        random = Random(1)
        for vector in self.vectors:
            count = len(vector.data)
            parity = vector.encoded() if vector.parity is None else vector.parity
            lost = random.sample(range(count), min(count, len(parity)))
            used = random.sample(range(len(parity)), len(lost))
            shards = {at: vector.data[at] for at in range(count) if at not in lost}
            shards |= {count + at: parity[at] for at in used}
            rebuilt = codec(count, len(parity)).reconstruct(shards)
            self.assertEqual(rebuilt, [vector.data[at] for at in sorted(lost)], vector.name)
