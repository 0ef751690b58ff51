"""
The roles that C{gopeer} plays, as protocols of ours: echo, sink and source, each server and client.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import cast

from twisted.internet.protocol import Protocol

from kcptwisted.commands.bench import loads
from kcptwisted.commands.bench.loads import COUNT, EchoServer, Writer, WrongBytes
from kcptwisted.session import KCPTransport
from tests.interop.stream import Pattern

__all__ = [
    "Client",
    "EchoClient",
    "EchoServer",
    "SinkClient",
    "SinkServer",
    "SourceClient",
    "SourceServer",
    "WrongBytes",
    "session",
]


def session(protocol: Protocol) -> KCPTransport:
    """
    @return: the protocol's transport.
    """
    return cast(KCPTransport, protocol.transport)


class SinkServer(loads.SinkServer):
    """
    A sink that may compare what it counts with the test stream.

    @ivar matched: whether all that came so far was the test stream.
    """

    def __init__(self, stream: Pattern | None = None) -> None:
        """
        @param stream: what to compare with, if anything.
        """
        super().__init__()
        self._stream = stream
        self.matched = True

    def looked(self, data: bytes) -> None:
        """
        Compare.
        """
        if self._stream is not None and not self._stream.matches(data):
            self.matched = False


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
        if len(self._received) >= COUNT.size:
            (count,) = COUNT.unpack_from(self._received)
            self._received = self._received[COUNT.size :]
            Writer(session(self), Pattern(), count).start()


class Client(loads.Client):
    """
    Does one job when it is connected.
    """

    def __init__(self, count: int, seed: int = 1) -> None:
        """
        @param count: bytes to move.
        """
        super().__init__()
        self.count = count
        self.seed = seed


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
        super().connectionMade()
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
        session(self).write(COUNT.pack(self.count))


class SinkClient(loads.SinkClient):
    """
    Sends to a sink when it is connected, and waits for its answer.
    """

    def connectionMade(self) -> None:
        """
        Send.
        """
        super().connectionMade()
        self.begin()
