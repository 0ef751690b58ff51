"""
What a datagram from an address without a session says, and whether it may open one.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from kcptwisted.wire.control import Block, Hello, decodeBlock
from kcptwisted.wire.fec import (
    DATA,
    DATA_HEADER,
    FEC_OVERHEAD,
    OUT_OF_BAND,
    PARITY,
    outOfBandData,
    packetType,
)
from kcptwisted.wire.fec import HEADER as FEC_HEADER
from kcptwisted.wire.segment import ACK, HEADER, OVERHEAD, PUSH, WASK, WINS

_CONV = struct.Struct("<I")


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

        A peer that begins has received nothing: its una is 0 and it acknowledges nothing.  What it
        sends begins at sn 0, or comes again from there.  Control frames that do not say hello are
        of a session that began before.  All of these would open a session that waits for segment
        0 for ever.
        """
        if self.una or self.cmd == ACK or (self.cmd == PUSH and self.sn):
            return False
        return self.block is None or self.block.find(Hello) is not None


def readOpening(datagram: bytes) -> Opening | None:
    """
    @param datagram: any bytes, with or without FEC.
    @return: None if there is no conversation id in it, as in parity, or it is malformed.
    """
    kind = packetType(datagram)
    if kind == PARITY:
        return None
    if kind == OUT_OF_BAND:
        if outOfBandData(datagram) is None:
            return None
        return Opening(_CONV.unpack_from(datagram, FEC_OVERHEAD)[0], None)
    if kind != DATA:
        return _readSegment(datagram)
    if len(datagram) < FEC_OVERHEAD:
        return None
    end = FEC_HEADER.size + DATA_HEADER.unpack_from(datagram)[2]
    return _readSegment(datagram[FEC_OVERHEAD:end]) if end <= len(datagram) else None


def _readSegment(datagram: bytes) -> Opening | None:
    if len(datagram) < OVERHEAD:
        return None
    conv, cmd, _, _, _, sn, una, length = HEADER.unpack_from(datagram)
    end = OVERHEAD + length
    if not PUSH <= cmd <= WINS or end > len(datagram):
        return None
    block = decodeBlock(datagram[OVERHEAD:end]) if cmd in (WASK, WINS) else None
    return Opening(conv, cmd, sn, una, block)
