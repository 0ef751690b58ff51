"""
What a datagram below the cipher holds: FEC header, KCP segments, control frames.
"""

from __future__ import annotations

from typing import NamedTuple

from kcptwisted.wire.control import Block, decodeBlock
from kcptwisted.wire.fec import (
    FEC_OVERHEAD,
    OUT_OF_BAND,
    OUT_OF_BAND_OVERHEAD,
    PARITY,
    SIZE_FIELD,
    UNCOVERED,
    outOfBandConversation,
    packetType,
    unpackDataHeader,
)
from kcptwisted.wire.segment import OVERHEAD, PUSH, WASK, WINS, unpackHeader


class View(NamedTuple):
    """
    A segment as it was captured.

    @ivar length: bytes of its data, by its header.
    @ivar data: as many of these as were captured.
    @ivar block: the control frames in a WASK or WINS, if any.
    """

    conv: int
    cmd: int
    frg: int
    wnd: int
    ts: int
    sn: int
    una: int
    length: int
    data: bytes
    block: Block | None


class Shard(NamedTuple):
    """
    A FEC header.

    @ivar kind: data, parity or out-of-band; see L{packetType}.
    """

    seqid: int
    kind: int


class OutOfBand(NamedTuple):
    """
    What an out-of-band packet says.

    @ivar length: bytes that it carries.
    """

    conv: int
    length: int


class Content(NamedTuple):
    """
    What a datagram holds.

    @ivar shard: the FEC header, if any.
    @ivar segments: those before the first that is malformed.
    @ivar outOfBand: if it is an out-of-band packet.
    @ivar problem: what is malformed; empty if nothing is.
    """

    shard: Shard | None
    segments: tuple[View, ...]
    outOfBand: OutOfBand | None
    problem: str

    @property
    def conv(self) -> int | None:
        """
        The conversation id; None if it says none.
        """
        if self.segments:
            return self.segments[0].conv
        return None if self.outOfBand is None else self.outOfBand.conv

    @property
    def isKCP(self) -> bool:
        """
        Whether it is what a KCP end sends.
        """
        return not self.problem


def readContent(datagram: bytes, length: int) -> Content:
    """
    Takes a datagram apart.  Raises nothing, whatever it holds.

    @param datagram: as much of it as was captured.
    @param length: bytes of the whole.
    """
    kind = packetType(datagram)
    if kind is None:
        segments, problem = _readSegments(datagram, length)
        return Content(None, segments, None, problem)
    if len(datagram) < FEC_OVERHEAD:
        return Content(None, (), None, "a FEC packet without its header")
    seqid, _, size = unpackDataHeader(datagram)
    shard = Shard(seqid, kind)
    if kind == PARITY:
        return Content(shard, (), None, "")
    if size < SIZE_FIELD or UNCOVERED + size > length:
        return Content(shard, (), None, f"a shard that says {size} bytes and has {length}")
    if UNCOVERED + size < length:
        return Content(shard, (), None, f"{length - UNCOVERED - size} bytes after the shard")
    if kind == OUT_OF_BAND:
        return _readOutOfBand(datagram, shard, size - SIZE_FIELD)
    segments, problem = _readSegments(datagram[FEC_OVERHEAD : UNCOVERED + size], size - SIZE_FIELD)
    return Content(shard, segments, None, problem)


def _readOutOfBand(datagram: bytes, shard: Shard, size: int) -> Content:
    if size < OUT_OF_BAND_OVERHEAD or len(datagram) < FEC_OVERHEAD + OUT_OF_BAND_OVERHEAD:
        return Content(shard, (), None, "an out-of-band packet without a conversation id")
    carried = OutOfBand(outOfBandConversation(datagram), size - OUT_OF_BAND_OVERHEAD)
    return Content(shard, (), carried, "")


def _readSegments(datagram: bytes, length: int) -> tuple[tuple[View, ...], str]:
    """
    Returns the segments, and what is wrong with what follows them.

    @param length: bytes of the whole.
    """
    segments: list[View] = []
    offset = 0
    while offset < length:
        if length - offset < OVERHEAD:
            return tuple(segments), f"{length - offset} bytes that are no segment"
        if len(datagram) - offset < OVERHEAD:
            # The capture has no more.
            break
        conv, cmd, frg, wnd, ts, sn, una, size = unpackHeader(datagram, offset)
        if not PUSH <= cmd <= WINS:
            return tuple(segments), f"{length - offset} bytes that are no segment"
        start = offset + OVERHEAD
        offset = start + size
        if offset > length:
            return tuple(segments), f"a segment that says {size} bytes and has {length - start}"
        data = datagram[start:offset]
        block = decodeBlock(data) if cmd in (WASK, WINS) and len(data) == size else None
        segments.append(View(conv, cmd, frg, wnd, ts, sn, una, size, data, block))
    if not segments:
        return (), "no segment"
    return tuple(segments), ""
