"""
What listener and connector have in common: the place above the cipher where sessions hang.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.crypt.layer import CryptLayer
from kcptwisted.fec.flushing import FlushingFECLayer
from kcptwisted.fec.layer import FECLayer
from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.options import KCPOptions
from kcptwisted.options.table import MAXIMUM_MTU
from kcptwisted.session.session import KCPSession
from kcptwisted.stack.guard import LayerGuard
from kcptwisted.stack.unreadable import SEALED, UnreadableLog
from kcptwisted.stats import PortStats
from kcptwisted.timing.shared import clockOf
from kcptwisted.udp.opening import UDPPort, openPort
from kcptwisted.wire.control import TOKEN, Block, Feature
from kcptwisted.wire.fec import DATA, OUT_OF_BAND, PARITY, packetType
from kcptwisted.wire.opening import readOpening

#: Wraps a protocol in a layer of the user's own; see L{kcptwisted.layer.DatagramLayer}.
SocketLayer = Callable[[IDatagramProtocol], IDatagramProtocol]

#: Gives so many random bytes that nobody can guess.
RandomBytes = Callable[[int], bytes]


@implementer(IDatagramProtocol, IDatagramTransport)
class SessionHub:
    """
    Carries datagrams between a socket's layers and the sessions on it.

    @ivar calls: whether its sessions call, and not their peers.
    @ivar clock: flushes the sessions.
    @ivar stats: counts of the port.
    @ivar sessions: the live sessions by the peer's address.
    @ivar unread: sessions that are over, but for what their applications have yet to read.
    @ivar features: what they can do.
    @ivar onClosed: called when the socket closes.
    """

    calls = False

    _log = Logger()

    def __init__(
        self, reactor: Any, options: KCPOptions, randomBytes: RandomBytes = os.urandom
    ) -> None:
        """
        @param reactor: tells the time, and opens the port.
        @param randomBytes: gives tokens, cookies and challenges.
        """
        self._reactor = reactor
        self._options = options
        self._randomBytes = randomBytes
        # To follow a peer elsewhere takes a cipher that says who is the peer.
        self.features = Feature.ROAMING if options.authenticated else Feature.NONE
        self.features |= Feature.STREAM if options.stream else Feature.MESSAGES
        self.clock = clockOf(reactor)
        self.stats = PortStats()
        self.sessions: dict[Address, KCPSession] = {}
        self.unread: set[KCPSession] = set()
        self._port: UDPPort | None = None
        self.onClosed: Callable[[], object] = lambda: None

    @property
    def reactor(self) -> Any:
        """
        What tells the time, and opens the port.
        """
        return self._reactor

    # Opening and closing the port.

    def openPort(
        self,
        bind: Address,
        peer: Address | None,
        layers: Sequence[SocketLayer] = (),
        sock: socket.socket | None = None,
    ) -> None:
        """
        Open the UDP port, with the cipher and the user's own layers around this.

        @param layers: from the inner to the outer, outside the cipher.
        @param sock: see L{kcptwisted.udp.opening.openPort}.
        @raise twisted.internet.error.CannotListenError: if C{bind} cannot be had.
        @raise ValueError: if the mtu is too small for the layers.
        """
        cipher = self._options.cipher.make(self._options.cipherKey)
        protocol: IDatagramProtocol = self
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
        self._port = openPort(self._reactor, protocol, bind, self._options, self.stats, peer, sock)

    def closePort(self) -> Deferred[None]:
        """
        @return: fires when the socket is closed.
        """
        assert self._port is not None
        return self._port.stopListening()

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        @return: the local address.
        """
        assert self._port is not None
        return self._port.getHost()

    # The protocol of the layers below.

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        The layers below are ready.
        """
        self._transport = transport

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Hand datagrams to the session at the address.
        """
        datagrams = self._withoutOversized(datagrams)
        if not datagrams:
            return
        session = self.sessions.get(address)
        if session is None:
            self.strangeDatagrams(datagrams, address)
            return
        stats = session.stats
        stats.InPkts += len(datagrams)
        stats.InBytes += sum(map(len, datagrams))
        clock = self.clock
        held, clock.held = clock.held, True
        try:
            session.bottom.datagramsReceived(datagrams, address)
        except Exception:
            self._failed(session)
        finally:
            clock.held = held

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Hand on what a layer on the socket rebuilt.
        """
        datagrams = self._withoutOversized(datagrams)
        session = self.sessions.get(address)
        if session is None or not datagrams:
            return
        clock = self.clock
        held, clock.held = clock.held, True
        try:
            session.bottom.datagramsRecovered(datagrams, address)
        except Exception:
            self._failed(session)
        finally:
            clock.held = held

    def _failed(self, session: KCPSession) -> None:
        """
        Handling a session's datagrams raised.
        """
        failure = Failure()
        self._log.failure("Datagrams for {session!r} failed", failure, session=session)
        session.failed(failure)

    def layerFailed(self, reason: Failure, address: Address) -> None:
        """
        See L{kcptwisted.stack.guard.LayerGuard}.
        """
        session = self.sessions.get(address)
        if session is not None:
            session.failed(reason)

    def _withoutOversized(self, datagrams: list[bytes]) -> list[bytes]:
        """
        Drop and count what is larger than any KCP peer sends: windows count segments, not bytes.
        """
        if max(map(len, datagrams), default=0) <= MAXIMUM_MTU:
            return datagrams
        fitting = [datagram for datagram in datagrams if len(datagram) <= MAXIMUM_MTU]
        self.stats.InOversized += len(datagrams) - len(fitting)
        return fitting

    def strangeDatagrams(self, datagrams: list[bytes], address: Address) -> None:
        """
        Datagrams from an address without a session: dropped and counted.
        """
        self.stats.InErrs += len(datagrams)

    def batchFinished(self) -> None:
        """
        Flush.
        """
        self.clock.flush()

    def connectionRefused(self) -> None:
        """
        Of no concern unless the socket has one peer.
        """

    def peerUnreachable(self, problem: OSError) -> None:
        """
        Likewise.
        """

    def sendingFailed(self, problem: OSError) -> None:
        """
        Likewise.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        The socket is closed: the sessions go with it.  If there are any, the reactor has stopped.
        """
        lost = Failure(ConnectionLost()) if reason.check(ConnectionDone) else reason
        for session in [*self.sessions.values(), *self.unread]:
            try:
                session.leave(lost)
            except Exception:
                self._log.failure("Leaving {session!r} failed", session=session)
                self._forget(session)
        self.onClosed()

    # The transport of the sessions.

    @property
    def overhead(self) -> int:
        """
        Bytes that the layers on the socket add.
        """
        return self._transport.overhead

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Pass down.
        """
        session = self.sessions.get(address)
        if session is not None:
            if session.unproven is not None:
                count = len(datagrams)
                datagrams = session.unproven.affordable(datagrams)
                self.stats.OutUnproven += count - len(datagrams)
                if not datagrams:
                    return
            stats = session.stats
            stats.OutPkts += len(datagrams)
            stats.OutBytes += sum(map(len, datagrams))
        self._transport.writeDatagrams(datagrams, address)

    # Sessions.

    def _sendStateless(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Send what belongs to no session, though there may be one at the address.
        """
        try:
            self.writeDatagrams(datagrams, address)
        except ConnectionLost as problem:
            self._log.debug("Not answered: {problem}", problem=problem)

    def addSession(self, conv: int, address: Address) -> KCPSession:
        """
        @return: a new session with the peer at C{address}.
        """
        session = KCPSession(conv, address, self._options, self, self)
        self.sessions[address] = session
        if self._options.trace:
            from kcptwisted.session.trace import TraceLayer

            session.top = session.bottom = TraceLayer(session)
        if self._options.dataShards:
            self._wrap(session)
        session.bottom.makeConnection(self)
        self.stats.CurrEstab = len(self.sessions)
        self.stats.MaxConn = max(self.stats.MaxConn, len(self.sessions))
        return session

    def _wrap(self, session: KCPSession) -> FECLayer:
        options = self._options
        data, parity, pause = options.dataShards, options.parityShards, options.fecFlush
        top, stats, first = session.top, session.stats, self.firstGroup()
        layer = (
            FlushingFECLayer(top, data, parity, self.clock, stats, pause, session.filler, first)
            if pause
            else FECLayer(top, data, parity, self.clock.now, stats, first)
        )
        session.bottom = layer
        return layer

    def firstGroup(self) -> int:
        """
        @return: the number of the first FEC group that a new session sends: a random one, since
            what a former session with the same address and peer has under way must not be taken
            for shards of a new one's groups.
        """
        return int.from_bytes(self._randomBytes(2), "little")

    def sessionEstablished(self, session: KCPSession) -> None:
        """
        Subclasses give the session its protocol.
        """
        raise NotImplementedError

    def newToken(self) -> bytes:
        """
        @return: a random name for one end of a connection.
        """
        return self._randomBytes(TOKEN)

    def sessionGreeted(self, session: KCPSession) -> None:
        """
        Of concern to a listener.
        """

    def anotherGreeted(self, session: KCPSession, block: Block) -> None:
        """
        Nobody is to say hello to a connector: dropped and counted.
        """
        session.stats.ControlErrs += 1

    def pathSilent(self, session: KCPSession) -> None:
        """
        Of concern to a connector.
        """

    def sessionUnread(self, session: KCPSession, reason: Failure) -> None:
        """
        Keep the session until its application has read the rest; its address is free again.
        """
        self._left(session, reason)
        self.unread.add(session)

    def sessionEnded(self, session: KCPSession, reason: Failure) -> None:
        """
        Forget the session.
        """
        if session in self.unread:
            self.unread.remove(session)
        else:
            self._left(session, reason)

    def _left(self, session: KCPSession, reason: Failure) -> None:
        """
        Nothing is sent to the session's peer any more, nor taken from it.
        """
        if self.sessions.get(session.address) is session:
            del self.sessions[session.address]
        self.stats.CurrEstab = len(self.sessions)
        self._forget(session)

    def _forget(self, session: KCPSession) -> None:
        """
        See that the clock flushes nothing of the session any more.
        """
        self.clock.forget(session)
        if isinstance(session.bottom, FlushingFECLayer):
            self.clock.forget(session.bottom)

    def foreignDatagrams(self, session: KCPSession, datagrams: list[bytes]) -> None:
        """
        Datagrams that are not segments of the session's conversation: out-of-band, FEC that it was
        not told of, or another conversation's.
        """
        others: list[bytes] = []
        coded: list[bytes] = []
        outOfBand: list[bytes] = []
        for datagram in datagrams:
            kind = packetType(datagram)
            opening = readOpening(datagram) if kind == OUT_OF_BAND else None
            if kind == OUT_OF_BAND and (opening is None or opening.conv == session.conv):
                outOfBand.append(datagram)
            else:
                (coded if kind in (DATA, PARITY) else others).append(datagram)
        if coded and session.bottom is session.top:
            # The peer uses FEC and this side does not: from now on its headers are taken off.
            layer = self._wrap(session)
            layer.transport = self
            layer.datagramsReceived(coded, session.address)
        else:
            others += coded
        if outOfBand:
            session.outOfBandReceived(outOfBand)
        if others:
            self.otherConversation(session, others)

    def otherConversation(self, session: KCPSession, datagrams: list[bytes]) -> None:
        """
        Datagrams from a session's address that are not of its conversation: dropped and counted.
        """
        self.stats.InErrs += len(datagrams)
