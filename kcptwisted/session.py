"""
One connection: the transport that an application's protocol sees, on top of a conversation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet import error
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IConsumer, IProtocol, IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.addresses import toAddress
from kcptwisted.arq.congestion import congestionControl
from kcptwisted.arq.conversation import Conversation
from kcptwisted.clock import IFlushed, ScheduledFlush
from kcptwisted.errors import DeadLink, LingerTimeout
from kcptwisted.flow import ProducerGate
from kcptwisted.interfaces import (
    Address,
    IDatagramProtocol,
    IDatagramTransport,
    IKCPTransport,
    IOutOfBandProtocol,
)
from kcptwisted.lifecycle import Lifecycle, State
from kcptwisted.options import TICK, KCPOptions
from kcptwisted.outofband import decodeOutOfBand, encodeOutOfBand
from kcptwisted.owner import SessionOwner
from kcptwisted.stats import PortStats, SessionStats


@implementer(IKCPTransport, IConsumer, IPushProducer, IDatagramProtocol, IFlushed)
class KCPSession:
    """
    A connection's transport.

    @ivar conv: the conversation id.
    @ivar address: the peer's.
    @ivar bottom: the lowest layer that is this session's alone: itself, or its FEC layer.
    @ivar stats: counts.
    @ivar connected: whether the connection is up, like L{twisted.internet.tcp.Connection}'s.
    @ivar disconnecting: whether loseConnection was called.
    @ivar scheduled: the clock's own note.
    """

    _log = Logger()
    protocol: IProtocol | None = None

    def __init__(
        self, conv: int, address: Address, options: KCPOptions, owner: SessionOwner
    ) -> None:
        """
        @param conv: the conversation id.
        @param address: the peer's.
        """
        self.conv = conv
        self.address = address
        self.bottom: IDatagramProtocol = self
        self.stats = SessionStats()
        self.connected = False
        self.disconnecting = False
        self.scheduled: ScheduledFlush | None = None
        self._options = options
        self._owner = owner
        self._clock = owner.clock
        self._lifecycle = Lifecycle()
        self._readPaused = False
        self._delivering = False
        self._resumed = False
        self._ending: Failure | None = None
        # How far the peer had acknowledged when a close last saw progress.
        self._lingerUna = 0

    @property
    def _closed(self) -> bool:
        return self._lifecycle.state is State.CLOSED

    @property
    def portStats(self) -> PortStats:
        """
        Counts of the socket and all its sessions.
        """
        return self._owner.stats

    # The protocol of the layer below.

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        The layers below are ready.
        """
        self._transport = transport
        settings = self._options.arqSettings(transport.overhead)
        congestion = congestionControl(not self._options.timing.nc, settings.mss)
        self._conversation = Conversation(self.conv, settings, congestion, self.stats)
        self._gate = ProducerGate(self._conversation.sender, settings)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Take datagrams, and give the application what has come in order.
        """
        self._receive(datagrams, recovered=False)

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Take datagrams that FEC rebuilt.
        """
        self._receive(datagrams, recovered=True)

    def _receive(self, datagrams: list[bytes], recovered: bool) -> None:
        if self._closed:
            return
        conversation = self._conversation
        foreign = conversation.receive(datagrams, self._clock.now(), recovered)
        if conversation.answered and self._lifecycle.establish():
            self._owner.sessionEstablished(self)
        self._deliver()
        if conversation.wantsFlush or self.disconnecting:
            self._clock.wantFlush(self)
        else:
            self._clock.schedule(self)
        if foreign:
            self._owner.foreignDatagrams(self, list(foreign))

    def outOfBandReceived(self, packets: list[bytes]) -> None:
        """
        Hand out-of-band packets to the protocol, if it takes them.
        """
        for packet in packets:
            data = decodeOutOfBand(packet, self.protocol) if self._ending is None else None
            if data is None:
                self.stats.OOBDropped += 1
                continue
            self.stats.OOBReceived += 1
            try:
                IOutOfBandProtocol(self.protocol).outOfBandReceived(data)
            except Exception:
                self._fail("outOfBandReceived")

    def batchFinished(self) -> None:
        """
        The owner's clock flushes.
        """

    def connectionRefused(self) -> None:
        """
        The owner decides.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        The connection is over, for whatever reason.  Tells the protocol, once.
        """
        if not self._lifecycle.end():
            return
        self.connected = False
        self._clock.forget(self)
        protocol, self.protocol = self.protocol, None
        self._conversation.discard()
        try:
            self._gate.stop()
        except Exception:
            self._log.failure(
                "stopProducing of a producer of {protocol!r} failed", protocol=protocol
            )
        try:
            if protocol is not None:
                protocol.connectionLost(reason)
        except Exception:
            self._log.failure("connectionLost of {protocol!r} failed", protocol=protocol)
        self._owner.sessionEnded(self, reason)

    # What the owner does with it.

    def ask(self) -> None:
        """
        Ask the peer for a sign of life.
        """
        self._lifecycle.begin(self._clock.now())
        self._conversation.askWindow()
        self._clock.wantFlush(self)

    def assumeEstablished(self) -> None:
        """
        Take the peer to be there.
        """
        if self._lifecycle.establish():
            self._owner.sessionEstablished(self)

    def startProtocol(self, protocol: IProtocol) -> None:
        """
        Connect the application's protocol.
        """
        self.protocol = protocol
        self.connected = True
        try:
            protocol.makeConnection(self)
        except Exception:
            self._fail("connectionMade")

    def filler(self) -> bytes | None:
        """
        @return: a small datagram that says nothing new; None if the connection is over.
        """
        return None if self._closed else self._conversation.windowDatagram(self._clock.now())

    def end(self, reason: Failure) -> None:
        """
        End the connection at the next flush.
        """
        if self._ending is None and not self._closed:
            self._ending = reason
            self._clock.wantFlush(self)

    # ITransport.

    def write(self, data: bytes) -> None:
        """
        Send bytes, or one message in message mode.

        @raise kcptwisted.errors.MessageTooLong: if a message is too large for KCP.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"Data must be bytes, not {type(data).__name__}")
        if not self.connected or (self.disconnecting and not self._gate.producing):
            return
        self._conversation.write(bytes(data))
        self.stats.BytesSent += len(data)
        if self._options.writeDelay:
            self._flushLater()
        else:
            self._clock.wantFlush(self)
        self._gate.wrote()

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
        if self.connected and not self.disconnecting:
            self.stats.OOBSent += 1
            self._send(self._owner, [packet])

    def loseConnection(self) -> None:
        """
        Deliver what was written, then end the connection; if the peer acknowledges nothing for
        C{linger} seconds, end it before.
        """
        if self._lifecycle.close(self._clock.now(), self._options.linger):
            self.disconnecting = True
            self._clock.wantFlush(self)

    def abortConnection(self) -> None:
        """
        End the connection now; what is still queued is lost.
        """
        self.disconnecting = True
        self.end(Failure(error.ConnectionAborted()))

    def getPeer(self) -> IPv4Address | IPv6Address:
        """
        @return: the peer's address.
        """
        return toAddress(self.address)

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        @return: the local address.
        """
        return self._owner.getHost()

    # IConsumer.

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Have C{producer} paused and resumed as the send queue fills and empties.

        @raise RuntimeError: if there is one already.
        """
        if self._closed or self._ending is not None:
            producer.stopProducing()
            return
        self._gate.register(producer, streaming)
        if not streaming:
            self._clock.wantFlush(self)

    def unregisterProducer(self) -> None:
        """
        The producer is done.
        """
        self._gate.unregister()
        if self.disconnecting:
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
        if not self._closed:
            self._resumed = True
            self._clock.wantFlush(self)

    def stopProducing(self) -> None:
        """
        The consumer of the received data is gone.
        """
        self.loseConnection()

    # IFlushed.

    def deadline(self) -> int | None:
        """
        @return: when something is due, milliseconds.
        """
        own = self._lifecycle.deadline
        arq = self._conversation.deadline()
        if own is None or arq is None:
            return arq if own is None else own
        return min(own, arq)

    def flush(self, now: int) -> None:
        """
        Send what is due, let the producer go on, and see whether a close is complete.
        """
        if self._closed:
            return
        if self._ending is not None:
            self.connectionLost(self._ending)
            return
        conversation = self._conversation
        if self._lifecycle.retryIsDue(now):
            conversation.askWindow()
        if self._resumed:
            self._resumed = False
            self._deliver()
        datagrams = conversation.datagramsToSend(now)
        if datagrams:
            self._send(self._transport, datagrams)
        try:
            if self._gate.resume():
                self._clock.wantFlush(self)
        except Exception:
            self._fail("resumeProducing")
        if conversation.sender.deadLink:
            self.connectionLost(Failure(DeadLink()))
        elif self.disconnecting:
            self._finish(now)
        if not self._closed:
            self._clock.schedule(self)

    def _send(self, transport: IDatagramTransport | SessionOwner, datagrams: list[bytes]) -> None:
        try:
            transport.writeDatagrams(datagrams, self.address)
        except error.ConnectionLost:
            # A layer's way to end the connection.
            self.end(Failure())
        except Exception:
            self._fail("writeDatagrams of a layer below")

    def _finish(self, now: int) -> None:
        una = self._conversation.sender.una
        if una != self._lingerUna:
            self._lingerUna = una
            self._lifecycle.progress(now, self._options.linger)
        if self._conversation.drained and not self._gate.holdsOpen:
            self.connectionLost(Failure(error.ConnectionDone()))
        elif self._lifecycle.lingerIsOver(now):
            self.connectionLost(Failure(LingerTimeout()))

    def _flushLater(self) -> None:
        """
        Let the clock's next tick flush.
        """
        self._conversation.flushBy(self._clock.now() + self._options.timing.interval - TICK)
        self._clock.schedule(self)

    def _deliver(self) -> None:
        if self._delivering or self._readPaused or self.protocol is None:
            return
        # A protocol may pause and resume from inside dataReceived.
        self._delivering = True
        try:
            while not self._readPaused and self._ending is None:
                data = self._conversation.read()
                protocol = self.protocol
                if data is None or protocol is None:
                    break
                self.stats.BytesReceived += len(data)
                protocol.dataReceived(data)
        except Exception:
            self._fail("dataReceived")
        finally:
            self._delivering = False

    def _fail(self, what: str) -> None:
        """
        The application's protocol raised: its connection ends, others go on.
        """
        failure = Failure()
        protocol = self.protocol
        self._log.failure("{what} of {protocol!r} failed", failure, what=what, protocol=protocol)
        self.end(failure)
