"""
From host names to socket addresses.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.interfaces import Address
from kcptwisted.udp.asked import ownAddressOf

ANY_IPV4 = ("0.0.0.0", 0)
ANY_IPV6 = ("::", 0, 0, 0)

_MAPPED = "::ffff:"
_MAXIMUM_SCOPE = 0xFFFFFFFF


def toAddress(sockname: Address) -> IPv4Address | IPv6Address:
    """
    Returns Twisted's form of a socket address.  An IPv4 address that an IPv6 socket shows as a
    mapped one (RFC 4291, section 2.5.5.2) becomes an IPv4 address again.
    """
    if len(sockname) == 4:
        host = sockname[0]
        if host.startswith(_MAPPED) and isIPAddress(host[len(_MAPPED) :]):
            return IPv4Address("UDP", host[len(_MAPPED) :], sockname[1])
        return IPv6Address("UDP", *sockname)
    return IPv4Address("UDP", *sockname)


def showAddress(address: IPv4Address | IPv6Address) -> str:
    """
    Returns an address as people write it.
    """
    host = f"[{address.host}]" if isinstance(address, IPv6Address) else address.host
    return f"{host}:{address.port}"


def isIPv6(address: Address) -> bool:
    """
    Returns True if a socket address is of IPv6.
    """
    return len(address) == 4


def parseLiteral(host: str, port: int) -> Address | None:
    """
    Returns the socket address if C{host} is one and no name.
    """
    if isIPAddress(host):
        return host, port
    address, _, scope = host.partition("%")
    if not isIPv6Address(address):
        return None
    index = _scopeIndex(scope)
    return None if index is None else (address, port, 0, index)


def _scopeIndex(scope: str) -> int | None:
    """
    Returns the number of an IPv6 scope, which is given as a number or a network interface's name.
    """
    if not scope:
        return 0
    if scope.isascii() and scope.isdigit():
        return int(scope) if len(scope) <= 10 and int(scope) <= _MAXIMUM_SCOPE else None
    try:
        return socket.if_nametoindex(scope)
    except (OSError, ValueError):
        return None


@implementer(IResolutionReceiver)
class _Collector:
    """
    Gathers a name's addresses.
    """

    def __init__(self, name: str, port: int) -> None:
        self._name = name
        self._port = port
        self._addresses: list[Address] = []
        self._resolution: IHostResolution | None = None
        self.result: Deferred[list[Address]] = Deferred(self._cancel)

    def _cancel(self, _: Deferred[list[Address]]) -> None:
        if self._resolution is not None:
            # Twisted's own resolver cannot cancel; its late answer is ignored.
            with suppress(NotImplementedError):
                self._resolution.cancel()

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        self._resolution = resolutionInProgress

    def addressResolved(self, address: IAddress) -> None:
        if isinstance(address, IPv4Address):
            self._addresses.append((address.host, self._port))
        elif isinstance(address, IPv6Address):
            self._addresses.append(
                (address.host, self._port, address.flowInfo, int(address.scopeID))
            )

    def resolutionComplete(self) -> None:
        if self.result.called:
            return
        if self._addresses:
            self.result.callback(list(dict.fromkeys(self._addresses)))
        else:
            self.result.errback(DNSLookupError(f"no address for {self._name!r}"))


def resolve(reactor: Any, host: str, port: int, timeout: float) -> Deferred[list[Address]]:
    """
    Looks a host up.

    @param reactor: provides L{twisted.internet.interfaces.IReactorTime} and
        L{twisted.internet.interfaces.IReactorPluggableNameResolver}, unless C{host} is an address.
    @param host: a name or an address; see L{kcptwisted.options.hosts.checkHost}.
    @param timeout: how long to wait for the answer, seconds.
    @return: fires with at least one socket address, each once, in the resolver's order, or fails
        with L{DNSLookupError}.
    """
    literal = parseLiteral(host, port)
    if literal is not None:
        return succeed([literal])
    if isIPv6Address(host):
        return fail(DNSLookupError(f"no network interface for the scope of {host!r}"))
    collector = _Collector(host, port)
    try:
        reactor.nameResolver.resolveHostName(collector, host, port, transportSemantics="UDP")
    except Exception:
        return fail()

    def late(_: object, seconds: float) -> Failure:
        return Failure(DNSLookupError(f"no answer about {host!r} within {seconds:g} seconds"))

    return collector.result.addTimeout(max(timeout, 0), reactor, late)


def hostAsked(host: IPv4Address | IPv6Address, address: Address) -> IPv4Address | IPv6Address:
    """
    Returns the local address that a peer asked, as far as the system tells.

    @param host: what the socket is bound to.
    @param address: the peer's.
    """
    own = ownAddressOf(address)
    if own is None:
        return host
    kind = IPv6Address if ":" in own.host else IPv4Address
    return kind("UDP", own.host, host.port)
