"""
Adding parity to a session's datagrams.
"""

from __future__ import annotations

from collections.abc import Sequence

from kcptwisted.fec.reedsolomon import codec
from kcptwisted.wire.fec import PARITY, UNCOVERED, dataShard, packParityHeader

#: Milliseconds between the last two data shards of a group from which on parity is not worth
#: sending (docs/wire.md, "FEC").
PARITY_EXPIRES = 500


def sequenceLimit(groupSize: int) -> int:
    """
    @return: the seqid after which numbering starts at 0 again, a whole number of groups.
    """
    return 0xFFFFFFFF // groupSize * groupSize


class FECEncoder:
    """
    Numbers datagrams as data shards and follows each full group with its parity shards.
    """

    def __init__(self, dataShards: int, parityShards: int, firstSeqid: int = 0) -> None:
        """
        @param firstSeqid: where numbering starts, a whole number of groups.
        """
        self._codec = codec(dataShards, parityShards)
        self._dataShards = dataShards
        self._parityShards = parityShards
        self._limit = sequenceLimit(dataShards + parityShards)
        self._seqid = firstSeqid
        # The current group's packets.
        self._group: list[bytes] = []
        self._lastSent = 0

    def encode(self, datagrams: Sequence[bytes], now: int) -> list[bytes]:
        """
        @param datagrams: of segments.
        @param now: milliseconds.
        @return: the datagrams with their headers, and parity where a group became full.
        """
        packets: list[bytes] = []
        group = self._group
        start = 0
        while start < len(datagrams):
            end = start + self._dataShards - len(group)
            added = [
                dataShard(seqid, datagram)
                for seqid, datagram in enumerate(datagrams[start:end], self._seqid)
            ]
            start = end
            self._seqid += len(added)
            packets += added
            group += added
            if len(group) == self._dataShards:
                # The last two data shards are of one time if both were added now; a group of one
                # shard has no last two.
                together = len(added) > 1 or len(group) == 1
                if together or now - self._lastSent < PARITY_EXPIRES:
                    packets += self._parity(group)
                self._seqid += self._parityShards
                if self._seqid >= self._limit:
                    self._seqid = 0
                group.clear()
            self._lastSent = now
        return packets

    @property
    def missing(self) -> int:
        """
        How many datagrams would fill the group that has been begun; 0 if none has.
        """
        return self._dataShards - len(self._group) if self._group else 0

    def complete(self, filler: bytes, now: int) -> list[bytes]:
        """
        Fill up the group that has been begun, however old its datagrams are.

        @param filler: a datagram to do so with.
        @param now: milliseconds.
        @return: as L{encode} does.
        """
        self._lastSent = now
        return self.encode([filler] * self.missing, now)

    def _parity(self, group: list[bytes]) -> list[bytes]:
        longest = max(map(len, group))
        padded = [packet.ljust(longest, b"\0") for packet in group]
        # What the code makes of seqid and type, which it does not cover, is put aside: that is less
        # than to cut them off each packet.
        return [
            packParityHeader(seqid, PARITY) + combined[UNCOVERED:]
            for seqid, combined in enumerate(self._codec.encode(padded), self._seqid)
        ]
