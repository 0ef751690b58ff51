"""
Protocols for the connections that are measured, on any stream transport: the servers, and the
clients that send bulk data.
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

#: Returns the time in nanoseconds.
Now = Callable[[], int]


class WrongBytes(Exception):
    """
    The received bytes are not the expected ones.
    """


@implementer(IPushProducer)
class Writer:
    """
    Writes a part of the test stream as fast as the transport takes it.
    """

    def __init__(self, transport: Any, stream: Pattern, count: int, chunk: int = CHUNK) -> None:
        """
        @param transport: provides L{twisted.internet.interfaces.IConsumer}.
        @param stream: the test stream.
        @param count: how many bytes to write.
        @param chunk: bytes of one write.
        """
        self._transport = transport
        self._stream = stream
        self._left = count
        self._chunk = chunk
        self._paused = False

    def start(self) -> None:
        """
        Begins to write.
        """
        self._transport.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        """
        Writes until all is written or the transport asks for a pause.
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
        Pauses writing: the transport's queue is full.
        """
        self._paused = True

    def stopProducing(self) -> None:
        """
        Stops writing: the connection has ended.
        """
        self._left = 0
        self._paused = True


class _NoDelay(Protocol):
    """
    Makes TCP send at once what is written, as KCP does.
    """

    transport: Any

    def connectionMade(self) -> None:
        """
        Switches Nagle's algorithm off, if the transport is TCP.
        """
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)


class EchoServer(_NoDelay):
    """
    Writes back all that arrives.  It reads no faster than it can write.
    """

    def connectionMade(self) -> None:
        """
        Makes the transport the producer of its own input.
        """
        super().connectionMade()
        self.transport.registerProducer(self.transport, True)

    def dataReceived(self, data: bytes) -> None:
        """
        Writes the data back.
        """
        self.transport.write(data)


class SinkServer(_NoDelay):
    """
    Reads a count and so many bytes.  Then answers with the number of bytes that arrived and the
    nanoseconds from the first to the last.  Then begins again.
    """

    def __init__(self, now: Now = perf_counter_ns) -> None:
        self._now = now
        self._header = b""
        self._expected = 0
        self._got = 0
        self._first = 0

    def dataReceived(self, data: bytes) -> None:
        """
        Counts the data.
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
        self.dataCounted(data)
        if self._got >= self._expected:
            self.transport.write(ANSWER.pack(self._got, self._now() - self._first))
            self._header = b""
            self._got = 0

    def dataCounted(self, data: bytes) -> None:
        """
        Does nothing.  Subclasses may look at the data that is counted.
        """


class Client(_NoDelay):
    """
    One session of a client, which does a job.

    @ivar done: fires when the job is done; fails if that is not possible.
    @ivar lost: fires when the connection has ended.
    """

    def __init__(self) -> None:
        self.done: Deferred[None] = Deferred()
        self.lost: Deferred[None] = Deferred()

    def finish(self, problem: Exception | None = None) -> None:
        """
        Ends the job.

        @param problem: why the job failed; None if it is done.
        """
        if not self.done.called:
            if problem is None:
                self.done.callback(None)
            else:
                self.done.errback(problem)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Fails the job, unless it is done.
        """
        if not self.done.called:
            self.done.errback(reason)
        self.lost.callback(None)


class BulkClient(Client):
    """
    Sends many bytes.

    @ivar counted: how many bytes arrived at the end that counts.
    @ivar seconds: how long they took there.
    """

    counted = 0
    seconds = 0.0

    def begin(self) -> None:
        """
        Begins to send.  Subclasses define it.
        """
        raise NotImplementedError


class EchoClient(BulkClient):
    """
    Sends bytes to an echo server, compares those that come back, and computes their SHA-256.

    @ivar digest: SHA-256 of the bytes that came back.
    @ivar seconds: the time from the first byte sent to the last byte received.
    """

    _began = 0

    def __init__(
        self, count: int, seed: int = 1, session: int = 0, now: Now = perf_counter_ns
    ) -> None:
        """
        @param count: how many bytes to send.
        @param seed: the seed of the test stream.
        @param session: the number of the session in its client.
        @param now: returns the time in nanoseconds.
        """
        super().__init__()
        self.count = count
        self._sent = Pattern(seed, session)
        self._expected = Pattern(seed, session)
        self._now = now
        self.digest = sha256()

    def begin(self) -> None:
        """
        Begins to send.
        """
        self._began = self._now()
        Writer(self.transport, self._sent, self.count).start()

    def dataReceived(self, data: bytes) -> None:
        """
        Compares the data.
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
    Sends bytes to a sink, and waits for its answer.

    @ivar counted: how many bytes the server counted.
    @ivar seconds: the time from the server's first byte to its last, by the server's clock.
    """

    def __init__(self, count: int, seed: int = 1, session: int = 0) -> None:
        """
        @param count: how many bytes to send.
        @param seed: the seed of the test stream.
        @param session: the number of the session in its client.
        """
        super().__init__()
        self.count = count
        self._stream = Pattern(seed, session)
        self._answer = b""

    def begin(self) -> None:
        """
        Begins to send.
        """
        self.transport.write(COUNT.pack(self.count))
        Writer(self.transport, self._stream, self.count).start()

    def dataReceived(self, data: bytes) -> None:
        """
        Takes the sink's answer.
        """
        self._answer += data
        if len(self._answer) >= ANSWER.size:
            self.counted, nanoseconds = ANSWER.unpack_from(self._answer)
            self.seconds = nanoseconds / 1e9
            if self.counted == self.count:
                self.finish()
            else:
                self.finish(WrongBytes(f"the server counted {self.counted} of {self.count}"))
