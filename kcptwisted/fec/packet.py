"""
FEC packets on the wire (docs/wire.md, "FEC").
"""

from __future__ import annotations

import struct

from kcptwisted.arq.segment import OVERHEAD, PUSH, WINS

#: seqid, type
HEADER = struct.Struct("<IH")
#: seqid, type, size; size counts itself and what follows.
DATA_HEADER = struct.Struct("<IHH")

DATA = 0xF1
PARITY = 0xF2
OUT_OF_BAND = 0xF3

OUT_OF_BAND_SEQID = 0xFFFFFFFF

#: Bytes of the conversation id before what an out-of-band packet carries.
OUT_OF_BAND_OVERHEAD = 4

#: Data and parity shards of a group together.
MAXIMUM_SHARDS = 256

#: Bytes that FEC adds to a datagram of segments.
FEC_OVERHEAD = DATA_HEADER.size

_SIZE_FIELD = DATA_HEADER.size - HEADER.size
_CONV = struct.Struct("<I")
_SN = struct.Struct("<I")
_SN_OFFSET = 12
_TYPE = struct.Struct("<H")
_TYPE_OFFSET = 4


def packetType(datagram: bytes) -> int | None:
    """
    @return: L{DATA}, L{PARITY} or L{OUT_OF_BAND}; None if the datagram is not a FEC packet.
    """
    if len(datagram) < HEADER.size:
        return None
    (kind,) = _TYPE.unpack_from(datagram, _TYPE_OFFSET)
    return kind if DATA <= kind <= OUT_OF_BAND else None


def outOfBandPacket(conv: int, data: bytes) -> bytes:
    """
    @return: an out-of-band packet: of no group, so its seqid is none that a shard has.
    """
    size = _SIZE_FIELD + _CONV.size + len(data)
    return DATA_HEADER.pack(OUT_OF_BAND_SEQID, OUT_OF_BAND, size) + _CONV.pack(conv) + data


def outOfBandData(packet: bytes) -> bytes | None:
    """
    @return: what an out-of-band packet carries; None if it is malformed.
    """
    start = FEC_OVERHEAD + _CONV.size
    if len(packet) < start:
        return None
    seqid, _, size = DATA_HEADER.unpack_from(packet)
    end = HEADER.size + size
    return packet[start:end] if seqid == OUT_OF_BAND_SEQID and start <= end <= len(packet) else None


def peekConversation(datagram: bytes) -> tuple[int, int | None] | None:
    """
    Which conversation a datagram belongs to, with or without FEC.

    @return: the conversation id, and the first segment's sn if it is a PUSH; None if the datagram
        carries no conversation id, as parity does not.
    """
    kind = packetType(datagram)
    if kind == PARITY:
        return None
    start = 0 if kind is None else FEC_OVERHEAD
    if kind == OUT_OF_BAND:
        if outOfBandData(datagram) is None:
            return None
        return _CONV.unpack_from(datagram, start)[0], None
    if len(datagram) < start + OVERHEAD:
        return None
    cmd = datagram[start + 4]
    if not PUSH <= cmd <= WINS:
        return None
    (conv,) = _CONV.unpack_from(datagram, start)
    if cmd != PUSH:
        return conv, None
    (sn,) = _SN.unpack_from(datagram, start + _SN_OFFSET)
    return conv, sn
