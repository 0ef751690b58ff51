"""
A connection as its application sees it: what can be done with the transport.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from twisted.internet import error
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IConsumer, IProtocol, IPushProducer, ISSLTransport
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.arq.conversation import Conversation
from kcptwisted.connection.lifecycle import Lifecycle, State
from kcptwisted.errors import SendQueueFull
from kcptwisted.interfaces import Address, IDatagramTransport, IKCPTransport
from kcptwisted.options import KCPOptions
from kcptwisted.options.table import TICK
from kcptwisted.session.holder import SessionHolder, SessionSocket
from kcptwisted.session.outofband import encodeOutOfBand
from kcptwisted.session.producers import ProducerGate
from kcptwisted.session.tcplike import TCPOptions
from kcptwisted.stats import PortStats, SessionStats
from kcptwisted.timing.interfaces import IFlushed
from kcptwisted.udp.addresses import showAddress, toAddress
from kcptwisted.udp.asked import ownAddressOf

if TYPE_CHECKING:
    from kcptwisted.session.session import KCPSession


@implementer(IKCPTransport, IConsumer, IPushProducer, IFlushed)
class SessionTransport(TCPOptions):
    """
    Writing, closing, producers and consumers.
    L{kcptwisted.session.session.KCPSession} is the rest.

    @ivar conv: the conversation id.
    @ivar address: the peer's.
    @ivar stats: counts.
    @ivar connected: whether the connection is up, like L{twisted.internet.tcp.Connection}'s.
    @ivar disconnecting: whether loseConnection or abortConnection was called.
    @ivar scheduled: the clock's own note.
    """

    # The dictionary is made when an application sets an attribute of its own, as on any transport.
    __slots__ = (
        "__dict__",
        "__weakref__",
        "_clock",
        "_conversation",
        "_ending",
        "_gate",
        "_holder",
        "_lifecycle",
        "_options",
        "_readPaused",
        "_resumed",
        "_sealed",
        "_silenced",
        "_socket",
        "_transport",
        "address",
        "connected",
        "conv",
        "disconnecting",
        "protocol",
        "scheduled",
        "stats",
    )

    _log = Logger()

    # Made when the layers below are ready.
    _transport: IDatagramTransport
    _conversation: Conversation

    def __init__(
        self,
        conv: int,
        address: Address,
        options: KCPOptions,
        socket: SessionSocket,
        holder: SessionHolder,
    ) -> None:
        """
        @param conv: the conversation id.
        @param address: the peer's.
        """
        super().__init__(not options.writeDelay, options.keepAlive > 0)
        self.conv = conv
        self.address = address
        self.protocol: IProtocol | None = None
        self.stats = SessionStats()
        self.connected = False
        self.disconnecting = False
        self.scheduled: int | None = None
        self._options = options
        self._socket = socket
        self._holder = holder
        self._clock = socket.clock
        self._lifecycle = Lifecycle()
        # None until a producer is registered.
        self._gate: ProducerGate | None = None
        self._readPaused = False
        self._resumed = False
        # No more writes, but for those of a registered producer.
        self._sealed = False
        # No more writes at all: nobody would take what was written.
        self._silenced = False
        self._ending: Failure | None = None

    def __repr__(self) -> str:
        host, peer = showAddress(self.getHost()), showAddress(self.getPeer())
        tls = ", TLS" if ISSLTransport.providedBy(self) else ""
        return f"<KCPSession {self.conv} {self._lifecycle.state.value}, {host} to {peer}{tls}>"

    @property
    def _closed(self) -> bool:
        return self._lifecycle.state is State.CLOSED

    @property
    def portStats(self) -> PortStats:
        """
        Counts of the socket and all its sessions.
        """
        return self._socket.stats

    @property
    def queuedBytes(self) -> int:
        """
        Bytes that were written and wait to be sent for the first time.
        """
        return self._conversation.sender.queuedBytes

    @property
    def unacknowledged(self) -> int:
        """
        Segments that the peer has not acknowledged, those included that wait to be sent.
        """
        sender = self._conversation.sender
        return len(sender.queue) + len(sender.inFlight)

    def end(self, reason: Failure) -> None:
        """
        End the connection at the next flush.
        """
        if self._ending is None and (self.connected or not self._closed):
            self._ending = reason
            self._clock.wantFlush(self)

    # ITransport.

    def write(self, data: bytes) -> None:
        """
        Send bytes, or one message in message mode.

        @raise kcptwisted.errors.MessageTooLong: if a message is too large for KCP, or for the
            peer's window.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"Data must be bytes, not {type(data).__name__}")
        gate = self._gate
        if not self.connected or self._silenced:
            return
        if self._sealed and (gate is None or not gate.producing):
            return
        self._conversation.write(bytes(data))
        self.stats.BytesSent += len(data)
        limit = self._options.sendQueueLimit
        if limit and self.queuedBytes > limit:
            self.end(Failure(SendQueueFull(f"{self.queuedBytes} with sendQueueLimit={limit}")))
            return
        if self._options.writeDelay:
            self._flushLater()
        else:
            self._clock.wantFlush(self)
        if gate is not None:
            gate.wrote()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        Send several pieces as one write.
        """
        self.write(b"".join(data))

    def sendOutOfBand(self, data: bytes) -> None:
        """
        See L{IKCPTransport.sendOutOfBand}.
        """
        packet = encodeOutOfBand(self.conv, data, self._options, self._transport.overhead)
        if self.connected and not self.disconnecting and not self._closed:
            self.stats.OOBSent += 1
            self._send(self._socket, [packet])

    def loseConnection(self) -> None:
        """
        Deliver what was written, then end the connection; if the peer acknowledges nothing for
        C{linger} seconds, end it before.
        """
        if self._lifecycle.close(self._clock.now(), self._options.linger):
            # Nobody reads what has arrived any more: let the window open.
            self.disconnecting = self._sealed = self._resumed = True
            self._clock.wantFlush(self)

    def loseWriteConnection(self) -> None:
        """
        Deliver what was written, then tell the peer that no more will come; go on receiving.  See
        L{IKCPTransport.loseWriteConnection}.
        """
        if self.connected and not self._sealed:
            self._sealed = True
            self._clock.wantFlush(self)

    def abortConnection(self) -> None:
        """
        End the connection now; what is still queued is lost.
        """
        self.disconnecting = self._sealed = True
        self.end(Failure(error.ConnectionAborted()))

    def getPeer(self) -> IPv4Address | IPv6Address:
        """
        @return: the peer's address.
        """
        return toAddress(self.address)

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        @return: the local address; of a server on all addresses the one that the peer asked, as
            far as the system tells.
        """
        host = self._socket.getHost()
        own = ownAddressOf(self.address)
        if own is None:
            return host
        kind = IPv6Address if ":" in own.host else IPv4Address
        return kind("UDP", own.host, host.port)

    def startTLS(self, contextFactory: Any, normal: bool = True) -> None:
        """
        See L{IKCPTransport.startTLS}.
        """
        if not self._options.stream:
            raise ValueError("startTLS takes stream=yes: TLS does not keep messages apart")
        if not self.connected:
            raise RuntimeError("the connection is over")
        if self._sealed:
            raise RuntimeError("startTLS on a connection whose output is closed")
        from kcptwisted.session.tls import startTLS

        startTLS(cast("KCPSession", self), contextFactory, self._socket.calls == normal)

    # IConsumer.

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Have C{producer} paused and resumed as the send queue fills and empties.

        @raise RuntimeError: if there is one already.
        """
        if self._ending is not None or not self._takesProducers:
            producer.stopProducing()
            return
        if self._gate is None:
            settings = self._options.arqSettings(self._transport.overhead)
            self._gate = ProducerGate(self._conversation.sender, settings)
        self._gate.register(producer, streaming)
        if not streaming:
            self._clock.wantFlush(self)

    def unregisterProducer(self) -> None:
        """
        The producer is done.
        """
        if self._gate is not None:
            self._gate.unregister()
        if self._sealed:
            self._clock.wantFlush(self)

    # IPushProducer.

    def pauseProducing(self) -> None:
        """
        Deliver nothing more; the window closes, and the peer stops when it is full.
        """
        self._readPaused = True

    def resumeProducing(self) -> None:
        """
        Deliver again, from the end of this turn on.
        """
        self._readPaused = False
        if self.connected or not self._closed:
            self._resumed = True
            self._clock.wantFlush(self)

    def stopProducing(self) -> None:
        """
        The consumer of the received data is gone.
        """
        self.loseConnection()

    # IFlushed.

    @property
    def due(self) -> int | None:
        """
        Subclasses know.
        """
        raise NotImplementedError

    def flush(self, now: int) -> None:
        """
        Subclasses send.
        """
        raise NotImplementedError

    def failed(self, reason: Failure) -> None:
        """
        Something in this session raised: end it, and no other.
        """
        self.end(reason)

    # What subclasses use as well.

    @property
    def _takesProducers(self) -> bool:
        """
        Whether a producer is not told to stop at once.  It may be what the received data goes to,
        and would take no more of it: as long as there may be some it is left alone, as over TCP.
        """
        if self._closed or self._silenced:
            return self.connected and not self.disconnecting
        return True

    def _silence(self) -> None:
        """
        Take no more writes, and tell a producer so; see L{_takesProducers}.
        """
        if not self._silenced:
            self._silenced = True
            try:
                if self._gate is not None and not self._takesProducers:
                    self._gate.stop()
            except Exception:
                self._fail("stopProducing")

    def _send(self, transport: IDatagramTransport | SessionSocket, datagrams: list[bytes]) -> None:
        try:
            transport.writeDatagrams(datagrams, self.address)
        except error.ConnectionLost:
            # A layer's way to end the connection.
            self.end(Failure())
        except Exception:
            self._fail("writeDatagrams of a layer below")

    def _flushLater(self) -> None:
        """
        Let the clock's next tick flush.
        """
        self._conversation.flushBy(self._clock.now() + self._options.timing.interval - TICK)
        self._clock.schedule(self)

    def _fail(self, what: str) -> None:
        """
        The application's protocol raised: its connection ends, others go on.
        """
        failure = Failure()
        protocol = self.protocol
        self._log.failure("{what} of {protocol!r} failed", failure, what=what, protocol=protocol)
        self.end(failure)
