"""
Opening the kind of UDP port that fits the reactor.
"""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from typing import Any, cast

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorFDSet

from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.options import KCPOptions
from kcptwisted.stats import PortStats
from kcptwisted.udp.addresses import ANY_IPV6, isIPv6
from kcptwisted.udp.adopted import AdoptedSocket
from kcptwisted.udp.buffers import setBuffers
from kcptwisted.udp.fallback import ListenUDPPort
from kcptwisted.udp.heap import keepFreedMemory
from kcptwisted.udp.interfaces import IBatchReactor
from kcptwisted.udp.offload import LARGEST_PAYLOAD
from kcptwisted.udp.onepeer import OnePeerLayer
from kcptwisted.udp.port import BatchPort
from kcptwisted.udp.sending import TooBig

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
    longest: int = LARGEST_PAYLOAD,
    tooBig: TooBig | None = None,
) -> UDPPort:
    """
    Opens a UDP port and connects C{protocol} to it.

    @param reactor: provides L{IReactorFDSet} and
        L{IReactorTime<twisted.internet.interfaces.IReactorTime>}, or
        L{IReactorUDP<twisted.internet.interfaces.IReactorUDP>}.
    @param bind: where to listen.
    @param peer: the only address to talk with, or None.
    @param sock: instead of a new one; the port closes it.  One of L{openShared}, for a reactor with
        file descriptors, or an L{AdoptedSocket}, also for one that provides
        L{IReactorSocket<twisted.internet.interfaces.IReactorSocket>}.
    @param longest: bytes; larger datagrams are dropped and counted.
    @param tooBig: if given, datagrams are not fragmented on their way where the system can forbid
        it, and this is called when one is too large for that.
    @raise CannotListenError: if the address cannot be had.
    @raise OSError: if C{peer} cannot be reached from it, or there is no socket left for that.
    """
    adopted = sock if isinstance(sock, AdoptedSocket) else None
    connected = peer is not None
    if adopted is not None:
        connected = adopted.peer is not None
        _fit(adopted, options)
        if peer is not None and not connected:
            protocol = OnePeerLayer(protocol, peer, stats)
    if not IReactorFDSet.providedBy(reactor):
        fallback = ListenUDPPort(protocol, stats, peer, longest, connected, tooBig)
        fallback.start(reactor, bind, adopted)
        return fallback
    keepFreedMemory()
    if sock is None:
        sock = _openSocket(bind, peer, options)
    batching = cast(IBatchReactor, reactor)
    onePeer = peer is not None
    port = BatchPort(batching, sock, protocol, stats, connected, longest, onePeer, tooBig)
    port.start()
    return port


def openShared(bind: Address, options: KCPOptions, count: int) -> list[socket.socket]:
    """
    Opens several sockets at one address, of which Linux chooses one for each peer.

    @param bind: where to listen.
    @return: C{count} sockets, non-blocking.
    @raise CannotListenError: if the address cannot be had, or is in use.
    """
    # The first binds without SO_REUSEPORT, which would share the port with another program's.
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
    Has a client's port go on with a new socket, for a host whose own address has changed: a
    connected socket keeps the address that it was connected from.

    @param bind: what the port was opened with; its port number is not used, the kernel chooses one.
    @param peer: what the port was opened with.
    @return: whether that was done.  If not, because there is no route to the peer for now, or the
        port is closed, or its socket is the application's, the port is as it was.
    """
    anyPort: Address = (bind[0], 0, *bind[2:])
    if isinstance(port, ListenUDPPort):
        return port.rebind(anyPort)
    if port.adopted:
        return False
    try:
        sock = _openSocket(anyPort, peer, options)
    except (CannotListenError, OSError):
        return False
    return port.rebind(sock)


def _openSocket(bind: Address, peer: Address | None, options: KCPOptions) -> socket.socket:
    try:
        sock = _bound(bind, options)
    except CannotListenError as problem:
        reason = problem.socketError
        if peer is not None and isinstance(reason, OSError) and reason.errno in _EXHAUSTED:
            # The address is not at fault.
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


def _fit(sock: AdoptedSocket, options: KCPOptions) -> None:
    """
    Sets buffers and code point of the application's socket; see L{setBuffers}.
    """
    setBuffers(sock, options.socketBuffer, enlarge=True)
    if options.dscp:
        both = sock.family == socket.AF_INET6 and not sock.getsockopt(
            socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
        )
        _mark(sock, sock.family, options.dscp, both)


def _takeBothFamilies(sock: socket.socket) -> bool:
    """
    Lets a socket on all IPv6 addresses receive IPv4 datagrams, too, whatever the system's default
    (Linux: the sysctl net.ipv6.bindv6only).

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
            # Some systems do not let an IPv6 socket mark its IPv4 datagrams.
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
