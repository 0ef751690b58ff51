"""
What the tests with other implementations have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from kcptwisted.commands.bench.loads import Client
from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.server.listening import KCPListeningPort
from kcptwisted.stack.socketstack import SocketLayer
from kcptwisted.testing.link import Link
from kcptwisted.testing.lossyrelay import LossyRelay
from tests.interop import cpeer
from tests.interop.cpeer import CPeer
from tests.interop.peers import GoClient, GoServer, goPeerBinary, skipReason

P = TypeVar("P", bound=Protocol)

#: Of the lossy paths.
LOSS = 0.05

#: Seconds after which a peer gives up by itself.
PEER_TIMEOUT = "100"


@dataclass(frozen=True)
class Settings:
    """
    One end's settings, for either implementation.

    @ivar rawKey: in hexadecimal digits, instead of C{key}; empty for none.
    """

    crypt: str = "null"
    key: str = "interoperability"
    rawKey: str = ""
    dataShards: int = 0
    parityShards: int = 0
    mtu: int = 1400
    window: int = 1024
    stream: bool = True

    def options(self, **others: Any) -> KCPOptions:
        """
        @param others: further options.
        @return: the settings as ours are given.
        """
        return KCPOptions(
            crypt=self.crypt,
            key=None if self.rawKey or self.crypt in ("null", "none") else self.key,
            rawKey=self.rawKey or None,
            dataShards=self.dataShards,
            parityShards=self.parityShards,
            mtu=self.mtu,
            sendWindow=self.window,
            receiveWindow=self.window,
            stream=self.stream,
            mode="fast3",
            environ={},
            **others,
        )

    def flags(self) -> list[str]:
        """
        @return: the settings as C{gopeer}'s are given.
        """
        return [
            f"-crypt={self.crypt}",
            f"-key={self.key}",
            f"-rawkey={self.rawKey}",
            f"-datashard={self.dataShards}",
            f"-parityshard={self.parityShards}",
            f"-mtu={self.mtu}",
            f"-sndwnd={self.window}",
            f"-rcvwnd={self.window}",
            f"-stream={'true' if self.stream else 'false'}",
            "-mode=fast3",
            "-snmp",
            f"-timeout={PEER_TIMEOUT}",
        ]


class _StoppingFactory(Factory):
    """
    Tells when the last port that uses it is closed.
    """

    def __init__(self, protocol: Callable[[], Protocol]) -> None:
        """
        @param protocol: makes a protocol.
        """
        self.protocol = protocol
        self._stopped: Deferred[None] | None = None

    def startFactory(self) -> None:
        """
        The first port is open.
        """
        self._stopped = Deferred()

    def stopFactory(self) -> None:
        """
        All ports are closed.
        """
        assert self._stopped is not None
        self._stopped.callback(None)

    def wait(self) -> Deferred[None]:
        """
        @return: fires when all ports are closed.
        """
        return succeed(None) if self._stopped is None else self._stopped


class OurEndsCase(TestCase):
    """
    Opens our ends, and closes them after the test.
    """

    timeout = 60

    async def listen(
        self,
        protocol: Callable[[], Protocol],
        options: KCPOptions,
        layers: Sequence[SocketLayer] = (),
    ) -> KCPListeningPort:
        """
        Start a server of ours.

        @param protocol: makes a protocol.
        """
        endpoint = KCPServerEndpoint(reactor, 0, options, layers)
        port = cast(KCPListeningPort, await endpoint.listen(Factory.forProtocol(protocol)))
        self.addCleanup(self._close, port)
        return port

    @staticmethod
    def _close(port: KCPListeningPort) -> Deferred[None]:
        for session in port.sessions:
            session.abortConnection()
        return port.stopListening()

    async def connect(
        self, protocol: P, port: int, options: KCPOptions, layers: Sequence[SocketLayer] = ()
    ) -> P:
        """
        Connect a client of ours.

        @return: C{protocol}, connected.
        """
        factory = _StoppingFactory(lambda: protocol)
        endpoint = KCPClientEndpoint(reactor, "127.0.0.1", port, options, layers)
        connecting = endpoint.connect(factory)
        self.addCleanup(factory.wait)
        await connecting
        self.addCleanup(self._abort, protocol)
        return protocol

    @staticmethod
    def _abort(protocol: Protocol) -> None:
        if isinstance(protocol, Client):
            # Nobody waits for a job any more that a test has left undone.
            protocol.done.addErrback(lambda _: None)
        protocol.transport.abortConnection()  # type: ignore[union-attr]

    def relay(self, port: int, loss: float = LOSS, seed: int = 1) -> LossyRelay:
        """
        Make the way to a server a lossy one.

        @return: the relay, which still has to be started.
        """
        relay = LossyRelay(reactor, ("127.0.0.1", port), Link(loss=loss), seed)
        self.addCleanup(relay.stop)
        return relay


class KCPGoCase(OurEndsCase):
    """
    Starts kcp-go peers, and sees to it that they end.
    """

    def setUp(self) -> None:
        """
        Build the peer.
        """
        self._binary = goPeerBinary()

    async def goServer(self, role: str, settings: Settings, port: int = 0) -> tuple[GoServer, int]:
        """
        Start a server.

        @param port: where to listen; 0 for wherever there is room.
        @return: it, and its port.
        """
        server = GoServer(role, *settings.flags(), port=port)
        server.start(reactor, self._binary)
        self.addCleanup(self._stop, server)
        return server, await server.port

    @staticmethod
    def _stop(server: GoServer) -> Deferred[None]:
        def check(_: None) -> None:
            if not (server.succeeded or server.killed):
                raise server.failure()

        return server.stop().addCallback(check)

    def goClient(self, role: str, port: int, settings: Settings, *flags: str) -> GoClient:
        """
        Start a client.
        """
        client = GoClient(role, port, *settings.flags(), *flags)
        client.start(reactor, self._binary)
        self.addCleanup(self._kill, client)
        return client

    @staticmethod
    def _kill(client: GoClient) -> Deferred[None]:
        def forget(_: None) -> None:
            # Whoever waited for it has been told.
            client.result.addErrback(lambda _: None)

        return client.kill().addCallback(forget)


class IKCPCase(OurEndsCase):
    """
    Starts ikcp peers.
    """

    skip = skipReason(cpeer.whyMissing())

    def start(self, peer: CPeer) -> int:
        """
        @return: the peer's port.
        """
        port = peer.start(reactor)
        self.addCleanup(peer.stop)
        return port

    def exchange(self, port: int, messages: list[bytes]) -> Deferred[list[bytes]]:
        """
        Have an ikcp client send messages to an echo server of ours.

        @return: fires with the messages that came back, when as many bytes have come.
        """
        echoed: list[bytes] = []
        done: Deferred[list[bytes]] = Deferred()
        expected = sum(map(len, messages))

        def received(peer: CPeer, message: bytes) -> None:
            echoed.append(message)
            if sum(map(len, echoed)) == expected:
                done.callback(echoed)

        client = CPeer(received, ("127.0.0.1", port))
        self.start(client)
        for message in messages:
            client.write(message)
        return done
