"""
Segmentation offload: one call for many datagrams (Linux udp(7), UDP_SEGMENT and UDP_GRO).
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from typing import Final

# Linux's numbers; the socket module does not name them.
UDP_SEGMENT = 103
UDP_GRO = 104

#: Bytes of the largest UDP payload, and the most that UDP_GRO puts together.
LARGEST_PAYLOAD: Final = 65535

#: The kernel's bounds on one call.
MAXIMUM_SEGMENTS = 64
MAXIMUM_BYTES = 65507

_SEGMENT_SIZE = struct.Struct("=H")
_GRO_SIZE = struct.Struct("=i")

Ancillary = list[tuple[int, int, bytes]]


def canSegment(sock: socket.socket) -> bool:
    """
    Returns True if the kernel knows UDP_SEGMENT.  It may still refuse to use it on some route.
    """
    return _trySet(sock, UDP_SEGMENT, 0)


def enableCoalescing(sock: socket.socket) -> bool:
    """
    Turns UDP_GRO on.

    @return: whether the kernel agreed.
    """
    return _trySet(sock, UDP_GRO, 1)


def _trySet(sock: socket.socket, option: int, value: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        sock.setsockopt(socket.IPPROTO_UDP, option, value)
    except OSError:
        return False
    return True


def segmentMessage(size: int) -> Ancillary:
    """
    Returns the control message that has a buffer cut into datagrams of C{size} bytes.
    """
    return [(socket.IPPROTO_UDP, UDP_SEGMENT, _SEGMENT_SIZE.pack(size))]


def coalescedSize(ancillary: Ancillary) -> int | None:
    """
    Returns the size of the datagrams in a buffer that was read; None if it is one datagram.
    """
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_UDP and kind == UDP_GRO and len(data) >= _GRO_SIZE.size:
            size: int = _GRO_SIZE.unpack_from(data)[0]
            return size
    return None


def split(buffer: bytes, size: int | None) -> list[bytes]:
    """
    Cuts a buffer that was read into its datagrams.

    @param size: what L{coalescedSize} gave.
    """
    if not size or size >= len(buffer):
        return [buffer]
    whole = len(buffer) // size
    # One call for all of them costs less than half of a slice for each.
    datagrams = list(struct.unpack_from(f"{size}s" * whole, buffer))
    if whole * size < len(buffer):
        datagrams.append(buffer[whole * size :])
    return datagrams


def runs(datagrams: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """
    Cuts a list into runs that one call can send: datagrams of one length, of which the last may be
    shorter, within the kernel's bounds.
    """
    start = 0
    total = len(datagrams)
    while start < total:
        size = len(datagrams[start])
        limit = start + max(min(MAXIMUM_SEGMENTS, MAXIMUM_BYTES // size if size else 1), 1)
        stop = min(limit, total)
        end = start + 1
        while end < stop and len(datagrams[end]) == size:
            end += 1
        if end < stop and 0 < len(datagrams[end]) < size:
            end += 1
        yield datagrams[start:end]
        start = end
