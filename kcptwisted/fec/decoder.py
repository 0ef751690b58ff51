"""
Taking datagrams out of data shards, and rebuilding lost ones from parity.
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

#: Groups that are kept behind the newest one.
HORIZON = 3

#: A group that is up to so many seqids ahead of the newest is the newest from then on, and one that
#: is up to so many behind it is most likely late.
JUMP = 1024

#: After so many groups' worth of shards, and so many shards, or of such as are likely late so many,
#: all from elsewhere, the newest group is where L{QUORUM} are near each other, of the last
#: L{MAXIMUM_STRAYS}.
PATIENCE_GROUPS = 2
PATIENCE = 16
PATIENCE_LATE = 128
QUORUM = 3
MAXIMUM_STRAYS = 12


class _Group:
    """
    The packets of one group that have arrived, by position.
    """

    __slots__ = ("dataCount", "done", "packets")

    def __init__(self) -> None:
        self.packets: dict[int, bytes] = {}
        self.dataCount = 0
        self.done = False


class FECDecoder:
    """
    Passes data shards on as they come, and rebuilds what a group's parity allows.

    The peer's counts of shards may be others than this side's, and with wrong ones the code gives
    wrong datagrams, which can look right.  So nothing is rebuilt until L{AutoTune} has confirmed
    the counts in use or found the right ones, nor after a shard has contradicted them, until it
    has done so again.

    A shard that is further behind the newest group than L{HORIZON} groups is late, and one that is
    more than L{JUMP} seqids ahead is a stray: of a session that was at the peer's address before,
    or made up.  Neither has a part in anything.  But when such ones come only, it is the newest
    group that was a stray's.

    Holds the newest group and L{HORIZON} behind it: at most (L{HORIZON} + 1) × (data + parity)
    packets, whatever arrives, and L{MAXIMUM_STRAYS}.
    """

    def __init__(self, dataShards: int, parityShards: int, stats: SessionStats) -> None:
        """
        @param dataShards: this side's count, which the peer's is taken to be at first; 0 if this
            side does without FEC.
        @param parityShards: likewise.
        """
        self._stats = stats
        # None once the counts are confirmed.
        self._tuner: AutoTune | None = AutoTune()
        # Whether a shard has contradicted the counts in use since then.  If these are not our own
        # but made up, it is no error of the peer's, and they are good for nothing anyway.
        self._contradicted = not dataShards
        # How many shards came from elsewhere in a row, and of many the last, by seqid.
        self._missed = 0
        self._strays: dict[int, bytes] = {}
        self._use(dataShards or 1, parityShards or 1)

    def _use(self, dataShards: int, parityShards: int) -> None:
        self._counts = (dataShards, parityShards)
        self._dataShards = dataShards
        self._groupSize = dataShards + parityShards
        self._limit = sequenceLimit(self._groupSize)
        self._groups: dict[int, _Group] = {}
        self._newest: int | None = None

    def decode(self, packets: Iterable[bytes]) -> tuple[list[bytes], list[bytes]]:
        """
        @param packets: datagrams as they arrived, with or without FEC headers.
        @return: the datagrams of segments in them, and those rebuilt.
        """
        datagrams, recovered, dataCount, parityCount = self._sort(packets)
        self._stats.FECDataShards += dataCount
        self._stats.FECParityShards += parityCount
        return datagrams, recovered

    def _sort(self, packets: Iterable[bytes]) -> tuple[list[bytes], list[bytes], int, int]:
        """
        @return: as L{decode}, and how many data and parity shards there were.
        """
        datagrams = []
        recovered: list[bytes] = []
        dataCount = parityCount = 0
        unpack = unpackDataHeader
        # The last shard's group, and its first seqid: the next shard is most likely of it too.
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
                if self._isElsewhere(seqid // self._groupSize):
                    recovered += self._keep(seqid, packet)
                    group = None
                    continue
                position = seqid % self._groupSize
                first = seqid - position
                group = None
            isData = kind == DATA
            if isData is not (position < self._dataShards):
                recovered += self._tune(seqid, isData, False)
                # The counts may be others now.
                group = None
                continue
            if group is None:
                number = seqid // self._groupSize
                group = self._groups.get(number) or self._open(number)
                if group is None and self._tuner is None:
                    recovered += self._keep(seqid, packet)
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

    def _isElsewhere(self, number: int) -> bool:
        """
        Whether a group is so far from the newest that its shard is a stray.
        """
        if self._newest is None:
            return False
        size = self._groupSize
        groups = self._limit // size
        ahead = (number - self._newest) % groups
        near = max(self._reach, JUMP // size)
        if near < ahead < groups - near:
            self._missed += 1
            return True
        if ahead < groups - self._reach and ahead > near:
            self._missed += 1
        elif self._missed:
            self._missed = 0
            self._strays.clear()
        return False

    @property
    def _reach(self) -> int:
        """
        How many groups away from each other shards may be.
        """
        # Groups of counts that are in doubt may be much smaller than the peer's.
        return HORIZON if self._tuner is None else max(HORIZON, SAMPLES // self._groupSize)

    def _keep(self, seqid: int, packet: bytes) -> list[bytes]:
        """
        Take a shard from elsewhere, and go there if there is reason to.

        @return: what is rebuilt then.
        """
        assert self._newest is not None
        size = self._groupSize
        groups = self._limit // size
        number = seqid // size
        isLate = (self._newest - number) % groups <= max(self._reach, JUMP // size)
        patience = PATIENCE_LATE if isLate else max(PATIENCE_GROUPS * size, PATIENCE)
        if self._missed <= patience:
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
        if len(near) < QUORUM:
            if len(strays) > MAXIMUM_STRAYS:
                del strays[next(iter(strays))]
            return []
        strays.clear()
        if self._tuner is not None:
            # What was sampled may be a stray.
            self._tuner = AutoTune()
        self._newest = number
        self._giveUpFar(number)
        return self._sort(near)[1]

    def _giveUpFar(self, newest: int) -> None:
        """
        Forget groups that are too far behind the newest.
        """
        groups = self._limit // self._groupSize
        for number in [each for each in self._groups if (newest - each) % groups > HORIZON]:
            # Groups of counts that turned out wrong were none.
            if not self._groups.pop(number).done and not self._contradicted:
                self._stats.FECShortShards += 1

    def _tune(self, seqid: int, isData: bool, agrees: bool, isNew: bool = False) -> list[bytes]:
        """
        Take a shard into account that contradicts the counts in use, or while they are in doubt.

        @param agrees: whether it is what the counts in use say.
        @param isNew: whether it was put into its group just now.
        @return: datagrams that have been rebuilt now that the counts are no longer in doubt.
        """
        tuner = self._tuner
        if tuner is None:
            # The shard itself is not sampled: if it is a stray, the next ones will agree.
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
        Go on with counts that are certain.

        @return: what can be rebuilt of the groups that have been collected.
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
        Rebuild the first group of all as soon as it shows where its data ends: how many parity
        shards there are does not matter for it.
        """
        group = self._groups.get(0)
        if self._contradicted or group is None or len(group.packets) < self._dataShards:
            return []
        if not tuner.isFirstGroup(self._dataShards, max(group.packets)):
            return []
        return self._complete(group)

    def _open(self, number: int) -> _Group | None:
        """
        @return: a new group; None if it is too far behind.
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
        self._giveUpFar(number)
        return group

    def _complete(self, group: _Group) -> list[bytes]:
        """
        @return: the datagrams that were missing from a group that can be rebuilt now.
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
