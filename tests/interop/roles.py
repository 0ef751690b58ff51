"""
The roles that C{gopeer} plays, as protocols of ours: echo, sink and source, each server and client.
"""

from __future__ import annotations

import struct
from time import perf_counter_ns
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.session import KCPSession
from tests.interop.stream import Pattern

#: Bytes of one write, as of C{gopeer}.
CHUNK = 65536

_COUNT = struct.Struct("<Q")
_ANSWER = struct.Struct("<QQ")


class WrongBytes(Exception):
    """
    What arrived is not what was sent.
    """


def session(protocol: Protocol) -> KCPSession:
    """
    @return: the protocol's transport.
    """
    return cast(KCPSession, protocol.transport)


@implementer(IPushProducer)
class Writer:
    """
    Writes a stretch of the test stream as fast as the transport takes it.
    """

    def __init__(self, transport: Any, stream: Pattern, count: int, chunk: int = CHUNK) -> None:
        """
        @param transport: an L{twisted.internet.interfaces.IConsumer}.
        @param count: bytes in all.
        @param chunk: bytes of one write.
        """
        self._transport = transport
        self._stream = stream
        self._left = count
        self._chunk = chunk
        self._paused = False

    def start(self) -> None:
        """
        Begin.
        """
        self._transport.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        """
        Write until all is written or the transport asks for a pause.
        """
        self._paused = False
        while self._left and not self._paused:
            piece = min(self._chunk, self._left)
            self._left -= piece
            self._transport.write(self._stream.take(piece))
        if not self._left:
            self._transport.unregisterProducer()

    def pauseProducing(self) -> None:
        """
        The transport's queue is full.
        """
        self._paused = True

    def stopProducing(self) -> None:
        """
        The connection is over.
        """
        self._left = 0
        self._paused = True


class EchoServer(Protocol):
    """
    Writes back all that arrives, and reads no faster than it can write.
    """

    def connectionMade(self) -> None:
        """
        Let the transport pause itself.
        """
        session(self).registerProducer(session(self), True)

    def dataReceived(self, data: bytes) -> None:
        """
        Write back.
        """
        session(self).write(data)


class SinkServer(Protocol):
    """
    Reads a count and so many bytes, then tells how many came and how long that took.

    @ivar matched: whether all that came so far was the test stream.
    """

    def __init__(self, stream: Pattern | None = None) -> None:
        """
        @param stream: what to compare with, if anything.
        """
        self._stream = stream
        self._header = b""
        self._expected = 0
        self._got = 0
        self._first = 0
        self.matched = True

    def dataReceived(self, data: bytes) -> None:
        """
        Count.
        """
        if len(self._header) < _COUNT.size:
            room = _COUNT.size - len(self._header)
            self._header += data[:room]
            data = data[room:]
            if len(self._header) < _COUNT.size or not data:
                return
        if not self._got:
            self._first = perf_counter_ns()
            (self._expected,) = _COUNT.unpack(self._header)
        self._got += len(data)
        if self._stream is not None and not self._stream.matches(data):
            self.matched = False
        if self._got >= self._expected:
            took = perf_counter_ns() - self._first
            session(self).write(_ANSWER.pack(self._got, took))
            self._header = b""
            self._got = 0


class SourceServer(Protocol):
    """
    Reads counts, and sends so many bytes of the test stream for each.
    """

    _received = b""

    def dataReceived(self, data: bytes) -> None:
        """
        Take a count.
        """
        self._received += data
        if len(self._received) >= _COUNT.size:
            (count,) = _COUNT.unpack_from(self._received)
            self._received = self._received[_COUNT.size :]
            Writer(session(self), Pattern(), count).start()


class Client(Protocol):
    """
    Does one job when it is connected.

    @ivar done: fires when the job is done, fails if it cannot be.
    """

    def __init__(self, count: int, seed: int = 1) -> None:
        """
        @param count: bytes to move.
        """
        self.count = count
        self.seed = seed
        self.done: Deferred[None] = Deferred()

    def finish(self, problem: Exception | None = None) -> None:
        """
        The job is done, or has failed.
        """
        if not self.done.called:
            if problem is None:
                self.done.callback(None)
            else:
                self.done.errback(problem)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Too early, unless the job is done.
        """
        if not self.done.called:
            self.done.errback(reason)


class _Checking(Client):
    """
    Expects C{count} bytes of the test stream and nothing more.

    @ivar received: bytes so far.
    @ivar seconds: from connection to the last byte.
    """

    received = 0
    seconds = 0.0
    _began = 0

    def connectionMade(self) -> None:
        """
        Begin.
        """
        self._expected = Pattern(self.seed)
        self._began = perf_counter_ns()

    def dataReceived(self, data: bytes) -> None:
        """
        Compare.
        """
        at = self.received
        self.received += len(data)
        if not self._expected.matches(data):
            self.finish(WrongBytes(f"in the {len(data)} bytes from byte {at} on"))
        elif self.received > self.count:
            self.finish(WrongBytes(f"{self.received} bytes instead of {self.count}"))
        elif self.received == self.count:
            self.seconds = (perf_counter_ns() - self._began) / 1e9
            self.finish()


class EchoClient(_Checking):
    """
    Sends to an echo server, and checks what comes back.
    """

    def connectionMade(self) -> None:
        """
        Send.
        """
        super().connectionMade()
        Writer(session(self), Pattern(self.seed), self.count).start()


class SourceClient(_Checking):
    """
    Has a source send, and checks what it sends.
    """

    def connectionMade(self) -> None:
        """
        Ask.
        """
        super().connectionMade()
        session(self).write(_COUNT.pack(self.count))


class SinkClient(Client):
    """
    Sends to a sink, and waits for its answer.

    @ivar counted: bytes that the server counted.
    @ivar seconds: from the server's first byte to its last, by its own clock.
    """

    counted = 0
    seconds = 0.0
    _answer = b""

    def connectionMade(self) -> None:
        """
        Send.
        """
        session(self).write(_COUNT.pack(self.count))
        Writer(session(self), Pattern(self.seed), self.count).start()

    def dataReceived(self, data: bytes) -> None:
        """
        Take the answer.
        """
        self._answer += data
        if len(self._answer) >= _ANSWER.size:
            self.counted, nanoseconds = _ANSWER.unpack_from(self._answer)
            self.seconds = nanoseconds / 1e9
            self.finish()
