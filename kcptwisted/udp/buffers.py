"""
Setting the sizes of a socket's kernel buffers.
"""

from __future__ import annotations

import errno
import socket
import sys

from twisted.logger import Logger

_log = Logger()

#: Bytes; the smallest size that is tried.
SMALLEST = 1 << 12

_OPTIONS = {
    socket.SO_RCVBUF: ("receiving", "net.core.rmem_max"),
    socket.SO_SNDBUF: ("sending", "net.core.wmem_max"),
}

# The options that the log has a warning of: one is enough for all sockets of a process.
_warned: set[int] = set()


def setBuffers(sock: socket.socket, size: int, enlarge: bool = False) -> None:
    """
    Asks for buffers of C{size} bytes each, or as near to it as can be had; logs once if it is less.

    @param enlarge: whether to leave larger buffers as they are.
    """
    for option in _OPTIONS:
        if enlarge and _bufferOf(sock, option) >= size:
            continue
        granted = _setBuffer(sock, option, size)
        if granted < size and option not in _warned:
            _warned.add(option)
            _warn(option, size, granted)


def _setBuffer(sock: socket.socket, option: int, size: int) -> int:
    asked = size
    while True:
        try:
            sock.setsockopt(socket.SOL_SOCKET, option, asked)
            break
        except OSError as problem:
            # Linux grants less than was asked for; BSD refuses more than kern.ipc.maxsockbuf.
            if problem.errno not in (errno.ENOBUFS, errno.EINVAL, errno.ENOMEM):
                raise
            if asked <= SMALLEST:
                break
            asked = max(asked // 2, SMALLEST)
    return _bufferOf(sock, option)


def _bufferOf(sock: socket.socket, option: int) -> int:
    granted = sock.getsockopt(socket.SOL_SOCKET, option)
    # Linux adds its own needs: it reports twice what it grants.
    return granted // 2 if sys.platform.startswith("linux") else granted


def _warn(option: int, size: int, granted: int) -> None:
    direction, linux = _OPTIONS[option]
    sysctl = linux if sys.platform.startswith("linux") else "kern.ipc.maxsockbuf"
    _log.warn(
        "The system grants {granted} bytes for {direction} of socketBuffer={size}:"
        " bursts are lost, and transfers are slower.  Raise the sysctl {sysctl},"
        " or set socketBuffer to less",
        granted=granted,
        direction=direction,
        size=size,
        sysctl=sysctl,
    )
