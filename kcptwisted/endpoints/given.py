"""
The socket that an application hands to an endpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from socket import AF_INET6
from socket import socket as Socket

from twisted.internet.error import CannotListenError

from kcptwisted.endpoints.attempts import Route, routes
from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.udp.activation import activatedDescriptor
from kcptwisted.udp.adopted import AdoptedSocket, SocketInUse, adopt
from kcptwisted.udp.onepeer import endOf


class GivenSocket:
    """
    A socket, as the endpoint's parameter C{socket} or the option C{fd}.

    @ivar name: what to call it in an error.
    """

    def __init__(self, given: Socket | int, name: str) -> None:
        """
        @param given: the socket, or its descriptor.
        """
        self._given = given
        self.name = name

    def adopt(self) -> AdoptedSocket:
        """
        Returns a duplicate.

        @raise ValueError: if it cannot be what an endpoint uses.
        @raise CannotListenError: if it is in use.
        """
        try:
            return adopt(self._given, self.name)
        except SocketInUse as problem:
            where = self._given if isinstance(self._given, int) else self._given.fileno()
            raise CannotListenError("fd", where, str(problem)) from None

    def route(self, sock: AdoptedSocket, peers: Sequence[Address], host: str) -> Route:
        """
        Returns where the socket sends from, and the first of C{peers} that it can send to.

        @param sock: what L{adopt} gave.
        @param peers: the addresses of C{host}.
        @raise ValueError: if there is none.
        """
        found = routes([sock.getsockname()], peers)
        if not found:
            family = "IPv6" if sock.family == AF_INET6 else "IPv4"
            raise ValueError(f"host must be of {family}, as {self.name} is, not {host!r}")
        only = sock.peer
        if only is None:
            return found[0]
        for route in found:
            if endOf(route[1]) == endOf(only):
                return route
        raise ValueError(f"host and port must be {only[:2]}, which {self.name} is connected to")


def descriptorOf(options: KCPOptions) -> int | None:
    """
    Returns the descriptor that C{fd} or C{systemd} means; None if neither is given.

    @raise ValueError: if both are given, or systemd has opened no such socket.
    """
    if options.systemd is None:
        return options.fd
    if options.fd is not None:
        raise ValueError("fd and systemd exclude each other: give one")
    return activatedDescriptor(options.systemd)


def givenSocket(options: KCPOptions, given: Socket | int | None) -> GivenSocket | None:
    """
    Returns the socket of an endpoint; None if the endpoint opens its own.

    @param given: the endpoint's parameter C{socket}.
    @raise ValueError: if there are two, or an option that says where or how to open one.
    """
    descriptor = descriptorOf(options)
    if given is None and descriptor is None:
        return None
    name = f"systemd={options.systemd}" if options.systemd else f"fd={options.fd}"
    if given is not None:
        if descriptor is not None:
            other = name.partition("=")[0]
            raise ValueError(f"socket and {other} exclude each other: give one")
        name = "socket"
    for option in ("interface", "bindAddress"):
        if getattr(options, option):
            raise ValueError(f"{option} must be left out with {name}: the socket has its address")
    if options.workers > 1:
        raise ValueError(f"workers must be 1 with {name}: each worker has a socket of its own")
    found = descriptor if given is None else given
    assert found is not None
    return GivenSocket(found, name)
