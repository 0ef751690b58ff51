"""
Asking the kernel which of the host's addresses each datagram came to.
"""

from __future__ import annotations

import socket
import sys
from contextlib import suppress

from kcptwisted.udp.asked import IP_PKTINFO, IPPROTO_IP, IPPROTO_IPV6, OwnAddresses

# The socket module does not name all of these on Linux.
IP_FREEBIND = 15
IPV6_RECVPKTINFO = 49
IPV6_FREEBIND = 78


def askForOwnAddresses(sock: socket.socket) -> OwnAddresses | None:
    """
    Has the kernel say which address each datagram came to, if C{sock} is bound to all addresses.

    @return: None if it is not, or the system is not Linux.
    """
    if not sys.platform.startswith("linux") or sock.getsockname()[0] not in ("0.0.0.0", "::"):
        return None
    # An IPv6 socket gets the message of IPv6 with IPv4 datagrams, too.
    level, receive, free = (
        (IPPROTO_IPV6, IPV6_RECVPKTINFO, IPV6_FREEBIND)
        if sock.family == socket.AF_INET6
        else (IPPROTO_IP, IP_PKTINFO, IP_FREEBIND)
    )
    try:
        sock.setsockopt(level, receive, 1)
    except OSError:
        return None
    # A local route can give a whole network to this host: none of its addresses is configured.
    with suppress(OSError):
        sock.setsockopt(level, free, 1)
    return OwnAddresses()
