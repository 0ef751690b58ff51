"""
Captured frames from an interface, as they pass.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import closing
from time import time_ns

from kcptwisted.commands.dump.links import RAW_IP
from kcptwisted.commands.dump.sources import Frame, SourceError

# From Linux's socket.h, if_ether.h and if_packet.h.
_SO_TIMESTAMPNS = 35
_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_ETH_P_ALL = 3
_ETH_P_IP = (0x0800, 0x86DD)
_PACKET_OUTGOING = 4
_ARPHRD_LOOPBACK = 772

_TIMESPEC = struct.Struct("@ll")
_STATISTICS = struct.Struct("@II")
_SECOND = 1_000_000_000

#: Bytes of a packet that are read, at most: what segmentation offload joins, with its headers.
_MOST = 0x10000 + 256

#: The kernel's buffer, bytes.
_BUFFER = 8 << 20


def listen(interface: str) -> Iterator[Frame]:
    """
    Captures what passes an interface.

    @raise SourceError: if that cannot be.
    """
    if not sys.platform.startswith("linux"):
        raise SourceError("-i works on Linux: elsewhere, give the output of tcpdump -w - as file -")
    try:
        # SOCK_DGRAM leaves the headers of the link out, whatever it is.  With a protocol it would
        # already take what passes other interfaces.
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    except PermissionError as problem:
        raise SourceError(f"-i {interface} needs root, or the capability CAP_NET_RAW") from problem
    with closing(sock):
        try:
            sock.bind((interface, _ETH_P_ALL))
        except OSError as problem:
            raise SourceError(f"-i {interface}: {problem.strerror}") from problem
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        while True:
            frame = _read(sock)
            if frame is not None:
                yield frame
            lost = _lost(sock)
            if lost:
                raise SourceError(f"{lost} frames came too fast: use tcpdump -w first")


def _read(sock: socket.socket) -> Frame | None:
    try:
        data, ancillary, _, address = sock.recvmsg(_MOST, socket.CMSG_SPACE(_TIMESPEC.size))
    except OSError as problem:
        # Such as when the interface is gone.
        raise SourceError(f"the capture has ended: {problem.strerror}") from problem
    _, protocol, kind, hardware, *_ = address
    # A loopback interface shows all twice.
    if protocol not in _ETH_P_IP or (hardware == _ARPHRD_LOOPBACK and kind == _PACKET_OUTGOING):
        return None
    for _, name, value in ancillary:
        if name == _SO_TIMESTAMPNS and len(value) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            return Frame(seconds * _SECOND + nanoseconds, RAW_IP, data)
    return Frame(time_ns(), RAW_IP, data)


def _lost(sock: socket.socket) -> int:
    """
    Returns how many frames the kernel had no room for since the last call.
    """
    statistics = sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size)
    _, lost = _STATISTICS.unpack(statistics)
    return int(lost)
