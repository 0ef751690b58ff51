"""
Takes datagrams out of data shards, and rebuilds lost ones from parity.
"""

from __future__ import annotations

from collections.abc import Iterable

from kcptwisted.fec.autotune import SAMPLES, AutoTune
from kcptwisted.fec.encoder import sequenceLimit
from kcptwisted.fec.reedsolomon import codec
from kcptwisted.stats import SessionStats
from kcptwisted.wire.fec import (
    DATA,
    FEC_OVERHEAD,
    PARITY,
    SIZE_FIELD,
    UNCOVERED,
    shardDatagram,
    unpackDataHeader,
)

#: How many groups behind the newest one are kept.
HORIZON = 3

#: A group that is at most so many seqids ahead of the newest group becomes the newest.  A group
#: that is at most so many seqids behind it is probably late.
JUMP = 1024

#: The decoder takes another group for the newest if more shards than this in a row were strays: as
#: many as so many groups have, and at least so many; or, of strays that are probably late, so many.
RESYNC_GROUPS = 2
RESYNC_SHARDS = 16
RESYNC_LATE_SHARDS = 128

#: The last strays are kept, at most so many, and so many of them must be near each other.
MAXIMUM_STRAYS = 12
RESYNC_NEAR = 3


class _Group:
    """
    One group.

    @ivar packets: the packets that have arrived, by position.
    @ivar dataCount: how many of them are data shards.
    @ivar done: True if the group is complete or rebuilt.
    """

    __slots__ = ("dataCount", "done", "packets")

    def __init__(self) -> None:
        self.packets: dict[int, bytes] = {}
        self.dataCount = 0
        self.done = False


