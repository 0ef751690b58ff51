"""
Where a connection stands, and how it comes to its end.
"""

from __future__ import annotations

from kcptwisted.arq.conversation import Conversation
from kcptwisted.connection.closing import Closing
from kcptwisted.connection.controls import Controls
from kcptwisted.connection.events import Cause, End, Ended, Events, Unread
from kcptwisted.connection.lastwords import farewell, lastWord
from kcptwisted.connection.liveness import Liveness
from kcptwisted.connection.states import STATES, Receiving, Sending, State, Step
from kcptwisted.connection.timers import TimerTable
from kcptwisted.wire.control import Fin, FinAck, Reset, ResetReason

_OVER = (State.UNREAD, State.CLOSED)


class Lifecycle:
    """
    One connection's life.  Times are milliseconds.

    What ends a connection waits until the application has been offered what arrived before: see
    L{settle}.

    @ivar state: where the connection stands.
    @ivar isOver: the peer hears and says nothing any more.
    @ivar isOpen: neither end has closed anything, and the connection is not over.
    @ivar isEnding: L{settle} will end the connection.
    @ivar unsettled: L{settle} has something to do.
    @ivar final: why the connection ended, while the application has yet to read what arrived
        before; else None.
    @ivar lastWord: a datagram that tells a peer which still talks to this connection that it is
        over; None if the peer takes no control frames, or the connection is not over.
    @ivar lastWords: copies of it that leave at once, for the connection to take.
    @ivar attached: the driver's: the application has been given the connection.
    @ivar discards: the driver's: the application takes nothing any more.
    @ivar awaitsProducer: the driver's: a producer has yet to write the rest of what a close
        delivers.
    @ivar leaving: the driver's: the program ends, so that nobody answers the peer after this
        connection.
    """

    __slots__ = (
        "_closing",
        "_controls",
        "_conversation",
        "_events",
        "_linger",
        "_liveness",
        "_peerEnded",
        "_pending",
        "_timers",
        "attached",
        "awaitsProducer",
        "discards",
        "final",
        "isEnding",
        "isOpen",
        "isOver",
        "lastWord",
        "lastWords",
        "leaving",
        "state",
        "unsettled",
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
        @param linger: how long a close may stand still, seconds.
        """
        self._conversation = conversation
        self._controls = controls
        self._liveness = liveness
        self._timers = timers
        self._events = events
        self._linger = linger
        self.state = State.CONNECTING
        self.isOver = self.isEnding = self.unsettled = False
        self.isOpen = True
        # None until either end closes anything.
        self._closing: Closing | None = None
        # Why the connection ends with the next settle.
        self._pending: End | None = None
        self.final: End | None = None
        # The peer has ended the connection itself.
        self._peerEnded = False
        self.lastWord: bytes | None = None
        self.lastWords: tuple[bytes, ...] = ()
        self.attached = self.discards = False
        self.awaitsProducer = self.leaving = False

    def step(self, step: Step) -> bool:
        """
        Returns True if the step led to another state.
        """
        following = STATES.get((self.state, step))
        if following is None:
            return False
        self.state = following
        self.isOver = following in _OVER
        return True

    # What is known.

    @property
    def sending(self) -> Sending:
        """
        Where the direction to the peer stands.
        """
        return Sending.READY if self._closing is None else self._closing.sending

    @property
    def receiving(self) -> Receiving:
        """
        Where the direction from the peer stands.
        """
        return Receiving.RECEIVING if self._closing is None else self._closing.receiving

    @property
    def peerFinished(self) -> bool:
        """
        Whether the peer has closed the connection, and all that it sent has arrived.
        """
        return self._closing is not None and self._closing.peerFinished

    @property
    def isDelivered(self) -> bool:
        """
        Whether the application has closed, and the peer has acknowledged everything.
        """
        closing = self.state is State.CLOSING and not self.awaitsProducer
        return closing and self._conversation.drained

    @property
    def outputIsOpen(self) -> bool:
        """
        Whether this end has closed nothing, so that no close of its own is to go on.
        """
        if self.isOpen:
            return True
        idle = self.sending in (Sending.READY, Sending.DISCARDED)
        return idle and self.state is not State.CLOSING

    @property
    def mayReturn(self) -> bool:
        """
        Whether a peer that begins at sn 0 and una 0 has restarted for certain: it had acknowledged
        something.
        """
        return self._conversation.sender.una > 0

    def keepalive(self, now: int) -> bytes | None:
        """
        Returns a small datagram that says nothing new; None if the connection is over, or nobody
        may be there.
        """
        if self.isOver or self._controls.unproven is not None:
            return None
        return self._conversation.windowDatagram(now)

    # Closing.

    def close(self, now: int) -> bool:
        """
        Closes the connection, as the application wants.

        @return: whether this is news.
        """
        if not self.step(Step.CLOSE):
            return False
        self._openClosing().begin(now)
        return True

    def closeOutput(self) -> bool:
        """
        Closes the output, as the application wants.

        @return: whether this is news.
        """
        return not self.isOver and self._openClosing().finish()

    def _openClosing(self) -> Closing:
        if self._closing is None:
            self.isOpen = False
            self.unsettled = True
            self._closing = Closing(
                self._conversation,
                self._controls,
                self._liveness,
                self._timers,
                self._events,
                self._linger,
            )
        return self._closing

    def advance(self, now: int) -> None:
        """
        Goes on with a close, if there is one.
        """
        if self._closing is not None:
            end = self._closing.advance(now, self.awaitsProducer)
            if end is not None:
                self.endSoon(end)

    def take(self, frame: Fin | FinAck | Reset) -> bool:
        """
        Acts on a control frame that concerns the close.

        @return: whether it makes sense.
        """
        if isinstance(frame, Reset):
            self._reset(frame)
        elif isinstance(frame, Fin):
            return self._openClosing().finReceived(frame)
        elif self._closing is not None:
            self._closing.finAnswered(frame)
        return True

    def _reset(self, frame: Reset) -> None:
        self._peerEnded = True
        if self.peerFinished and (self.state is not State.CLOSING or self._conversation.drained):
            # It has closed, and forgotten this connection; its data wait for the application.
            return
        if frame.reason == ResetReason.UNKNOWN:
            self.endSoon(End(Cause.PEER_RESTARTED, "it does not know this connection"))
        else:
            self.endSoon(End(Cause.PEER_RESET, _nameOf(frame.reason)))

    # Ending.

    def endSoon(self, end: End) -> None:
        """
        Ends the connection with the next L{settle}.
        """
        self._pending = end
        self.isEnding = self.unsettled = True

    def settle(self, now: int) -> None:
        """
        Acts on what ends the connection, after the application has been offered what has arrived.
        What it leads to may have events before the end, so it is called until there are none.
        """
        if self.state is State.CLOSED:
            return
        if self.final is not None:
            if not self._conversation.receiver.unread:
                self._over(self.final)
            return
        end = self._pending
        if end is not None and self.isDelivered:
            # The peer has everything; only the end of the close was lost.
            end = End(Cause.CLOSED)
        elif end is None and self._closing is not None:
            end = self._closing.settle(self.discards)
        if end is not None:
            self.end(end, now)

    def end(self, end: End, now: int) -> None:
        """
        Ends the connection.  If the peer or the path ended it, and the application has yet to read
        what arrived before, that can still be read.
        """
        if self.final is not None:
            # What was closed has not ended well if it cannot be read any more.
            self._over(end if self.final.cause is Cause.CLOSED else self.final)
        elif self.state is not State.CLOSED:
            try:
                self._sayLastWord(end.cause, now)
            finally:
                self._timers.clearAll()
                self._end(end)

    def _end(self, end: End) -> None:
        awaited = self.attached and not self.discards and self._conversation.receiver.unread
        if end.cause.isPeers and awaited and self.step(Step.LOSE):
            # Of a peer that had closed, all has arrived, whatever became of it later.
            self.final = End(Cause.CLOSED) if self.peerFinished else end
            self._openClosing().discard()
            self._events.append(Unread(end))
        else:
            self._over(end)

    def abandon(self, end: End) -> None:
        """
        Ends a connection of which the application does not want to read the rest.
        """
        if self.final is not None:
            self._over(end)

    def _over(self, end: End) -> None:
        self.step(Step.END)
        self.isOpen = False
        self.final = self._pending = None
        self._conversation.discard()
        self._events.append(Ended(end))

    def _sayLastWord(self, cause: Cause, now: int) -> None:
        """
        Tells the peer that the connection is over, if it does not know and takes control frames.
        """
        conversation, controls, closing = self._conversation, self._controls, self._closing
        said = lastWord(conversation, controls, closing, cause, now, self.attached)
        if self.leaving and (closing is None or closing.answer() is None):
            complete = not (conversation.sender.queue or self.awaitsProducer)
            said = farewell(conversation, controls, complete, now) or said
        if said is None:
            return
        if said.answers:
            self.lastWord = said.datagram
        if not (self._peerEnded or (closing is not None and closing.peerKnows)):
            copies = 1 if controls.unproven is not None else said.copies
            self.lastWords = (said.datagram,) * copies


def _nameOf(reason: int) -> str:
    """
    Returns the name of a reset's reason, for people.
    """
    if reason == ResetReason.ENDED:
        return "its program ended"
    return ResetReason(reason).name.lower() if reason in list(ResetReason) else str(reason)
