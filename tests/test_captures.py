"""
Reading what kcptun sent; see C{tests/vectors/README.md}.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.congestion import NoCongestionControl
from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.crypt.cfb import INITIALIZATION_VECTOR, CFBCipher
from kcptwisted.crypt.checksummed import NoneCipher
from kcptwisted.crypt.interfaces import ICipher
from kcptwisted.crypt.keys import deriveKey
from kcptwisted.crypt.registry import CIPHERS
from kcptwisted.fec.decoder import FECDecoder
from kcptwisted.fec.encoder import FECEncoder
from kcptwisted.fec.packet import DATA, PARITY, peekConversation
from kcptwisted.fec.reedsolomon import ReedSolomon
from kcptwisted.stats import SessionStats
from tests import kcptun

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

    def cipher(self) -> ICipher:
        """
        @return: the cipher as an endpoint makes it.
        """
        cipher = CIPHERS[self.cipherName].make(self.key)
        assert cipher is not None
        return cipher

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


def _load(path: Path) -> Recording:
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
                bytes.fromhex(digits) for way, digits in parts["packets"] if way == direction
            ]
            for direction in DIRECTIONS
        },
        {
            direction: [bytes.fromhex(stream[direction]) for stream in parts["streams"]]
            for direction in DIRECTIONS
        },
    )


RECORDINGS = [_load(path) for path in sorted((Path(__file__).parent / "vectors").glob("*.json"))]
CODED = [recording for recording in RECORDINGS if recording.dataShards]


def _payload(shard: bytes) -> bytes:
    """
    @return: the datagram in a data shard.
    """
    kind, size = struct.unpack_from("<HH", shard, 4)
    assert kind == DATA
    return shard[8 : 6 + size]


class CipherTests(SynchronousTestCase):
    """
    The ciphers on what kcptun sent.
    """

    def test_recordings(self) -> None:
        """
        There are recordings with each cipher, with FEC and without.
        """
        self.assertEqual(
            [(recording.cipherName, recording.dataShards) for recording in RECORDINGS],
            [("aes-128", 10), ("aes-192", 10), ("aes", 10), ("none", 0), ("none", 10)],
        )

    def test_opens(self) -> None:
        """
        Every packet opens: its checksum is right.
        """
        for recording in RECORDINGS:
            cipher = recording.cipher()
            for direction in DIRECTIONS:
                packets = recording.packets[direction]
                opened, refused = cipher.open(packets)
                self.assertEqual((len(opened), refused), (len(packets), 0), recording.name)

    def test_opensOneByOne(self) -> None:
        """
        Packets that come alone open like those that come together.
        """
        for recording in RECORDINGS:
            cipher = recording.cipher()
            opened = [cipher.open([packet])[0][0] for packet in recording.packets["c2s"]]
            self.assertEqual(opened, recording.opened("c2s"), recording.name)

    def test_sealsAlike(self) -> None:
        """
        With the same nonce a packet is sealed to the very bytes that were sent.
        """
        for recording in RECORDINGS:
            for packet, opened in zip(
                recording.packets["c2s"], recording.opened("c2s"), strict=True
            ):
                cipher = self._resealing(recording, packet)
                self.assertEqual(cipher.seal([opened]), [packet], recording.name)

    def _resealing(self, recording: Recording, packet: bytes) -> ICipher:
        """
        @return: a new cipher that will take the nonce of C{packet}.
        """
        if recording.cipherName == "none":
            return NoneCipher(lambda count: packet[:count])
        algorithm = algorithms.AES(recording.key)
        mask = Cipher(algorithm, modes.ECB()).encryptor().update(INITIALIZATION_VECTOR)
        nonce = bytes([a ^ b for a, b in zip(packet[:16], mask, strict=True)])
        return CFBCipher(algorithm, lambda count: nonce[:count])

    def test_otherKey(self) -> None:
        """
        With another key no packet opens.
        """
        for recording in RECORDINGS:
            if recording.key:
                other = CIPHERS[recording.cipherName].make(bytes(len(recording.key)))
                assert other is not None
                packets = recording.packets["s2c"]
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
        rest = [shard for position, shard in enumerate(group) if position not in missing]
        _, recovered = decoder.decode(rest)
        self.assertEqual(recovered, [_payload(group[position]) for position in missing])


class StreamTests(SynchronousTestCase):
    """
    The bytes that went through kcptun's tunnel.
    """

    def read(self, recording: Recording, direction: str, lossy: bool = False) -> bytes:
        """
        Take one direction's packets.

        @param lossy: whether of each complete group as many data shards are lost as parity can
            make up for.
        @return: the KCP stream.
        """
        shards = recording.opened(direction)
        if lossy:
            for group in recording.groups(direction):
                for shard in group[1 : 1 + recording.parityShards]:
                    shards.remove(shard)
        decoder = FECDecoder(recording.dataShards, recording.parityShards, SessionStats())
        found = next(filter(None, map(peekConversation, shards)))
        conversation = Conversation(found[0], ARQSettings(), NoCongestionControl(), SessionStats())
        stream = b""
        for shard in shards:
            datagrams, recovered = decoder.decode([shard])
            self.assertEqual(conversation.receive(datagrams, 0), [], recording.name)
            self.assertEqual(conversation.receive(recovered, 0, True), [], recording.name)
            stream += conversation.read() or b""
        return stream

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
                self.check(recording, direction, self.read(recording, direction))

    def test_streamsDespiteLoss(self) -> None:
        """
        They do so when of each group as many data shards are lost as parity can make up for.
        """
        for recording in CODED:
            for direction in DIRECTIONS:
                stream = self.read(recording, direction, lossy=True)
                self.check(recording, direction, stream)
