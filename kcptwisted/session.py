"""
One connection: between the layers below and the application's protocol, on top of a conversation.
"""

from __future__ import annotations

from twisted.internet import error
from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.arq.congestion import congestionControl
from kcptwisted.arq.conversation import Conversation
from kcptwisted.errors import DeadLink, LingerTimeout
from kcptwisted.flow import ProducerGate
from kcptwisted.interfaces import (
    Address,
    IDatagramProtocol,
    IDatagramTransport,
    IOutOfBandProtocol,
)
from kcptwisted.options import KCPOptions
from kcptwisted.outofband import decodeOutOfBand
from kcptwisted.owner import SessionOwner
from kcptwisted.transport import SessionTransport


@implementer(IDatagramProtocol)
class KCPSession(SessionTransport):
    """
    What arrives, what is due, and how the connection begins and ends.

    @ivar bottom: the lowest layer that is this session's alone: itself, or its FEC layer.
    """

    def __init__(
        self, conv: int, address: Address, options: KCPOptions, owner: SessionOwner
    ) -> None:
        """
        @param conv: the conversation id.
        @param address: the peer's.
        """
        super().__init__(conv, address, options, owner)
        self.bottom: IDatagramProtocol = self
        self._delivering = False
        # How far the peer had acknowledged when a close last saw progress.
        self._lingerUna = 0

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

    def _finish(self, now: int) -> None:
        una = self._conversation.sender.una
        if una != self._lingerUna:
            self._lingerUna = una
            self._lifecycle.progress(now, self._options.linger)
        if self._conversation.drained and not self._gate.holdsOpen:
            self.connectionLost(Failure(error.ConnectionDone()))
        elif self._lifecycle.lingerIsOver(now):
            self.connectionLost(Failure(LingerTimeout()))

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
