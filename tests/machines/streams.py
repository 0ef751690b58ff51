"""
TCP in memory: connections between processes that read when they like, and may be killed.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IPushProducer,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
    ITCPTransport,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

#: Bytes that a system takes from a program, and for a program that does not read.
KERNEL = 8_000
QUEUE = 16_000

#: Bytes that pass at once, and seconds that this takes.
SLICE = 4_000
STEP = 0.002

_ADDRESS = IPv4Address("TCP", "127.0.0.1", 1)


class _Handle:
    """
    A socket as far as its options go.
    """

    def __init__(self) -> None:
        self.resets = False

    def setsockopt(self, level: int, option: int, value: bytes) -> None:
        """
        Note what a close does.
        """
        if (level, option) == (socket.SOL_SOCKET, socket.SO_LINGER):
            self.resets = struct.unpack("ii", value) == (1, 0)


class SimpleStream:
    """
    One end of a connection, as L{twisted.internet.tcp.Connection} is one, but without half close.

    @ivar peer: the other end.
    @ivar dataBuffer: what the program has written and the other system has not got.
    @ivar disconnected: the program has no connection any more.
    @ivar dead: the program is dead.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._handle = _Handle()
        self.peer: SimpleStream
        self.protocol: IProtocol | None = None
        self.dataBuffer = b""
        self.disconnected = False
        self.dead = False
        self.disconnecting = False
        self._producer: Any = None
        self._streaming = True
        self._producerPaused = False
        self._reading = True
        # What has come and was not read; then a FIN, or a reset.
        self._queue = b""
        self._finReceived = self._finRead = self._resetReceived = False
        self._shuts = self._shut = False
        self._finQueued = self._finSent = False
        self._aborting = False
        self._stepping = False

    # What the program does.

    def write(self, data: bytes) -> None:
        """
        Send.
        """
        if self.disconnected or self._shut or not data:
            return
        self.dataBuffer += data
        producer = self._producer
        if producer is not None and self._streaming and len(self.dataBuffer) > 2 * KERNEL:
            self._producerPaused = True
            producer.pauseProducing()
        self._later()

    def writeSequence(self, data: Any) -> None:
        """
        Send.
        """
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """
        Close when the system has taken all.
        """
        if not self.disconnected:
            if self._shut:
                self._lose(Failure(error.ConnectionDone()))
            else:
                self.disconnecting = True
                self._reading = False
                self._later()

    def abortConnection(self) -> None:
        """
        Reset.
        """
        if not self.disconnected and not self._aborting:
            self._aborting = True
            self._reading = False
            self._clock.callLater(0, self._lose, Failure(error.ConnectionAborted()))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        See L{IConsumer}.
        """
        if self._producer is not None:
            raise RuntimeError("there is a producer")
        if self.disconnected:
            producer.stopProducing()
        else:
            self._producer, self._streaming = producer, streaming

    def unregisterProducer(self) -> None:
        """
        See L{IConsumer}.
        """
        self._producer = None
        self._later()

    def pauseProducing(self) -> None:
        """
        Read no more.
        """
        self._reading = False

    def resumeProducing(self) -> None:
        """
        Read again.
        """
        if not self.disconnected and not self.disconnecting:
            self._reading = True
            self._later()

    def stopProducing(self) -> None:
        """
        Close.
        """
        self.loseConnection()

    def getHandle(self) -> _Handle:
        """
        @return: the socket.
        """
        return self._handle

    def getPeer(self) -> IPv4Address:
        """
        @return: always the same.
        """
        return _ADDRESS

    getHost = getPeer

    # What the systems do.

    def kill(self) -> None:
        """
        End the program: what its system has not taken is gone.
        """
        if not self.dead:
            self.dead = True
            if not self.disconnected:
                self.dataBuffer = self.dataBuffer[:KERNEL]
                self._closeSocket(self._handle.resets)

    def _later(self) -> None:
        if not self._stepping:
            self._stepping = True
            self._clock.callLater(STEP, self._step)

    def _step(self) -> None:
        self._stepping = False
        self._send()
        if not self.dead:
            self._receive()
        if not self.dead:
            self._flush()

    def _send(self) -> None:
        """
        Let the other system have something.
        """
        room = max(QUEUE - len(self.peer._queue), 0)
        taken = min(room, SLICE, len(self.dataBuffer))
        if taken and (self.peer.disconnected or self.peer.dead):
            # Nobody there takes it, and what was still to come from there does not either.
            self.peer._reset()
        elif taken:
            self.peer._queue += self.dataBuffer[:taken]
            self.dataBuffer = self.dataBuffer[taken:]
            self.peer._later()
            self._later()
        if self._finQueued and not self._finSent and not self.dataBuffer:
            self._finSent = True
            self.peer._finReceived = True
            self.peer._later()

    def _flush(self) -> None:
        """
        The system has taken something from the program.
        """
        if self.disconnected or self._aborting or len(self.dataBuffer) > KERNEL:
            return
        producer = self._producer
        if producer is not None and (self._producerPaused or not self._streaming):
            self._producerPaused = False
            producer.resumeProducing()
            self._later()
        elif self.disconnecting:
            self._lose(Failure(error.ConnectionDone()))
        elif self._shuts and not self._shut:
            self._shut = self._finQueued = True
            self._later()
            halfCloseable = IHalfCloseableProtocol(self.protocol, None)
            if halfCloseable is not None:
                halfCloseable.writeConnectionLost()

    def _receive(self) -> None:
        """
        Have the program read.
        """
        if self._resetReceived and ((self._reading and not self._queue) or self.dataBuffer):
            self._lose(Failure(error.ConnectionLost()))
            return
        if not self._reading or self.disconnected:
            return
        data, self._queue = self._queue[:SLICE], self._queue[SLICE:]
        if data:
            self.peer._later()
            self._later()
            protocol: Any = self.protocol
            protocol.dataReceived(data)
        elif self._finReceived:
            self._reading = False
            halfCloseable = IHalfCloseableProtocol(self.protocol, None)
            if halfCloseable is None:
                self._lose(Failure(error.ConnectionDone()))
            else:
                # Asked to read again it would find the same again, as a socket does.
                halfCloseable.readConnectionLost()

    def _lose(self, reason: Failure) -> None:
        if self.disconnected or self.dead:
            return
        self.disconnected = True
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        self._closeSocket(self._aborting or self._handle.resets)
        protocol: Any = self.protocol
        protocol.connectionLost(reason)

    def _closeSocket(self, reset: bool) -> None:
        unread, self._queue = bool(self._queue), b""
        self._reading = False
        if reset or unread:
            self._reset()
        else:
            self._finQueued = True
            self._later()

    def _reset(self) -> None:
        """
        Send a reset: what was queued here is gone, what has arrived there is not.
        """
        self.dataBuffer = b""
        if not self.peer._resetReceived:
            self.peer._resetReceived = True
            self.peer.dataBuffer = b""
            self.peer._finSent = True
            self.peer._later()


@implementer(IConsumer, IPushProducer, ITCPTransport)
class Stream(SimpleStream):
    """
    One with half close.
    """

    def loseWriteConnection(self) -> None:
        """
        Say that no more will come when the system has taken all.
        """
        self._shuts = True
        self._later()

    def getTcpNoDelay(self) -> bool:
        """
        Of no interest.
        """
        return False

    getTcpKeepAlive = getTcpNoDelay

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        Of no interest.
        """

    setTcpKeepAlive = setTcpNoDelay


