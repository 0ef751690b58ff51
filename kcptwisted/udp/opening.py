"""
Making the right kind of UDP port for a reactor.
"""

from __future__ import annotations

import socket
from typing import Any, cast

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorFDSet, IReactorUDP

from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.options import KCPOptions
from kcptwisted.stats import PortStats
from kcptwisted.udp.fallback import ListenUDPPort
from kcptwisted.udp.heap import keepFreedMemory
from kcptwisted.udp.port import BatchPort, IBatchReactor

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

    @param reactor: provides L{IReactorFDSet} and L{IReactorTime}, or L{IReactorUDP}.
    @param bind: where to listen.
    @param peer: the only address to talk with, or None.
    @param sock: one of L{openShared}, instead of a new one; for a reactor with file descriptors.
    @raise CannotListenError: if the address cannot be had.
    @raise OSError: if C{peer} cannot be reached from it.
    """
    if not IReactorFDSet.providedBy(reactor):
        fallback = ListenUDPPort(protocol, stats, peer)
        fallback.start(cast(IReactorUDP, reactor), bind[0], bind[1])
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
    sock = _bound(bind, options)
    if peer is not None:
        try:
            sock.connect(peer)
        except OSError:
            sock.close()
            raise
    return sock


def _bound(bind: Address, options: KCPOptions, shared: bool = False) -> socket.socket:
    family = socket.AF_INET6 if len(bind) == 4 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, options.socketBuffer)
        if options.dscp:
            _mark(sock, family, options.dscp)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(bind)
    except OSError as problem:
        sock.close()
        raise CannotListenError(bind[0], bind[1], problem) from None
    return sock


def _mark(sock: socket.socket, family: int, dscp: int) -> None:
    # DSCP is the upper six bits of the byte (RFC 2474, section 3).
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
