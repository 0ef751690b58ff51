"""
The driver of one connection: passes on what arrives, what is due, and what happens.
"""

from __future__ import annotations

from typing import ClassVar

from twisted.internet.interfaces import IProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import classImplements

from kcptwisted.connection.connection import Connection
from kcptwisted.connection.events import Event
from kcptwisted.connection.states import State
from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.options import KCPOptions
from kcptwisted.session.application import Application
from kcptwisted.session.dispatch import dispatch, dispatchEnd
from kcptwisted.session.egress import send, sendOutbox
from kcptwisted.session.gone import Gone
from kcptwisted.session.holder import SessionHolder, SessionSocket
from kcptwisted.session.news import IgnoredNews
from kcptwisted.session.reasons import endOf
from kcptwisted.session.sharing import sendShare
from kcptwisted.session.sizes import reconfigure, settingsOn
from kcptwisted.session.stream import Stream
from kcptwisted.session.transport import KCPTransport
from kcptwisted.stats import SessionStats
from kcptwisted.timing.turns import FEW
from kcptwisted.udp.addresses import hostAsked, showAddress, toAddress


class KCPSession(IgnoredNews):
    """
    Turns what a L{Connection} says into calls: of the application, of the layers below, and of the
    listener or connector that holds the session.

    @ivar conv: the conversation id.
    @ivar began: when, milliseconds by the clock.
    @ivar address: the peer's.
    @ivar stats: counts.
    @ivar options: what the endpoint was made with, but for what was changed since.
    @ivar socket: what sessions on one socket share.
    @ivar connection: what decides.
    @ivar application: the application's protocol.
    @ivar stream: what the application writes and reads, below TLS.
    @ivar transport: what the application has.
    @ivar connected: the application has the connection, and it is not over.
    @ivar scheduled: see L{kcptwisted.timing.interfaces.IFlushed}, as which the clock knows this.
    """

    __slots__ = (
        "_below",
        "_clock",
        "_ending",
        "_holder",
        "address",
        "application",
        "began",
        "connected",
        "connection",
        "conv",
        "options",
        "scheduled",
        "socket",
        "stats",
        "stream",
        "transport",
    )

    _log: ClassVar[Logger] = Logger()

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
        @param holder: called with what becomes of the session.
        """
        self.conv = conv
        self.address = address
        self.options = options
        self.socket = socket
        self._holder = holder
        self._clock = socket.clock
        self.began = self._clock.now()
        self.stats = SessionStats()
        self.application = Application(self)
        self.stream = Stream(self, self, options, self._clock, self.stats)
        self.transport: KCPTransport | None = KCPTransport(self)
        self.connected = False
        self.scheduled: int | None = None
        # Why this end wants the connection to end.
        self._ending: Failure | None = None

    def __repr__(self) -> str:
        host = showAddress(hostAsked(self.socket.getHost(), self.address))
        peer = showAddress(toAddress(self.address))
        tls = "" if self.stream.tls is None else ", TLS"
        return f"<KCPSession {self.conv} {self.connection.state.value}, {host} to {peer}{tls}>"

    @property
    def overhead(self) -> int:
        """
        Bytes of a UDP payload that the layers below take.
        """
        return self._below.overhead

    # IDatagramProtocol.

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        Makes the connection: the layers below are ready.
        """
        self._below = transport
        settings = settingsOn(self.socket, self.options, transport.overhead)
        self.connection = Connection(self.conv, settings, self.stats, self.socket.newToken)

    def datagramsReceived(
        self, datagrams: list[bytes], address: Address, recovered: bool = False
    ) -> None:
        """
        Takes datagrams, and gives the application what has come in order.
        """
        connection = self.connection
        now = self._clock.time.now()
        foreign = connection.receive(datagrams, now, recovered)
        lifecycle, events = connection.lifecycle, connection.events
        if len(events) == 1 and events[0] is Event.READABLE and not lifecycle.unsettled:
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
                sendOutbox(self, self._below)
            while events:
                dispatch(self, self._holder, events.pop(0), now)
            if connection.lifecycle.unsettled:
                connection.settle(now)
            if not events and not connection.outbox:
                break
        if self.stream.gate is not None and not self.stream.takesProducers:
            self.application.call("stopProducing", self.stream.gate.stop)

    def parked(self) -> None:
        """
        Keeps what the application has yet to read of a connection that is over.
        """
        self.socket.forget(self)
        if not self.stream.readPaused:
            self._clock.wantFlush(self)

    # What the holder does with it.

    def call(self) -> None:
        """
        Begins as the end that calls.
        """
        now = self._clock.now()
        self.connection.call(now)
        self._react(now)
        self.schedule()

    def accept(self, unproven: bool, received: int) -> None:
        """
        Begins as the end that was called.

        @param unproven: whether the peer has yet to show that it gets what is sent to it.
        @param received: bytes that have come from it, as they came.
        """
        now = self._clock.now()
        self.connection.accept(now, unproven, received, self.overhead, self.socket.overhead)
        self._react(now)
        self.schedule()

    def startProtocol(self, protocol: IProtocol) -> None:
        """
        Connects the application's protocol.
        """
        self.connected = self.connection.lifecycle.attached = True
        self.application.connect(protocol, self.transport)

    def askAgain(self) -> None:
        """
        Asks the peer for a sign of life.
        """
        self.connection.question(self._clock.now())
        self._clock.wantFlush(self)

    def networkChanged(self) -> None:
        """
        See L{kcptwisted.interfaces.IKCPTransport.networkChanged}.
        """
        if self.connected:
            self.connection.pathChanged(self._clock.now(), True)
            self._holder.networkChanged(self)

    def configure(self, options: KCPOptions) -> None:
        """
        Uses other options from now on.

        @raise ValueError: if the mtu is too small for the layers, or for control frames.
        """
        reconfigure(self, options, self.overhead, self._clock.now())
        if not self.connection.lifecycle.isOver:
            self._clock.wantFlush(self)

    def schedule(self) -> None:
        """
        Has the clock flush this at once, or when something is due.
        """
        if not self.connection.lifecycle.isOver:
            (self._clock.wantFlush if self.connection.wantsFlush else self._clock.schedule)(self)

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
        turn = self._clock.turn
        if turn.isOver and len(connection.conversation.sender.queue) > FEW:
            self._clock.wantFlushNextTurn(self)
            return
        if stream.resumed:
            stream.resumed = False
            self.application.deliver(connection, self.stream, self.stats)
            self._react(now)
            if connection.lifecycle.isOver:
                return
        gate = stream.gate
        if gate is not None:
            connection.lifecycle.awaitsProducer = stream.awaitsProducer
        limit = self.socket.limit
        if limit is not None and connection.conversation.sender.queue:
            count = sendShare(self, self, self._below, limit, turn.burst, now)
        else:
            datagrams = connection.datagramsToSend(now, turn.burst)
            if count := len(datagrams):
                send(self, self._below, datagrams)
        if count > FEW:
            turn.spend(count)
        if connection.events or connection.lifecycle.unsettled:
            self._react(now)
        if gate is not None:
            self.application.call("resumeProducing", stream.produce)
        if connection.lifecycle.isOver:
            return
        if connection.wantsFlush:
            self._clock.wantFlush(self)
        if connection.hasMore:
            self._clock.wantFlushNextTurn(self)
        self._clock.schedule(self)

    def _readOn(self, now: int) -> None:
        """
        Delivers what the application has left unread, and then the end, if it wants them by now.
        """
        connection = self.connection
        if connection.state is State.CLOSED:
            return
        self.stream.resumed = False
        self.application.deliver(connection, self.stream, self.stats)
        if self._ending is not None:
            connection.lifecycle.abandon(endOf(self._ending))
        self._react(now)

    # The end.

    def end(self, reason: Failure) -> None:
        """
        Ends the connection at the next flush.  It ends but once for the peer, or by the path.
        """
        if self.connection.lifecycle.final is None or not endOf(reason).cause.isPeers:
            if self.stream.tls is not None:
                self.stream.tls.ending(reason)
            self.endSoon(reason)

    def failed(self, reason: Failure) -> None:
        """
        Ends a session that has raised, and no other.
        """
        self.end(reason)

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
            self.application.deliver(connection, self.stream, self.stats)
        try:
            connection.end(end, self._clock.now())
        except Exception:
            self._log.failure("The last word of {session!r} failed", session=self)
        self._react(self._clock.now())

    def leave(self, reason: Failure) -> None:
        """
        Ends the connection because the program ends, and sends what can be sent.  As over TCP,
        the connection is closed if the peer gets all that was written.
        """
        connection, lifecycle = self.connection, self.connection.lifecycle
        lifecycle.leaving = True
        lifecycle.awaitsProducer = self.stream.awaitsProducer
        if self.connected and not lifecycle.isOver:
            send(self, self._below, connection.datagramsToSend(self._clock.now()))
        self.connectionLost(reason)

    def over(self, reason: Failure) -> None:
        """
        Tells application and holder that the connection has ended, and lets go of both.
        """
        self.connected = False
        self._ending = None
        self.socket.forget(self)
        dispatchEnd(self, self._holder, reason, self._clock.now() - self.began)
        # A program may run without garbage collection, so nothing may hold itself.
        self._below = Gone(self._below.overhead)
        self.application.release()
        self.stream.release()
        self.transport = None


classImplements(KCPSession, IDatagramProtocol)
