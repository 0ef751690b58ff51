"""
What the kinds of connections can do: half closes, resets, and saying what has been delivered.
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

#: Values of C{SO_LINGER}: a close sends a reset, or a close sends what is queued and then a FIN.
_LINGER_RESET, _LINGER_DELIVER = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)

#: The numbers of requests for the bytes that a peer's host has not acknowledged.  Python's modules
#: do not have them.
_DARWIN_SO_NWRITE = 0x1024
_FREEBSD_FIONWRITE = 0x40046677


def hasHalfClose(transport: Any) -> bool:
    """
    Returns True if a connection's two directions end one by one.  Only a method of the class
    counts: a wrapper, such as TLS, passes on the method of the wrapped transport, which does not
    know the wrapper's own last bytes.  A wrapper that has none says so by C{passesTo}.
    """
    return hasattr(type(getattr(transport, "passesTo", transport)), "loseWriteConnection")


def signalsEnd(transport: Any) -> bool:
    """
    Returns True if the peer learns of the end of one direction.  A KCP peer without control frames
    does not.
    """
    return hasHalfClose(transport) and getattr(transport, "greeted", True)


def closesItself(transport: Any) -> bool:
    """
    Returns True for KCP: the connection ends when both directions have ended, and a close delivers
    what was written even if received data is unread.
    """
    return hasattr(type(getattr(transport, "passesTo", transport)), "unacknowledged")


def isOrderlyEnd(transport: Any, reason: Failure, closed: bool) -> bool:
    """
    Returns True if the end of a connection, and nothing before it, says that the peer had nothing
    more to send.

    @param reason: why the connection ended.
    @param closed: True if this side has closed it.
    """
    if hasHalfClose(transport) or not reason.check(ConnectionDone):
        return False
    # TLS reads on until the peer's own close.
    return not closed or INegotiated.providedBy(transport)


def abort(transport: Any) -> bool:
    """
    Ends a connection so that the peer sees a failure, if the transport can do that.

    @return: True if it can.
    """
    if hasattr(transport, "abortConnection"):
        transport.abortConnection()
        return True
    transport.loseConnection()
    return False


def isTCP(transport: Any) -> bool:
    """
    Returns True for TCP without a wrapper.
    """
    return hasHalfClose(transport) and ITCPTransport.providedBy(transport)


def resetOnClose(transport: Any, reset: bool) -> None:
    """
    Sets what the operating system does when a TCP connection is closed, also when this process is
    killed.

    @param reset: True if the peer shall see a reset; False if it shall see the end of the data,
        even if more was to follow.
    """
    if isTCP(transport):
        with suppress(OSError, AttributeError):
            option = _LINGER_RESET if reset else _LINGER_DELIVER
            transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)


def undelivered(transport: Any) -> int:
    """
    Returns how much of what was written the peer's host does not have yet, as far as that is known:
    in bytes, for KCP in segments.
    """
    segments: int | None = getattr(transport, "unacknowledged", None)
    if segments is not None:
        return segments
    waiting = sum(map(len, getattr(transport, "_appSendBuffer", ())))
    waiting += len(getattr(transport, "dataBuffer", b"")) - getattr(transport, "offset", 0)
    waiting += getattr(transport, "_tempDataLen", 0)
    # Of a smux stream; what has left it is its session's to deliver.
    waiting += getattr(transport, "unsent", 0)
    return waiting + (inKernel(transport) or 0)


def inKernel(transport: Any) -> int | None:
    """
    Returns how many bytes the operating system holds for the peer.  Returns 0 if there is no socket
    or the connection has failed, None if the system does not say.
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
    Returns True if a socket's connection has failed, such as by a reset.
    """
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    # Not POLLHUP: it also comes when both directions have ended, with data still under way.
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _outputQueue(descriptor: int) -> int:
    import fcntl
    import termios

    # On Linux this is SIOCOUTQ, which has the same number.
    request = _FREEBSD_FIONWRITE if sys.platform.startswith("freebsd") else termios.TIOCOUTQ
    count = array.array("i", [0])
    fcntl.ioctl(descriptor, request, count)
    return count[0]
