"""
What goes over the connections that are measured, on any stream transport: the servers, and clients
that move bulk data.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from hashlib import sha256
from time import perf_counter_ns
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.commands.bench.stream import Pattern

#: Bytes of one write.
CHUNK = 65536

COUNT = struct.Struct("<Q")
ANSWER = struct.Struct("<QQ")

#: Gives the time in nanoseconds.
Now = Callable[[], int]


class WrongBytes(Exception):
    """
    What arrived is not what was sent.
    """


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


class _Prompt(Protocol):
    """
    Has TCP send what is written at once, as KCP does.
    """

    transport: Any

    def connectionMade(self) -> None:
        """
        Switch Nagle's algorithm off, where there is one.
        """
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)


class EchoServer(_Prompt):
    """
    Writes back all that arrives, and reads no faster than it can write.
    """

    def connectionMade(self) -> None:
        """
        Let the transport pause itself.
        """
        super().connectionMade()
        self.transport.registerProducer(self.transport, True)

    def dataReceived(self, data: bytes) -> None:
        """
        Write back.
        """
        self.transport.write(data)


class SinkServer(_Prompt):
    """
    Reads a count and so many bytes, then tells how many came and how many nanoseconds the last came
    after the first; then again.
    """

    def __init__(self, now: Now = perf_counter_ns) -> None:
        self._now = now
        self._header = b""
        self._expected = 0
        self._got = 0
        self._first = 0

    def dataReceived(self, data: bytes) -> None:
        """
        Count.
        """
        if len(self._header) < COUNT.size:
            room = COUNT.size - len(self._header)
            self._header += data[:room]
            data = data[room:]
            if len(self._header) < COUNT.size or not data:
                return
        if not self._got:
            self._first = self._now()
            (self._expected,) = COUNT.unpack(self._header)
        self._got += len(data)
        self.looked(data)
        if self._got >= self._expected:
            self.transport.write(ANSWER.pack(self._got, self._now() - self._first))
            self._header = b""
            self._got = 0

    def looked(self, data: bytes) -> None:
        """
        For subclasses that want to see what is counted.
        """


class Client(_Prompt):
    """
    One session of a client, which does a job.

    @ivar done: fires when the job is done, fails if it cannot be.
    @ivar lost: fires when the connection is over.
    """

    def __init__(self) -> None:
        self.done: Deferred[None] = Deferred()
        self.lost: Deferred[None] = Deferred()

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
        self.lost.callback(None)


class BulkClient(Client):
    """
    Moves many bytes.

    @ivar counted: how many arrived at the end that counts.
    @ivar seconds: how long they took there.
    """

    counted = 0
    seconds = 0.0

    def begin(self) -> None:
        """
        Subclasses know.
        """
        raise NotImplementedError


class EchoClient(BulkClient):
    """
    Sends to an echo server, compares what comes back, and takes its SHA-256.

    @ivar digest: of what came back.
    @ivar seconds: from the first byte sent to the last received.
    """

    _began = 0

    def __init__(
        self, count: int, seed: int = 1, session: int = 0, now: Now = perf_counter_ns
    ) -> None:
        """
        @param count: bytes to send, and to get back.
        @param seed: of the test stream.
        @param session: which of the client's sessions it is.
        """
        super().__init__()
        self.count = count
        self._sent = Pattern(seed, session)
        self._expected = Pattern(seed, session)
        self._now = now
        self.digest = sha256()

    def begin(self) -> None:
        """
        Send.
        """
        self._began = self._now()
        Writer(self.transport, self._sent, self.count).start()

    def dataReceived(self, data: bytes) -> None:
        """
        Compare.
        """
        at = self.counted
        self.counted += len(data)
        self.digest.update(data)
        if not self._expected.matches(data):
            self.finish(WrongBytes(f"in the {len(data)} bytes from byte {at} on"))
        elif self.counted > self.count:
            self.finish(WrongBytes(f"{self.counted} bytes instead of {self.count}"))
        elif self.counted == self.count:
            self.seconds = (self._now() - self._began) / 1e9
            self.finish()


class SinkClient(BulkClient):
    """
    Sends to a sink, and waits for its answer.

    @ivar counted: bytes that the server counted.
    @ivar seconds: from the server's first byte to its last, by its own clock.
    """

    def __init__(self, count: int, seed: int = 1, session: int = 0) -> None:
        """
        @param count: bytes to send.
        @param seed: of the test stream.
        @param session: which of the client's sessions it is.
        """
        super().__init__()
        self.count = count
        self._stream = Pattern(seed, session)
        self._answer = b""

    def begin(self) -> None:
        """
        Send.
        """
        self.transport.write(COUNT.pack(self.count))
        Writer(self.transport, self._stream, self.count).start()

    def dataReceived(self, data: bytes) -> None:
        """
        Take the answer.
        """
        self._answer += data
        if len(self._answer) >= ANSWER.size:
            self.counted, nanoseconds = ANSWER.unpack_from(self._answer)
            self.seconds = nanoseconds / 1e9
            if self.counted == self.count:
                self.finish()
            else:
                self.finish(WrongBytes(f"the server counted {self.counted} of {self.count}"))
