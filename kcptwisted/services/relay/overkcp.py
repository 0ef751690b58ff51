"""
Flows of datagrams over KCP: out-of-band, each datagram by itself and perhaps lost, or reliably, as
messages in order.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.endpoints import KCPServerEndpoint
from kcptwisted.errors import MessageTooLong, OutOfBandRefused
from kcptwisted.interfaces import IKCPTransport, IOutOfBandProtocol
from kcptwisted.options import KCPOptions
from kcptwisted.services.relay.datagramtransport import DatagramTransport
from kcptwisted.services.relay.flowtable import FlowStats

_log = Logger()


@implementer(IOutOfBandProtocol)
class KCPFlow(Protocol):
    """
    A KCP connection that carries one flow; see
    L{kcptwisted.services.relay.datagramtransport.Carrier}.

    @ivar inner: the flow's protocol.
    """

    transport: IKCPTransport

    def __init__(self, inner: IProtocol, reliable: bool, stats: FlowStats) -> None:
        """
        @param reliable: True for messages, False for out-of-band datagrams.
        @param stats: counts.
        """
        self.inner = inner
        self._reliable = reliable
        self._stats = stats
        self._flow = DatagramTransport(self, stats)

    def connectionMade(self) -> None:
        """
        Opens the flow.
        """
        self._stats.opened += 1
        self._flow.open(self.inner)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Ends the flow.
        """
        self._flow.connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        """
        Passes a message on.
        """
        if self._reliable:
            self._pass(data)
        else:
            self._mismatch("The peer sends reliably")

    def outOfBandReceived(self, data: bytes) -> None:
        """
        Passes an out-of-band datagram on.
        """
        if self._reliable:
            self._mismatch("The peer sends out-of-band")
        else:
            self._pass(data)

    def _pass(self, data: bytes) -> None:
        self._stats.received += 1
        self._flow.received((data,))

    def _mismatch(self, what: str) -> None:
        self._stats.mismatched += 1
        if self._stats.mismatched == 1:
            _log.warn(
                "{what}, and this side does not: what arrives so is dropped."
                " Give --reliable at both ends or at neither",
                what=what,
            )

    # Carrier.

    @property
    def unacknowledged(self) -> int:
        """
        Segments that wait or are under way; out-of-band datagrams are never waited for.
        """
        return self.transport.unacknowledged if self._reliable else 0

    def send(self, data: bytes) -> None:
        """
        Sends a datagram; drops and counts one that is too long.
        """
        try:
            if not self._reliable:
                self.transport.sendOutOfBand(data)
            elif data:
                self.transport.write(data)
            else:
                # A message has at least one byte.
                self._stats.empty += 1
                return
        except (OutOfBandRefused, MessageTooLong) as problem:
            self._stats.tooLong += 1
            if self._stats.tooLong == 1:
                _log.warn(
                    "A datagram of {length} bytes is dropped, and all later ones that are too"
                    " long: {problem}",
                    length=len(data),
                    problem=problem,
                )
            return
        self._stats.sent += 1

    def end(self, aborts: bool) -> None:
        """
        Ends the connection.
        """
        if aborts:
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Has a producer of messages paused while the send queue is full.  Out-of-band datagrams leave
        at once.
        """
        if self._reliable:
            self.transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """
        Forgets the producer.
        """
        if self._reliable:
            self.transport.unregisterProducer()

    def getPeer(self) -> IPv4Address | IPv6Address:
        """
        Returns the peer's address.
        """
        return cast(IPv4Address, self.transport.getPeer())

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Returns the local address.
        """
        return cast(IPv4Address, self.transport.getHost())


class _FlowFactory(Factory):
    """
    Puts a L{KCPFlow} around each protocol.
    """

    noisy = logsEnds = False

    def __init__(self, wrapped: IProtocolFactory, reliable: bool, stats: FlowStats) -> None:
        self._wrapped = wrapped
        self._reliable = reliable
        self._stats = stats

    def buildProtocol(self, addr: IAddress | None) -> KCPFlow | None:
        inner = self._wrapped.buildProtocol(cast(IAddress, addr))
        return None if inner is None else KCPFlow(inner, self._reliable, self._stats)

    def startFactory(self) -> None:
        self._wrapped.doStart()

    def stopFactory(self) -> None:
        self._wrapped.doStop()


@implementer(IStreamClientEndpoint)
class FlowClientEndpoint:
    """
    Makes a KCP connection for each flow.

    @ivar stats: counts.
    """

    def __init__(self, endpoint: IStreamClientEndpoint, reliable: bool) -> None:
        """
        @param endpoint: makes KCP connections: with FEC, or in message mode if C{reliable}.
        """
        self._endpoint = endpoint
        self._reliable = reliable
        self.stats = FlowStats()

    def __repr__(self) -> str:
        return repr(self._endpoint)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connects.

        @return: fires with C{protocolFactory}'s protocol, or fails as the KCP endpoint does.
        """
        factory = _FlowFactory(protocolFactory, self._reliable, self.stats)
        connected: Deferred[Any] = self._endpoint.connect(factory)
        return connected.addCallback(lambda flow: flow.inner)


@implementer(IStreamServerEndpoint)
class FlowServerEndpoint:
    """
    Takes each KCP connection as a flow.

    @ivar stats: counts.
    """

    def __init__(self, endpoint: KCPServerEndpoint, reliable: bool) -> None:
        """
        @param endpoint: takes KCP connections: with FEC, or in message mode if C{reliable}.
        """
        self._endpoint = endpoint
        self._reliable = reliable
        self.stats = FlowStats()

    def __repr__(self) -> str:
        return f"{self._endpoint!r} for {'messages' if self._reliable else 'datagrams'}"

    @property
    def options(self) -> KCPOptions:
        """
        Those of the KCP endpoint.
        """
        return self._endpoint.options

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Opens the port.

        @return: fires with the KCP endpoint's port, or fails as that endpoint does.
        """
        factory = _FlowFactory(protocolFactory, self._reliable, self.stats)
        listening: Deferred[Any] = self._endpoint.listen(factory)
        return listening
