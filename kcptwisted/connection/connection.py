"""
One connection, without I/O and clock: the ARQ core, and what makes a connection of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kcptwisted.arq.congestion import congestionControl
from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.arq.unproven import UnprovenPath
from kcptwisted.connection.closing import Closing
from kcptwisted.connection.controls import Controls
from kcptwisted.connection.events import Cause, End, Ended, Event, Events, Unread
from kcptwisted.connection.lastwords import farewell, lastWord
from kcptwisted.connection.liveness import Liveness
from kcptwisted.connection.opening import Opening, fromAnswer
from kcptwisted.connection.path import PathWatch
from kcptwisted.connection.settings import ConnectionSettings
from kcptwisted.connection.states import STATES, Receiving, Sending, State, Step
from kcptwisted.connection.timers import NEVER, Timer, TimerTable
from kcptwisted.stats import SessionStats
from kcptwisted.wire.control import EMPTY_BLOCK, FinAck, Reset, ResetReason
from kcptwisted.wire.segment import OVERHEAD, WASK

#: Bytes of the longest datagram that shows only that the peer is there.
LONGEST_SIGN = OVERHEAD + EMPTY_BLOCK

_OVER = (State.UNREAD, State.CLOSED)


class Connection:
    """
    What comes in: datagrams (L{receive}), what the application writes and closes, and the time, in
    milliseconds of a clock that never goes back.  What comes out: datagrams (L{datagramsToSend},
    and C{outbox} at once), what the application reads, and C{events}.

    Whoever drives it takes the events after each call.  It offers the application what there is to
    L{read}, and then calls L{settle} if the connection is C{unsettled}: what ends a connection
    waits until the application has been offered what arrived before.  It calls L{datagramsToSend}
    when C{wantsFlush} says so, in its next turn if only C{hasMore} says so, and else when
    L{deadline} has come.

    @ivar conv: the conversation id.
    @ivar state: where the connection stands.
    @ivar events: what has happened, for the driver to take out.
    @ivar outbox: datagrams that leave without waiting for a flush, for the driver to take out.
    @ivar wantsFlush: there is something to send.
    @ivar hasMore: there is more to send than one flush may take.
    @ivar conversation: the ARQ core.
    @ivar controls: the control frames.
    @ivar liveness: the watch over the peer.
    @ivar attached: the application has been given the connection.
    @ivar discards: the application takes nothing any more.
    @ivar awaitsProducer: a producer has yet to write the rest of what a close delivers.
    @ivar final: why the connection ended, while the application has yet to read what arrived
        before; else None.
    @ivar isOver: the peer hears and says nothing any more.
    @ivar isOpen: neither end has closed anything, and the connection is not over.
    @ivar unsettled: L{settle} has something to do.
    @ivar leaving: the program ends, so that nobody answers the peer after this connection.
    @ivar lastWord: a datagram that tells a peer which still talks to this connection that it is
        over; None if the peer takes no control frames, or the connection is not over.
    """

    __slots__ = (
        "_closing",
        "_path",
        "_peerEnded",
        "_pending",
        "_settings",
        "_stats",
        "_timers",
        "attached",
        "awaitsProducer",
        "controls",
        "conv",
        "conversation",
        "discards",
        "events",
        "final",
        "hasMore",
        "isOpen",
        "isOver",
        "lastWord",
        "leaving",
        "liveness",
        "outbox",
        "state",
        "unsettled",
        "wantsFlush",
    )

    def __init__(
        self,
        conv: int,
        settings: ConnectionSettings,
        stats: SessionStats,
        newToken: Callable[[], bytes],
    ) -> None:
        """
        @param conv: the conversation id.
        @param stats: counts.
        @param newToken: gives a random name for one end of a connection.
        """
        self.conv = conv
        self._settings = settings
        self._stats = stats
        arq = settings.arq
        congestion = congestionControl(settings.congestionControl, arq.mss)
        self.conversation = Conversation(conv, arq, congestion, stats)
        self.state = State.CONNECTING
        self.events: Events = []
        self.outbox: list[bytes] = []
        self.wantsFlush = self.hasMore = False
        self._timers = TimerTable()
        self.liveness = Liveness(
            settings.keepAlive, settings.deadAfter, settings.idleTimeout, self._timers
        )
        self.controls = Controls(
            self.conversation, settings, stats, newToken, Opening(self._timers), self.events
        )
        self._path = PathWatch(
            self.conversation, self.controls, self.liveness, settings, self.events
        )
        # None until either end closes anything.
        self._closing: Closing | None = None
        # Why the connection ends as soon as the application has been offered what arrived.
        self._pending: End | None = None
        self.final: End | None = None
        self._peerEnded = False
        self.attached = self.discards = False
        self.awaitsProducer = self.leaving = False
        self.isOpen = True
        self.isOver = False
        self.unsettled = False
        self.lastWord: bytes | None = None

    # Beginning.

    def call(self, now: int) -> None:
        """
        Begins as the end that calls.  Without C{handshake} the peer is taken to be there, and is
        asked with the first data.
        """
        controls = self.controls
        controls.call()
        if self._settings.handshake:
            controls.greet(now)
            self.wantsFlush = True
        else:
            controls.opening.deferred = True
            self._establish(now)

    def accept(self, now: int, unproven: bool, received: int, overhead: int, lower: int) -> None:
        """
        Begins as the end that was called.

        @param unproven: whether the peer has yet to show that it gets what is sent to it.
        @param received: bytes that have come from it, as they came.
        @param overhead: bytes that all layers add to a datagram.
        @param lower: of these, those that the layers below the connection's own add.
        """
        if unproven:
            self.controls.limitUntilProven(received, overhead, lower)
        self.liveness.letPeerAsk(unproven)
        self._establish(now)

    def _establish(self, now: int) -> None:
        if self._step(Step.ESTABLISH):
            self.liveness.start(now)
            self.events.append(Event.ESTABLISHED)

    def _step(self, step: Step) -> bool:
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
    def unproven(self) -> UnprovenPath | None:
        """
        Limits what is sent as long as the peer's address may be forged; else None.
        """
        return self.controls.unproven

    @property
    def readable(self) -> bool:
        """
        Whether there is something to L{read}.
        """
        return self.conversation.receiver.unread

    @property
    def queuedBytes(self) -> int:
        """
        Bytes that were written and wait to be sent for the first time.
        """
        return self.conversation.sender.queuedBytes

    @property
    def arqSettings(self) -> ARQSettings:
        """
        What the conversation is tuned with.
        """
        return self._settings.arq

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
        return self.state is State.CLOSING and self.conversation.drained

    # What arrives.

    def receive(self, datagrams: list[bytes], now: int, recovered: bool = False) -> Sequence[bytes]:
        """
        Takes datagrams from the peer.

        @param recovered: FEC rebuilt them.
        @return: those that do not begin with a segment of this conversation.
        """
        if self.isOver:
            return ()
        if len(datagrams) == 1 and not recovered and self._takeSign(datagrams[0], now):
            return ()
        conversation, controls = self.conversation, self.controls
        if self.state is State.CONNECTING:
            datagrams = self._fromAnswer(datagrams)
        foreign = conversation.receive(datagrams, now, recovered)
        if conversation.controls:
            self._takeControls(now)
            if self._pending is not None:
                if conversation.receiver.unread:
                    self.events.append(Event.READABLE)
                return ()
        if controls.unproven is not None and controls.seeProof(now):
            self.wantsFlush = True
        if controls.opening.retried:
            controls.opening.retried = False
        elif conversation.heard:
            self._heard(now)
        if conversation.receiver.unread:
            self.events.append(Event.READABLE)
        if conversation.wantsProof:
            controls.question(now)
            self.liveness.askSoon()
        if conversation.wantsFlush or self._closing is not None:
            self.wantsFlush = True
        return foreign

    def _takeSign(self, datagram: bytes, now: int) -> bool:
        """
        Takes a datagram that shows that the peer is there, and nothing else, while nothing else
        happens: there is nothing to read then, and nothing to send but the answer.

        @return: whether it was one.
        """
        size = len(datagram)
        controls = self.controls
        if (
            size > LONGEST_SIGN
            or self.state is not State.ESTABLISHED
            or controls.unproven is not None
        ):
            return False
        cmd = self.conversation.repeats(datagram, b"" if size == OVERHEAD else controls.sign())
        if not cmd:
            return False
        self._heard(now)
        if cmd == WASK:
            self.outbox.append(self.conversation.windowDatagram(now))
        return True

    def _fromAnswer(self, datagrams: list[bytes]) -> list[bytes]:
        channel = self.controls.channel
        taken = fromAnswer(datagrams, self.conv, None if channel is None else channel.token)
        self._stats.KCPInErrors += len(datagrams) - len(taken)
        return taken

    def _heard(self, now: int) -> None:
        self.liveness.heard = now
        self.conversation.sender.deadLink = False
        if self.liveness.unanswered and self._path.revived(now):
            self.wantsFlush = True
        if self.state is State.CONNECTING and self.conversation.answered:
            self._establish(now)

    def _takeControls(self, now: int) -> None:
        for frame in self.controls.take(now):
            if self._pending is not None:
                return
            if isinstance(frame, Reset):
                self._reset(frame)
                continue
            if isinstance(frame, FinAck):
                if self._closing is not None:
                    self._closing.finAnswered(frame)
                    self.wantsFlush = True
            elif not self._openClosing().finReceived(frame):
                self._stats.ControlErrs += 1

    def _reset(self, frame: Reset) -> None:
        self._peerEnded = True
        if self.peerFinished and (self.state is not State.CLOSING or self.conversation.drained):
            # It has closed, and forgotten this connection; its data wait for the application.
            return
        if frame.reason == ResetReason.UNKNOWN:
            self._endSoon(End(Cause.PEER_RESTARTED, "it does not know this connection"))
        else:
            self._endSoon(End(Cause.PEER_RESET, _nameOf(frame.reason)))

    def read(self) -> bytes | None:
        """
        Returns all bytes that are in order, or the next message; None if there is nothing.
        """
        data = self.conversation.read()
        if self.conversation.wantsFlush:
            self.wantsFlush = True
        return data

    # What the application does.

    def write(self, data: bytes) -> None:
        """
        Queues bytes, or one message in message mode.

        @raise MessageTooLong: see L{kcptwisted.arq.conversation.Conversation.write}.
        """
        self.conversation.write(data)

    def close(self, now: int) -> bool:
        """
        Delivers what was written, then ends the connection.

        @return: whether this is news.
        """
        if not self._step(Step.CLOSE):
            return False
        self._openClosing().begin(now)
        self.wantsFlush = True
        return True

    def closeOutput(self) -> None:
        """
        Delivers what was written, and then tells the peer that no more will come.
        """
        if not self.isOver and self._openClosing().finish():
            self.wantsFlush = True

    def _openClosing(self) -> Closing:
        if self._closing is None:
            self.isOpen = False
            self.unsettled = True
            self._closing = Closing(
                self.conversation,
                self.controls,
                self.liveness,
                self._timers,
                self.events,
                self._settings.linger,
            )
        return self._closing

    def question(self, now: int) -> None:
        """
        Asks the peer for a sign of life.
        """
        self.controls.question(now)
        self.wantsFlush = True

    def resendAll(self, now: int) -> None:
        """
        Sends all that is in flight again: the path to the peer has changed.
        """
        self.conversation.sender.resendAll(now)
        self.wantsFlush = True

    # Time.

    def deadline(self) -> int | None:
        """
        Returns when L{datagramsToSend} is due, milliseconds; None while nothing waits.
        """
        due = self.conversation.deadline()
        own = self._timers.earliest
        if due is not None and due < own:
            return due
        return None if own == NEVER else own

    def datagramsToSend(self, now: int) -> list[bytes]:
        """
        Acts on the timers that are due, and returns what is to be sent.
        """
        self.wantsFlush = False
        if self.isOver or self._pending is not None:
            return []
        conversation, controls = self.conversation, self.controls
        if controls.opening.deferred and conversation.sender.queue:
            controls.greet(now)
        if self.liveness.timesIdleness:
            stats = self._stats
            # What was written at once may take long to arrive.
            moved = stats.BytesSent + stats.BytesReceived + conversation.sender.una
            self.liveness.noteActivity(moved, now)
        if now >= self._timers.earliest:
            self._timeOut(now)
            if self._pending is not None:
                return []
        datagrams = conversation.datagramsToSend(now)
        self.hasMore = conversation.wantsFlush
        if conversation.sender.deadLink and self._path.isDead(now):
            self._endSoon(End(Cause.DEAD_LINK))
        elif conversation.peerRestarted:
            self._endSoon(End(Cause.PEER_RESTARTED, "it knows nothing of what it acknowledged"))
        elif self._closing is not None:
            self._pending = self._closing.advance(now, self.awaitsProducer)
            # A FIN or a question leaves at once.
            self.wantsFlush = conversation.wantsFlush and not self.hasMore
        return datagrams

    def _timeOut(self, now: int) -> None:
        if self.controls.opening.isDue(now, self.state is State.CONNECTING):
            self.controls.sayHello()
        if self._timers.isDue(Timer.LIVENESS, now):
            end = self._path.look(now)
            if end is not None:
                self._endSoon(end)

    # The end.

    def _endSoon(self, end: End) -> None:
        """
        Ends the connection with the next L{settle}.
        """
        self._pending = end
        self.unsettled = True

    def settle(self, now: int) -> None:
        """
        Acts on what ends the connection, after the application has been offered what has arrived.
        """
        if self.state is State.CLOSED:
            return
        if self.final is not None:
            if not self.readable:
                self._over(self.final)
            return
        end = self._pending
        if end is not None and self._peerEnded and self.isDelivered:
            # The peer has everything; only the end of the close was lost.
            end = End(Cause.CLOSED)
        elif end is None and self._closing is not None:
            end = self._closing.settle(self.discards)
            if self.conversation.wantsFlush:
                self.wantsFlush = True
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
                self._endNow(end)

    def _endNow(self, end: End) -> None:
        self._timers.clearAll()
        awaited = self.attached and not self.discards and self.readable
        if end.cause.isPeers and awaited and self._step(Step.LOSE):
            # Of a peer that had closed, all has arrived, whatever became of it later.
            self.final = End(Cause.CLOSED) if self.peerFinished else end
            self._openClosing().discard()
            self.events.append(Unread(end))
        else:
            self._over(end)

    def abandon(self, end: End) -> None:
        """
        Ends a connection of which the application does not want to read the rest.
        """
        if self.final is not None:
            self._over(end)

    def _over(self, end: End) -> None:
        self._step(Step.END)
        self.isOpen = False
        self.final = self._pending = None
        self.conversation.discard()
        self.events.append(Ended(end))

    def _sayLastWord(self, cause: Cause, now: int) -> None:
        """
        Tells the peer that the connection is over, if it can be told and does not know.
        """
        conversation, controls, closing = self.conversation, self.controls, self._closing
        said = lastWord(conversation, controls, closing, cause, now, self.attached)
        if self.leaving and (closing is None or closing.answer() is None):
            complete = not (conversation.sender.queue or self.awaitsProducer)
            said = farewell(conversation, controls, complete, now) or said
        if said is None:
            return
        if said.answers:
            self.lastWord = said.datagram
        if not (self._peerEnded or (closing is not None and closing.peerKnows)):
            self.outbox += [said.datagram] * (1 if controls.unproven is not None else said.copies)


def _nameOf(reason: int) -> str:
    """
    Returns the name of a reset's reason, for people.
    """
    if reason == ResetReason.ENDED:
        return "its program ended"
    return ResetReason(reason).name.lower() if reason in list(ResetReason) else str(reason)
