"""
One connection: between the layers below and the application's protocol, on top of a conversation.
"""

from __future__ import annotations

from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.arq.congestion import congestionControl
from kcptwisted.arq.conversation import Conversation
from kcptwisted.connection.lifecycle import State
from kcptwisted.errors import DeadLink, PeerRestarted
from kcptwisted.interfaces import (
    Address,
    IDatagramProtocol,
    IDatagramTransport,
    IOutOfBandProtocol,
)
from kcptwisted.options import KCPOptions
from kcptwisted.session.ending import EndingSession
from kcptwisted.session.holder import SessionHolder, SessionSocket
from kcptwisted.session.outofband import decodeOutOfBand
from kcptwisted.wire.control import EMPTY_BLOCK
from kcptwisted.wire.segment import OVERHEAD, WASK, WINS, begins, carries

#: Bytes of the longest datagram that shows only that the peer is there.
LONGEST_SIGN = OVERHEAD + EMPTY_BLOCK


@implementer(IDatagramProtocol)
class KCPSession(EndingSession):
    """
    What arrives, what is due, and the application's protocol.
    """

    __slots__ = ("_moved",)

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
        super().__init__(conv, address, options, socket, holder)
        self.top = self.bottom = self
        self._moved = 0

    # The protocol of the layer below.

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        The layers below are ready.
        """
        self._transport = transport
        settings = self._options.arqSettings(transport.overhead)
        congestion = congestionControl(not self._options.timing.nc, settings.mss)
        self._conversation = Conversation(self.conv, settings, congestion, self.stats)

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
        if len(datagrams) == 1 and not recovered and self._takeSign(datagrams[0]):
            return
        conversation = self._conversation
        now = self._clock.now()
        if self._lifecycle.state is State.CONNECTING:
            datagrams = self._fromAnswer(datagrams)
        foreign = conversation.receive(datagrams, now, recovered)
        if conversation.controls:
            self._takeControls()
            if self._closed:
                return
        if self.unproven is not None:
            self._seeProof(self.unproven)
        if self._putOff:
            self._putOff = False
        elif conversation.heard:
            self._heard(now)
        self._deliver()
        if self._shutdown is not None:
            self._checkPeerFinished()
        if self._closed:
            return
        if conversation.wantsProof:
            self.askAgain()
            self._liveness.hasten()
        if conversation.wantsFlush or self._sealed:
            self._clock.wantFlush(self)
        else:
            self._clock.schedule(self)
        if foreign:
            self._holder.foreignDatagrams(self, list(foreign))

    def _takeSign(self, datagram: bytes) -> bool:
        """
        Deal with a datagram that shows that the peer is there, and nothing else, while nothing else
        happens: there is nothing to deliver then, and nothing to flush but the answer.

        @return: whether it was one.
        """
        size = len(datagram)
        if (
            size > LONGEST_SIGN
            or self._lifecycle.state is not State.ESTABLISHED
            or self.unproven is not None
        ):
            return False
        channel = self._channel
        data = b"" if size == OVERHEAD or channel is None else channel.sign()
        cmd = self._conversation.repeats(datagram, data)
        if not cmd:
            return False
        now = self._clock.now()
        self._heard(now)
        if cmd == WASK:
            self._send(self._transport, [self._conversation.windowDatagram(now)])
        return True

    def _fromAnswer(self, datagrams: list[bytes]) -> list[bytes]:
        """
        @return: C{datagrams} without segments that came before an answer: they may be for a program
            that had this address and conversation before.
        """
        taken: list[bytes] = []
        for position, datagram in enumerate(datagrams):
            # The token is new, so it is for this program that it is in a datagram.
            mine = self._channel is not None and self._channel.token in datagram
            if mine or not begins(datagram, self.conv):
                taken.append(datagram)
            elif carries(datagram, WINS):
                return taken + datagrams[position:]
            else:
                self.stats.KCPInErrors += 1
        return taken

    def _heard(self, now: int) -> None:
        liveness = self._liveness
        liveness.heard = now
        self._conversation.sender.deadLink = False
        if liveness.unanswered:
            if liveness.unanswered > 1:
                # What was sent into the silence need not wait for its timeouts, which have grown.
                self._conversation.sender.resendAll(now)
                self._clock.wantFlush(self)
            liveness.revived()
            # What was to come first may now be the next question.
            self._clock.schedule(self)
        if self._conversation.answered and self._lifecycle.establish():
            self._liveness.start(now)
            self._holder.sessionEstablished(self)

    def outOfBandReceived(self, packets: list[bytes]) -> None:
        """
        Hand out-of-band packets to the protocol, if it takes them.
        """
        for packet in packets:
            closed = self.disconnecting or self._ending is not None
            data = None if closed else decodeOutOfBand(packet, self.protocol)
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

    # What the holder does with it.

    def assumeEstablished(self) -> None:
        """
        Take the peer to be there.
        """
        if self._lifecycle.establish():
            self._liveness.start(self._clock.now())
            self._clock.schedule(self)
            self._holder.sessionEstablished(self)

    def accept(self, unproven: bool, received: int) -> None:
        """
        Begin as the end that was called.

        @param unproven: whether the peer has yet to show that it gets what is sent to it.
        @param received: bytes that have come from it, as they came.
        """
        if unproven:
            self._limitUntilProven(received)
        self._liveness.yieldTo(unproven)
        self.assumeEstablished()

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
        self._conversation.sender.resendAll(self._clock.now())
        self._clock.wantFlush(self)

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
        @return: a small datagram that says nothing new; None if the connection is over, or nobody
            may be there.
        """
        if self._closed or self.unproven is not None:
            return None
        return self._conversation.windowDatagram(self._clock.now())

    # IFlushed.

    @property
    def due(self) -> int | None:
        """
        When something is due, milliseconds; None if nothing waits.
        """
        earliest = self._conversation.deadline()
        shutdown = self._shutdown
        for own in (
            self._lifecycle.deadline,
            self._liveness.deadline,
            None if shutdown is None else shutdown.deadline,
        ):
            if own is not None and (earliest is None or own < earliest):
                earliest = own
        return earliest

    def flush(self, now: int) -> None:
        """
        Send what is due, let the producer go on, and see whether a close is complete.
        """
        if self._closed:
            self._readOn()
            return
        if self._ending is not None:
            self.connectionLost(self._ending)
            return
        conversation = self._conversation
        if self._lifecycle.retryIsDue(now):
            self._sayHello()
        elif self._ungreeted and conversation.sender.queue:
            self._greetNow(now)
        if self._resumed:
            self._resumed = False
            self._deliver()
        if self._shutdown is not None:
            self._checkPeerFinished()
            if self._closed:
                return
        if self._options.idleTimeout:
            self._noteActivity(now)
        watch = self._liveness.deadline
        if watch is not None and now >= watch:
            self._look(now)
        if self._closed:
            return
        datagrams = conversation.datagramsToSend(now)
        if datagrams:
            self._send(self._transport, datagrams)
        try:
            if self._gate is not None and not self._silenced and self._gate.resume():
                self._clock.wantFlush(self)
        except Exception:
            self._fail("resumeProducing")
        if conversation.sender.deadLink and not self._mayMove:
            self.connectionLost(Failure(DeadLink()))
        elif conversation.peerRestarted:
            self.connectionLost(Failure(PeerRestarted("it knows nothing of what it acknowledged")))
        elif self.disconnecting or (self._sealed and not self._outputOver):
            self._finish(now)
        if self._closed:
            return
        if conversation.sender.wantsFlush:
            self._clock.wantFlushNextTurn(self)
        self._clock.schedule(self)

    def _noteActivity(self, now: int) -> None:
        stats = self.stats
        # What was written at once may take long to arrive.
        moved = stats.BytesSent + stats.BytesReceived + self._conversation.sender.una
        if moved != self._moved:
            self._moved = moved
            self._liveness.active = now
