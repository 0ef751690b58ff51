"""
Connections of which one end sends to the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.paths.ends import End
from tests.paths.events import Events

#: Seconds between two samples.
INTERVAL = 0.1

#: An endless sender has so many bytes queued, at least.
QUEUED = 256 * 1024

#: Bytes of a question and an answer.
PING = 64


@dataclass
class Sample:
    """
    A sender at one moment.

    @ivar at: seconds.
    @ivar delivered: bytes that the receiving application has been given until then.
    @ivar roundTrip: smoothed, milliseconds.
    @ivar inFlight: segments sent and not acknowledged.
    @ivar window: of the congestion control, full segments; 0 if none is at work.
    """

    at: float
    delivered: int
    roundTrip: float
    inFlight: int
    window: int


class Flow:
    """
    A connection whose one end sends to the other.

    @ivar source: the end that calls and sends.
    @ivar sink: the end that receives.
    @ivar start: when it starts, seconds.
    @ivar backward: it sends over the way back.
    @ivar delivers: what it delivers counts as goodput; not so for a ping.
    @ivar delivered: bytes that the receiving application has been given.
    @ivar finished: when all of a given size were delivered, in seconds from the flow's start.
    @ivar pings: how long questions took, in seconds, and when the answers came.
    @ivar samples: one for each L{INTERVAL}.
    """

    def __init__(self, events: Events, source: End, sink: End, start: float) -> None:
        self.source, self.sink = source, sink
        self.start = start
        self.backward = False
        self.delivers = True
        self.delivered = 0
        self.finished: float | None = None
        self.pings: list[tuple[float, float]] = []
        self.samples: list[Sample] = []
        self._events = events
        self._size: int | None = None
        self._asked = 0.0
        source.peer, sink.peer = sink, source
        sink.onData = self._take

    def bulk(self, size: int | None = None) -> None:
        """
        Sends so many bytes, which are written at once; without end if None.
        """
        self._size = size
        if size is not None:
            self.source.connection.write(bytes(size))
        else:
            self.source.fill = self._fill
        self.source.call()

    def steady(self, size: int, interval: float) -> None:
        """
        Writes so many bytes again and again.

        @param interval: seconds between two writes.
        """
        events = self._events

        def write() -> None:
            self.source.write(bytes(size))
            events.at(events.seconds() + interval, write)

        self.source.call()
        write()

    def ping(self) -> None:
        """
        Sends a question as soon as the last one is answered.
        """
        self.delivers = False
        answered = [0]

        def answer(data: bytes) -> None:
            self.sink.connection.write(data)
            self.sink.connection.wantsFlush = True

        def ask() -> None:
            self._asked = self._events.seconds()
            self.source.connection.write(bytes(PING))
            self.source.connection.wantsFlush = True

        def hear(data: bytes) -> None:
            answered[0] += len(data)
            if answered[0] >= PING:
                answered[0] -= PING
                now = self._events.seconds()
                self.pings.append((now, now - self._asked))
                ask()

        self.sink.onData, self.source.onData = answer, hear
        ask()
        self.source.call()

    def _fill(self) -> None:
        source = self.source
        while source.sender.queuedBytes < QUEUED:
            source.connection.write(bytes(65536))
            source.connection.wantsFlush = True

    def _take(self, data: bytes) -> None:
        self.delivered += len(data)
        if self.finished is None and self.delivered == self._size:
            self.finished = self._events.seconds() - self.start

    def rate(self, since: float, until: float) -> float:
        """
        @param since: seconds.
        @param until: seconds.
        @return: bytes a second that the application was given from one time to the other.
        """
        return (self._deliveredAt(until) - self._deliveredAt(since)) / (until - since)

    def _deliveredAt(self, time: float) -> int:
        before = [sample.delivered for sample in self.samples if sample.at <= time + INTERVAL / 2]
        return before[-1] if before else 0

    def sample(self) -> None:
        """
        Takes a sample.
        """
        sender = self.source.sender
        governor = sender.limits.governor
        window = 0 if governor is None else governor.control.window // sender._settings.mtu
        self.samples.append(
            Sample(
                self._events.seconds(),
                self.delivered,
                sender.rtt.smoothed,
                len(sender.inFlight),
                window,
            )
        )
