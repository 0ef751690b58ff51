"""
Drives a connection as a session does, with plain values: no Twisted, no clock, no socket.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kcptwisted.arq.settings import ARQSettings
from kcptwisted.connection.connection import Connection
from kcptwisted.connection.events import (
    AnyEvent,
    Cause,
    End,
    Ended,
    Event,
    Events,
    ProbeAnswered,
    Unread,
)
from kcptwisted.connection.settings import ConnectionSettings
from kcptwisted.connection.states import Receiving, Sending, State
from kcptwisted.stats import SessionStats
from kcptwisted.wire.control import LONGEST_BLOCK
from kcptwisted.wire.segment import OVERHEAD, WINS
from tests.connection.datagrams import CONV, tokens

#: When a test's time begins, milliseconds.
START = 100_000

#: How often an end may want to flush at one time before it counts as a busy loop.
FLUSHES = 64

#: Milliseconds between two last words of a listener.
PAUSE = 500

#: Flushes that one turn of the reactor has room for.
TURN = 8

#: States of the direction to the peer in which what is written is sent.
WRITABLE = (Sending.READY, Sending.FINISHING)

SETTINGS = ConnectionSettings()

#: Settings of an end whose datagrams are too small for control frames, as any other KCP's may be.
PLAIN = ConnectionSettings(arq=ARQSettings(mtu=OVERHEAD + LONGEST_BLOCK - 1))


def changed(settings: ConnectionSettings = SETTINGS, **values: object) -> ConnectionSettings:
    """
    @return: the settings with other values, those of the conversation among them.
    """
    arq = {name: values.pop(name) for name in list(values) if name in ARQSettings.__annotations__}
    return replace(settings, arq=replace(settings.arq, **arq), **values)  # type: ignore[arg-type]


class Party:
    """
    One end: a connection, what drives it, and an application.

    It fails if the connection says anything after its end, or wants to flush for ever.

    @ivar connection: the connection.
    @ivar now: milliseconds; whoever lets time pass sets it.
    @ivar sent: datagrams that have left, for the test to take.
    @ivar received: what the application was given, piece by piece.
    @ivar events: what the connection has said, but for what there is to read.
    @ivar ended: why the connection has ended; None before.
    @ivar paused: the application takes nothing for now.
    @ivar producing: a producer has yet to bring the rest of what a close delivers.
    @ivar closesWell: when the connection last said something the application had closed, and the
        peer had acknowledged everything.
    @ivar arrived: bytes that had arrived in order when some were last left for later.
    @ivar onData: is called with what the application is given.
    @ivar onFinished: is called when the peer has finished.
    @ivar onEnded: is called when the connection has ended.
    """

    def __init__(
        self,
        settings: ConnectionSettings = SETTINGS,
        seed: int = 1,
        conv: int = CONV,
        now: int = START,
    ) -> None:
        """
        @param seed: of its tokens.
        """
        self.stats = SessionStats()
        self.arrived = 0
        self.connection = Connection(conv, settings, self.stats, tokens(seed))
        self.now = now
        self.sent: list[bytes] = []
        self.received: list[bytes] = []
        self.events: Events = []
        self.foreign: list[bytes] = []
        self.ended: End | None = None
        self.paused = self.producing = self.closesWell = False
        self.onData: Callable[[bytes], object] | None = None
        self.onFinished: Callable[[], object] | None = None
        self.onEnded: Callable[[End], object] | None = None
        self._disconnecting = self._resumed = self._dirty = False
        self._ending: End | None = None
        self._answered = -PAUSE
        self._busy = (0, 0)
        self._awaits = 0

    @property
    def state(self) -> State:
        """
        Where the connection stands.
        """
        return self.connection.state

    @property
    def sending(self) -> Sending:
        """
        Where the direction to the peer stands.
        """
        return self.connection.lifecycle.sending

    @property
    def receiving(self) -> Receiving:
        """
        Where the direction from the peer stands.
        """
        return self.connection.lifecycle.receiving

    @property
    def isOver(self) -> bool:
        """
        Whether the peer hears and says nothing any more.
        """
        return self.connection.lifecycle.isOver

    # Beginning.

    def call(self) -> None:
        """
        Begins as the end that calls.
        """
        self.connection.call(self.now)
        self._react()
        self._dirty = True

    def accept(self, unproven: bool = False, received: int = 0) -> None:
        """
        Begins as the end that was called.
        """
        self.connection.accept(self.now, unproven, received, 0, 0)
        self._react()

    # What the application does.

    def write(self, data: bytes) -> bool:
        """
        @return: whether it is sent.
        """
        connection = self.connection
        if self.ended is not None or self.isOver or self.sending not in WRITABLE:
            return False
        if (self._disconnecting or self.sending is not Sending.READY) and not self.producing:
            return False
        connection.write(data)
        self.stats.BytesSent += len(data)
        self._dirty = True
        return True

    def close(self) -> None:
        """
        Closes the connection.
        """
        final = self.connection.lifecycle.final
        if final is not None:
            self.abort(final)
        elif not self._disconnecting and self.connection.close(self.now):
            self._disconnecting = self._resumed = self._dirty = True

    def closeOutput(self) -> None:
        """
        Closes the direction to the peer.
        """
        if self.ended is None and not self._disconnecting:
            self.connection.closeOutput()
            self._dirty = True

    def abort(self, end: End | None = None) -> None:
        """
        Gives the connection up with the next flush.
        """
        self._disconnecting = True
        if self._ending is None and self.ended is None:
            self._ending = end or End(Cause.ABORTED)
            self.connection.lifecycle.discards = True
            self._dirty = True

    def pause(self) -> None:
        """
        Takes no data for now.
        """
        self.paused = True

    def resume(self) -> None:
        """
        Takes data again, from the next flush on.
        """
        self.paused = False
        self._resumed = self._dirty = True

    # What the driver does.

    def receive(self, datagrams: list[bytes]) -> None:
        """
        Takes datagrams; answers them, if the connection is over, as a listener does.
        """
        connection, stats = self.connection, self.stats
        stats.InPkts += len(datagrams)
        stats.InBytes += sum(map(len, datagrams))
        if self.ended is not None:
            self._answerLate(datagrams)
            return
        self.foreign += connection.receive(datagrams, self.now)
        if connection.events or connection.outbox or connection.lifecycle.unsettled:
            self._react()
        if connection.wantsFlush:
            self._dirty = True
        self._note()

    def _note(self) -> None:
        if not self.isOver:
            self.closesWell = self.connection.lifecycle.isDelivered and not self._awaitsProducer
            receiver = self.connection.conversation.receiver
            if receiver.unread:
                left = sum(map(len, receiver._ready)) + sum(
                    len(data) for _, data in receiver._messages or ()
                )
                self.arrived = sum(map(len, self.received)) + left

    def _answerLate(self, datagrams: list[bytes]) -> None:
        word = self.connection.lifecycle.lastWord
        channel = self.connection.controls.channel
        if word is None or channel is None or channel.initiator:
            # A client's socket is closed.
            return
        asked = any(each[4] != WINS for each in datagrams if len(each) >= OVERHEAD)
        if asked and self.now - self._answered >= PAUSE:
            self._answered = self.now
            self._send([word])

    def _react(self) -> None:
        connection = self.connection
        events = connection.events
        for _ in range(FLUSHES):
            if connection.outbox:
                self._send(list(connection.outbox))
                connection.outbox = ()
            while events:
                event = events.pop(0)
                if event is Event.READABLE:
                    self._deliver()
                else:
                    self._act(event)
            if connection.lifecycle.unsettled:
                connection.settle(self.now)
            if not events and not connection.outbox:
                return
        raise AssertionError(f"it says something new for ever: {self.events[-3:]}")

    def _act(self, event: AnyEvent) -> None:
        assert self.ended is None, f"after the end: {event}"
        self.events.append(event)
        if event is Event.ESTABLISHED:
            self.connection.lifecycle.attached = True
        elif event is Event.PEER_FINISHED and self.onFinished is not None:
            self.onFinished()
        elif event is Event.PROBE_MTU:
            search = self.connection.search
            if search is not None and search.path.isAwaiting:
                lower = self.connection.settings.overhead
                self._send([search.datagram(lower, self.now)])
        elif isinstance(event, ProbeAnswered):
            if self.connection.search is not None:
                self.connection.search.answered(event.number, self.now)
        elif isinstance(event, Unread):
            self._dirty = self._dirty or not self.paused
        elif isinstance(event, Ended):
            self.ended = event.end
            assert self.connection.state is State.CLOSED
            if self.onEnded is not None:
                self.onEnded(event.end)

    def _deliver(self) -> None:
        while self._ending is None and (self._disconnecting or not self.paused):
            data = self.connection.read()
            if data is None:
                break
            if self._disconnecting:
                continue
            self.stats.BytesReceived += len(data)
            self.received.append(data)
            if self.onData is not None:
                self.onData(data)

    def _send(self, datagrams: list[bytes]) -> None:
        unproven = self.connection.controls.unproven
        if unproven is not None:
            datagrams = unproven.affordable(datagrams)
        self.stats.OutPkts += len(datagrams)
        self.stats.OutBytes += sum(map(len, datagrams))
        self.sent += datagrams

    # Time.

    def deadline(self) -> int | None:
        """
        @return: when L{flush} is due; None while nothing waits.
        """
        if self._dirty:
            return self.now
        return self.connection.deadline()

    def flush(self) -> None:
        """
        Does what is due, as at the end of a reactor turn.
        """
        for _ in range(TURN):
            self._dirty = False
            self._flush()
            if not self._dirty:
                break
        self._seeIdle()

    def _seeIdle(self) -> None:
        """
        Fails if the connection keeps its driver busy for ever.
        """
        connection = self.connection
        if not self.isOver:
            self._note()
            self._dirty = self._dirty or connection.hasMore
        if not self._dirty:
            deadline = connection.deadline()
            assert deadline is None or deadline > self.now, f"due at {deadline}, now {self.now}"
        at, count = self._busy
        # New segments that leave, or data that are given away, are no loop.
        self._busy = (self.now, count + 1 if at == self.now and self._dirty else 0)
        assert self._busy[1] < FLUSHES, "it wants to flush for ever"

    @property
    def _awaitsProducer(self) -> bool:
        return self.producing and self.sending in WRITABLE

    def _flush(self) -> None:
        connection = self.connection
        if self.ended is not None:
            assert self._quiet(), "it does something after its end"
            return
        if self.isOver:
            self._readOn()
            return
        if self._ending is not None:
            self.end(self._ending)
            return
        if self._resumed:
            self._resumed = False
            self._deliver()
            self._react()
            if self.isOver:
                return
        connection.lifecycle.awaitsProducer = self._awaitsProducer
        datagrams = connection.datagramsToSend(self.now)
        if datagrams:
            self._send(datagrams)
        if connection.events or connection.lifecycle.unsettled:
            self._react()
        if connection.wantsFlush and not self.isOver:
            self._dirty = True

    def _quiet(self) -> bool:
        connection = self.connection
        nothing = connection.datagramsToSend(self.now) == [] and connection.deadline() is None
        return nothing and not (connection.events or connection.outbox or connection.hasMore)

    def _readOn(self) -> None:
        self._resumed = False
        self._deliver()
        if self._ending is not None:
            self.connection.lifecycle.abandon(self._ending)
        self._react()

    def end(self, end: End) -> None:
        """
        Ends the connection now, for a reason of the driver's.
        """
        if end.cause.isPeers:
            self._deliver()
        self.connection.end(end, self.now)
        self._react()

    def leave(self) -> None:
        """
        The program ends.
        """
        connection = self.connection
        connection.lifecycle.leaving = True
        connection.lifecycle.awaitsProducer = self._awaitsProducer
        if not self.isOver:
            self._send(connection.datagramsToSend(self.now))
        self.end(End(Cause.ABORTED))

    # What tests ask.

    @property
    def data(self) -> bytes:
        """
        All that the application was given.
        """
        return b"".join(self.received)

    def take(self) -> list[bytes]:
        """
        @return: what has left since the last call.
        """
        sent, self.sent = self.sent, []
        return sent

    def flushed(self) -> list[bytes]:
        """
        @return: what leaves now.
        """
        self.flush()
        return self.take()

    def passTo(self, time: int) -> list[bytes]:
        """
        Lets time pass, with everything done when it is due.

        @return: what has left meanwhile.
        """
        while (due := self.deadline()) is not None and due <= time:
            self.now = max(self.now, due)
            self.flush()
        self.now = time
        return self.take()
