"""
A flow of datagrams, as a protocol of streams has it: each write is one datagram, and each
datagram is one C{dataReceived}.
"""

from __future__ import annotations

import typing
from collections import deque
from collections.abc import Iterable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IConsumer,
    IProtocol,
    IPushProducer,
    ITransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.services.relay.flowtable import FlowStats

#: Datagrams of a flow that wait while the other side takes nothing.  Those beyond are dropped, as a
#: full queue of a router drops them.
MOST_WAITING = 64


class Carrier(typing.Protocol):
    """
    What sends the datagrams of one flow.

    @ivar unacknowledged: what was sent reliably and has not arrived, as far as is known.
    """

    @property
    def unacknowledged(self) -> int: ...

    def send(self, data: bytes) -> None:
        """
        Sends a datagram, or drops and counts it.
        """

    def end(self, aborts: bool) -> None:
        """
        Ends the flow, and calls L{DatagramTransport.connectionLost}, now or later.

        @param aborts: whether the other end shall see a failure, if there is a way to tell it.
        """

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Has a producer paused while there is no room.
        """

    def unregisterProducer(self) -> None:
        """
        Forgets the producer.
        """

    def getPeer(self) -> IPv4Address | IPv6Address:
        """
        Returns the address of the flow's other end.
        """

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Returns the address of this end.
        """


@implementer(ITransport, IPushProducer, IConsumer)
class DatagramTransport:
    """
    The transport of one flow.

    @ivar disconnecting: whether this end has ended the flow.
    @ivar prefix: is put before each datagram that is sent.
    @ivar protocol: takes what arrives; None after the end.
    """

    def __init__(self, carrier: Carrier, stats: FlowStats) -> None:
        """
        @param stats: counts.
        """
        self._carrier = carrier
        self._stats = stats
        self._waiting: deque[bytes] = deque()
        self._paused = False
        self.disconnecting = False
        self.prefix = b""
        self.protocol: IProtocol | None = None

    # For the carrier.

    def open(self, protocol: IProtocol) -> None:
        """
        Connects the protocol.
        """
        self.protocol = protocol
        protocol.makeConnection(self)

    def received(self, datagrams: Iterable[bytes]) -> None:
        """
        Passes datagrams on, or keeps some of them while the protocol has paused.
        """
        for data in datagrams:
            if self.protocol is None or self.disconnecting:
                return
            if self._paused or self._waiting:
                self._keep(data)
            else:
                self.protocol.dataReceived(data)

    def _keep(self, data: bytes) -> None:
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(data)
        else:
            self._stats.overflowed += 1

    def connectionLost(self, reason: Failure) -> None:
        """
        Tells the protocol that the flow is over.
        """
        protocol, self.protocol = self.protocol, None
        self._waiting.clear()
        if protocol is not None:
            protocol.connectionLost(reason)

    # ITransport.

    @property
    def unacknowledged(self) -> int:
        """
        What was written and has not arrived, as far as is known: segments.
        """
        return self._carrier.unacknowledged

    def write(self, data: bytes) -> None:
        """
        Sends one datagram.
        """
        if not self.disconnecting:
            self._carrier.send(self.prefix + data if self.prefix else data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        Sends one datagram, which is given in pieces.
        """
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """
        Ends the flow.
        """
        self._end(False)

    def abortConnection(self) -> None:
        """
        Ends the flow with a failure.
        """
        self._end(True)

    def _end(self, aborts: bool) -> None:
        if not self.disconnecting or aborts:
            self.disconnecting = True
            self._carrier.end(aborts)

    def getPeer(self) -> IPv4Address | IPv6Address:
        """
        Returns the address of the flow's other end.
        """
        return self._carrier.getPeer()

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Returns the address of this end.
        """
        return self._carrier.getHost()

    # IPushProducer.

    def pauseProducing(self) -> None:
        """
        Keeps what arrives, up to L{MOST_WAITING} datagrams.
        """
        self._paused = True

    def resumeProducing(self) -> None:
        """
        Passes on what has waited, and what arrives from now on.
        """
        self._paused = False
        while self._waiting and not self._paused and self.protocol is not None:
            self.protocol.dataReceived(self._waiting.popleft())

    def stopProducing(self) -> None:
        """
        Ends the flow.
        """
        self.loseConnection()

    # IConsumer.

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Has a producer paused while there is no room, if anything here waits for room.
        """
        self._carrier.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """
        Forgets the producer.
        """
        self._carrier.unregisterProducer()
