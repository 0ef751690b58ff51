"""
The server endpoint, for use in code; L{kcptwisted.endpointstrings.parsers} makes one of a string.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from socket import socket as Socket
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import IProtocolFactory, IStreamServerEndpoint
from zope.interface import implementer

from kcptwisted.endpoints.given import GivenSocket, givenSocket
from kcptwisted.interfaces import Address, IKCPListeningPort
from kcptwisted.options import KCPOptions
from kcptwisted.options.hosts import checkPort
from kcptwisted.server.listener import KCPListener
from kcptwisted.server.listening import KCPListeningPort
from kcptwisted.stack.protection import warnIfUnprotected
from kcptwisted.stack.socketstack import RandomBytes, SocketLayer
from kcptwisted.udp.addresses import ANY_IPV4, resolve

if TYPE_CHECKING:
    from kcptwisted.workers.sharing import SharedEndpoint


@implementer(IStreamServerEndpoint)
class KCPServerEndpoint:
    """
    Listens for KCP clients.

    @ivar options: as given, or the defaults.
    """

    def __init__(
        self,
        reactor: Any,
        port: int,
        options: KCPOptions | None = None,
        layers: Sequence[SocketLayer] = (),
        randomBytes: RandomBytes = os.urandom,
        *,
        socket: Socket | int | None = None,
    ) -> None:
        """
        @param reactor: as for L{kcptwisted.endpoints.client.KCPClientEndpoint}.
        @param port: UDP port; 0 for any that is free, or with C{socket} for that of the socket.
        @param options: the rest; the defaults if None.
        @param layers: as for L{kcptwisted.endpoints.client.KCPClientEndpoint}.
        @param randomBytes: gives the tokens, cookies and challenges of control frames.
        @param socket: a bound UDP socket to use, or its descriptor, instead of a new one.  Each
            L{listen} duplicates it at once; the application closes its own.
        @raise ValueError: if C{port} is out of bounds, or C{socket} does not go with an option.
        """
        self._reactor = reactor
        self._port = checkPort(port, 0)
        self.options = options or KCPOptions()
        self._layers = tuple(layers)
        self._randomBytes = randomBytes
        self._given = givenSocket(self.options, socket)
        self._shared: SharedEndpoint | None = None
        if self.options.workers > 1:
            from kcptwisted.workers.sharing import SharedEndpoint

            self._shared = SharedEndpoint(
                reactor, self._port, self.options, self._layers, randomBytes
            )

    def __repr__(self) -> str:
        given = "" if self._given is None else f" with {self._given.name}"
        return f"<KCPServerEndpoint {self.options.interface}:{self._port}{given}>"

    # What fires is narrower than the interface asks for, which mypy allows of no Deferred.
    def listen(  # type: ignore[override]
        self, protocolFactory: IProtocolFactory
    ) -> Deferred[IKCPListeningPort]:
        """
        Opens the port.

        @return: fires with the port, or fails with L{twisted.internet.error.CannotListenError} or
            L{twisted.internet.error.DNSLookupError}, or with C{ValueError} if the application's
            socket is not one that can be listened on.
        """
        if self._given is not None:
            return execute(self._listenOn, self._given, protocolFactory)
        if self._shared is not None:
            return self._shared.listen(protocolFactory)
        interface = self.options.interface or ANY_IPV4[0]
        looked = resolve(self._reactor, interface, self._port, self.options.timeout)
        return looked.addCallback(self._listen, protocolFactory)

    def _listenOn(self, given: GivenSocket, factory: IProtocolFactory) -> IKCPListeningPort:
        sock = given.adopt()
        try:
            bound = sock.getsockname()
            if sock.peer is not None:
                raise ValueError(f"{given.name} must have no peer: it is connected to {sock.peer}")
            if self._port not in (0, bound[1]):
                raise ValueError(
                    f"port must be 0 or {bound[1]}, that of {given.name}, not {self._port}"
                )
            return self._listen([bound], factory, sock)
        except Exception:
            sock.close()
            raise

    def _listen(
        self, addresses: list[Address], factory: IProtocolFactory, sock: Socket | None = None
    ) -> IKCPListeningPort:
        listener = KCPListener(self._reactor, self.options, factory, self._randomBytes)
        port = KCPListeningPort(listener, addresses[0], self._layers, sock)
        port.startListening()
        warnIfUnprotected(self.options, f"what arrives at kcp:{port.getHost().port}")
        return port