class FECDecoder:
    """
    Takes datagrams out of data shards as they arrive, and rebuilds lost ones where a group's parity
    allows.

    The peer may use other counts of shards than this side.  With wrong counts the code gives wrong
    datagrams, which can look right.  So nothing is rebuilt before L{AutoTune} has confirmed the
    counts in use or found the right ones.  When a shard contradicts the counts, nothing is rebuilt
    until that has happened again.

    A shard that is more than L{HORIZON} groups behind the newest group is late.  A shard that is
    more than L{JUMP} seqids ahead is a stray: it belongs to an earlier session at the peer's
    address, or is forged.  Both are left out.  But if only such shards arrive, the newest group was
    that of a stray, and another group takes its place.

    Holds the newest group and L{HORIZON} groups behind it: at most
    (L{HORIZON} + 1) × (data + parity) packets and L{MAXIMUM_STRAYS} strays, whatever arrives.
    """

    def __init__(self, dataShards: int, parityShards: int, stats: SessionStats) -> None:
        """
        @param dataShards: data shards of a group at this side, and at first the count that is
            expected of the peer; 0 if this side does not use FEC.
        @param parityShards: parity shards of a group, likewise.
        @param stats: its counters of FEC count here.
        """
        self._stats = stats
        # None once the counts are confirmed.
        self._tuner: AutoTune | None = AutoTune()
        # True if a shard has contradicted the counts in use since then.  A side without FEC has no
        # counts of its own: to contradict its first ones is no error of the peer.
        self._contradicted = not dataShards
        # How many shards in a row were strays, and the last of them by seqid.
        self._straysInRow = 0
        self._strays: dict[int, bytes] = {}
        self._use(dataShards or 1, parityShards or 1)

    def _use(self, dataShards: int, parityShards: int) -> None:
        self._counts = (dataShards, parityShards)
        self._dataShards = dataShards
        self._groupSize = dataShards + parityShards
        self._limit = sequenceLimit(self._groupSize)
        self._groups: dict[int, _Group] = {}
        self._newest: int | None = None

    @property
    def counts(self) -> tuple[int, int] | None:
        """
        Data and parity shards of the peer's groups; None while they are in doubt.
        """
        return self._counts if self._tuner is None else None

    def decode(self, packets: Iterable[bytes]) -> tuple[list[bytes], list[bytes]]:
        """
        Takes the FEC headers off.

        @param packets: datagrams as they arrived, with or without FEC headers.
        @return: the datagrams of segments in them, and the datagrams that were rebuilt.
        """
        datagrams, recovered, dataCount, parityCount = self._sort(packets)
        self._stats.FECDataShards += dataCount
        self._stats.FECParityShards += parityCount
        return datagrams, recovered

    def _sort(self, packets: Iterable[bytes]) -> tuple[list[bytes], list[bytes], int, int]:
        """
        Returns what L{decode} returns, and how many data and how many parity shards there were.
        """
        datagrams = []
        recovered: list[bytes] = []
        dataCount = parityCount = 0
        unpack = unpackDataHeader
        # The group of the last shard and its first seqid: the next shard probably belongs to it
        # too.
        group: _Group | None = None
        first = 0
        for packet in packets:
            length = len(packet)
            if length < FEC_OVERHEAD:
                self._stats.FECErrs += 1
                continue
            seqid, kind, size = unpack(packet)
            if kind == DATA:
                end = UNCOVERED + size
                if end > length or size < SIZE_FIELD:
                    self._stats.FECErrs += 1
                    continue
                dataCount += 1
                datagrams.append(packet[FEC_OVERHEAD:end])
            elif kind == PARITY:
                parityCount += 1
            else:
                datagrams.append(packet)
                continue
            position = seqid - first
            if group is None or not 0 <= position < self._groupSize:
                if seqid >= self._limit:
                    self._stats.FECErrs += 1
                    continue
                if self._isStray(seqid // self._groupSize):
                    recovered += self._keepStray(seqid, packet)
                    group = None
                    continue
                position = seqid % self._groupSize
                first = seqid - position
                group = None
            isData = kind == DATA
            if isData is not (position < self._dataShards):
                recovered += self._tune(seqid, isData, False)
                # The counts may have changed.
                group = None
                continue
            if group is None:
                number = seqid // self._groupSize
                group = self._groups.get(number) or self._open(number)
                if group is None and self._tuner is None:
                    recovered += self._keepStray(seqid, packet)
                    continue
            isNew = group is not None and not group.done and position not in group.packets
            if group is not None and isNew:
                group.packets[position] = packet
                group.dataCount += isData
                if self._tuner is None and len(group.packets) >= self._dataShards:
                    recovered += self._complete(group)
            if self._tuner is not None:
                recovered += self._tune(seqid, isData, True, isNew)
                group = None
        return datagrams, recovered, dataCount, parityCount

    def _isStray(self, number: int) -> bool:
        """
        Returns True if a group is so far from the newest that its shard is a stray.

        @param number: the number of the group.
        """
        if self._newest is None:
            return False
        size = self._groupSize
        groups = self._limit // size
        ahead = (number - self._newest) % groups
        near = max(self._reach, JUMP // size)
        if near < ahead < groups - near:
            self._straysInRow += 1
            return True
        if ahead < groups - self._reach and ahead > near:
            self._straysInRow += 1
        elif self._straysInRow:
            self._straysInRow = 0
            self._strays.clear()
        return False

    @property
    def _reach(self) -> int:
        """
        How many groups shards that belong together may be apart.
        """
        # While the counts are in doubt, the peer's groups may be much larger than these.
        return HORIZON if self._tuner is None else max(HORIZON, SAMPLES // self._groupSize)

    def _keepStray(self, seqid: int, packet: bytes) -> list[bytes]:
        """
        Keeps a stray.  Makes its group the newest if there were many strays and some are near it.

        @return: the datagrams that are then rebuilt.
        """
        assert self._newest is not None
        size = self._groupSize
        groups = self._limit // size
        number = seqid // size
        isLate = (self._newest - number) % groups <= max(self._reach, JUMP // size)
        tolerated = RESYNC_LATE_SHARDS if isLate else max(RESYNC_GROUPS * size, RESYNC_SHARDS)
        if self._straysInRow <= tolerated:
            return []
        strays = self._strays
        strays.pop(seqid, None)
        strays[seqid] = packet
        reach = self._reach
        near = [
            kept
            for other, kept in strays.items()
            if (number - other // size + reach) % groups <= 2 * reach
        ]
        if len(near) < RESYNC_NEAR:
            if len(strays) > MAXIMUM_STRAYS:
                del strays[next(iter(strays))]
            return []
        strays.clear()
        if self._tuner is not None:
            # The samples may be of strays.
            self._tuner = AutoTune()
        self._newest = number
        self._dropOld(number)
        return self._sort(near)[1]

    def _dropOld(self, newest: int) -> None:
        """
        Forgets the groups that are more than L{HORIZON} behind the newest.
        """
        groups = self._limit // self._groupSize
        for number in [each for each in self._groups if (newest - each) % groups > HORIZON]:
            # With wrong counts these were no groups.
            if not self._groups.pop(number).done and not self._contradicted:
                self._stats.FECShortShards += 1

    def _tune(self, seqid: int, isData: bool, agrees: bool, isNew: bool = False) -> list[bytes]:
        """
        Takes a shard into account that contradicts the counts in use, or that arrives while they
        are in doubt.

        @param seqid: the shard's number.
        @param isData: True for a data shard, False for a parity shard.
        @param agrees: True if the shard agrees with the counts in use.
        @param isNew: True if the shard was put into its group just now.
        @return: the datagrams that are rebuilt because the counts are no longer in doubt.
        """
        tuner = self._tuner
        if tuner is None:
            # This shard is not sampled: if it is a stray, the next ones agree with the counts.
            self._tuner = AutoTune()
            self._contradicted = True
            self._stats.FECErrs += 1
            return []
        if not agrees and not self._contradicted:
            self._contradicted = True
            self._stats.FECErrs += 1
        tuner.sample(seqid, isData)
        isTime = tuner.isTime(atStart=seqid % self._groupSize == 0)
        counts = tuner.find(self._counts) if isTime else None
        if counts is not None:
            return self._confirm(counts)
        return self._completeFirst(tuner) if isTime or (isNew and seqid < self._groupSize) else []

    def _confirm(self, counts: tuple[int, int]) -> list[bytes]:
        """
        Uses counts that are certain from now on.

        @return: the datagrams that are rebuilt from the groups that have been collected.
        """
        self._tuner = None
        self._contradicted = False
        if counts != self._counts:
            self._stats.FECRetunes += 1
            self._use(*counts)
        return [
            datagram
            for group in self._groups.values()
            if len(group.packets) >= self._dataShards
            for datagram in self._complete(group)
        ]

    def _completeFirst(self, tuner: AutoTune) -> list[bytes]:
        """
        Rebuilds the first group of all as soon as it shows where its data ends.  The count of
        parity shards does not matter for it.
        """
        group = self._groups.get(0)
        if self._contradicted or group is None or len(group.packets) < self._dataShards:
            return []
        if not tuner.isFirstGroup(self._dataShards, max(group.packets)):
            return []
        return self._complete(group)

    def _open(self, number: int) -> _Group | None:
        """
        Opens a group.

        @return: the new group; None if it would be too far behind the newest.
        """
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
        self._dropOld(number)
        return group

    def _complete(self, group: _Group) -> list[bytes]:
        """
        Rebuilds the datagrams that are missing from a group of enough shards, and returns them.
        """
        group.done = True
        packets, group.packets = group.packets, {}
        if group.dataCount == self._dataShards:
            return []
        longest = max(map(len, packets.values()))
        shards = {
            position: packet[UNCOVERED:].ljust(longest - UNCOVERED, b"\0")
            for position, packet in packets.items()
        }
        recovered = []
        for shard in codec(*self._counts).reconstruct(shards):
            datagram = shardDatagram(shard)
            if datagram is None:
                self._stats.FECErrs += 1
            else:
                recovered.append(datagram)
        self._stats.FECRecovered += len(recovered)
        return recovered
