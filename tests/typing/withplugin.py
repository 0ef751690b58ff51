"""
A user's program that mypy checks with mypy-zope: see L{tests.test_typing}.  Nobody runs it.
"""

from __future__ import annotations

from typing import Any

from twisted.application.internet import ClientService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    IProtocol,
    IPushProducer,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.errors import PeerReset
from kcptwisted.interfaces import IKCPListeningPort, IKCPTransport, IOutOfBandProtocol
from kcptwisted.options import KCPOptions
from kcptwisted.testing import Link, SimulatedNetwork


@implementer(IPushProducer)
class Source:
    """
    Writes when it may.
    """

    def __init__(self, consumer: IConsumer) -> None:
        self.consumer = consumer

    def resumeProducing(self) -> None:
        self.consumer.write(b"more")

    def pauseProducing(self) -> None:
        pass

    def stopProducing(self) -> None:
        self.consumer.unregisterProducer()


@implementer(IOutOfBandProtocol, IHalfCloseableProtocol)
class Talker(Protocol):
    """
    Does all that a transport is for.
    """

    transport: IKCPTransport

    def connectionMade(self) -> None:
        transport = self.transport
        transport.write(b"hello")
        transport.writeSequence([b"a", b"b"])
        transport.registerProducer(Source(transport), True)
        transport.unregisterProducer()
        transport.pauseProducing()
        transport.resumeProducing()
        transport.sendOutOfBand(b"x")
        sent: int = transport.stats.BytesSent + transport.queuedBytes + transport.conv
        print(sent, transport.getPeer(), transport.getHost())
        roundTrip: float = transport.smoothedRTT + transport.rttVariance
        wait: int = transport.retransmissionTimeout
        room: int = transport.sendWindow + transport.peerWindow + transport.receiveWindow
        flying: int = transport.segmentsInFlight + transport.unacknowledged
        most: int = transport.maximumOutOfBand
        greeted: bool = transport.greeted
        print(roundTrip, wait, room, flying, most, greeted)
        limit: int = transport.congestionWindow - transport.bytesInFlight + transport.pacingRate
        name: str = transport.congestion
        print(limit, name, transport.minimumRTT)
        transport.configure(mtu=1200, rateLimit=100_000, mode="fast3")
        transport.loseWriteConnection()
        plain: ITransport = transport
        plain.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        if not data:
            self.transport.abortConnection()

    def outOfBandReceived(self, data: bytes) -> None:
        print(len(data))

    def readConnectionLost(self) -> None:
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        pass

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if isinstance(reason.value, PeerReset):
            print(reason.value)


class Plain(Protocol):
    """
    Leaves its transport's type as it is.
    """

    def connectionMade(self) -> None:
        IKCPTransport(self.transport).sendOutOfBand(b"x")


def listening(port: IKCPListeningPort) -> Deferred[None]:
    """
    Look at a port, and stop it.
    """
    refused: int = port.stats.PassiveOpens + len(port.sessions)
    print(refused, port.getHost())
    for session in port.sessions:
        print(session.conv, session.stats.BytesReceived, session.getPeer())
        session.loseConnection()
    return port.stopListening(sessions="finish")


def connected(protocol: IProtocol) -> None:
    """
    Say something.
    """
    assert isinstance(protocol, Talker)
    protocol.transport.write(b"hello")


def serve(reactor: Any) -> Deferred[None]:
    """
    Listen.
    """
    endpoint = KCPServerEndpoint(reactor, 4000, KCPOptions(key="sesame", maxSessions=10))
    general: IStreamServerEndpoint = endpoint
    print(general)
    return endpoint.listen(Factory.forProtocol(Talker)).addCallback(listening)


def connect(reactor: Any) -> Deferred[None]:
    """
    Connect.
    """
    endpoint = KCPClientEndpoint(reactor, "example.com", 4000, KCPOptions(key="sesame"))
    general: IStreamClientEndpoint = endpoint
    ClientService(general, Factory.forProtocol(Talker)).startService()
    return endpoint.connect(Factory.forProtocol(Talker)).addCallback(connected)


def simulate() -> None:
    """
    Both in memory.
    """
    network = SimulatedNetwork(seed=1, link=Link(loss=0.1, delay=0.025))
    serve(network.host("10.0.0.2"))
    connect(network.host("10.0.0.1"))
    network.run(5)
