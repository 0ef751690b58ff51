"""
FEC packets on the wire (docs/wire.md, "FEC").
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

#: seqid, type
FEC_HEADER = struct.Struct("<IH")
#: seqid, type, size; size counts itself and what follows.
DATA_HEADER = struct.Struct("<IHH")

#: Encodes the header of a parity shard: seqid, type.
packParityHeader: Final[Callable[[int, int], bytes]] = FEC_HEADER.pack

#: Encodes the header of a data shard: seqid, type, size.
packDataHeader: Final[Callable[[int, int, int], bytes]] = DATA_HEADER.pack

#: Reads seqid, type and size of a packet of at least L{FEC_OVERHEAD} bytes.  A parity shard has no
#: size; what stands there is parity.
unpackDataHeader: Final[Callable[[bytes], tuple[int, int, int]]] = DATA_HEADER.unpack_from

DATA: Final = 0xF1
PARITY: Final = 0xF2
OUT_OF_BAND: Final = 0xF3

OUT_OF_BAND_SEQID: Final = 0xFFFFFFFF

#: Bytes of the conversation id before what an out-of-band packet carries.
OUT_OF_BAND_OVERHEAD: Final = 4

#: Data and parity shards of a group together.
MAXIMUM_SHARDS: Final = 256

#: Bytes that FEC adds to a datagram of segments.
FEC_OVERHEAD: Final[int] = DATA_HEADER.size

#: Bytes before what parity covers.
UNCOVERED: Final[int] = FEC_HEADER.size

#: Bytes of a data shard's size.
SIZE_FIELD: Final[int] = DATA_HEADER.size - FEC_HEADER.size

_CONV = struct.Struct("<I")
_SIZE = struct.Struct("<H")


def packetType(datagram: bytes) -> int | None:
    """
    Returns L{DATA}, L{PARITY} or L{OUT_OF_BAND}; None if the datagram is not a FEC packet.
    """
    if len(datagram) < FEC_HEADER.size:
        return None
    kind: int = FEC_HEADER.unpack_from(datagram)[1]
    return kind if DATA <= kind <= OUT_OF_BAND else None


def dataShard(seqid: int, datagram: bytes) -> bytes:
    """
    Returns the data shard that carries a datagram of segments.
    """
    return packDataHeader(seqid, DATA, SIZE_FIELD + len(datagram)) + datagram


def shardDatagram(shard: bytes) -> bytes | None:
    """
    Returns the datagram that a shard carries; None if the size cannot be.

    @param shard: a data shard that begins with its size, as parity rebuilds it.
    """
    (size,) = _SIZE.unpack_from(shard)
    return shard[SIZE_FIELD:size] if SIZE_FIELD <= size <= len(shard) else None


def outOfBandPacket(conv: int, data: bytes) -> bytes:
    """
    Returns an out-of-band packet: of no group, so its seqid is none that a shard has.
    """
    size = SIZE_FIELD + _CONV.size + len(data)
    return packDataHeader(OUT_OF_BAND_SEQID, OUT_OF_BAND, size) + _CONV.pack(conv) + data


def outOfBandConversation(packet: bytes) -> int:
    """
    Returns the conversation id of an out-of-band packet.

    @param packet: an out-of-band packet that is not malformed.
    """
    conv: int = _CONV.unpack_from(packet, FEC_OVERHEAD)[0]
    return conv


def outOfBandData(packet: bytes) -> bytes | None:
    """
    Returns what an out-of-band packet carries; None if it is malformed.
    """
    start = FEC_OVERHEAD + _CONV.size
    if len(packet) < start:
        return None
    seqid, _, size = unpackDataHeader(packet)
    end = FEC_HEADER.size + size
    return packet[start:end] if seqid == OUT_OF_BAND_SEQID and start <= end <= len(packet) else None
