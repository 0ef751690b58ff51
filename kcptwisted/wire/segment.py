"""
KCP segments on the wire (docs/wire.md, "Segment header").
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

#: conv, cmd, frg, wnd, ts, sn, una, len; little-endian.
SEGMENT_HEADER = struct.Struct("<IBBHIIII")

#: The fields of a header.
Fields = tuple[int, int, int, int, int, int, int, int]

#: Encodes the fields of a header.
packHeader: Final[Callable[[int, int, int, int, int, int, int, int], bytes]] = SEGMENT_HEADER.pack

#: Reads the header at an offset, where there are L{OVERHEAD} bytes at least.
unpackHeader: Final[Callable[[bytes, int], Fields]] = SEGMENT_HEADER.unpack_from

#: Bytes of a segment's header.
OVERHEAD: Final[int] = SEGMENT_HEADER.size

PUSH: Final = 81
ACK: Final = 82
#: Asks the peer for its receive window.
WASK: Final = 83
#: Tells the peer the receive window.
WINS: Final = 84

#: sn, una and ts live in this ring.
RING: Final = 0x1_0000_0000
MASK: Final = 0xFFFF_FFFF
#: Differences below this are forward, those from it on are backward.
HALF: Final = 0x8000_0000


class Segment(NamedTuple):
    """
    One decoded segment.

    @ivar conv: conversation id.
    @ivar cmd: L{PUSH}, L{ACK}, L{WASK} or L{WINS}.
    @ivar frg: fragments of the message still to come.
    @ivar wnd: the sender's free receive window, segments.
    @ivar ts: milliseconds of the sender's clock, or the echoed ones in an ACK.
    @ivar sn: sequence number.
    @ivar una: every sn before this one has been received.
    @ivar data: the payload.
    """

    conv: int
    cmd: int
    frg: int
    wnd: int
    ts: int
    sn: int
    una: int
    data: bytes

    def encode(self) -> bytes:
        """
        Returns header and payload.
        """
        return packHeader(*self[:7], len(self.data)) + self.data


def decodeSegments(datagram: bytes) -> list[Segment]:
    """
    Takes a datagram apart, for tests, tools and traces; the conversation has its own loop.

    @raise ValueError: if bytes are left over or missing.
    """
    segments = []
    offset = 0
    while offset < len(datagram):
        if len(datagram) - offset < OVERHEAD:
            raise ValueError(f"{len(datagram) - offset} bytes left, a header has {OVERHEAD}")
        conv, cmd, frg, wnd, ts, sn, una, length = unpackHeader(datagram, offset)
        offset += OVERHEAD
        data = datagram[offset : offset + length]
        if len(data) < length:
            raise ValueError(f"segment of {length} bytes holds {len(data)}")
        segments.append(Segment(conv, cmd, frg, wnd, ts, sn, una, data))
        offset += length
    return segments


def firstHeader(datagram: bytes) -> Fields | None:
    """
    Returns the header that a datagram begins with; None if it begins with none of a segment.
    """
    if len(datagram) < OVERHEAD:
        return None
    fields = unpackHeader(datagram, 0)
    return fields if PUSH <= fields[1] <= WINS else None


def begins(datagram: bytes, conv: int) -> bool:
    """
    Returns True if a datagram begins with the header of a segment of that conversation.
    """
    fields = firstHeader(datagram)
    return fields is not None and fields[0] == conv


def carries(datagram: bytes, cmd: int) -> bool:
    """
    Returns True if one of a datagram's segments has that cmd.
    """
    offset = 0
    while offset + OVERHEAD <= len(datagram):
        _, found, _, _, _, _, _, length = unpackHeader(datagram, offset)
        if found == cmd:
            return True
        offset += OVERHEAD + length
    return False


def controlSegment(
    conv: int, cmd: int, window: int, now: int, una: int, data: bytes = b""
) -> bytes:
    """
    Returns a segment that asks for the window or tells it.

    @param cmd: L{WASK} or L{WINS}.
    @param window: the sender's free receive window, segments.
    @param now: milliseconds.
    @param una: as on the wire.
    @param data: control frames (docs/control.md).
    """
    return packHeader(conv, cmd, 0, window, now & MASK, 0, una, len(data)) + data


def packSegments(segments: Iterable[bytes], mtu: int) -> list[bytes]:
    """
    Joins encoded segments, in order, into datagrams of at most C{mtu} bytes.
    """
    datagrams: list[bytes] = []
    pieces: list[bytes] = []
    size = 0
    for segment in segments:
        length = len(segment)
        if size + length > mtu:
            if pieces:
                datagrams.append(b"".join(pieces))
                pieces = []
                size = 0
            if length == mtu:
                datagrams.append(segment)
                continue
        pieces.append(segment)
        size += length
    if pieces:
        datagrams.append(b"".join(pieces))
    return datagrams
