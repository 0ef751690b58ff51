"""
Two sessions without I/O that talk to each other, whatever their applications do.
"""

from __future__ import annotations

from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.smux.counters import SmuxStats
from kcptwisted.smux.options import SmuxOptions
from kcptwisted.smux.session import Session
from kcptwisted.smux.stream import Stream
from tests.properties import runMachine, stateful, strategies

FRAME = 16
BUDGET = 100


class _End:
    """
    One end and its application.
    """

    def __init__(self, options: SmuxOptions, isClient: bool) -> None:
        self.session = Session(options, isClient, True, SmuxStats())
        #: What is on the way to this end.
        self.arriving = b""
        self.streams: dict[int, Stream] = {}
        self.written: dict[int, bytearray] = {}
        self.read: dict[int, bytearray] = {}
        self.finished: set[int] = set()

    def add(self, stream: Stream) -> None:
        """
        Take note of a stream.
        """
        self.streams[stream.id] = stream
        self.written[stream.id] = bytearray()
        self.read[stream.id] = bytearray()

    def look(self) -> None:
        """
        Take the news.
        """
        for stream in self.session.takeNews():
            if stream.id not in self.streams:
                self.add(stream)


class Pair(stateful.RuleBasedStateMachine):
    """
    No byte is lost, changed, put elsewhere or invented, and what is unread stays within the budget.
    """

    version = 2

    def __init__(self) -> None:
        super().__init__()
        options = SmuxOptions(
            version=self.version, frameSize=FRAME, sessionBuffer=BUDGET, streamBuffer=BUDGET
        )
        self.ends = [_End(options, True), _End(options, False)]

    def _stream(self, end: _End, which: int) -> Stream | None:
        streams = list(end.streams.values())
        return streams[which % len(streams)] if streams else None

    @stateful.rule(at=strategies.integers(0, 1))
    def open(self, at: int) -> None:
        """
        An application opens a stream.
        """
        end = self.ends[at]
        if len(end.streams) < 6:
            end.add(end.session.open())

    @stateful.rule(
        at=strategies.integers(0, 1),
        which=strategies.integers(0, 5),
        data=strategies.binary(min_size=1, max_size=60),
    )
    def write(self, at: int, which: int, data: bytes) -> None:
        """
        An application writes.
        """
        end = self.ends[at]
        stream = self._stream(end, which)
        if stream is not None and stream.id not in end.finished:
            end.session.write(stream, data)
            end.written[stream.id] += data

    @stateful.rule(at=strategies.integers(0, 1), which=strategies.integers(0, 5))
    def finish(self, at: int, which: int) -> None:
        """
        An application writes no more.
        """
        end = self.ends[at]
        stream = self._stream(end, which)
        if stream is not None:
            end.session.finish(stream)
            end.finished.add(stream.id)

    @stateful.rule(at=strategies.integers(0, 1), which=strategies.integers(0, 5))
    def read(self, at: int, which: int) -> None:
        """
        An application takes what there is.
        """
        end = self.ends[at]
        stream = self._stream(end, which)
        if stream is not None:
            end.read[stream.id] += end.session.read(stream)
            end.session.proceed()
            end.look()

    @stateful.rule(at=strategies.integers(0, 1), limit=strategies.integers(1, 200))
    def send(self, at: int, limit: int) -> None:
        """
        Bytes leave an end.
        """
        self.ends[1 - at].arriving += b"".join(self.ends[at].session.dataToSend(limit))

    @stateful.rule(at=strategies.integers(0, 1), count=strategies.integers(1, 200))
    def arrive(self, at: int, count: int) -> None:
        """
        Bytes arrive at an end, unless it reads nothing.
        """
        end = self.ends[at]
        if not end.session.isFull:
            data, end.arriving = end.arriving[:count], end.arriving[count:]
            end.session.receive(data)
            end.look()

    @stateful.rule(at=strategies.integers(0, 1))
    def ping(self, at: int) -> None:
        """
        A NOP is due.
        """
        self.ends[at].session.ping()

    @stateful.invariant()
    def orderly(self) -> None:
        """
        What was read is the beginning of what was written, and the budget is kept.
        """
        for end, other in (self.ends, self.ends[::-1]):
            assert end.session.error is None
            unread = sum(stream.unread for stream in end.streams.values())
            assert end.session.room == BUDGET - unread
            assert unread < BUDGET + FRAME
            for number, read in end.read.items():
                assert other.written.get(number, b"")[: len(read)] == read
                if self.version == 2:
                    stream = end.streams[number]
                    assert stream.progress + stream.queued == len(end.written[number])

    def teardown(self) -> None:
        """
        When everything is read, everything is there.
        """
        for _ in range(1000):
            before = [len(read) for end in self.ends for read in end.read.values()]
            for at in (0, 1):
                self.send(at, 1000)
                self.arrive(at, 1000)
                for which in range(12):
                    self.read(at, which)
            busy = any(end.arriving or end.session.hasOutput for end in self.ends)
            if not busy and before == [len(r) for end in self.ends for r in end.read.values()]:
                break
        for end, other in (self.ends, self.ends[::-1]):
            for number, written in end.written.items():
                assert other.read[number] == written
                finReceived = other.streams[number].finReceived
                assert finReceived == (number in end.finished)


class PairOfVersion1(Pair):
    """
    The same without windows.
    """

    version = 1


class PairTests(SynchronousTestCase):
    """
    L{Pair}, for both versions.
    """

    def test_version2(self) -> None:
        """
        With windows.
        """
        runMachine(cast("type[stateful.RuleBasedStateMachine]", Pair), 60, 60)

    def test_version1(self) -> None:
        """
        Without.
        """
        runMachine(cast("type[stateful.RuleBasedStateMachine]", PairOfVersion1), 60, 60)
