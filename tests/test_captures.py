"""
Reading what kcptun sent; see C{tests/vectors/README.md}.
"""

from __future__ import annotations

import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.crypt.checksummed import RandomBytes
from kcptwisted.crypt.cipher import Cipher
from kcptwisted.crypt.keys import deriveKey
from kcptwisted.crypt.registry import CIPHERS
from kcptwisted.fec.decoder import FECDecoder
from kcptwisted.fec.encoder import FECEncoder, sequenceLimit
from kcptwisted.fec.reedsolomon import ReedSolomon
from kcptwisted.stats import SessionStats
from kcptwisted.wire.fec import DATA, PARITY
from kcptwisted.wire.opening import readOpening
from tests import kcptun
from tests.crypt.bythebook import xor
from tests.crypt.everycipher import Maker, makers

DIRECTIONS = ("c2s", "s2c")


@dataclass
class Recording:
    """
    One of C{tests/vectors}.

    @ivar packets: UDP payloads by direction.
    @ivar streams: bytes of each TCP connection by direction.
    """

    name: str
    cipherName: str
    key: bytes
    dataShards: int
    parityShards: int
    compressed: bool
    packets: dict[str, list[bytes]]
    streams: dict[str, list[bytes]]

    def cipher(self) -> Cipher:
        """
        @return: the cipher as an endpoint makes it.
        """
        cipher = CIPHERS[self.cipherName].make(self.key)
        assert cipher is not None
        return cipher

    def ways(self) -> list[Maker]:
        """
        @return: what makes the cipher in each way that it can be done.
        """
        return [make for name, make in makers().items() if name.split(",")[0] == self.cipherName]

    def opened(self, direction: str) -> list[bytes]:
        """
        @return: what the packets hold below the cipher.
        """
        return self.cipher().open(self.packets[direction])[0]

    def groups(self, direction: str) -> list[list[bytes]]:
        """
        @return: the complete groups of shards, in order.
        """
        size = self.dataShards + self.parityShards
        shards = sorted(self.opened(direction), key=lambda shard: struct.unpack_from("<I", shard))
        groups = [shards[start : start + size] for start in range(0, len(shards), size)]
        return [group for group in groups if len(group) == size]


def loadRecording(path: Path) -> Recording:
    parts = json.loads(path.read_text("utf-8"))
    return Recording(
        path.stem,
        parts["crypt"],
        deriveKey(parts["key"])[: CIPHERS[parts["crypt"]].keyBytes],
        parts["dataShards"],
        parts["parityShards"],
        parts["compressed"],
        {
            direction: [
                bytes.fromhex(digits) for way, digits, *_ in parts["packets"] if way == direction
            ]
            for direction in DIRECTIONS
        },
        {
            direction: [bytes.fromhex(stream[direction]) for stream in parts["streams"]]
            for direction in DIRECTIONS
        },
    )


RECORDINGS = [
    loadRecording(path) for path in sorted((Path(__file__).parent / "vectors").glob("*.json"))
]
CODED = [recording for recording in RECORDINGS if recording.dataShards]


def _payload(shard: bytes) -> bytes:
    """
    @return: the datagram in a data shard.
    """
    kind, size = struct.unpack_from("<HH", shard, 4)
    assert kind == DATA
    return shard[8 : 6 + size]


#: With FEC 10/3, besides one without FEC and cipher.
CIPHER_NAMES = (
    "3des", "aes-128", "aes-192", "aes", "blowfish", "cast5", "none", "salsa20", "sm4", "tea",
    "twofish", "xor", "xtea",
)  # fmt: skip


def _giving(nonce: bytes) -> RandomBytes:
    """
    @return: what stands in for random bytes, for one packet.
    """
    return lambda count: nonce[:count]


def _nonceOf(make: Maker, key: bytes, packet: bytes) -> bytes:
    """
    Find what a packet's nonce was: packets with another differ by as much, and after the first
    eight bytes only once these are right.
    """
    nonce = bytes(16)
    for half in (slice(0, 8), slice(8, 16)):
        (other,) = make(key, _giving(nonce)).seal([b""])
        nonce = nonce[: half.start] + xor(packet[half], other[half]) + nonce[half.stop :]
    return nonce


