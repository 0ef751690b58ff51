"""
How a connection, or the direction to the peer alone, is closed (docs/control.md, "Closing").
"""

from __future__ import annotations

from kcptwisted.arq.conversation import Conversation
from kcptwisted.connection.controls import Controls
from kcptwisted.connection.events import Cause, End, Event, Events
from kcptwisted.connection.liveness import Liveness
from kcptwisted.connection.shutdown import Shutdown
from kcptwisted.connection.states import (
    RECEIVING,
    SENDING,
    ReceiveStep,
    Receiving,
    Sending,
    SendStep,
)
from kcptwisted.connection.timers import NEVER, Timer, TimerTable
from kcptwisted.wire.control import Fin, FinAck
from kcptwisted.wire.segment import WASK, WINS

#: What arrives keeps a close waiting for so many times its linger at most.
LONGEST_LINGER = 10

#: How often a peer is asked within the linger of a close that its shut window holds up.
WINDOW_QUESTIONS = 4


class Closing:
    """
    The close of one connection, from either end: its FINs, and how long it may stand still.  Times
    are milliseconds.

    @ivar sending: where the direction to the peer stands.
    @ivar receiving: where the direction from the peer stands.
    @ivar closes: this end closes both directions, and not only that to the peer.
    """

    __slots__ = (
        "_askAt",
        "_controls",
        "_conversation",
        "_endsAt",
        "_events",
        "_linger",
        "_liveness",
        "_reached",
        "_shutdown",
        "_since",
        "_timers",
        "closes",
        "receiving",
        "sending",
    )

    def __init__(
        self,
        conversation: Conversation,
        controls: Controls,
        liveness: Liveness,
        timers: TimerTable,
        events: Events,
        linger: float,
    ) -> None:
        """
        @param events: takes what has happened.
        @param linger: how long delivery may stand still, seconds.
        """
        self._conversation = conversation
        self._controls = controls
        self._liveness = liveness
        self._timers = timers
        self._events = events
        self._linger = int(linger * 1000)
        self._shutdown = Shutdown()
        self.sending = Sending.READY
        self.receiving = Receiving.RECEIVING
        self.closes = False
        self._since = 0
        # Until when the close waits, and when it asks a peer whose window is shut.
        self._endsAt = self._askAt = NEVER
        # How far both directions were when the close last advanced, and when the peer last said
        # that its window is shut.
        self._reached = (0, 0, 0)

    def _send(self, step: SendStep) -> bool:
        """
        Returns True if the step led to another state.
        """
        following = SENDING.get((self.sending, step))
        if following is None:
            return False
        self.sending = following
        return True

    def _receive(self, step: ReceiveStep) -> bool:
        following = RECEIVING.get((self.receiving, step))
        if following is None:
            return False
        self.receiving = following
        return True

    # What is known.

    @property
    def peerFinished(self) -> bool:
        """
        Whether the peer has closed the connection, and all that it sent has arrived.
        """
        return not self._shutdown.peerReads and self._holdsAll

    @property
    def _holdsAll(self) -> bool:
        final = self._shutdown.peerFinal
        return final is not None and self._conversation.receiver.holdsAll(final)

    @property
    def isAcknowledged(self) -> bool:
        """
        Whether the peer has acknowledged this end's FIN.
        """
        return self._shutdown.acknowledged

    @property
    def peerKnows(self) -> bool:
        """
        Whether the peer has acknowledged that this end has closed both directions.
        """
        fin = self._shutdown.sent
        return self._shutdown.acknowledged and fin is not None and fin.both

    def answer(self) -> FinAck | None:
        """
        Returns the acknowledgement of the peer's FIN, if that is the last word to say to it: a peer
        that has only closed its output waits for more.
        """
        if self.peerFinished or (self._shutdown.acknowledged and self._holdsAll):
            return self._shutdown.answer()
        return None

    # What happens.

    def finish(self) -> bool:
        """
        Closes the output of the application.

        @return: whether this is news.
        """
        return self._send(SendStep.FINISH)

    def begin(self, now: int) -> None:
        """
        Closes both directions, as the application wants.
        """
        self.finish()
        self.closes = True
        self._since = now
        self._wait(now)

    def _wait(self, now: int) -> None:
        if self.closes:
            self._endsAt = now + self._linger
            self._askAt = now + max(self._linger // WINDOW_QUESTIONS, 1)

    def discard(self) -> None:
        """
        Drops what is queued, because the peer takes nothing any more.
        """
        self._send(SendStep.DISCARD)
        self._conversation.sender.discard()

    def finReceived(self, fin: Fin) -> bool:
        """
        Takes the peer's FIN.

        @return: whether it makes sense.
        """
        if not self._shutdown.received(fin, self._conversation.receiver.next):
            return False
        self._receive(ReceiveStep.RECEIVE_FIN)
        return True

    def finAnswered(self, ack: FinAck) -> None:
        """
        Takes the peer's answer to this end's FIN.
        """
        self._shutdown.answered(ack)

    def settle(self, discards: bool) -> End | None:
        """
        Acts on the peer's FIN, after the application has been offered what has arrived.

        @param discards: the application takes nothing any more.
        @return: the end of the connection, if this is it.
        """
        shutdown, conversation = self._shutdown, self._conversation
        channel = self._controls.channel
        if channel is None or not self._holdsAll:
            return None
        if not shutdown.peerReads:
            if self.closes and not conversation.drained:
                # Both close at once: the peer takes the rest as long as its FIN is not answered.
                return None
            self._liveness.stop()
            self.discard()
        if shutdown.owesAnswer:
            conversation.sendControl(WINS, channel.block(shutdown.answer()))
        read = shutdown.complete(conversation.receiver.next) and not conversation.receiver.unread
        if not (read or (self.closes and not shutdown.peerReads)):
            return None
        if self._receive(ReceiveStep.READ_ALL):
            self._events.append(Event.PEER_FINISHED)
        if shutdown.acknowledged and not self.closes:
            self._outputEnded()
        if self._events or discards:
            # What the application makes of it comes first.
            return None
        over = not shutdown.peerReads or self.sending is Sending.DATA_RECEIVED
        return End(Cause.CLOSED) if over else None

    def _outputEnded(self) -> End | None:
        if self.closes:
            return End(Cause.CLOSED)
        if self._send(SendStep.ACKNOWLEDGE):
            self._shutdown.deadline = None
            self._events.append(Event.OUTPUT_DELIVERED)
        return None

    # What is due.

    def advance(self, now: int, awaitsProducer: bool) -> End | None:
        """
        Goes on with a close, of the connection or of its output only.

        @param awaitsProducer: a producer has yet to bring the rest.
        @return: the end of the connection, if this is it.
        """
        end = None
        fin = None
        if self.closes or self.sending in (Sending.FINISHING, Sending.DATA_SENT):
            end = self._advance(now, awaitsProducer)
            fin = self._shutdown.deadline
        self._timers.set(Timer.FIN, NEVER if fin is None else fin)
        self._timers.set(Timer.LINGER, min(self._endsAt, self._askAt))
        return end

    def _advance(self, now: int, awaitsProducer: bool) -> End | None:
        conversation, controls = self._conversation, self._controls
        if self._hasProgressed(now):
            self._wait(now)
            self._shutdown.tries = 0
        elif now >= self._askAt:
            self._askAt = now + max(self._linger // WINDOW_QUESTIONS, 1)
            if self._isShut:
                controls.question(now)
        sent = self._shutdown.sent is not None
        empty = sent or not (conversation.sender.queue or awaitsProducer)
        if controls.greeted:
            delivered = empty and self._sendFin(now)
        else:
            # The peer may yet say that it takes a FIN, if data went before it was asked.
            delivered = empty and conversation.drained and not controls.awaitsHello
        if delivered:
            return self._outputEnded()
        if now >= self._endsAt:
            gone = empty and conversation.drained
            return End(Cause.CLOSED if gone else Cause.LINGER)
        return None

    def _hasProgressed(self, now: int) -> bool:
        """
        Returns True if the peer has shown, since this was asked last, that it is there and takes
        what it can.
        """
        conversation = self._conversation
        # The peer may be playing for time; but one that closes at the same time answers no FIN
        # before it has sent the rest.
        isLong = self.closes and now - self._since > LONGEST_LINGER * self._linger
        reached = (
            conversation.sender.una,
            conversation.receiver.next if self._controls.greeted and not isLong else 0,
            self._liveness.heard if self._isShut else 0,
        )
        if reached == self._reached:
            return False
        self._reached = reached
        return True

    @property
    def _isShut(self) -> bool:
        """
        Whether there is something to deliver, and the peer's window has no room for it.
        """
        conversation = self._conversation
        return not conversation.sender.remoteWindow and not conversation.drained

    def _sendFin(self, now: int) -> bool:
        """
        Sends the FIN if it is due.

        @return: whether the peer has everything, and knows that there is no more.
        """
        conversation, shutdown = self._conversation, self._shutdown
        channel = self._controls.channel
        assert channel is not None
        sender = conversation.sender
        shutdown.begin(sender.next, self.closes, now, sender.rtt.timeout)
        self._send(SendStep.SEND_FIN)
        fin = shutdown.due(now)
        if fin is not None:
            conversation.sendControl(WASK, channel.block(fin))
        return shutdown.acknowledged or (shutdown.unheard and conversation.drained)
