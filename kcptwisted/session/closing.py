"""
How a connection is closed: by FINs where the peer takes control frames, else by ACKs.
"""

from __future__ import annotations

from contextlib import suppress

from twisted.internet import error
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure

from kcptwisted.arq.unproven import UnprovenPath
from kcptwisted.connection.channel import ControlChannel
from kcptwisted.connection.liveness import Liveness
from kcptwisted.connection.shutdown import Shutdown
from kcptwisted.errors import IdleTimeout, LingerTimeout, PeerRestarted
from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.session.holder import SessionHolder, SessionSocket
from kcptwisted.session.transport import SessionTransport
from kcptwisted.wire.control import Frame, Reset, ResetReason
from kcptwisted.wire.segment import WASK, WINS

#: Copies of what is said last.  A listener remembers it and says it again; of a client nobody is
#: there to do so, and what the peer makes of its silence is an error.
LAST_WORDS = 2
CLIENTS_LAST_WORDS = 5


class ClosingSession(SessionTransport):
    """
    A session's close, from either end, and its last words.
    L{kcptwisted.session.session.KCPSession} is the whole.

    @ivar unproven: limits what is sent as long as the peer's address may be forged; else None.
    @ivar epitaph: a datagram that tells a peer which still talks to this session that it is over;
        None if the peer takes no control frames, or the session is not over.
    """

    __slots__ = (
        "_channel",
        "_inputOver",
        "_leaving",
        "_liveness",
        "_outputOver",
        "_peerEnded",
        "_reached",
        "_shutdown",
        "epitaph",
        "unproven",
    )

    def __init__(
        self,
        conv: int,
        address: Address,
        options: KCPOptions,
        socket: SessionSocket,
        holder: SessionHolder,
    ) -> None:
        """
        See L{SessionTransport}.
        """
        super().__init__(conv, address, options, socket, holder)
        self._liveness = Liveness(options.keepAlive, options.deadAfter, options.idleTimeout)
        self._channel: ControlChannel | None = None
        self._shutdown: Shutdown | None = None
        self._inputOver = False
        self._outputOver = False
        self.unproven: UnprovenPath | None = None
        # The peer has ended the connection itself.
        self._peerEnded = False
        # How far both directions were when a close last saw progress, and when the peer last said
        # that its window is shut.
        self._reached = (0, 0, 0)
        # The program ends: whatever is said now is the last that the peer hears.
        self._leaving = False
        self.epitaph: bytes | None = None

    def connectionLost(self, reason: Failure) -> None:
        """
        The connection is over.
        """
        raise NotImplementedError

    def _question(self) -> None:
        raise NotImplementedError

    @property
    def greeted(self) -> bool:
        """
        Whether the peer takes control frames.
        """
        return self._channel is not None and self._channel.known

    # The peer's close.

    @property
    def peerFinished(self) -> bool:
        """
        Whether the peer has closed the connection, and all that it sent has arrived.
        """
        shutdown = self._shutdown
        return shutdown is not None and not shutdown.peerReads and self._holdsAll(shutdown)

    @property
    def delivered(self) -> bool:
        """
        Whether the application has closed, and the peer has acknowledged everything.
        """
        return self.disconnecting and self._conversation.drained

    def _holdsAll(self, shutdown: Shutdown) -> bool:
        final = shutdown.peerFinal
        return final is not None and self._conversation.receiver.holdsAll(final)

    def _keepAliveSet(self) -> None:
        if not self._options.keepAlive:
            self._liveness.askAfter(KCPOptions.keepAlive if self._tcpKeepAlive else 0)
            if not self._closed:
                self._clock.schedule(self)

    def _checkPeerFinished(self) -> None:
        """
        See whether all has arrived, and been delivered, that the peer sent before its FIN.
        """
        shutdown, channel = self._shutdown, self._channel
        if shutdown is None or channel is None or self._closed:
            return
        conversation = self._conversation
        if not self._holdsAll(shutdown):
            return
        if not shutdown.peerReads:
            if self.disconnecting and not conversation.drained:
                # Both close at once: the peer takes the rest as long as its FIN is not answered.
                return
            self._liveness.stop()
            self._silence()
            conversation.sender.discard()
        if shutdown.owesAnswer:
            conversation.sendControl(WINS, channel.block(shutdown.answer()))
            self._clock.wantFlush(self)
        read = shutdown.complete(conversation.receiver.next) and not conversation.receiver.unread
        if read or (self.disconnecting and not shutdown.peerReads):
            self._inputEnded(shutdown)

    def _inputEnded(self, shutdown: Shutdown) -> None:
        halfCloseable = IHalfCloseableProtocol(self.protocol, None)
        if not self._inputOver:
            self._inputOver = True
            if halfCloseable is not None:
                try:
                    halfCloseable.readConnectionLost()
                except Exception:
                    self._fail("readConnectionLost")
        if shutdown.acknowledged and not self.disconnecting:
            self._outputEnded()
        if self._ending is not None:
            return
        if not shutdown.peerReads or self._outputOver:
            self.connectionLost(Failure(error.ConnectionDone()))
        elif halfCloseable is None and not self._sealed:
            # The peer will not answer an end of TLS any more.
            SessionTransport.loseConnection(self)

    # This side's close.

    def _finish(self, now: int) -> None:
        """
        Go on with a close, of the connection or of its output only.
        """
        conversation = self._conversation
        shutdown = self._shutdown
        linger = self._options.linger
        if self._advanced(now):
            self._lifecycle.progress(now, linger)
            if shutdown is not None:
                shutdown.tries = 0
        elif self._lifecycle.askIsDue(now, linger) and self._isShut:
            self._question()
            self._clock.wantFlush(self)
        sent = shutdown is not None and shutdown.sent is not None
        empty = sent or not (conversation.sender.queue or self._awaitsProducer)
        if self._channel is not None and self._channel.known:
            delivered = empty and self._finishByFin(now, self._channel)
        else:
            delivered = empty and conversation.drained and not self._awaitsHello
        if delivered:
            self._outputEnded()
        elif self._lifecycle.lingerIsOver(now):
            gone = empty and conversation.drained
            self.connectionLost(Failure(error.ConnectionDone() if gone else LingerTimeout()))

    @property
    def _awaitsProducer(self) -> bool:
        """
        Whether a producer has yet to bring the rest.
        """
        return self._gate is not None and not self._silenced and self._gate.holdsOpen

    @property
    def _isShut(self) -> bool:
        """
        Whether there is something to deliver, and the peer's window has no room for it.
        """
        conversation = self._conversation
        return not conversation.sender.remoteWindow and not conversation.drained

    def _advanced(self, now: int) -> bool:
        """
        Whether the peer has shown, since this was asked last, that it is there, and takes what it
        can.
        """
        conversation = self._conversation
        # A peer that closes at the same time answers no FIN before it has sent the rest.
        arrived = self.greeted and not self._lifecycle.closesLong(now, self._options.linger)
        reached = (
            conversation.sender.una,
            conversation.receiver.next if arrived else 0,
            self._liveness.heard if self._isShut else 0,
        )
        if reached == self._reached:
            return False
        self._reached = reached
        return True

    @property
    def _awaitsHello(self) -> bool:
        """
        Whether the peer may yet say that it takes a FIN: data went before it was asked.
        """
        return not self._options.handshake and self._channel is not None and self._lifecycle.asking

    def _finishByFin(self, now: int, channel: ControlChannel) -> bool:
        """
        @return: whether the peer has everything, and knows that there is no more.
        """
        sender = self._conversation.sender
        shutdown = self._shutdown = self._shutdown or Shutdown()
        shutdown.begin(sender.next, self.disconnecting, now, sender.rtt.timeout)
        self._silence()
        fin = shutdown.due(now)
        if fin is not None:
            self._conversation.sendControl(WASK, channel.block(fin))
            self._clock.wantFlush(self)
        return shutdown.acknowledged or (shutdown.unheard and self._conversation.drained)

    def _outputEnded(self) -> None:
        if self.disconnecting:
            self.connectionLost(Failure(error.ConnectionDone()))
        elif not self._outputOver:
            self._outputOver = True
            self._silence()
            if self._shutdown is not None:
                self._shutdown.deadline = None
            halfCloseable = IHalfCloseableProtocol(self.protocol, None)
            if halfCloseable is not None:
                try:
                    halfCloseable.writeConnectionLost()
                except Exception:
                    self._fail("writeConnectionLost")
            if self._inputOver and self._ending is None:
                self.connectionLost(Failure(error.ConnectionDone()))

    # The end.

    def _sayGoodbye(self, reason: Failure) -> None:
        """
        Tell the peer that the connection is over, if it can be told and does not know.
        """
        channel, shutdown = self._channel, self._shutdown
        if channel is None or not channel.known or reason.check(PeerRestarted):
            return
        now, conversation = self._clock.now(), self._conversation
        words: list[Frame] = [Reset(_resetReason(reason))]
        if self._leaving:
            words = self._farewell()
        told = self._peerEnded
        if shutdown is not None:
            fin, acknowledged = shutdown.sent, shutdown.acknowledged
            told = told or (acknowledged and fin is not None and fin.both)
            # A peer that has only stopped writing waits for more.
            if self.peerFinished or (acknowledged and self._holdsAll(shutdown)):
                words = [shutdown.answer()]
        self.epitaph = conversation.windowDatagram(now, WINS, channel.block(*words))
        if not told:
            copies = CLIENTS_LAST_WORDS if channel.initiator or self._leaving else LAST_WORDS
            if self.unproven is not None:
                copies = 1
            # A layer that fails has been reported before.
            with suppress(Exception):
                self._transport.writeDatagrams([self.epitaph] * copies, self.address)

    def _farewell(self) -> list[Frame]:
        """
        @return: what tells a peer that gets all which was written that this was all, and any other
            that there is no more.
        """
        conversation = self._conversation
        reset: Frame = Reset(ResetReason.ENDED)
        if conversation.sender.queue or self._awaitsProducer:
            return [reset]
        return [Shutdown.farewell(conversation.sender.next), reset]


def _resetReason(reason: Failure) -> ResetReason:
    if reason.check(error.ConnectionAborted):
        return ResetReason.ABORTED
    if reason.check(IdleTimeout):
        return ResetReason.IDLE
    if reason.check(error.ConnectionDone):
        return ResetReason.SHUTDOWN
    return ResetReason.FAILED
