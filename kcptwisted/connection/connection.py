"""
One connection, without I/O and clock: the ARQ core, control frames, states and timers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.sender import MAXIMUM_BURST
from kcptwisted.connection.controls import Controls
from kcptwisted.connection.events import Cause, End, Event, Events
from kcptwisted.connection.hearing import LONGEST_SIGN, heard, pathWatch, takeSign
from kcptwisted.connection.lifecycle import Lifecycle
from kcptwisted.connection.liveness import AHEAD, Liveness
from kcptwisted.connection.mtusearch import MTUSearch, flushed, reconfigure
from kcptwisted.connection.settings import ConnectionSettings
from kcptwisted.connection.states import State, Step
from kcptwisted.connection.timers import NEVER, Timer, TimerTable
from kcptwisted.stats import SessionStats


class Connection:
    """
    Takes datagrams (L{receive}), what the application writes and closes, and the time in
    milliseconds of a clock that never goes back.  Returns datagrams (L{datagramsToSend}, and
    C{outbox} at once), what the application reads, and C{events}.

    The driver takes the events after each call.  It offers the application what there is to
    L{read}, and then calls L{settle} if its C{lifecycle} is C{unsettled}: what ends a connection
    waits until the application has been offered what arrived before.  It calls L{datagramsToSend}
    when C{wantsFlush} says so, in its next turn if only C{hasMore} says so, and else when
    L{deadline} has come.

    @ivar conv: the conversation id.
    @ivar lifecycle: where the connection stands, and how it ends.
    @ivar events: what has happened, for the driver to take out.
    @ivar outbox: datagrams that leave without waiting for a flush, for the driver to take out.
    @ivar wantsFlush: there is something to send.
    @ivar hasMore: there is more to send than one flush may take.
    @ivar settings: what it is tuned with.
    @ivar conversation: the ARQ core.
    @ivar controls: the control frames.
    @ivar liveness: the watch over the peer.
    @ivar timers: when it has to act by itself.
    @ivar search: the search for the path's MTU; None before there is anything to search for.
    @ivar fragments: datagrams may be fragmented on their way, whatever the socket is set to.
    """

    __slots__ = (
        "controls",
        "conv",
        "conversation",
        "events",
        "fragments",
        "hasMore",
        "lifecycle",
        "liveness",
        "outbox",
        "search",
        "settings",
        "stats",
        "timers",
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
        self.settings = settings
        self.stats = stats
        self.conversation = Conversation(conv, settings.arq, stats)
        self.events: Events = []
        self.outbox: Sequence[bytes] = ()
        self.wantsFlush = self.hasMore = False
        self.search: MTUSearch | None = None
        self.fragments = settings.fragments
        self.timers = TimerTable()
        self.liveness = Liveness(
            settings.keepAlive, settings.deadAfter, settings.idleTimeout, self.timers
        )
        conversation, timers, events = self.conversation, self.timers, self.events
        self.controls = Controls(conversation, settings, stats, newToken, timers, events)
        parts = conversation, self.controls, self.liveness, timers, events
        self.lifecycle = Lifecycle(*parts, settings.linger)

    # Beginning.

    def call(self, now: int) -> None:
        """
        Begins as the end that calls.  Without C{handshake} the peer is taken to be there, and is
        asked with the first data.
        """
        self.controls.call()
        if self.settings.handshake:
            self.controls.greet(now)
            self.wantsFlush = True
        else:
            self.controls.deferHello()
            self.establish(now)

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
        self.establish(now)

    def establish(self, now: int) -> None:
        """
        Takes the peer to be there, which nothing has shown before, or is not needed to.
        """
        if self.lifecycle.step(Step.ESTABLISH):
            self.liveness.start(now)
            self.events.append(Event.ESTABLISHED)

    # What is known.

    @property
    def state(self) -> State:
        """
        Where the connection stands.
        """
        return self.lifecycle.state

    @property
    def readable(self) -> bool:
        """
        Whether there is something to L{read}.
        """
        return self.conversation.receiver.unread

    # What arrives.

    def receive(self, datagrams: list[bytes], now: int, recovered: bool = False) -> Sequence[bytes]:
        """
        Takes datagrams from the peer.

        @param recovered: FEC rebuilt them.
        @return: those that do not begin with a segment of this conversation.
        """
        if self.lifecycle.isOver:
            return ()
        isShort = len(datagrams) == 1 and len(datagrams[0]) <= LONGEST_SIGN
        probes = self.search is not None and self.search.path.isAwaiting and not recovered
        if isShort and not recovered and not probes and takeSign(self, datagrams[0], now):
            return ()
        conversation, controls = self.conversation, self.controls
        if self.lifecycle.state is State.CONNECTING:
            datagrams = controls.fromAnswer(datagrams)
        if self.search is not None and probes:
            self.search.receive(datagrams, now)
        foreign = conversation.receive(datagrams, now, recovered)
        if conversation.controls:
            self._takeControls(now)
            if self.lifecycle.isEnding:
                if conversation.receiver.unread:
                    self.events.append(Event.READABLE)
                return ()
        if controls.unproven is not None and controls.seeProof(now):
            self.wantsFlush = True
        if controls.opening is not None and controls.opening.retried:
            controls.opening.retried = False
        elif conversation.heard:
            heard(self, now)
        if conversation.receiver.unread:
            self.events.append(Event.READABLE)
        if conversation.wantsProof:
            controls.question(now)
            self.liveness.askSoon()
        if conversation.wantsFlush or not self.lifecycle.outputIsOpen:
            self.wantsFlush = True
        return foreign

    def _takeControls(self, now: int) -> None:
        lifecycle = self.lifecycle
        for frame in self.controls.take(now):
            if lifecycle.isEnding:
                return
            if not lifecycle.take(frame):
                self.stats.ControlErrs += 1

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
        Queues bytes, or one message in message mode; drops them if the connection is over.

        @raise MessageTooLong: see L{kcptwisted.arq.conversation.Conversation.write}.
        """
        if not self.lifecycle.isOver:
            self.conversation.write(data)

    def close(self, now: int) -> bool:
        """
        Delivers what was written, then ends the connection.

        @return: whether this is news.
        """
        isNews = self.lifecycle.close(now)
        self.wantsFlush = self.wantsFlush or isNews
        return isNews

    def closeOutput(self) -> None:
        """
        Delivers what was written, and then tells the peer that no more will come.
        """
        if self.lifecycle.closeOutput():
            self.wantsFlush = True

    def configure(self, settings: ConnectionSettings, now: int) -> None:
        """
        Uses other settings of the conversation from now on; see L{Conversation.configure}.

        @param now: milliseconds.
        @raise ValueError: if C{settings} say otherwise about C{stream}.
        """
        self.conversation.configure(settings.arq, now)
        before, self.settings = self.settings, settings
        self.controls.configure(settings)
        reconfigure(self, before, now)
        self.wantsFlush = True

    def question(self, now: int) -> None:
        """
        Asks the peer for a sign of life.
        """
        if not self.lifecycle.isOver:
            self.controls.question(now)
            self.wantsFlush = True

    def pathChanged(self, now: int, isOther: bool) -> None:
        """
        Sends all that is in flight again: the path to the peer has changed.

        @param isOther: nothing that is known of the former path holds for this one.
        """
        if not self.lifecycle.isOver:
            sender = self.conversation.sender
            (sender.pathChanged if isOther else sender.resendAll)(now)
            if self.search is not None:
                self.search.reset(now)
            self.wantsFlush = True

    # Time.

    def deadline(self) -> int | None:
        """
        Returns when L{datagramsToSend} is due, milliseconds; None while nothing waits.
        """
        if self.lifecycle.isOver:
            return None
        due = self.conversation.deadline()
        own = self.timers.earliest
        if due is not None and due < own:
            return due
        return None if own == NEVER else own

    def datagramsToSend(self, now: int, burst: int = MAXIMUM_BURST) -> list[bytes]:
        """
        Acts on the timers that are due, and returns what is to be sent.

        @param burst: the most new segments.
        """
        self.wantsFlush = False
        if self.lifecycle.isOver or self.lifecycle.isEnding:
            self.hasMore = False
            return []
        conversation, controls = self.conversation, self.controls
        opening = controls.opening
        if opening is not None and opening.deferred and conversation.sender.queue:
            controls.greet(now)
        if self.liveness.timesIdleness:
            stats = self.stats
            # What was written at once may take long to arrive.
            moved = stats.BytesSent + stats.BytesReceived + conversation.sender.una
            self.liveness.noteActivity(moved, now)
        if now + AHEAD >= self.timers.earliest:
            self._timeOut(now)
            if self.lifecycle.isEnding:
                return []
        if self.search is not None:
            self.fragments = self.search.progress(now)
        datagrams = conversation.datagramsToSend(now, burst)
        if self.settings.searchesMtu:
            mtu = self.settings.arq.mtu
            isFull = len(datagrams) > 1 or (len(datagrams) == 1 and len(datagrams[0]) >= mtu)
            if isFull or self.search is not None:
                flushed(self, isFull, now)
        self.hasMore = conversation.wantsFlush
        if conversation.sender.deadLink and pathWatch(self).isDead(now):
            self.lifecycle.endSoon(End(Cause.DEAD_LINK))
        elif conversation.peerRestarted and not controls.knowsPeer:
            end = End(Cause.PEER_RESTARTED, "it knows nothing of what it acknowledged")
            self.lifecycle.endSoon(end)
        elif not self.lifecycle.isOpen:
            self.lifecycle.advance(now)
            # A FIN or a question leaves at once.
            self.wantsFlush = conversation.wantsFlush and not self.hasMore
        return datagrams

    def _timeOut(self, now: int) -> None:
        opening = self.controls.opening
        if opening and opening.isDue(now, self.lifecycle.state is State.CONNECTING):
            self.controls.sayHello()
        if self.timers.isDue(Timer.LIVENESS, now):
            end = pathWatch(self).look(now)
            if end is not None:
                self.lifecycle.endSoon(end)
        elif self.timers.isDue(Timer.LIVENESS, now + AHEAD):
            self.liveness.setTimer()
        if self.search is not None and self.timers.isDue(Timer.PATH_MTU, now):
            self.search.timeOut(now)

    # The end.

    def settle(self, now: int) -> None:
        """
        See L{Lifecycle.settle}.
        """
        self.lifecycle.settle(now)
        self._takeLastWords()
        if self.conversation.wantsFlush:
            self.wantsFlush = True

    def end(self, end: End, now: int) -> None:
        """
        See L{Lifecycle.end}.
        """
        try:
            self.lifecycle.end(end, now)
        finally:
            self._takeLastWords()

    def _takeLastWords(self) -> None:
        words, self.lifecycle.lastWords = self.lifecycle.lastWords, ()
        if words:
            self.outbox = [*self.outbox, *words]