def join(
    clock: Clock,
    first: IProtocol,
    second: IProtocol,
    kind: Callable[[Clock], SimpleStream] = Stream,
) -> tuple[SimpleStream, SimpleStream]:
    """
    Connect two protocols.

    @return: their transports.
    """
    ends = kind(clock), kind(clock)
    ends[0].peer, ends[1].peer = ends[1], ends[0]
    for end, protocol in zip(ends, (first, second), strict=True):
        end.protocol = protocol
    first.makeConnection(ends[0])  # type: ignore[arg-type]
    second.makeConnection(ends[1])  # type: ignore[arg-type]
    for end in ends:
        end._later()
    return ends


@implementer(IStreamServerEndpoint, IListeningPort)
class StreamServer:
    """
    Where programs connect to another one.

    @ivar ends: the transports of the program that listens.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._factory: IProtocolFactory | None = None
        self.ends: list[SimpleStream] = []

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Begin.
        """
        self._factory = factory
        return succeed(self)

    def startListening(self) -> None:
        """
        It does.
        """

    def stopListening(self) -> Deferred[None]:
        """
        End.
        """
        self._factory = None
        return succeed(None)

    def getHost(self) -> IPv4Address:
        """
        @return: always the same.
        """
        return _ADDRESS

    def connect(self, protocol: IProtocol) -> bool:
        """
        Connect C{protocol} to the program.

        @return: whether one listens.
        """
        if self._factory is None:
            return False
        made = self._factory.buildProtocol(_ADDRESS)
        assert made is not None
        self.ends.append(join(self._clock, made, protocol)[0])
        return True


@implementer(IStreamClientEndpoint)
class StreamClient:
    """
    How a program connects to others.

    @ivar ends: the program's transports.
    @ivar delay: seconds that it takes; None if nobody listens.
    @ivar kind: makes both ends.
    """

    def __init__(self, clock: Clock, accept: Callable[[], IProtocol]) -> None:
        """
        @param accept: makes the protocol at the other end.
        """
        self._clock = clock
        self._accept = accept
        self.ends: list[SimpleStream] = []
        self.delay: float | None = 0.0
        self.kind: Callable[[Clock], SimpleStream] = Stream
        self.dead = False

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect, in a while.
        """
        if self.delay is None:
            return fail(Failure(error.ConnectionRefusedError()))
        connected: Deferred[IProtocol] = Deferred(lambda _: call.cancel())

        def connect() -> None:
            if self.dead:
                return
            made = factory.buildProtocol(_ADDRESS)
            assert made is not None
            self.ends.append(join(self._clock, made, self._accept(), self.kind)[0])
            connected.callback(made)

        call: Any = self._clock.callLater(self.delay, connect)
        return connected
