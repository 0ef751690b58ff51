"""
The first segment of a datagram, and whether a session may begin with it.
"""

from __future__ import annotations

from typing import NamedTuple

from kcptwisted.wire.control import Block, Hello, decodeBlock
from kcptwisted.wire.fec import (
    DATA,
    FEC_OVERHEAD,
    OUT_OF_BAND,
    PARITY,
    UNCOVERED,
    outOfBandConversation,
    outOfBandData,
    packetType,
    unpackDataHeader,
)
from kcptwisted.wire.segment import ACK, OVERHEAD, PUSH, WASK, WINS, firstHeader


class Opening(NamedTuple):
    """
    The first segment of a datagram, or an out-of-band packet.

    @ivar conv: conversation id.
    @ivar cmd: the segment's; None if out-of-band.
    @ivar sn: the segment's; 0 if out-of-band.
    @ivar una: likewise.
    @ivar block: the control frames in a WASK or WINS, if any.
    """

    conv: int
    cmd: int | None
    sn: int = 0
    una: int = 0
    block: Block | None = None

    @property
    def opens(self) -> bool:
        """
        Whether a session may begin with this.

        A peer that begins has received nothing: its una is 0, and it sends no ACK.  Its first PUSH
        has sn 0.  Control frames without a hello belong to a session that began before.  A session
        that began with anything else would wait for segment 0 for ever.
        """
        if self.una or self.cmd == ACK or (self.cmd == PUSH and self.sn):
            return False
        return self.block is None or self.block.find(Hello) is not None


def opensNone(datagram: bytes) -> bool:
    """
    Returns True if a datagram is seen at first sight not to open a session, as most are: it has no
    FEC header, and begins with a segment that L{Opening.opens} refuses for its numbers.
    """
    fields = firstHeader(datagram)
    if fields is None:
        return False
    _, cmd, _, _, _, sn, una, _ = fields
    return una != 0 or (cmd == PUSH and sn != 0)


def readOpening(datagram: bytes) -> Opening | None:
    """
    Returns what a datagram says; None if there is no conversation id in it, as in parity, or it is
    malformed.

    @param datagram: any bytes, with or without FEC.
    """
    kind = packetType(datagram)
    if kind == PARITY:
        return None
    if kind == OUT_OF_BAND:
        if outOfBandData(datagram) is None:
            return None
        return Opening(outOfBandConversation(datagram), None)
    if kind != DATA:
        return _readSegment(datagram)
    if len(datagram) < FEC_OVERHEAD:
        return None
    end = UNCOVERED + unpackDataHeader(datagram)[2]
    isWhole = FEC_OVERHEAD <= end <= len(datagram)
    return _readSegment(datagram[FEC_OVERHEAD:end]) if isWhole else None


def _readSegment(datagram: bytes) -> Opening | None:
    fields = firstHeader(datagram)
    if fields is None:
        return None
    conv, cmd, _, _, _, sn, una, length = fields
    end = OVERHEAD + length
    if end > len(datagram):
        return None
    block = decodeBlock(datagram[OVERHEAD:end]) if cmd in (WASK, WINS) else None
    return Opening(conv, cmd, sn, una, block)