class CipherTests(SynchronousTestCase):
    """
    The ciphers on what kcptun sent, in both ways where there are two.
    """

    def test_recordings(self) -> None:
        """
        There are recordings with each cipher of kcptun's, with FEC and without.
        """
        coded = [(recording.cipherName, recording.dataShards) for recording in CODED]
        self.assertEqual(coded, [(name, 10) for name in CIPHER_NAMES])
        self.assertEqual(
            [recording.cipherName for recording in RECORDINGS if recording not in CODED], ["none"]
        )

    def test_opens(self) -> None:
        """
        Every packet opens: its checksum is right.
        """
        for recording in RECORDINGS:
            for cipher in [
                recording.cipher(),
                *[way(recording.key, os.urandom) for way in recording.ways()],
            ]:
                for direction in DIRECTIONS:
                    packets = recording.packets[direction]
                    opened, refused = cipher.open(packets)
                    self.assertEqual((len(opened), refused), (len(packets), 0), recording.name)
                    self.assertEqual(opened, recording.opened(direction), recording.name)

    def test_opensOneByOne(self) -> None:
        """
        Packets that come alone open like those that come together.
        """
        for recording in RECORDINGS:
            for make in recording.ways():
                cipher = make(recording.key, os.urandom)
                opened = [cipher.open([packet])[0][0] for packet in recording.packets["c2s"]]
                self.assertEqual(opened, recording.opened("c2s"), recording.name)

    def test_sealsAlike(self) -> None:
        """
        With the same nonce a packet is sealed to the very bytes that were sent.
        """
        for recording in RECORDINGS:
            self.assertGreater(len(recording.ways()), 0, recording.name)
            for make in recording.ways():
                for packet, opened in zip(
                    recording.packets["c2s"], recording.opened("c2s"), strict=True
                ):
                    self.reseal(recording, make, packet, opened)

    def reseal(self, recording: Recording, make: Maker, packet: bytes, opened: bytes) -> None:
        """
        Seal a datagram with the nonce that it was sent with.
        """
        nonce = _nonceOf(make, recording.key, packet)
        cipher = make(recording.key, _giving(nonce))
        self.assertEqual(cipher.seal([opened]), [packet], recording.name)

    def test_otherKey(self) -> None:
        """
        With another key no packet opens.
        """
        for recording in RECORDINGS:
            packets = recording.packets["s2c"]
            for make in recording.ways() if recording.key else []:
                other = make(bytes(len(recording.key)), os.urandom)
                self.assertEqual(other.open(packets), ([], len(packets)), recording.name)


