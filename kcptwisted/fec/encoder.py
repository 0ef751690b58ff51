"""
Adds parity to the datagrams of a session.
"""

from __future__ import annotations

from collections.abc import Sequence

from kcptwisted.fec.reedsolomon import codec
from kcptwisted.wire.fec import PARITY, UNCOVERED, dataShard, packParityHeader

#: Milliseconds between the last two data shards of a group.  After a pause as long as this or
#: longer, the group gets no parity (docs/wire.md, "FEC").
PARITY_EXPIRES = 500


def sequenceLimit(groupSize: int) -> int:
    """
    Returns the seqid at which numbering starts at 0 again.  It is a multiple of the group's size.
    """
    return 0xFFFFFFFF // groupSize * groupSize


class FECEncoder:
    """
    Numbers datagrams as data shards and follows each full group with its parity shards.
    """

    def __init__(self, dataShards: int, parityShards: int, firstSeqid: int = 0) -> None:
        """
        @param dataShards: data shards of a group.
        @param parityShards: parity shards of a group.
        @param firstSeqid: the first seqid; a multiple of the group's size.
        """
        self._codec = codec(dataShards, parityShards)
        self._dataShards = dataShards
        self._parityShards = parityShards
        self._limit = sequenceLimit(dataShards + parityShards)
        self._seqid = firstSeqid
        # The packets of the group that is not full yet.
        self._group: list[bytes] = []
        self._lastSent = 0

    def encode(self, datagrams: Sequence[bytes], now: int) -> list[bytes]:
        """
        Numbers datagrams, and adds parity after each group that becomes full.

        @param datagrams: datagrams of segments.
        @param now: the time in milliseconds.
        @return: the packets to send.
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
                # The last two data shards were added at one time if both were added now.  A group
                # of one data shard has no pause.
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
        How many datagrams would fill the group that is not full yet; 0 if that group is empty.
        """
        return self._dataShards - len(self._group) if self._group else 0

    def complete(self, datagram: bytes, now: int) -> list[bytes]:
        """
        Fills the group that is not full yet with copies of a datagram, however old the group's
        datagrams are.

        @param datagram: a datagram that may arrive more than once.
        @param now: the time in milliseconds.
        @return: the packets to send.
        """
        self._lastSent = now
        return self.encode([datagram] * self.missing, now)

    def _parity(self, group: list[bytes]) -> list[bytes]:
        longest = max(map(len, group))
        padded = [packet.ljust(longest, b"\0") for packet in group]
        # The code covers neither seqid nor type.  To encode them as well, and drop the result,
        # costs less than to cut them off each packet.
        return [
            packParityHeader(seqid, PARITY) + combined[UNCOVERED:]
            for seqid, combined in enumerate(self._codec.encode(padded), self._seqid)
        ]
