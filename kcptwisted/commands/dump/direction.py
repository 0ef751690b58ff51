"""
One direction of a conversation: what a capture shows of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from kcptwisted.commands.dump.content import Content, Shard, View, readContent
from kcptwisted.commands.dump.sequence import Copy, Sequence, after
from kcptwisted.commands.dump.streams import StreamReader
from kcptwisted.fec.decoder import FECDecoder
from kcptwisted.smux.frames import Frame
from kcptwisted.stats import SessionStats
from kcptwisted.wire.fec import DATA, OUT_OF_BAND
from kcptwisted.wire.segment import ACK, PUSH

#: Data and parity shards of a group that are expected until others are found: kcptun's.
EXPECTED_SHARDS = (10, 3)

#: PUSHes that wait for their ACK, at most; then the oldest is forgotten.
MOST_WAITING = 8192


@dataclass
class RoundTrips:
    """
    Times from a PUSH to the ACK that echoes its ts, both as captured: from the place of the capture
    to the receiver and back.  Nanoseconds.
    """

    count: int = 0
    total: int = 0
    least: int = 0
    most: int = 0

    def add(self, time: int) -> None:
        """
        Takes a sample.
        """
        self.least = min(self.least, time) if self.count else time
        self.most = max(self.most, time)
        self.total += time
        self.count += 1


class Seen(NamedTuple):
    """
    A segment, and what it is among those before it.

    @ivar copy: of a PUSH.
    @ivar roundTrip: of an ACK that answers a PUSH of the capture, nanoseconds.
    @ivar frames: the smux frames that a PUSH completes; of a longer PSH frame, its part.
    """

    view: View
    copy: Copy | None = None
    roundTrip: int | None = None
    frames: list[Frame] = []


@dataclass
class Direction:
    """
    Counts of one direction.

    @ivar stream: reads the byte stream.
    @ivar first: when the first datagram was captured, nanoseconds.
    @ivar last: likewise the last.
    @ivar datagrams: of the conversation, parity included.
    @ivar carried: bytes of UDP payloads.
    @ivar data: bytes that the application wrote, each counted once.
    @ivar pushes: PUSH segments by what they are.
    @ivar recovered: PUSH segments that the capture lacks and FEC rebuilds.
    @ivar rebuilt: datagrams that the capture lacks and FEC rebuilds.
    @ivar acks: ACK segments.
    @ivar controls: WASK and WINS segments.
    @ivar outOfBand: out-of-band packets.
    @ivar malformed: datagrams.
    """

    stream: StreamReader
    first: int = 0
    last: int = 0
    datagrams: int = 0
    carried: int = 0
    data: int = 0
    pushes: dict[Copy, int] = field(default_factory=lambda: dict.fromkeys(Copy, 0))
    recovered: int = 0
    rebuilt: int = 0
    acks: int = 0
    controls: int = 0
    outOfBand: int = 0
    malformed: int = 0
    roundTrips: RoundTrips = field(default_factory=RoundTrips)
    sequence: Sequence = field(default_factory=Sequence)
    fec: SessionStats = field(default_factory=SessionStats)
    # None until FEC is seen.
    decoder: FECDecoder | None = None
    # seqids that have been seen, the lowest and the highest of them, and how many were of data.
    _shards: Sequence = field(default_factory=Sequence)
    _shardRange: tuple[int, int] | None = None
    _dataShards: int = 0
    # When a PUSH with an sn and a ts was captured.
    _waiting: dict[tuple[int, int], int] = field(default_factory=dict)

    def count(self, time: int, size: int) -> None:
        """
        Counts a datagram.

        @param size: of the UDP payload.
        """
        if not self.datagrams:
            self.first = time
        self.last = time
        self.datagrams += 1
        self.carried += size

    def take(self, content: Content, time: int, opposite: Direction) -> list[Seen]:
        """
        Takes a datagram's segments into account.

        @param opposite: the other direction.
        """
        self.malformed += bool(content.problem)
        self.outOfBand += content.outOfBand is not None
        return [self._takeSegment(view, time, opposite) for view in content.segments]

    def _takeSegment(self, view: View, time: int, opposite: Direction) -> Seen:
        if view.cmd == PUSH:
            copy = self.sequence.take(view.sn, view.ts)
            self.pushes[copy] += 1
            frames = self._readStream(view, copy)
            waiting = self._waiting
            if len(waiting) >= MOST_WAITING:
                del waiting[next(iter(waiting))]
            waiting.setdefault((view.sn, view.ts), time)
            return Seen(view, copy, frames=frames)
        if view.cmd != ACK:
            self.controls += 1
            return Seen(view)
        self.acks += 1
        sent = opposite._waiting.pop((view.sn, view.ts), None)
        if sent is None or sent > time:
            return Seen(view)
        opposite.roundTrips.add(time - sent)
        return Seen(view, roundTrip=time - sent)

    def _readStream(self, view: View, copy: Copy) -> list[Frame]:
        if copy is Copy.AGAIN:
            return []
        self.data += view.length
        isWhole = len(view.data) == view.length and not view.frg
        return self.stream.take(view.sn, view.data, isWhole)

    def rebuild(self, content: Content, datagram: bytes) -> list[Content]:
        """
        Has FEC take a packet, and returns what it rebuilds.

        @param datagram: the whole packet.
        """
        shard = content.shard
        if shard is None or shard.kind == OUT_OF_BAND or content.problem:
            return []
        self._countShard(shard)
        if self.decoder is None:
            self.decoder = FECDecoder(*EXPECTED_SHARDS, self.fec)
        _, recovered = self.decoder.decode([datagram])
        return [readContent(each, len(each)) for each in recovered]

    def _countShard(self, shard: Shard) -> None:
        seqid = shard.seqid
        if self._shards.take(seqid, 0) is Copy.AGAIN:
            return
        self._dataShards += shard.kind == DATA
        low, high = self._shardRange or (seqid, seqid)
        self._shardRange = (
            seqid if after(seqid, low) < 0 else low,
            seqid if after(seqid, high) > 0 else high,
        )

    @property
    def missingShards(self) -> int | None:
        """
        Data shards that the capture lacks, between the first and the last that it holds; None while
        the counts of a group are not certain.
        """
        counts, numbers = self.shardCounts, self._shardRange
        if counts is None or numbers is None:
            return None
        low, high = numbers
        if high < low:
            # The numbers began anew.
            return None
        return _dataBefore(high + 1, *counts) - _dataBefore(low, *counts) - self._dataShards

    def takeRecovered(self, content: Content) -> list[Seen]:
        """
        Takes into account what FEC has rebuilt.
        """
        seen = []
        for view in content.segments:
            if view.cmd != PUSH:
                seen.append(Seen(view))
                continue
            copy = self.sequence.take(view.sn, view.ts)
            self.recovered += copy is not Copy.AGAIN
            seen.append(Seen(view, copy, frames=self._readStream(view, copy)))
        return seen

    @property
    def sentAgain(self) -> int:
        """
        PUSH segments that are no first copies.
        """
        return self.pushes[Copy.AGAIN] + self.pushes[Copy.REPLACED]

    @property
    def allPushes(self) -> int:
        """
        PUSH segments that the capture holds, each copy counted.
        """
        return sum(self.pushes.values())

    @property
    def shardCounts(self) -> tuple[int, int] | None:
        """
        Data and parity shards of a group; None while they are not certain.
        """
        return None if self.decoder is None else self.decoder.counts


def _dataBefore(seqid: int, data: int, parity: int) -> int:
    """
    Returns how many data shards have smaller numbers.
    """
    groups, place = divmod(seqid, data + parity)
    return groups * data + min(place, data)
