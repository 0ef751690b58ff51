"""
smux between ours and xtaci/smux, over KCP and over TCP.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.smux import SmuxClientEndpoint, SmuxOptions, SmuxServerEndpoint
from kcptwisted.smux.server import SmuxListeningPort
from tests.interop.cases import KCPGoCase, Settings
from tests.interop.peers import GoClient, GoServer

P = TypeVar("P", bound=Protocol)

PLAIN = Settings()


def portOf(port: SmuxListeningPort) -> int:
    """
    @return: its number.
    """
    return cast(int, cast(Any, port.getHost()).port)


def turn() -> Deferred[None]:
    """
    @return: fires in the next turn of the reactor.
    """
    turned: Deferred[None] = Deferred()
    cast(Any, reactor).callLater(0, turned.callback, None)
    return turned


@implementer(IHalfCloseableProtocol)
class HalfServer(Protocol):
    """
    Reads to the end, then writes back all of it, and closes.
    """

    def connectionMade(self) -> None:
        """
        Nothing has come.
        """
        self.received: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        """
        Keep.
        """
        self.received.append(data)

    def readConnectionLost(self) -> None:
        """
        Answer.
        """
        assert self.transport is not None
        self.transport.write(b"".join(self.received))
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """
        That comes with the end.
        """


@implementer(IHalfCloseableProtocol)
class HalfClient(Protocol):
    """
    Writes, closes its half, and reads to the end.

    @ivar done: fires with what came, when the stream is over.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._received: list[bytes] = []
        self.done: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        """
        Write.
        """
        transport: Any = self.transport
        transport.write(self._data)
        transport.loseWriteConnection()

    def dataReceived(self, data: bytes) -> None:
        """
        Keep.
        """
        self._received.append(data)

    def writeConnectionLost(self) -> None:
        """
        Everything has left.
        """

    def readConnectionLost(self) -> None:
        """
        All is there.
        """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell.
        """
        self.done.callback(b"".join(self._received))


class SmuxCase(KCPGoCase):
    """
    Opens ends of ours and of Go's, for one version over one carrier.

    @ivar version: of smux.
    @ivar overTCP: whether the carrier is TCP, and not KCP.
    """

    timeout = 100
    version = 2
    overTCP = False

    def options(self, **others: Any) -> SmuxOptions:
        """
        @return: ours.
        """
        return SmuxOptions(version=self.version, **others)

    def flags(self) -> list[str]:
        """
        @return: of C{gopeer}.
        """
        return [f"-smux={self.version}", *(["-tcp"] if self.overTCP else [])]

    def clientCarrier(self, port: int) -> IStreamClientEndpoint:
        """
        @return: what a client of ours connects with.
        """
        if self.overTCP:
            return TCP4ClientEndpoint(reactor, "127.0.0.1", port)
        return KCPClientEndpoint(reactor, "127.0.0.1", port, PLAIN.options())

    def serverCarrier(self) -> IStreamServerEndpoint:
        """
        @return: what a server of ours listens with.
        """
        if self.overTCP:
            return TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        return KCPServerEndpoint(reactor, 0, PLAIN.options(linger=1.0))

    async def goSmuxServer(self, role: str, *flags: str) -> tuple[GoServer, int]:
        """
        @return: a server of Go's, and its port.
        """
        server = GoServer(role, *PLAIN.flags(), *self.flags(), *flags)
        server.start(reactor, self._binary)
        self.addCleanup(self._stop, server)
        return server, await server.port

    def goSmuxClient(self, role: str, port: int, *flags: str) -> GoClient:
        """
        Start a client of Go's.
        """
        return self.goClient(role, port, PLAIN, *self.flags(), *flags)

    def smuxClient(self, port: int, **options: Any) -> SmuxClientEndpoint:
        """
        @return: an endpoint of ours; its session is ended after the test.
        """
        endpoint = SmuxClientEndpoint(reactor, self.clientCarrier(port), self.options(**options))

        async def close() -> None:
            for session in endpoint.sessions:
                ended = session.whenEnded()
                session.abortConnection()
                await ended

        self.addCleanup(lambda: Deferred.fromCoroutine(close()))
        return endpoint

    async def opened(self, endpoint: SmuxClientEndpoint, protocol: P) -> P:
        """
        @return: C{protocol}, connected.
        """
        await endpoint.connect(Factory.forProtocol(lambda: protocol))
        return protocol

    async def smuxServer(
        self, protocol: Callable[[], Protocol], **options: Any
    ) -> SmuxListeningPort:
        """
        @return: a port of ours.
        """
        endpoint = SmuxServerEndpoint(reactor, self.serverCarrier(), self.options(**options))
        port = cast(SmuxListeningPort, await endpoint.listen(Factory.forProtocol(protocol)))

        async def close() -> None:
            ended = [session.whenEnded() for session in port.sessions]
            for session in port.sessions:
                session.abortConnection()
            stopped = port.stopListening()
            for one in ended:
                await one
            await stopped

        self.addCleanup(lambda: Deferred.fromCoroutine(close()))
        return port
