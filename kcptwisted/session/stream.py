"""
What the application writes, reads and closes, below TLS if there is any.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from twisted.internet import error
from twisted.python.failure import Failure

from kcptwisted.connection.connection import Connection
from kcptwisted.connection.states import Sending, State
from kcptwisted.errors import SendQueueFull
from kcptwisted.options import KCPOptions
from kcptwisted.options.table import TICK
from kcptwisted.session.producers import ProducerGate
from kcptwisted.session.reasons import failureOf
from kcptwisted.stats import SessionStats
from kcptwisted.timing.clock import FlushClock
from kcptwisted.timing.interfaces import IFlushed

#: States in which what is written is sent.
_WRITABLE = (Sending.READY, Sending.FINISHING)


class IStreamDriver(Protocol):
    """
    What a stream asks of its session.

    @ivar connected: the application has the connection, and it is not over.
    """

    connection: Connection

    @property
    def connected(self) -> bool: ...

    def end(self, reason: Failure) -> None: ...

    def endSoon(self, reason: Failure) -> None: ...


class ITLSStream(Protocol):
    """
    What a session says to the TLS on its stream.

    @ivar layer: the TLS layer.
    """

    @property
    def layer(self) -> Any: ...

    def delivered(self) -> None: ...

    def ending(self, reason: Failure) -> None: ...


class _Over:
    """
    Stands for a session that is over.
    """

    __slots__ = ("connection",)

    connected = False

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def end(self, reason: Failure) -> None:
        """
        Does nothing.
        """

    def endSoon(self, reason: Failure) -> None:
        """
        Does nothing.
        """


class Stream:
    """
    The data of one connection, both ways.

    @ivar disconnecting: the application has closed or aborted the connection.
    @ivar readPaused: the application takes no data for now.
    @ivar resumed: there may be data for the application, which it has not been offered yet.
    """

    __slots__ = (
        "_clock",
        "_flushed",
        "_options",
        "_session",
        "_stats",
        "disconnecting",
        "gate",
        "readPaused",
        "resumed",
        "tls",
    )

    def __init__(
        self,
        session: IStreamDriver,
        flushed: IFlushed,
        options: KCPOptions,
        clock: FlushClock,
        stats: SessionStats,
    ) -> None:
        """
        @param flushed: the session, as the clock knows it.
        @param stats: counts.
        """
        self._session: IStreamDriver = session
        self._flushed: IFlushed | None = flushed
        self._options = options
        self._clock = clock
        self._stats = stats
        # None until a producer is registered.
        self.gate: ProducerGate | None = None
        self.disconnecting = False
        self.readPaused = self.resumed = False
        # Set when TLS is started.
        self.tls: ITLSStream | None = None

    @property
    def connected(self) -> bool:
        """
        Whether the application has the connection, and it is not over.
        """
        return self._session.connected

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """
        Sends bytes, or one message in message mode.

        @raise kcptwisted.errors.MessageTooLong: if a message is too large for KCP, or for the
            peer's window.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"Data must be bytes, not {type(data).__name__}")
        session = self._session
        connection = session.connection
        isOpen = connection.lifecycle.isOpen and not self.disconnecting
        if not session.connected or not (isOpen or self._mayWrite()):
            return
        connection.conversation.write(bytes(data))
        self._stats.BytesSent += len(data)
        limit = self._options.sendQueueLimit
        if limit and connection.conversation.sender.queuedBytes > limit:
            queued = connection.conversation.sender.queuedBytes
            session.end(Failure(SendQueueFull(f"{queued} with sendQueueLimit={limit}")))
            return
        if self._options.writeDelay:
            interval = self._options.timing.interval
            connection.conversation.flushBy(self._clock.now() + interval - TICK)
            assert self._flushed is not None
            self._clock.schedule(self._flushed)
        elif self._flushed is not None:
            self._clock.wantFlush(self._flushed)
        if self.gate is not None:
            self.gate.wrote()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        Sends several pieces as one write.
        """
        self.write(b"".join(data))

    def _mayWrite(self) -> bool:
        """
        Returns True if what is written now is sent, though either end has closed something.
        """
        connection = self._session.connection
        if self.disconnecting or connection.lifecycle.sending is not Sending.READY:
            producing = self.gate is not None and self.gate.producing
            if not producing:
                return False
        return not self.isSilent

    @property
    def isSilent(self) -> bool:
        """
        Whether nothing is sent any more that would be written now.
        """
        connection = self._session.connection
        return connection.lifecycle.isOver or connection.lifecycle.sending not in _WRITABLE

    def _flush(self) -> None:
        if self._flushed is not None:
            self._clock.wantFlush(self._flushed)

    def release(self) -> None:
        """
        Drops the reference to the session, which is over.
        """
        self._session = _Over(self._session.connection)
        self._flushed = None

    def configure(self, options: KCPOptions) -> None:
        """
        Uses other options from now on.
        """
        self._options = options

    # Closing.

    def loseConnection(self) -> None:
        """
        Delivers what was written, then ends the connection; if the peer acknowledges nothing for
        C{linger} seconds, ends it before.  Where the connection is over and only the application
        does not know, it is told so at the end of the turn, and what it has not read is dropped.
        """
        connection = self._session.connection
        if connection.lifecycle.final is not None:
            if not self.disconnecting:
                self.disconnecting = True
                self._session.endSoon(failureOf(connection.lifecycle.final))
        elif not self.disconnecting and connection.close(self._clock.now()):
            # Nobody reads what has arrived any more: let the window open.
            self.disconnecting = self.resumed = True
            self._flush()

    def loseWriteConnection(self) -> None:
        """
        Delivers what was written, then tells the peer that no more will come; goes on receiving.
        """
        if self._session.connected and not self.disconnecting:
            self._session.connection.closeOutput()
            self._flush()

    def abortConnection(self) -> None:
        """
        Ends the connection now; what is still queued is lost.
        """
        self.disconnecting = True
        self._session.end(Failure(error.ConnectionAborted()))

    # What is received.

    def pauseProducing(self) -> None:
        """
        Delivers nothing more; the window closes, and the peer stops when it is full.
        """
        self.readPaused = True

    def resumeProducing(self) -> None:
        """
        Delivers again, from the end of this turn on.
        """
        self.readPaused = False
        session = self._session
        if session.connected or session.connection.state is not State.CLOSED:
            self.resumed = True
            self._flush()

    # What is sent.

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Has C{producer} paused and resumed as the send queue fills and empties.

        @raise RuntimeError: if there is one already.
        """
        connection = self._session.connection
        if connection.lifecycle.discards or not self.takesProducers:
            producer.stopProducing()
            return
        if self.gate is None:
            self.gate = ProducerGate(connection.conversation.sender)
        self.gate.register(producer, streaming)
        if not streaming:
            self._flush()

    def unregisterProducer(self) -> None:
        """
        Forgets the producer, which is done.
        """
        if self.gate is not None:
            self.gate.unregister()
        if self._session.connected and not self._session.connection.lifecycle.isOpen:
            self._flush()

    def produce(self) -> None:
        """
        Lets the producer go on, if the send queue has become shorter.
        """
        if self.gate is not None and not self.isSilent and self.gate.resume():
            self._flush()

    @property
    def takesProducers(self) -> bool:
        """
        Whether a producer may register without being stopped at once.  A producer may also be the
        consumer of the received data, and stops then; so as over TCP it is left alone as long as
        data may arrive.
        """
        return not self.isSilent or (self._session.connected and not self.disconnecting)

    @property
    def awaitsProducer(self) -> bool:
        """
        Whether a producer has yet to bring the rest of what a close delivers.
        """
        return self.gate is not None and not self.isSilent and self.gate.holdsOpen
