"""
FEC packets on the wire (docs/wire.md, "FEC").
"""

from __future__ import annotations

import struct

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
