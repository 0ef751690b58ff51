"""
One connection as Twisted drives it: what arrives, what is due, and what the application is told.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from twisted.internet import error
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.connection.connection import Connection
from kcptwisted.connection.events import AnotherGreeted, Ended, Event, Unread
from kcptwisted.connection.states import Sending, State
from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.options import KCPOptions
from kcptwisted.session.application import Application
from kcptwisted.session.gone import Gone
from kcptwisted.session.holder import SessionHolder, SessionSocket
from kcptwisted.session.reasons import endOf, failureOf
from kcptwisted.session.report import reportEnd
from kcptwisted.session.stream import Stream
from kcptwisted.session.transport import KCPTransport
from kcptwisted.stats import SessionStats
from kcptwisted.timing.interfaces import IFlushed
from kcptwisted.udp.addresses import showAddress, toAddress
from kcptwisted.udp.asked import ownAddressOf


@implementer(IDatagramProtocol, IFlushed)
class KCPSession:
    """
    Turns what a L{Connection} says into calls: of the application, of the layers below, and of the
    listener or connector that holds the session.

    @ivar conv: the conversation id.
    @ivar address: the peer's.
    @ivar stats: counts.
    @ivar connection: what decides.
    @ivar application: the application's protocol.
    @ivar stream: what the application writes and reads, below TLS.
    @ivar transport: what the application has.
    @ivar connected: the application has the connection, and it is not over.
    @ivar scheduled: the clock's own note.
    """

    __slots__ = (
        "__weakref__",
        "_began",
        "_below",
        "_clock",
        "_ending",
        "_holder",
        "_options",
        "_socket",
        "address",
        "application",
        "connected",
        "connection",
        "conv",
        "scheduled",
        "stats",
        "stream",
        "transport",
    )

    _log = Logger()

    # Made when the layers below are ready.
    _below: IDatagramTransport
    connection: Connection

    def __init__(
        self,
        conv: int,
        address: Address,
        options: KCPOptions,
        socket: SessionSocket,
        holder: SessionHolder[KCPSession],
    ) -> None:
        """
        @param conv: the conversation id.
        @param address: the peer's.
        @param holder: is told of what becomes of the session.
        """
        self.conv = conv
        self.address = address
        self._options = options
        self._socket = socket
        self._holder = holder
        self._clock = socket.clock
        self._began = self._clock.now()
        self.stats = SessionStats()
        self.application = Application(self)
        self.stream = Stream(self, self, options, self._clock, self.stats)
        self.transport: KCPTransport | None = KCPTransport(self)
        self.connected = False
        self.scheduled: int | None = None
        # Why the connection is to end, for a reason of this end's.
        self._ending: Failure | None = None

    def __repr__(self) -> str:
        host, peer = showAddress(self.getHost()), showAddress(self.getPeer())
        tls = "" if self.stream.tls is None else ", TLS"
        return f"<KCPSession {self.conv} {self.connection.state.value}, {host} to {peer}{tls}>"

    # What others ask.

    @property
    def protocol(self) -> IProtocol | None:
        """
        The application's; None before there is one, and after the end.
        """
        return self.application.protocol

    @property
    def socket(self) -> SessionSocket:
        """
        What sessions on one socket share.
        """
        return self._socket

    @property
    def options(self) -> KCPOptions:
        """
        What the endpoint was made with.
        """
        return self._options

    @property
    def overhead(self) -> int:
        """
        Bytes of a UDP payload that the layers below take.
        """
        return self._below.overhead

    @property
    def heard(self) -> int:
        """
        When the peer was last heard, milliseconds.
        """
        return self.connection.liveness.heard

    @property
    def delivered(self) -> bool:
        """
        Whether the application has closed, and the peer has acknowledged everything.
        """
        return self.stream.disconnecting and self.connection.conversation.drained

    @property
    def mayReturn(self) -> bool:
        """
        Whether a peer that begins at sn 0 and una 0 has restarted for certain: it had acknowledged
        something.
        """
        return self.connection.conversation.sender.una > 0

    def getPeer(self) -> IPv4Address | IPv6Address:
        """
        Returns the peer's address.
        """
        return toAddress(self.address)

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Returns the local address; of a server on all addresses the one that the peer asked, as far
        as the system tells.
        """
        host = self._socket.getHost()
        own = ownAddressOf(self.address)
        if own is None:
            return host
        kind = IPv6Address if ":" in own.host else IPv4Address
        return kind("UDP", own.host, host.port)

    # IDatagramProtocol.

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        The layers below are ready.
        """
        self._below = transport
        settings = self._options.connectionSettings(transport.overhead)
        self.connection = Connection(self.conv, settings, self.stats, self._socket.newToken)

    def datagramsReceived(
        self, datagrams: list[bytes], address: Address, recovered: bool = False
    ) -> None:
        """
        Takes datagrams, and gives the application what has come in order.
        """
        connection = self.connection
        now = self._clock.now()
        foreign = connection.receive(datagrams, now, recovered)
        lifecycle, events = connection.lifecycle, connection.events
        if len(events) == 1 and events[0] is Event.READABLE and not lifecycle.unsettled:
            # Nearly always it is just this.
            events.clear()
            self.application.deliver(connection, self.stream, self.stats)
        elif events or connection.outbox or lifecycle.unsettled:
            self._react(now)
            if lifecycle.isOver:
                return
        if connection.wantsFlush or connection.conversation.wantsFlush:
            self._clock.wantFlush(self)
        else:
            self._clock.schedule(self)
        if foreign:
            self._holder.foreignDatagrams(self, list(foreign))

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Takes datagrams that FEC rebuilt.
        """
        self.datagramsReceived(datagrams, address, True)

    def outOfBandReceived(self, packets: list[bytes]) -> None:
        """
        Takes out-of-band packets.
        """
        self.application.deliverOutOfBand(packets, self.connection, self.stream, self.stats)

    def batchFinished(self) -> None:
        """
        The socket's clock flushes.
        """

    def connectionRefused(self) -> None:
        """
        The holder decides.
        """

    def peerUnreachable(self, problem: OSError) -> None:
        """
        The holder decides.
        """

    def sendingFailed(self, problem: OSError) -> None:
        """
        The holder decides.
        """

    # What the connection says.

    def _react(self, now: int) -> None:
        """
        Acts on what the connection says, until it says nothing new.
        """
        connection = self.connection
        events = connection.events
        while True:
            # The last word leaves before the end is reported, which takes the layers away.
            if connection.outbox:
                self._sendOutbox()
            while events:
                event = events.pop(0)
                if event is Event.READABLE:
                    self.application.deliver(self.connection, self.stream, self.stats)
                else:
                    self._act(event, now)
            if connection.lifecycle.unsettled:
                connection.settle(now)
            if not events and not connection.outbox:
                break
        if self.stream.gate is not None and not self.stream.takesProducers:
            self.application.call("stopProducing", self.stream.gate.stop)

    def _act(self, event: Event | AnotherGreeted | Unread | Ended, now: int) -> None:
        connection, holder = self.connection, self._holder
        if event is Event.ESTABLISHED:
            holder.sessionEstablished(self)
        elif event is Event.GREETED:
            holder.sessionGreeted(self)
        elif event is Event.PATH_SILENT:
            holder.pathSilent(self)
        elif event is Event.MODES_DIFFER:
            self._log.warn(
                "KCP connection {conv} with {peer}: one end has stream=yes and the other stream=no;"
                " messages are not kept apart",
                conv=self.conv,
                peer=self.getPeer(),
            )
        elif event is Event.PEER_FINISHED:
            self._inputEnded()
        elif event is Event.OUTPUT_DELIVERED:
            self.application.writeConnectionLost()
        elif isinstance(event, AnotherGreeted):
            if not connection.lifecycle.isOver:
                holder.anotherGreeted(self, event.block)
        elif isinstance(event, Unread):
            self._clock.forget(self)
            holder.sessionUnread(self, failureOf(event.end))
            if not self.stream.readPaused:
                self._clock.wantFlush(self)
        elif isinstance(event, Ended):
            self._over(failureOf(event.end))

    def _inputEnded(self) -> None:
        """
        Tells the application that the peer sends no more.  One that cannot go on without has its
        connection closed.
        """
        application = self.application
        halfCloseable = application.isHalfCloseable
        application.readConnectionLost()
        if not halfCloseable and self.connection.lifecycle.sending is Sending.READY:
            # Below TLS: the peer does not answer an end of TLS any more.
            self.stream.loseConnection()

    # What the holder does with it.

    def call(self) -> None:
        """
        Begins as the end that calls.
        """
        now = self._clock.now()
        self.connection.call(now)
        self._react(now)
        self._clock.wantFlush(self)

    def accept(self, unproven: bool, received: int) -> None:
        """
        Begins as the end that was called.

        @param unproven: whether the peer has yet to show that it gets what is sent to it.
        @param received: bytes that have come from it, as they came.
        """
        now = self._clock.now()
        lower = self._socket.overhead
        self.connection.accept(now, unproven, received, self._below.overhead, lower)
        self._react(now)
        if not self.connection.lifecycle.isOver:
            self._clock.schedule(self)

    def startProtocol(self, protocol: IProtocol) -> None:
        """
        Connects the application's protocol.
        """
        self.connected = self.connection.lifecycle.attached = True
        assert self.transport is not None
        self.application.connect(protocol, self.transport)

    def moved(self, address: Address) -> None:
        """
        The peer is at another address now.
        """
        self._log.info(
            "KCP connection {conv}: the peer moved from {old} to {new}",
            conv=self.conv,
            old=self.getPeer(),
            new=address,
        )
        self.address = address
        self.connection.resendAll(self._clock.now())
        self._clock.wantFlush(self)

    def loseConnection(self) -> None:
        """
        Closes the connection, as the application would.
        """
        (self.transport or self.stream).loseConnection()

    def abortConnection(self) -> None:
        """
        Aborts the connection, as the application would.
        """
        self.stream.abortConnection()

    def askAgain(self) -> None:
        """
        Asks the peer for a sign of life.
        """
        self.connection.question(self._clock.now())
        self._clock.wantFlush(self)

    def configure(self, **changes: Any) -> None:
        """
        See L{kcptwisted.interfaces.IKCPTransport.configure}.
        """
        options = self._options.changed(**changes)
        options.checkMtu(self.overhead)
        settings = options.connectionSettings(self.overhead)
        self.connection.configure(settings)
        self._options = options
        self.stream.configure(options, settings.arq)
        if not self.connection.lifecycle.isOver:
            self._clock.wantFlush(self)

    def setKeepAlive(self, enabled: bool) -> None:
        """
        Asks a silent peer for signs of life after the default time, or never.
        """
        self.connection.liveness.setKeepAlive(KCPOptions.keepAlive if enabled else 0)
        if not self.connection.lifecycle.isOver:
            self._clock.schedule(self)

    def doubt(self) -> None:
        """
        Asks the peer for a sign of life, unless that was done a moment ago.
        """
        if self.connection.controls.mayDoubt(self._clock.now()):
            self.askAgain()

    def challenge(self, data: bytes) -> bytes:
        """
        Returns a datagram that asks the peer to show that it is where this is sent.
        """
        return self.connection.controls.challengeDatagram(data, self._clock.now())

    def keepalive(self) -> bytes | None:
        """
        Returns a small datagram that says nothing new; None if the connection is over, or nobody
        may be there.
        """
        connection = self.connection
        if connection.lifecycle.isOver or connection.controls.unproven is not None:
            return None
        return connection.conversation.windowDatagram(self._clock.now())

    # IFlushed.

    @property
    def due(self) -> int | None:
        """
        When something is due, milliseconds; None if nothing waits.
        """
        return self.connection.deadline()

    def flush(self, now: int) -> None:
        """
        Sends what is due, lets the producer go on, and sees whether a close is complete.
        """
        connection, stream = self.connection, self.stream
        if connection.lifecycle.isOver:
            self._readOn(now)
            return
        if self._ending is not None:
            self.connectionLost(self._ending)
            return
        if stream.resumed:
            stream.resumed = False
            self.application.deliver(self.connection, self.stream, self.stats)
            self._react(now)
            if connection.lifecycle.isOver:
                return
        gate = stream.gate
        if gate is not None:
            connection.lifecycle.awaitsProducer = stream.awaitsProducer
        datagrams = connection.datagramsToSend(now)
        if datagrams:
            self._send(datagrams)
        if connection.events or connection.lifecycle.unsettled:
            self._react(now)
        if gate is not None and not stream.isSilent:
            before = connection.queuedBytes
            self.application.call("resumeProducing", gate.resume)
            if connection.queuedBytes > before:
                self._clock.wantFlush(self)
        if connection.lifecycle.isOver:
            return
        if connection.wantsFlush:
            self._clock.wantFlush(self)
        if connection.hasMore:
            self._clock.wantFlushNextTurn(self)
        self._clock.schedule(self)

    def _readOn(self, now: int) -> None:
        """
        Delivers what an application has left unread, if it wants to have it by now; when that is
        all, tells it of the end.
        """
        connection = self.connection
        if connection.state is State.CLOSED:
            return
        self.stream.resumed = False
        self.application.deliver(self.connection, self.stream, self.stats)
        if self._ending is not None:
            connection.lifecycle.abandon(endOf(self._ending))
        self._react(now)

    # Sending.

    def _send(self, datagrams: list[bytes]) -> None:
        try:
            self._below.writeDatagrams(datagrams, self.address)
        except error.ConnectionLost:
            # A layer's way to end the connection.
            self.end(Failure())
        except Exception:
            self.application.failed("writeDatagrams of a layer below")

    def sendPast(self, datagrams: list[bytes]) -> None:
        """
        Sends datagrams as they are, past this session's own layers.
        """
        try:
            self._socket.writeDatagrams(datagrams, self.address)
        except error.ConnectionLost:
            self.end(Failure())
        except Exception:
            self.application.failed("writeDatagrams of a layer below")

    def _sendOutbox(self) -> None:
        outbox = self.connection.outbox
        datagrams = outbox[:]
        outbox.clear()
        if self.connection.lifecycle.isOver:
            # A layer that fails has been reported before.
            with suppress(Exception):
                self._below.writeDatagrams(datagrams, self.address)
        else:
            self._send(datagrams)

    # The end.

    def failed(self, reason: Failure) -> None:
        """
        Something in this session raised: ends it, and no other.
        """
        self.end(reason)

    def end(self, reason: Failure) -> None:
        """
        Ends the connection at the next flush.  It ends but once for the peer, or by the path.
        """
        if self.connection.lifecycle.final is None or not endOf(reason).cause.isPeers:
            if self.stream.tls is not None:
                self.stream.tls.ending(reason)
            self.endSoon(reason)

    def endSoon(self, reason: Failure) -> None:
        """
        Ends the connection at the next flush.
        """
        connection = self.connection
        if self._ending is None and (self.connected or connection.state is not State.CLOSED):
            self._ending = reason
            connection.lifecycle.discards = True
            self._clock.wantFlush(self)

    def connectionLost(self, reason: Failure) -> None:
        """
        Ends the connection now.  Tells the protocol, once, and not before it has read what arrived
        if it was not this end that gave up.
        """
        connection = self.connection
        if connection.state is State.CLOSED:
            return
        end = endOf(reason)
        if end.cause.isPeers and not connection.lifecycle.isOver:
            if self._ending is reason:
                self._ending = None
                connection.lifecycle.discards = False
            self.application.deliver(self.connection, self.stream, self.stats)
        now = self._clock.now()
        try:
            connection.end(end, now)
        except Exception:
            self._log.failure("The last word of {session!r} failed", session=self)
        self._react(now)

    def leave(self, reason: Failure) -> None:
        """
        The program ends, and the socket with it.  What can be sent is; as over TCP, the connection
        is closed if the peer gets all that was written.
        """
        connection = self.connection
        connection.lifecycle.leaving = True
        connection.lifecycle.awaitsProducer = self.stream.awaitsProducer
        if self.connected and not connection.lifecycle.isOver:
            datagrams = connection.datagramsToSend(self._clock.now())
            if datagrams:
                self._send(datagrams)
        self.connectionLost(reason)

    def _over(self, reason: Failure) -> None:
        self.connected = False
        self._ending = None
        self._clock.forget(self)
        # By the class's log, or whoever keeps the event keeps the session.
        duration = self._clock.now() - self._began
        reportEnd(type(self)._log, self.connection, self.stats, self.getPeer(), duration, reason)
        application = self.application
        protocol, application.protocol = application.protocol, None
        if self.stream.gate is not None:
            application.call("stopProducing", self.stream.gate.stop, protocol=protocol)
        application.connectionLost(protocol, reason)
        self._holder.sessionEnded(self, reason)
        # A program may run without garbage collection, so nothing may hold itself.
        self._below = Gone(self._below.overhead)
        application.release()
        self.stream.release()
        self.transport = None