class FECTests(SynchronousTestCase):
    """
    FEC on what kcptun sent.
    """

    def test_decodes(self) -> None:
        """
        Every shard is understood, and nothing needs to be rebuilt.
        """
        for recording in RECORDINGS:
            for direction in DIRECTIONS:
                stats = SessionStats()
                decoder = FECDecoder(recording.dataShards, recording.parityShards, stats)
                shards = recording.opened(direction)
                datagrams, recovered = decoder.decode(shards)
                self.assertEqual((recovered, stats.FECErrs), ([], 0), recording.name)
                self.assertEqual(len(datagrams) + stats.FECParityShards, len(shards))

    def test_encodes(self) -> None:
        """
        The same datagrams are encoded to the very shards that were sent, parity included.
        """
        for recording in CODED:
            for direction in DIRECTIONS:
                groups = recording.groups(direction)
                self.assertTrue(groups, recording.name)
                encoder = FECEncoder(recording.dataShards, recording.parityShards)
                for group in groups:
                    datagrams = [_payload(shard) for shard in group[: recording.dataShards]]
                    self.assertEqual(encoder.encode(datagrams, 0), group, recording.name)

    def test_parity(self) -> None:
        """
        Reed-Solomon gives the parity that was sent, byte for byte.
        """
        for recording in CODED:
            coder = ReedSolomon(recording.dataShards, recording.parityShards)
            for group in recording.groups("c2s") + recording.groups("s2c"):
                parity = group[recording.dataShards :]
                self.assertEqual(
                    {struct.unpack_from("<H", shard, 4)[0] for shard in parity}, {PARITY}
                )
                longest = len(parity[0]) - 6
                data = [shard[6:].ljust(longest, b"\0") for shard in group[: recording.dataShards]]
                self.assertEqual(coder.encode(data), [shard[6:] for shard in parity])

    def test_rebuilds(self) -> None:
        """
        Whichever neighbours of a group are missing, up to as many as there is parity, decoding the
        rest gives exactly those.
        """
        for recording in CODED:
            for group in recording.groups("c2s") + recording.groups("s2c"):
                for missing in range(1, recording.parityShards + 1):
                    for first in range(recording.dataShards + 1 - missing):
                        self.rebuild(recording, group, range(first, first + missing))

    def rebuild(self, recording: Recording, group: list[bytes], missing: range) -> None:
        """
        Decode a group without some of its data shards.
        """
        decoder = FECDecoder(recording.dataShards, recording.parityShards, SessionStats())
        # Groups before it, from which the decoder can tell that it has the peer's counts.
        size = recording.dataShards + recording.parityShards
        first = struct.unpack_from("<I", group[0])[0] - 3 * size
        before = FECEncoder(
            recording.dataShards, recording.parityShards, first % sequenceLimit(size)
        )
        decoder.decode(before.encode([b"before"] * 3 * recording.dataShards, 0))
        rest = [shard for position, shard in enumerate(group) if position not in missing]
        _, recovered = decoder.decode(rest)
        self.assertEqual(recovered, [_payload(group[position]) for position in missing])


def readStream(recording: Recording, direction: str, lossy: bool = False) -> bytes:
    """
    Take one direction's packets.

    @param lossy: whether of each complete group as many data shards are lost as parity can make up
        for.
    @return: the KCP stream.
    """
    shards = recording.opened(direction)
    if lossy:
        for group in recording.groups(direction):
            for shard in group[1 : 1 + recording.parityShards]:
                shards.remove(shard)
    decoder = FECDecoder(recording.dataShards, recording.parityShards, SessionStats())
    found = next(filter(None, map(readOpening, shards)))
    conversation = Conversation(found[0], ARQSettings(), SessionStats())
    stream = b""
    for shard in shards:
        datagrams, recovered = decoder.decode([shard])
        assert conversation.receive(datagrams, 0) == []
        assert conversation.receive(recovered, 0, True) == []
        stream += conversation.read() or b""
    return stream


class StreamTests(SynchronousTestCase):
    """
    The bytes that went through kcptun's tunnel.
    """

    def check(self, recording: Recording, direction: str, stream: bytes) -> None:
        """
        Take a KCP stream apart and compare.
        """
        if recording.compressed:
            stream = kcptun.unframe(stream)
        payloads: dict[int, bytes] = {}
        for frame in kcptun.frames(stream):
            self.assertEqual(frame.version, 1, recording.name)
            self.assertTrue(kcptun.SYN <= frame.command <= kcptun.NOP, recording.name)
            payloads[frame.stream] = payloads.get(frame.stream, b"") + frame.payload
        # kcptun numbers its streams from 3 on, leaving out every other number.
        expected = dict(zip((3, 5), recording.streams[direction], strict=True))
        self.assertEqual(payloads, expected, recording.name)

    def test_streams(self) -> None:
        """
        In both directions the bytes of both connections come out.
        """
        for recording in RECORDINGS:
            for direction in DIRECTIONS:
                self.check(recording, direction, readStream(recording, direction))

    def test_streamsDespiteLoss(self) -> None:
        """
        They do so when of each group as many data shards are lost as parity can make up for.
        """
        for recording in CODED:
            for direction in DIRECTIONS:
                stream = readStream(recording, direction, lossy=True)
                self.check(recording, direction, stream)
