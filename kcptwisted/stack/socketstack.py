"""
All that there is once a socket: the UDP port, the cipher, the user's own layers, the clock.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import classImplements

from kcptwisted.accounts import CLIENTS, Account, accountsOf
from kcptwisted.crypt.layer import CryptLayer
from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.options import KCPOptions
from kcptwisted.options.table import MAXIMUM_MTU
from kcptwisted.session.session import KCPSession
from kcptwisted.session.sizes import datagramTooBig
from kcptwisted.stack.counting import CountingTransport
from kcptwisted.stack.guard import LayerGuard
from kcptwisted.stack.sessionstack import SessionStack
from kcptwisted.stack.unreadable import SEALED, UnreadableLog
from kcptwisted.stats import PortStats
from kcptwisted.timing.interfaces import IFlushed
from kcptwisted.timing.portlimit import PortLimit
from kcptwisted.timing.shared import clockOf
from kcptwisted.udp.addresses import showAddress
from kcptwisted.udp.fragmentation import Fragments
from kcptwisted.udp.offload import LARGEST_PAYLOAD
from kcptwisted.udp.opening import UDPPort, openPort, rebindPort
from kcptwisted.wire.control import TOKEN

#: Wraps a protocol in a layer of the user's own; see L{kcptwisted.layer.DatagramLayer}.
SocketLayer = Callable[[IDatagramProtocol], IDatagramProtocol]

#: Gives so many random bytes that nobody can guess.
RandomBytes = Callable[[int], bytes]


class SocketUser(Protocol):
    """
    What a socket's stack calls: a listener or a connector.
    """

    def strangeDatagrams(self, datagrams: list[bytes], address: Address) -> None:
        """
        Datagrams arrived from an address without a session.
        """

    def connectionRefused(self) -> None:
        """
        See L{IDatagramProtocol.connectionRefused}.
        """

    def peerUnreachable(self, problem: OSError) -> None:
        """
        See L{IDatagramProtocol.peerUnreachable}.
        """

    def sendingFailed(self, problem: OSError) -> None:
        """
        See L{IDatagramProtocol.sendingFailed}.
        """

    def socketClosed(self, reason: Failure) -> None:
        """
        Ends all that depends on the socket, which is about to close: this is the last occasion to
        send.
        """


class SocketStack:
    """
    A socket with its layers.  It gives each datagram that arrives to the session at the sender's
    address, and is what the sessions share (L{kcptwisted.session.holder.SessionSocket}).

    @ivar sessions: the live sessions, with their own layers, by the peer's address.
    @ivar calls: whether it is its sessions that call, and not their peers.
    @ivar reactor: tells the time, and opens the port.
    @ivar clock: flushes the sessions.
    @ivar stats: counts of the port.
    @ivar limit: what the sessions may send together; None if that is not limited.
    @ivar newToken: returns a random name for one end of a connection.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        reactor: Any,
        options: KCPOptions,
        user: SocketUser,
        calls: bool,
        randomBytes: RandomBytes = os.urandom,
        limit: PortLimit | None = None,
    ) -> None:
        """
        @param user: takes what concerns no session.
        @param randomBytes: gives tokens.
        @param limit: one that the socket shares with others.
        """
        self.sessions: dict[Address, SessionStack] = {}
        self.calls = calls
        self.reactor = reactor
        self.clock = clockOf(reactor)
        self.stats = PortStats()
        self.limit = limit
        self._options = options
        self._user = user
        # One object for all sessions, which a bound method would not be.
        self.newToken: Callable[[], bytes] = lambda: randomBytes(TOKEN)
        self._accounts = accountsOf(reactor)
        self._account: Account | None = None
        self._port: UDPPort | None = None
        self._peer: Address | None = None

    # Opening and closing the port.

    def openPort(
        self,
        bind: Address,
        peer: Address | None,
        layers: Sequence[SocketLayer] = (),
        sock: socket.socket | None = None,
    ) -> None:
        """
        Opens the UDP port, with the cipher and the user's own layers around this.

        @param peer: the only address to talk with, or None.
        @param layers: from the inner to the outer, outside the cipher.
        @param sock: see L{kcptwisted.udp.opening.openPort}.
        @raise twisted.internet.error.CannotListenError: if C{bind} cannot be had.
        @raise ValueError: if the mtu is too small for the layers.
        """
        self._peer = peer
        cipher = self._options.cipher.make(self._options.cipherKey)
        protocol: IDatagramProtocol = self
        # The port drops larger ones unopened; the user's layers may make them smaller.
        longest = LARGEST_PAYLOAD if layers else MAXIMUM_MTU + self._options.cipher.overhead
        if cipher is not None:
            unopened = UnreadableLog(SEALED, self.clock.now)
            protocol = CryptLayer(protocol, cipher, self.stats, unopened.add)
        overhead = self._options.overhead
        for layer in layers:
            protocol = layer(protocol)
            overhead += getattr(protocol, "ownOverhead", 0)
        self._options.checkMtu(overhead)
        if layers:
            protocol = LayerGuard(protocol, self)
        tooBig = self.datagramTooBig if self._options.searchesMtu else None
        self._port = openPort(
            self.reactor, protocol, bind, self._options, self.stats, peer, sock, longest, tooBig
        )
        name = CLIENTS if self.calls else showAddress(self.getHost())
        self._account = self._accounts.account(name)
        self._account.opened(self)

    def rebind(self, bind: Address, peer: Address) -> bool:
        """
        Goes on with a new socket; see L{rebindPort}.
        """
        port = self._port
        return port is not None and rebindPort(port, bind, peer, self._options)

    def closePort(self) -> Deferred[None]:
        """
        Closes the port.

        @return: fires when the socket is closed.
        """
        assert self._port is not None
        return self._port.stopListening()

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Returns the local address.
        """
        assert self._port is not None
        return self._port.getHost()

    # The protocol of the layers below.

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        Takes the layers below, which are ready.
        """
        self._lower = transport
        self._useLower()

    def limitRate(self, limit: PortLimit | None) -> None:
        """
        Limits what the sessions send together from now on.
        """
        former, self.limit = self.limit, limit
        if self._port is None:
            return
        self._useLower()
        for stack in self.sessions.values():
            stack.useTransport(self.transport)
            if former is not None:
                former.forget(stack.session)
                self.clock.wantFlush(stack.session)

    def forget(self, session: IFlushed) -> None:
        """
        Flushes a session no more: it is over.
        """
        self.clock.forget(session)
        if self.limit is not None:
            self.limit.forget(session)

    def _useLower(self) -> None:
        self.transport = self._lower
        if self.limit is not None:
            self.transport = CountingTransport(self._lower, self.limit)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Hands datagrams to the session at the address.
        """
        # Mostly it is one.
        size = len(datagrams[0]) if len(datagrams) == 1 else sum(map(len, datagrams))
        if size > MAXIMUM_MTU and max(map(len, datagrams)) > MAXIMUM_MTU:
            datagrams = self._withoutOversized(datagrams)
            size = sum(map(len, datagrams))
        if not datagrams:
            return
        if self._peer is not None:
            # The socket is connected: all are the peer's, however the kernel spells its address.
            address = self._peer
        session = self.sessions.get(address)
        clock = self.clock
        held, clock.held = clock.held, True
        try:
            if session is None:
                self._user.strangeDatagrams(datagrams, address)
            else:
                session.receive(datagrams, size, address)
        finally:
            clock.held = held

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Hands on what a layer on the socket rebuilt.
        """
        if max(map(len, datagrams), default=0) > MAXIMUM_MTU:
            datagrams = self._withoutOversized(datagrams)
        session = self._at(address)
        if session is None or not datagrams:
            return
        clock = self.clock
        held, clock.held = clock.held, True
        try:
            session.receiveRecovered(datagrams, address)
        finally:
            clock.held = held

    def _at(self, address: Address) -> SessionStack | None:
        return self.sessions.get(address if self._peer is None else self._peer)

    def _withoutOversized(self, datagrams: list[bytes]) -> list[bytes]:
        """
        Drops and counts what is larger than any KCP peer sends: windows count segments, not bytes.
        """
        fitting = [datagram for datagram in datagrams if len(datagram) <= MAXIMUM_MTU]
        self.stats.InOversized += len(datagrams) - len(fitting)
        return fitting

    def layerFailed(self, reason: Failure, address: Address) -> None:
        """
        See L{kcptwisted.stack.guard.LayerGuard}.
        """
        session = self._at(address)
        if session is not None:
            session.session.failed(reason)

    def datagramTooBig(self, address: Address | None, limit: int, isExact: bool) -> None:
        """
        Tells the session at an address that its datagrams are too large for the path.

        @param address: None for the peer that the socket is connected to.
        @param limit: no larger UDP payload can pass, bytes.
        @param isExact: whether the path is said to carry one of this size.
        """
        peer = address if self._peer is None else self._peer
        session = None if peer is None else self.sessions.get(peer)
        if session is not None:
            datagramTooBig(session.session, limit, isExact, self.clock.now())
            self.clock.wantFlush(session.session)

    def batchFinished(self) -> None:
        """
        Flushes.
        """
        self.clock.flush()

    def connectionRefused(self) -> None:
        """
        Pass up.
        """
        self._user.connectionRefused()

    def peerUnreachable(self, problem: OSError) -> None:
        """
        Pass up.
        """
        self._user.peerUnreachable(problem)

    def sendingFailed(self, problem: OSError) -> None:
        """
        Pass up.
        """
        self._user.sendingFailed(problem)

    def connectionLost(self, reason: Failure) -> None:
        """
        Ends with the socket, which is closed.
        """
        try:
            self._user.socketClosed(reason)
        finally:
            # Sessions that failed to end are still here.
            for session in self.sessions.values():
                session.forget()
            if self._account is not None:
                self._account.closed(self)

    # Counts.

    def counted(self) -> list[KCPSession]:
        """
        Returns the live sessions.
        """
        return [stack.session for stack in self.sessions.values()]

    def countEnded(self, session: KCPSession, reason: Failure) -> None:
        """
        Counts a session that is over.

        @param reason: why.
        """
        if self._account is not None:
            lived = (self.clock.now() - session.began) / 1000
            self._account.sessionEnded(session, reason, lived)

    # The transport of the sessions.

    @property
    def forbidsFragments(self) -> bool:
        """
        Whether datagrams are not fragmented on their way, unless that is allowed.
        """
        return self._port is not None and self._port.forbidsFragments

    def useFragments(self, fragments: Fragments) -> None:
        """
        Says which datagrams IP may fragment from now on; at first those that are refused.
        """
        if self._port is not None:
            self._port.useFragments(fragments)

    @property
    def overhead(self) -> int:
        """
        Bytes that the layers on the socket add.
        """
        return self.transport.overhead

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Sends datagrams past the own layers of the session at the address.  If there is one, they
        count as the session's.
        """
        session = self.sessions.get(address)
        (self.transport if session is None else session).writeDatagrams(datagrams, address)

    def sendStateless(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Sends what belongs to no session, though there may be one at the address.
        """
        try:
            self.writeDatagrams(datagrams, address)
        except ConnectionLost as problem:
            self._log.debug("Not answered: {problem}", problem=problem)


classImplements(SocketStack, IDatagramProtocol, IDatagramTransport)
