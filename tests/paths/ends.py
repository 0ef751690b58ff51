"""
The ends of connections.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kcptwisted.connection.connection import Connection
from kcptwisted.connection.events import End as Reason
from kcptwisted.connection.events import Ended, Event
from kcptwisted.fec.decoder import FECDecoder
from kcptwisted.fec.encoder import FECEncoder
from kcptwisted.options import KCPOptions
from kcptwisted.stats import SessionStats
from kcptwisted.testing.link import LinkModel
from kcptwisted.wire.fec import FEC_OVERHEAD
from tests.connection.datagrams import tokens
from tests.paths.events import Events


def parse(text: str) -> KCPOptions:
    """
    @param text: as in an endpoint string, C{"mode=fast:nc=no"}.
    @return: the options; C{crypt} is null unless given.
    """
    given = dict(part.split("=", 1) for part in text.split(":") if part)
    return KCPOptions.fromStrings({"crypt": "null", **given}, "server", {})


class End:
    """
    One end of a connection, and what a session does for it, FEC included.

    @ivar stats: its counters.
    @ivar tick: milliseconds; what leaves waits for the next multiple of them, as at a peer that
        flushes by the clock.  0 for no such wait.
    @ivar way: what its datagrams pass.
    @ivar ended: why it has ended; None before.
    @ivar onData: is called with the bytes that the application reads.
    @ivar fill: is called before each flush, to write.
    """

    def __init__(self, events: Events, options: KCPOptions, way: LinkModel, conv: int) -> None:
        self.stats = SessionStats()
        shards = options.dataShards, options.parityShards
        settings = options.connectionSettings(FEC_OVERHEAD if options.dataShards else 0)
        self.connection = Connection(conv, settings, self.stats, tokens(conv))
        self._encoder = FECEncoder(*shards) if options.dataShards else None
        self._decoder = FECDecoder(*shards, self.stats) if options.dataShards else None
        self.ended: Reason | None = None
        self.onData: Callable[[bytes], object] = len
        self.fill: Callable[[], object] = lambda: None
        self.tick = 0
        self._isPaused = False
        self.peer: End | None = None
        self._events = events
        self.way = way
        self._accepted = False
        self._wake: int | None = None

    @property
    def sender(self) -> Any:
        """
        The sending half of its conversation.
        """
        return self.connection.conversation.sender

    def call(self) -> None:
        """
        Begins as the end that calls.
        """
        self._accepted = True
        self.connection.call(self._events.milliseconds)
        self._turn()

    def write(self, data: bytes) -> None:
        """
        Writes outside of L{fill}.
        """
        self.connection.write(data)
        self._turn()

    def pathChanged(self) -> None:
        """
        Says that its datagrams take another path from now on.
        """
        self.sender.pathChanged(self._events.milliseconds)
        self._turn()

    def receive(self, datagrams: list[bytes]) -> None:
        """
        Takes what has arrived.
        """
        if self.ended is not None:
            return
        now = self._events.milliseconds
        if not self._accepted:
            self._accepted = True
            self.connection.accept(now, False, 0, 0, 0)
        recovered: list[bytes] = []
        if self._decoder is not None:
            datagrams, recovered = self._decoder.decode(datagrams)
        if datagrams:
            self.connection.receive(datagrams, now)
        if recovered:
            self.connection.receive(recovered, now, True)
        self._react()
        if self.connection.wantsFlush:
            self._turn()
        else:
            self._schedule()

    def _woken(self, time: int) -> None:
        if self._wake != time or self.ended is not None:
            return
        self._wake = None
        due = self.connection.deadline()
        if due is not None and due <= self._events.now:
            self._turn()
        else:
            self._schedule()

    def _react(self) -> None:
        connection = self.connection
        if connection.outbox:
            self._send(list(connection.outbox))
            connection.outbox = ()
        while connection.events:
            event = connection.events.pop(0)
            if event is Event.READABLE:
                self._read()
            elif event is Event.ESTABLISHED:
                connection.lifecycle.attached = True
            elif isinstance(event, Ended):
                self.ended = event.end
        if connection.lifecycle.unsettled:
            connection.settle(self._events.milliseconds)

    def _read(self) -> None:
        while not self._isPaused and (data := self.connection.read()) is not None:
            self.onData(data)

    def pause(self) -> None:
        """
        Takes no data from the connection from now on.
        """
        self._isPaused = True

    def resume(self) -> None:
        """
        Takes data from the connection again.
        """
        self._isPaused = False
        self._read()
        self._turn()

    def _send(self, datagrams: list[bytes]) -> None:
        if self._encoder is not None and datagrams:
            datagrams = self._encoder.encode(datagrams, self._events.milliseconds)
        if self.tick and datagrams:
            due = -(-self._events.now // self.tick) * self.tick
            self._events.atMillisecond(due, lambda: self._leave(datagrams))
        else:
            self._leave(datagrams)

    def _leave(self, datagrams: list[bytes]) -> None:
        assert self.peer is not None
        for datagram in datagrams:
            for delay, arriving in self.way.arrivals(datagram):
                self._events.arrive(self.peer, arriving, delay)

    def _turn(self) -> None:
        """
        Flushes until nothing wants to leave now.
        """
        connection, now = self.connection, self._events.milliseconds
        self.fill()
        while self.ended is None:
            datagrams = connection.datagramsToSend(now)
            self._send(datagrams)
            self._react()
            self.fill()
            if not (connection.wantsFlush or connection.hasMore):
                break
        self._schedule()

    def _schedule(self) -> None:
        due = self.connection.deadline()
        if self.ended is None and due is not None and (self._wake is None or due < self._wake):
            self._wake = due
            self._events.atMillisecond(due, lambda: self._woken(due))
