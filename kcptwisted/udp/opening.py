"""
Making the right kind of UDP port for a reactor.
"""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from typing import Any, cast

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorFDSet, IReactorUDP

from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.options import KCPOptions
from kcptwisted.stats import PortStats
from kcptwisted.udp.addresses import ANY_IPV6, isIPv6
from kcptwisted.udp.buffers import setBuffers
from kcptwisted.udp.fallback import ListenUDPPort
from kcptwisted.udp.heap import keepFreedMemory
from kcptwisted.udp.port import BatchPort, IBatchReactor

#: There is no socket left, or no memory for one.
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

#: A port of either kind.
UDPPort = BatchPort | ListenUDPPort


def openPort(
    reactor: Any,
    protocol: IDatagramProtocol,
    bind: Address,
    options: KCPOptions,
    stats: PortStats,
    peer: Address | None = None,
    sock: socket.socket | None = None,
) -> UDPPort:
    """
    Open a UDP port and connect C{protocol} to it.

    @param reactor: provides L{IReactorFDSet} and
        L{IReactorTime<twisted.internet.interfaces.IReactorTime>}, or L{IReactorUDP}.
    @param bind: where to listen.
    @param peer: the only address to talk with, or None.
    @param sock: one of L{openShared}, instead of a new one; for a reactor with file descriptors.
    @raise CannotListenError: if the address cannot be had.
    @raise OSError: if C{peer} cannot be reached from it, or there is no socket left for that.
    """
    if not IReactorFDSet.providedBy(reactor):
        fallback = ListenUDPPort(protocol, stats, peer)
        fallback.start(cast(IReactorUDP, reactor), bind)
        return fallback
    keepFreedMemory()
    if sock is None:
        sock = _openSocket(bind, peer, options)
    port = BatchPort(
        cast(IBatchReactor, reactor), sock, protocol, stats, connected=peer is not None
    )
    port.start()
    return port


def openShared(bind: Address, options: KCPOptions, count: int) -> list[socket.socket]:
    """
    Open several sockets at one address, of which Linux chooses one for each peer.

    @param bind: where to listen.
    @return: so many, not blocking.
    @raise CannotListenError: if the address cannot be had, or is in use.
    """
    # Alone at first: sockets that share a port do not mind those that others share.
    first = _bound(bind, options)
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sockets = [first]
    try:
        while len(sockets) < count:
            sockets.append(_bound(first.getsockname(), options, shared=True))
    except CannotListenError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def rebindPort(port: UDPPort, bind: Address, peer: Address, options: KCPOptions) -> bool:
    """
    Have a client's port go on with a new socket.  For a host whose own address has changed: a
    connected socket keeps the address that it was connected from.

    @param bind: what the port was opened with; its port number is not used, the kernel chooses one.
    @param peer: what the port was opened with.
    @return: whether that was done.  If not, because there is no route to the peer for now, or the
        port is closed, or the reactor has no file descriptors, the port is as it was.
    """
    if not isinstance(port, BatchPort):
        return False
    try:
        sock = _openSocket((bind[0], 0, *bind[2:]), peer, options)
    except (CannotListenError, OSError):
        return False
    return port.rebind(sock)


def _openSocket(bind: Address, peer: Address | None, options: KCPOptions) -> socket.socket:
    try:
        sock = _bound(bind, options)
    except CannotListenError as problem:
        reason = problem.socketError
        if peer is not None and isinstance(reason, OSError) and reason.errno in _EXHAUSTED:
            # It is not about the address.
            raise reason from None
        raise
    if peer is not None:
        try:
            sock.connect(peer)
        except OSError:
            sock.close()
            raise
    return sock


def _bound(bind: Address, options: KCPOptions, shared: bool = False) -> socket.socket:
    family = socket.AF_INET6 if isIPv6(bind) else socket.AF_INET
    sock = None
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        setBuffers(sock, options.socketBuffer)
        both = bind[0] == ANY_IPV6[0] and _takeBothFamilies(sock)
        if options.dscp:
            _mark(sock, family, options.dscp, both)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(bind)
    except OSError as problem:
        if sock is not None:
            sock.close()
        raise CannotListenError(bind[0], bind[1], problem) from None
    return sock


def _takeBothFamilies(sock: socket.socket) -> bool:
    """
    Have a socket on all IPv6 addresses take what comes for IPv4 ones as well, whatever the system's
    default (Linux: the sysctl net.ipv6.bindv6only).

    @return: whether the system can.
    """
    try:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    except OSError:
        # OpenBSD cannot.
        return False
    return True


def _mark(sock: socket.socket, family: int, dscp: int, both: bool) -> None:
    # DSCP is the upper six bits of the byte (RFC 2474, section 3).
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
        if both:
            # Not every system lets an IPv6 socket mark what it sends by IPv4.
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
