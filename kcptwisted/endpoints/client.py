"""
The client endpoint, for use in code; L{kcptwisted.endpointstrings.parsers} makes one of a string.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from socket import socket as Socket
from typing import Any

from twisted.internet.address import HostnameAddress
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import CannotListenError, ConnectingCancelledError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.client.connector import KCPConnector
from kcptwisted.endpoints.attempts import Attempts, routes
from kcptwisted.endpoints.given import givenSocket
from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.options.hosts import checkHost, checkName, checkPort
from kcptwisted.stack.protection import warnIfUnprotected
from kcptwisted.stack.sessionstack import Wrap
from kcptwisted.stack.socketstack import RandomBytes, SocketLayer
from kcptwisted.timing.portlimit import PortLimit
from kcptwisted.timing.shared import clockOf
from kcptwisted.udp.addresses import ANY_IPV4, ANY_IPV6, resolve
from kcptwisted.udp.adopted import AdoptedSocket


def randomConversation() -> int:
    """
    Returns a conversation id that cannot be guessed; not 0.
    """
    return secrets.randbelow(0xFFFFFFFF) + 1


@implementer(IStreamClientEndpoint)
class KCPClientEndpoint:
    """
    Connects to a KCP server.
    """

    def __init__(
        self,
        reactor: Any,
        host: str,
        port: int,
        options: KCPOptions | None = None,
        layers: Sequence[SocketLayer] = (),
        randomConv: Callable[[], int] = randomConversation,
        randomBytes: RandomBytes = os.urandom,
        *,
        socket: Socket | int | None = None,
        sessionLayer: Wrap | None = None,
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime} and either
            L{twisted.internet.interfaces.IReactorFDSet} or
            L{twisted.internet.interfaces.IReactorUDP}.
        @param host: a name, or an IPv4 or IPv6 address.
        @param port: UDP port, 1 to 65535.
        @param options: the rest; the defaults if None.
        @param layers: the user's own layers around the cipher, from the inner to the outer; see
            L{kcptwisted.layer.DatagramLayer}.
        @param randomConv: gives conversation ids.
        @param randomBytes: gives the tokens of control frames; see
            L{kcptwisted.connection.channel}.
        @param socket: a bound UDP socket to use, or its descriptor, instead of a new one.  Each
            L{connect} duplicates it at once; the application closes its own.
        @param sessionLayer: puts a L{kcptwisted.layer.DatagramLayer} around each session, inside
            the cipher and FEC: it sees segments.  Called with what it is put around, and the
            session.
        @raise ValueError: if C{host} is written as no host is, C{port} is no UDP port, or C{socket}
            does not go with an option.
        """
        self._reactor = reactor
        self._host = checkHost(host, "host")
        self._port = checkPort(port, 1)
        self._options = options or KCPOptions()
        self._layers = tuple(layers)
        self._given = givenSocket(self._options, socket)
        self._sessionLayer = sessionLayer
        self._randomConv = randomConv
        self._randomBytes = randomBytes
        # Of all connections, once there is one.
        self._limit: PortLimit | None = None

    @property
    def options(self) -> KCPOptions:
        """
        The options.
        """
        return self._options

    @property
    def host(self) -> str:
        """
        The host to connect to, as it was given.
        """
        return self._host

    @property
    def port(self) -> int:
        """
        Its UDP port.
        """
        return self._port

    def __repr__(self) -> str:
        given = "" if self._given is None else f" with {self._given.name}"
        return f"<KCPClientEndpoint {self._host}:{self._port}{given}>"

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connects to the first of the host's addresses that answers; see
        L{kcptwisted.endpoints.attempts.Attempts}.

        @return: fires with the protocol when the server has answered.  Fails with
            L{twisted.internet.error.ConnectionRefusedError} if the server's host says that
            nothing listens there, L{twisted.internet.error.TimeoutError} C{timeout=} seconds
            after this call, L{twisted.internet.error.DNSLookupError} or another
            L{twisted.internet.error.ConnectError}, or C{ValueError} if no host can have such a
            name.  It can be cancelled, and then fails with
            L{twisted.internet.error.ConnectingCancelledError}.
        """
        warnIfUnprotected(self._options, f"the connection to kcp:{self._host}:{self._port}")
        try:
            checkName(self._host, "host")
        except ValueError:
            return fail()
        sock = None
        if self._given is not None:
            try:
                sock = self._given.adopt()
            except (ValueError, CannotListenError):
                return fail()
        end = self._reactor.seconds() + self._options.timeout
        looked = resolve(self._reactor, self._host, self._port, self._options.timeout)
        if sock is None:
            connected = looked.addCallback(self._resolved, protocolFactory, end)
        else:
            looked.addErrback(self._unresolvedFor, sock)
            connected = looked.addCallback(self._resolvedFor, sock, protocolFactory, end)
        return connected.addErrback(self._cancelled)

    def _cancelled(self, reason: Failure) -> Failure:
        if reason.check(CancelledError):
            name = HostnameAddress(self._host.encode("utf-8"), self._port)
            return Failure(ConnectingCancelledError(name))
        return reason

    def _resolved(
        self, peers: list[Address], factory: IProtocolFactory, end: float
    ) -> Deferred[IProtocol]:
        local = self._options.bindAddress
        if not local:
            return self._attempt([ANY_IPV4, ANY_IPV6], peers, factory, end)
        looked = resolve(self._reactor, local, 0, end - self._reactor.seconds())
        return looked.addCallback(self._attempt, peers, factory, end)

    def _attempt(
        self, binds: list[Address], peers: list[Address], factory: IProtocolFactory, end: float
    ) -> Deferred[IProtocol]:
        found = routes(binds, peers)
        if not found:
            raise ValueError(
                f"bindAddress and host must be of the same kind, IPv4 or IPv6: "
                f"{self._options.bindAddress}, {self._host}"
            )
        attempts = Attempts(self._reactor, self._connector, self._layers, factory, end)
        return attempts.connect(found)

    def _connector(self, factory: IProtocolFactory, sock: Socket | None = None) -> KCPConnector:
        rate = self._options.portRateLimit
        if rate and self._limit is None:
            self._limit = PortLimit(clockOf(self._reactor), rate)
        return KCPConnector(
            self._reactor,
            self._options,
            factory,
            self._randomConv,
            self._randomBytes,
            sock,
            self._limit,
            self._sessionLayer,
        )

    # With the application's socket.

    def _unresolvedFor(self, reason: Failure, sock: AdoptedSocket) -> Failure:
        sock.close()
        return reason

    def _resolvedFor(
        self, peers: list[Address], sock: AdoptedSocket, factory: IProtocolFactory, end: float
    ) -> Deferred[IProtocol]:
        """
        Connects to the first of C{peers} that the socket can send to: it has one address, so there
        is one attempt.
        """
        assert self._given is not None
        try:
            route = self._given.route(sock, peers, self._host)
        except ValueError:
            sock.close()
            raise
        attempts = Attempts(
            self._reactor,
            lambda attempt: self._connector(attempt, sock),
            self._layers,
            factory,
            end,
        )
        return attempts.connect([route])
