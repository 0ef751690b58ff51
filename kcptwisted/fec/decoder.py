"""
Taking datagrams out of data shards, and rebuilding lost ones from parity.
"""

from __future__ import annotations

from collections.abc import Iterable

from kcptwisted.fec.encoder import sequenceLimit
from kcptwisted.fec.packet import DATA, HEADER, PARITY
from kcptwisted.fec.reedsolomon import codec
from kcptwisted.stats import SessionStats

#: Groups that are kept behind the newest one.
HORIZON = 3

_PREFIX = HEADER.size
_SIZE_FIELD = 2


class _Group:
    """
    The shards of one group that have arrived, by position, without seqid and type.
    """

    __slots__ = ("dataCount", "done", "shards")

    def __init__(self) -> None:
        self.shards: dict[int, bytes] = {}
        self.dataCount = 0
        self.done = False


class FECDecoder:
    """
    Passes data shards on as they come, and rebuilds what a group's parity allows.

    Holds the newest group and L{HORIZON} behind it: at most (L{HORIZON} + 1) × (data + parity)
    shards, whatever arrives.
    """

    def __init__(self, dataShards: int, parityShards: int, stats: SessionStats) -> None:
        """
        @param dataShards: the peer's count; 0 if this side knows none, then nothing is rebuilt.
        @param parityShards: the peer's count.
        """
        self._stats = stats
        self._dataShards = dataShards
        self._groupSize = dataShards + parityShards
        self._codec = codec(dataShards, parityShards) if dataShards and parityShards else None
        self._limit = sequenceLimit(self._groupSize) if self._codec else 0xFFFFFFFF
        self._groups: dict[int, _Group] = {}
        self._newest: int | None = None

    def decode(self, packets: Iterable[bytes]) -> tuple[list[bytes], list[bytes]]:
        """
        @param packets: datagrams as they arrived, with or without FEC headers.
        @return: the datagrams of segments in them, and those rebuilt.
        """
        datagrams = []
        recovered: list[bytes] = []
        stats = self._stats
        unpack = HEADER.unpack_from
        for packet in packets:
            if len(packet) < _PREFIX:
                stats.FECErrs += 1
                continue
            seqid, kind = unpack(packet)
            if kind == DATA:
                datagram = self._payload(packet[_PREFIX:])
                if datagram is None or seqid >= self._limit:
                    stats.FECErrs += 1
                    continue
                stats.FECDataShards += 1
                datagrams.append(datagram)
            elif kind == PARITY:
                if seqid >= self._limit:
                    stats.FECErrs += 1
                    continue
                stats.FECParityShards += 1
            else:
                datagrams.append(packet)
                continue
            if self._codec is not None:
                recovered += self._collect(seqid, packet[_PREFIX:], kind == DATA)
        return datagrams, recovered

    @staticmethod
    def _payload(shard: bytes) -> bytes | None:
        """
        @return: the datagram in a data shard; None if its size field is wrong.
        """
        size = shard[0] | shard[1] << 8 if len(shard) >= _SIZE_FIELD else 0
        if not _SIZE_FIELD <= size <= len(shard):
            return None
        return shard[_SIZE_FIELD:size]

    def _collect(self, seqid: int, shard: bytes, isData: bool) -> list[bytes]:
        number, position = divmod(seqid, self._groupSize)
        if isData != (position < self._dataShards):
            # The peer groups its shards otherwise than this side was told.
            self._stats.FECErrs += 1
            return []
        group = self._find(number)
        if group is None or group.done or position in group.shards:
            return []
        group.shards[position] = shard
        group.dataCount += isData
        if len(group.shards) < self._dataShards:
            return []
        group.done = True
        shards, group.shards = group.shards, {}
        return [] if group.dataCount == self._dataShards else self._rebuild(shards)

    def _find(self, number: int) -> _Group | None:
        """
        @return: the group, made if it is new; None if it is too far behind.
        """
        group = self._groups.get(number)
        if group is not None:
            return group
        groups = self._limit // self._groupSize
        if self._newest is not None:
            behind = (self._newest - number) % groups
            if HORIZON < behind <= groups // 2:
                return None
            if behind <= HORIZON:
                group = self._groups[number] = _Group()
                return group
        self._newest = number
        group = self._groups[number] = _Group()
        for old in [n for n in self._groups if (number - n) % groups > HORIZON]:
            if not self._groups.pop(old).done:
                self._stats.FECShortShards += 1
        return group

    def _rebuild(self, shards: dict[int, bytes]) -> list[bytes]:
        assert self._codec is not None
        longest = max([len(shard) for shard in shards.values()])
        padded = {position: shard.ljust(longest, b"\0") for position, shard in shards.items()}
        recovered = []
        for shard in self._codec.reconstruct(padded).values():
            datagram = self._payload(shard)
            if datagram is None:
                self._stats.FECErrs += 1
            else:
                recovered.append(datagram)
        self._stats.FECRecovered += len(recovered)
        return recovered
