"""
What the kinds of connections can do: half closes, resets, and telling what has been delivered.
"""

from __future__ import annotations

import array
import select
import socket
import struct
import sys
from contextlib import suppress
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import INegotiated, ITCPTransport
from twisted.python.failure import Failure

#: What C{SO_LINGER} gets: a close sends a reset; a close sends what is queued and then a FIN.
_RESET, _DELIVER = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)

#: How to ask for the bytes that a peer's host has not acknowledged: not in Python's modules.
_DARWIN_SO_NWRITE = 0x1024
_FREEBSD_FIONWRITE = 0x40046677


def hasHalfClose(transport: Any) -> bool:
    """
    Whether a connection's two directions end one by one.  A wrapper, such as TLS, passes the method
    of what it wraps on, which knows nothing of the wrapper's own last bytes.
    """
    return hasattr(type(transport), "loseWriteConnection")


def tellsEnd(transport: Any) -> bool:
    """
    Whether the peer can be told of the end of one direction.  A KCP peer without control frames
    cannot.
    """
    return hasHalfClose(transport) and getattr(transport, "greeted", True)


def endsItself(transport: Any) -> bool:
    """
    Whether a connection is over when both its directions are, and delivers what was written though
    it is closed before what it has received is read: KCP.
    """
    return hasattr(type(transport), "unacknowledged")


def saidEnd(transport: Any, reason: Failure, closed: bool) -> bool:
    """
    Whether the end of a connection says that the peer had nothing more to send, where that was not
    said before.

    @param closed: whether this side has closed it.
    """
    if hasHalfClose(transport) or not reason.check(ConnectionDone):
        return False
    # TLS reads on until the peer's own close.
    return not closed or INegotiated.providedBy(transport)


def abort(transport: Any) -> bool:
    """
    End a connection so that the peer sees a failure, if there is a way.

    @return: whether there is.
    """
    if hasattr(transport, "abortConnection"):
        transport.abortConnection()
        return True
    transport.loseConnection()
    return False


def isTCP(transport: Any) -> bool:
    """
    Whether it is TCP, with nothing around it.
    """
    return hasHalfClose(transport) and ITCPTransport.providedBy(transport)


def resetOnClose(transport: Any, reset: bool) -> None:
    """
    Say what the system does to a TCP connection that is closed, as when this process is killed.

    @param reset: whether the peer sees a reset; else an end of data, whatever was to follow.
    """
    if isTCP(transport):
        with suppress(OSError, AttributeError):
            option = _RESET if reset else _DELIVER
            transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)


def undelivered(transport: Any) -> int:
    """
    @return: how much was written and not delivered to the peer's host, as far as can be known:
        bytes, or with KCP segments.
    """
    segments: int | None = getattr(transport, "unacknowledged", None)
    if segments is not None:
        return segments
    waiting = sum(map(len, getattr(transport, "_appSendBuffer", ())))
    waiting += len(getattr(transport, "dataBuffer", b"")) - getattr(transport, "offset", 0)
    waiting += getattr(transport, "_tempDataLen", 0)
    return waiting + (inKernel(transport) or 0)


def inKernel(transport: Any) -> int | None:
    """
    @return: bytes that the system holds for the peer; 0 if there is no socket, or nobody at its
        other end any more; None if the system does not tell.
    """
    descriptor = _descriptor(transport)
    if descriptor < 0 or _failed(descriptor):
        return 0
    try:
        if sys.platform == "darwin":
            return transport.getHandle().getsockopt(  # type: ignore[no-any-return]
                socket.SOL_SOCKET, _DARWIN_SO_NWRITE
            )
        return _outputQueue(descriptor)
    except (ImportError, OSError, AttributeError):
        return None


def _descriptor(transport: Any) -> int:
    try:
        return int(transport.fileno())
    except (AttributeError, OSError, TypeError):
        return -1


def _failed(descriptor: int) -> bool:
    """
    Whether a socket's connection has failed, by a reset for example.
    """
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    # POLLHUP comes as well when both ends have said that they send no more, with data under way.
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _outputQueue(descriptor: int) -> int:
    import fcntl
    import termios

    # Linux calls it SIOCOUTQ, and it has the same number.
    request = _FREEBSD_FIONWRITE if sys.platform.startswith("freebsd") else termios.TIOCOUTQ
    count = array.array("i", [0])
    fcntl.ioctl(descriptor, request, count)
    return count[0]
