"""
Taking over a socket that the application has opened.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from weakref import WeakSet

from kcptwisted.interfaces import Address
from kcptwisted.udp.asked import IP_PKTINFO, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP
from kcptwisted.udp.fragmentation import IP_MTU_DISCOVER, IPV6_MTU_DISCOVER
from kcptwisted.udp.offload import UDP_GRO
from kcptwisted.udp.pktinfo import IP_FREEBIND, IPV6_FREEBIND, IPV6_RECVPKTINFO

# Linux's numbers.
_IP_TOS = 1
_IPV6_TCLASS = 67

# Also Linux's.  An ICMP error in the error queue makes the socket readable until it is fetched.
_IP_RECVERR = 11
_IPV6_RECVERR = 25

#: The options that a port changes; the application finds them as they were.
_RESTORED = (
    (IPPROTO_UDP, UDP_GRO),
    (IPPROTO_IP, IP_PKTINFO),
    (IPPROTO_IP, IP_FREEBIND),
    (IPPROTO_IP, _IP_RECVERR),
    (IPPROTO_IP, _IP_TOS),
    (IPPROTO_IP, IP_MTU_DISCOVER),
    (IPPROTO_IPV6, IPV6_RECVPKTINFO),
    (IPPROTO_IPV6, IPV6_FREEBIND),
    (IPPROTO_IPV6, _IPV6_RECVERR),
    (IPPROTO_IPV6, _IPV6_TCLASS),
    (IPPROTO_IPV6, IPV6_MTU_DISCOVER),
)

_FAMILIES = (socket.AF_INET, socket.AF_INET6)

#: The protocol number of UDP, and what systems say that do not tell.
_UDP = (IPPROTO_UDP, 0)


class SocketInUse(Exception):
    """
    Another connection or port has the socket.
    """


class AdoptedSocket(socket.socket):
    """
    A duplicate of the application's socket.  When it is closed, the application's socket has the
    options again that it had before, and goes on.
    """

    def __init__(self, fileno: int) -> None:
        """
        @param fileno: a duplicate of the application's descriptor.
        """
        super().__init__(fileno=fileno)
        self._blocking = _isBlocking(fileno)
        self._options: list[tuple[int, int, int]] = []

    def prepare(self) -> None:
        """
        Notes what is to be restored, and makes the socket fit for a port.
        """
        self.setblocking(False)
        if sys.platform.startswith("linux"):
            for level, option in _RESTORED:
                with suppress(OSError):
                    self._options.append((level, option, self.getsockopt(level, option)))
            for level, option in ((IPPROTO_IP, _IP_RECVERR), (IPPROTO_IPV6, _IPV6_RECVERR)):
                with suppress(OSError):
                    self.setsockopt(level, option, 0)

    @property
    def peer(self) -> Address | None:
        """
        The address that the socket is connected to; None if it is not.
        """
        try:
            peer: Address = self.getpeername()
        except OSError:
            return None
        return peer

    def close(self) -> None:
        """
        Restores the options, and closes the duplicate.
        """
        if self.fileno() != -1:
            with suppress(OSError):
                self.setblocking(self._blocking)
            for option in self._options:
                with suppress(OSError):
                    self.setsockopt(*option)
        super().close()


# Those that are open.
_adopted: WeakSet[AdoptedSocket] = WeakSet()


def adopt(given: socket.socket | int, name: str) -> AdoptedSocket:
    """
    Duplicates a socket.

    @param given: the application's socket, or its descriptor.
    @param name: what to call it in an error.
    @return: the duplicate, non-blocking.
    @raise ValueError: if it is no bound UDP socket of IPv4 or IPv6; says what it is.
    @raise SocketInUse: if a duplicate of it is open: two would take datagrams from each other.
    """
    descriptor = given if isinstance(given, int) else given.fileno()
    try:
        duplicate = socket.dup(descriptor)
    except OSError as problem:
        raise ValueError(f"{name} must be an open socket: {problem.strerror}") from None
    try:
        sock = AdoptedSocket(duplicate)
    except OSError as problem:
        socket.close(duplicate)
        raise ValueError(f"{name} must be a bound UDP socket: {problem.strerror}") from None
    kind = _wrongKind(sock)
    if kind:
        sock.close()
        raise ValueError(f"{name} must be a bound UDP socket of IPv4 or IPv6, not {kind}")
    if any(_isSame(sock, other) for other in _adopted if other.fileno() != -1):
        sock.close()
        raise SocketInUse(f"{name} is in use by another connection or port")
    sock.prepare()
    _adopted.add(sock)
    return sock


def _wrongKind(sock: socket.socket) -> str:
    """
    Returns what C{sock} is; empty if it is what it should be.
    """
    if sock.family not in _FAMILIES:
        return f"one of {getattr(sock.family, 'name', sock.family)}"
    if sock.type == socket.SOCK_STREAM:
        return "one of TCP"
    if sock.type != socket.SOCK_DGRAM or sock.proto not in _UDP:
        return f"one of {getattr(sock.type, 'name', sock.type)} and protocol {sock.proto}"
    return "" if sock.getsockname()[1] else "one that is not bound"


def _isSame(one: socket.socket, other: socket.socket) -> bool:
    try:
        return os.path.sameopenfile(one.fileno(), other.fileno())
    except (AttributeError, OSError):
        # Windows does not tell.
        return False


def _isBlocking(descriptor: int) -> bool:
    try:
        return os.get_blocking(descriptor)
    except (AttributeError, OSError):
        return True
