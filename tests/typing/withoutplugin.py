"""
A user's program that mypy checks without mypy-zope: see L{tests.test_typing}.  Nobody runs it.

Without that plugin mypy takes no class for what it implements, and no method of an interface for
one that can be called.  So transports and ports go by their classes, and factories by Any.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.errors import PeerReset
from kcptwisted.options import KCPOptions
from kcptwisted.server.listening import KCPListeningPort
from kcptwisted.session import KCPTransport


class Source:
    """
    Writes when it may.
    """

    def __init__(self, consumer: KCPTransport) -> None:
        self.consumer = consumer

    def resumeProducing(self) -> None:
        self.consumer.write(b"more")

    def pauseProducing(self) -> None:
        pass

    def stopProducing(self) -> None:
        self.consumer.unregisterProducer()


class Talker(Protocol):
    """
    Does all that a transport is for.
    """

    @property
    def session(self) -> KCPTransport:
        """
        The transport.
        """
        return cast(KCPTransport, self.transport)

    def connectionMade(self) -> None:
        session = self.session
        session.write(b"hello")
        session.writeSequence([b"a", b"b"])
        session.registerProducer(cast(Any, Source(session)), True)
        session.unregisterProducer()
        session.pauseProducing()
        session.resumeProducing()
        session.sendOutOfBand(b"x")
        sent: int = session.stats.BytesSent + session.queuedBytes + session.conv
        print(sent, session.getPeer().host, session.getHost().port)
        roundTrip: float = session.smoothedRTT + session.rttVariance
        wait: int = session.retransmissionTimeout
        room: int = session.sendWindow + session.peerWindow + session.receiveWindow
        flying: int = session.segmentsInFlight + session.unacknowledged
        most: int = session.maximumOutOfBand
        greeted: bool = session.greeted
        print(roundTrip, wait, room, flying, most, greeted)
        limit: int = session.congestionWindow - session.bytesInFlight + session.pacingRate
        name: str = session.congestion
        print(limit, name, session.minimumRTT)
        session.configure(mtu=1200, rateLimit=100_000, mode="fast3")
        session.loseWriteConnection()

    def dataReceived(self, data: bytes) -> None:
        if not data:
            self.session.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if isinstance(reason.value, PeerReset):
            print(reason.value)


def listening(port: Any) -> Deferred[None]:
    """
    Look at a port, and stop it.
    """
    opened = cast(KCPListeningPort, port)
    refused: int = opened.stats.PassiveOpens + len(opened.sessions)
    print(refused, opened.getHost().port)
    for session in opened.sessions:
        print(session.conv, session.stats.BytesReceived, session.getPeer())
        session.loseConnection()
    return opened.stopListening(sessions="finish")


def connected(protocol: object) -> None:
    """
    Say something.
    """
    assert isinstance(protocol, Talker)
    protocol.session.write(b"hello")


def serve(reactor: Any) -> Deferred[None]:
    """
    Listen.
    """
    factory: Any = Factory.forProtocol(Talker)
    endpoint = KCPServerEndpoint(reactor, 4000, KCPOptions(key="sesame", maxSessions=10))
    return endpoint.listen(factory).addCallback(listening)


def connect(reactor: Any) -> Deferred[None]:
    """
    Connect.
    """
    factory: Any = Factory.forProtocol(Talker)
    endpoint = KCPClientEndpoint(reactor, "example.com", 4000, KCPOptions(key="sesame"))
    return endpoint.connect(factory).addCallback(connected)
