"""
Forbidding IP to fragment a socket's datagrams, so that the path's MTU can be searched for
(RFC 8899, section 4.4), and asking the system how large they may be.

Linux: ip(7) and ipv6(7), IP_MTU_DISCOVER and IP_MTU.  Others: ip(4), IP_DONTFRAG.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from ipaddress import IPv6Address
from typing import Protocol

from kcptwisted.interfaces import Address

#: Bytes of IP's and UDP's headers.
IPV4_HEADERS = 28
IPV6_HEADERS = 48

# A socket option: level, name, value.
_Setting = tuple[int, int, int]

_IP = 0
_IPV6 = 41

# Linux's numbers; the socket module does not name them.  DO sets the DF bit, and refuses what is
# larger than the kernel knows the path to carry; DONT fragments that.
IP_MTU_DISCOVER = 10
IPV6_MTU_DISCOVER = 23
_IP_MTU = 14
_IPV6_MTU = 24
_DONT, _DO = 0, 2


def _settings(family: int, forbidden: bool) -> list[_Setting]:
    """
    Returns the options that forbid fragments, or allow them; empty where the system has none.
    """
    system = sys.platform
    isIPv6 = family == socket.AF_INET6
    if system.startswith("linux"):
        value = _DO if forbidden else _DONT
        # An IPv6 socket may send IPv4 as well.
        found = [(_IP, IP_MTU_DISCOVER, value)]
        if isIPv6:
            found.append((_IPV6, IPV6_MTU_DISCOVER, value))
        return found
    names = {"darwin": (28, 62), "freebsd": (67, 62), "win32": (14, 14)}
    name = next((pair for start, pair in names.items() if system.startswith(start)), None)
    if name is None:
        return []
    return [(_IPV6, name[1], int(forbidden))] if isIPv6 else [(_IP, name[0], int(forbidden))]


class Fragments(Enum):
    """
    Which datagrams IP may fragment, on a socket that forbids it.
    """

    #: Those that the system refuses for their size.
    REFUSED = "refused"
    #: None: what is refused is dropped.
    NONE = "none"
    ALL = "all"


class Switch(Protocol):
    """
    Whether IP may fragment what is sent.
    """

    def forbid(self) -> bool:
        """
        Has datagrams arrive whole or not at all.

        @return: whether that is possible.
        """

    def allow(self) -> None:
        """
        Lets datagrams be fragmented.
        """


class SocketSwitch:
    """
    The L{Switch} of a socket.
    """

    __slots__ = ("_allowing", "_forbidding", "_sock")

    def __init__(self, sock: socket.socket) -> None:
        """
        @param sock: IPv4 or IPv6.
        """
        self._sock = sock
        self._forbidding = _settings(sock.family, True)
        self._allowing = _settings(sock.family, False)

    def forbid(self) -> bool:
        """
        Has datagrams arrive whole or not at all.

        @return: whether the system can.
        """
        return bool(self._forbidding) and self._set(self._forbidding)

    def allow(self) -> None:
        """
        Lets datagrams be fragmented.
        """
        self._set(self._allowing)

    def _set(self, settings: list[_Setting]) -> bool:
        try:
            for setting in settings:
                self._sock.setsockopt(*setting)
        except OSError:
            return False
        return True


class Fragmentation:
    """
    What IP may fragment of what one port sends.

    @ivar fragments: which datagrams, where the system can forbid it.
    @ivar isForbidden: whether it can, and does so, but for C{fragments}.
    """

    __slots__ = ("_switch", "fragments", "isForbidden")

    def __init__(self, switch: Switch | None) -> None:
        """
        Forbids fragments, if there is a switch.
        """
        self._switch = switch
        self.isForbidden = switch is not None and switch.forbid()
        self.fragments = Fragments.REFUSED

    def use(self, fragments: Fragments) -> None:
        """
        Says which datagrams IP may fragment from now on.
        """
        if self._switch is None or not self.isForbidden:
            return
        if fragments is Fragments.ALL:
            self._switch.allow()
        elif self.fragments is Fragments.ALL:
            self._switch.forbid()
        self.fragments = fragments

    @property
    def isReason(self) -> bool:
        """
        Whether a datagram may have been refused for its size because fragments are forbidden.
        """
        return self.isForbidden and self.fragments is not Fragments.ALL

    def sendAgain(self, send: Callable[[], object]) -> None:
        """
        Sends a datagram that was refused, with fragments allowed.

        @param send: does it.
        """
        if self._switch is None:
            return
        self._switch.allow()
        try:
            send()
        finally:
            self._switch.forbid()


def pathLimit(sock: socket.socket, address: Address | None) -> int:
    """
    Returns the largest UDP payload that the system knows the path to carry, bytes; 0 if it does not
    say.

    @param sock: sends there.
    @param address: where; None if C{sock} is connected.
    """
    if not sys.platform.startswith("linux"):
        return 0
    if address is None:
        return _limit(sock)
    # What the kernel knows is known of a destination, not of a socket; but it tells only that of a
    # connected one.
    with suppress(OSError), socket.socket(sock.family, socket.SOCK_DGRAM) as other:
        other.connect(address)
        return _limit(other)
    return 0


def _limit(sock: socket.socket) -> int:
    """
    Returns the largest payload of a connected socket's datagrams.
    """
    isIPv6 = sock.family == socket.AF_INET6
    try:
        if isIPv6 and IPv6Address(sock.getpeername()[0].partition("%")[0]).ipv4_mapped is None:
            return sock.getsockopt(_IPV6, _IPV6_MTU) - IPV6_HEADERS
        return sock.getsockopt(_IP, _IP_MTU) - IPV4_HEADERS
    except OSError:
        return 0
