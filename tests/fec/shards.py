"""
Shards made by hand or by an encoder, for the tests.
"""

from __future__ import annotations

import struct
from collections import deque
from gc import get_referents
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.fec.decoder import FECDecoder
from kcptwisted.fec.encoder import FECEncoder
from kcptwisted.stats import SessionStats
from kcptwisted.wire.fec import DATA

#: Data and parity shards of a group.
Counts = tuple[int, int]

#: Groups without loss that make a decoder certain of its own counts, whichever these are.
WHOLE = 3

#: From the smallest groups to the largest.
MANY_COUNTS: tuple[Counts, ...] = (
    (1, 1), (1, 3), (3, 1), (2, 2), (10, 3), (20, 10), (100, 30), (128, 128), (255, 1), (1, 255),
)  # fmt: skip


def anyShard(seqid: int, kind: int, rest: bytes) -> bytes:
    """
    @return: a shard with any bytes after its type.
    """
    return struct.pack("<IH", seqid, kind) + rest


def dataShard(seqid: int, datagram: bytes) -> bytes:
    """
    @return: a data shard.
    """
    return anyShard(seqid, DATA, struct.pack("<H", len(datagram) + 2) + datagram)


def datagramsOf(count: int, first: int = 0) -> list[bytes]:
    """
    @return: datagrams of different lengths, no two alike.
    """
    return [b"datagram %d " % number * (1 + number % 3) for number in range(first, first + count)]


def isDataShard(seqid: int, counts: Counts) -> bool:
    """
    @return: whether a peer with such groups sends data with this number.
    """
    return seqid % sum(counts) < counts[0]


def heldShards(decoder: FECDecoder, length: int) -> int:
    """
    @return: how many packets of C{length} bytes are held, wherever.
    """
    count = 0
    unseen: list[object] = [decoder]
    while unseen:
        for referent in get_referents(unseen.pop()):
            if isinstance(referent, bytes):
                count += len(referent) == length
            elif isinstance(referent, (dict, list, deque, tuple)) or (
                type(referent).__module__ == "kcptwisted.fec.decoder"
            ):
                unseen.append(referent)
    return count


class DecoderTestCase(SynchronousTestCase):
    """
    Holds an encoder and a decoder for groups of three and two, of which some have already arrived:
    the decoder is certain of its counts.
    """

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.make(3, 2)

    def make(self, data: int, parity: int, firstSeqid: int = 0) -> None:
        """
        Begin with other counts.  What has arrived is not counted.
        """
        self.stats = SessionStats()
        self.decoder = FECDecoder(data, parity, self.stats)
        self.encoder = FECEncoder(data, parity, firstSeqid) if data else FECEncoder(3, 2)
        self.decoder.decode(self.encoder.encode(datagramsOf(WHOLE * data), 0))
        for name in self.stats.asDict():
            setattr(self.stats, name, 0)


class PeerTestCase(SynchronousTestCase):
    """
    A decoder, and a peer that may group its shards otherwise.

    @ivar sent: all that the peer has sent, as datagrams of segments.
    """

    def begin(self, own: Counts, peer: Counts, firstSeqid: int = 0) -> None:
        """
        Make both.
        """
        self.stats = SessionStats()
        self.decoder = FECDecoder(*own, self.stats)
        self.sent: list[bytes] = []
        self.random = Random(sum(own) * 1000 + sum(peer))
        self.change(peer, firstSeqid)

    def change(self, peer: Counts, firstSeqid: int) -> None:
        """
        Have the peer group its shards otherwise from now on.
        """
        self.peer = peer
        self.encoder = FECEncoder(*peer, firstSeqid)

    def group(self) -> tuple[list[bytes], list[bytes]]:
        """
        @return: the datagrams and the packets of the peer's next group.
        """
        datagrams = datagramsOf(self.peer[0], len(self.sent))
        self.sent += datagrams
        return datagrams, self.encoder.encode(datagrams, 0)

    def take(self, packets: list[bytes]) -> list[bytes]:
        """
        Decode, one by one, and see that nothing is rebuilt that was not sent.

        @return: what was rebuilt.
        """
        rebuilt = []
        for shard in packets:
            rebuilt += self.decoder.decode([shard])[1]
        self.assertLessEqual(set(rebuilt), set(self.sent))
        return rebuilt

    def whole(self, groups: int) -> None:
        """
        Have so many groups arrive without loss.
        """
        for _ in range(groups):
            self.take(self.group()[1])

    def lossy(self, groups: int, share: float) -> list[bytes]:
        """
        Have so many groups arrive, of which a share of the shards is lost.

        @return: what was rebuilt.
        """
        rebuilt = []
        for _ in range(groups):
            packets = self.group()[1]
            rebuilt += self.take([each for each in packets if self.random.random() >= share])
        return rebuilt

    def assertRebuilds(self, groups: int = 5) -> None:
        """
        Lose as many data shards of each group as there are parity shards: all are rebuilt.
        """
        data, parity = self.peer
        for _ in range(groups):
            datagrams, packets = self.group()
            lost = self.random.sample(range(data), min(data, parity))
            arrived = [each for number, each in enumerate(packets) if number not in lost]
            expected = [datagrams[number] for number in sorted(lost)]
            self.assertEqual(self.take(arrived), expected)
