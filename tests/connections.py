"""
Two hosts of a simulated network with a KCP connection between them, for the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.server.listening import KCPListeningPort
from kcptwisted.session import KCPTransport
from kcptwisted.stack.socketstack import SocketLayer
from kcptwisted.testing import SimulatedNetwork
from kcptwisted.testing.link import Link

CLIENT = "10.0.0.1"
SERVER = "10.0.0.2"
PORT = 4000


class RecordingProtocol(Protocol):
    """
    Notes what happens to it.

    @ivar pieces: each dataReceived's data.
    @ivar reasons: each connectionLost's reason.
    @ivar onMade: called in connectionMade.
    @ivar onData: called in dataReceived.
    """

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.reasons: list[Failure] = []
        self.onMade: Callable[[RecordingProtocol], object] = lambda _: None
        self.onData: Callable[[bytes], object] = lambda _: None

    @property
    def session(self) -> KCPTransport:
        """
        The transport, by its type.
        """
        return cast(KCPTransport, self.transport)

    @property
    def received(self) -> bytes:
        """
        All data so far.
        """
        return b"".join(self.pieces)

    def connectionMade(self) -> None:
        """
        Note, and do as told.
        """
        self.onMade(self)

    def dataReceived(self, data: bytes) -> None:
        """
        Note, and do as told.
        """
        self.pieces.append(data)
        self.onData(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Note.
        """
        self.reasons.append(reason)


class RecordingFactory(Factory):
    """
    Makes L{RecordingProtocol}s and keeps them.

    @ivar made: the protocols.
    @ivar peers: the address that each was made for.
    @ivar prepare: called with each before it is connected.
    """

    noisy = False
    logsEnds = True

    def __init__(self) -> None:
        self.made: list[RecordingProtocol] = []
        self.peers: list[IAddress | None] = []
        self.prepare: Callable[[RecordingProtocol], object] = lambda _: None
        self.starts = 0
        self.stops = 0

    def startFactory(self) -> None:
        """
        Note.
        """
        self.starts += 1

    def stopFactory(self) -> None:
        """
        Note.
        """
        self.stops += 1

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """
        @return: a new protocol.
        """
        protocol = RecordingProtocol()
        self.prepare(protocol)
        self.made.append(protocol)
        self.peers.append(addr)
        return protocol


class ConnectionTestCase(SynchronousTestCase):
    """
    A client and a server host.

    @ivar serverFactory: the server's protocols.
    @ivar clientFactory: the client's protocols.
    """

    options: KCPOptions = KCPOptions(crypt="null")

    def setUp(self) -> None:
        """
        Make the network.
        """
        self.network = SimulatedNetwork(seed=7)
        self.serverFactory = RecordingFactory()
        self.clientFactory = RecordingFactory()

    def listen(
        self, options: KCPOptions | None = None, layers: Sequence[SocketLayer] = ()
    ) -> KCPListeningPort:
        """
        @return: a port of the server host that listens.
        """
        endpoint = KCPServerEndpoint(
            self.network.host(SERVER), PORT, options or self.options, layers
        )
        return cast(KCPListeningPort, self.successResultOf(endpoint.listen(self.serverFactory)))

    def begin(
        self, options: KCPOptions | None = None, layers: Sequence[SocketLayer] = ()
    ) -> Deferred[IProtocol]:
        """
        @return: the client's connect.
        """
        random = Random(1)
        endpoint = KCPClientEndpoint(
            self.network.host(CLIENT),
            SERVER,
            PORT,
            options or self.options,
            layers,
            lambda: random.randrange(1, 1 << 32),
        )
        return endpoint.connect(self.clientFactory)

    def connect(
        self, options: KCPOptions | None = None, link: Link | None = None
    ) -> tuple[RecordingProtocol, RecordingProtocol]:
        """
        Listen and connect with the same options.

        @param link: the conditions once connected.
        @return: the client's and the server's protocols.
        """
        self.port = self.listen(options)
        connecting = self.begin(options)
        self.network.run(0.1)
        client = cast(RecordingProtocol, self.successResultOf(connecting))
        if link is not None:
            self.bothWays(link)
        return client, self.serverFactory.made[0]

    def bothWays(self, link: Link) -> None:
        """
        Change the conditions in both directions.
        """
        self.network.setLink(CLIENT, SERVER, link)
        self.network.setLink(SERVER, CLIENT, link)

    def finish(self, port: KCPListeningPort) -> None:
        """
        End all that is there, and see that nothing stays behind.
        """
        for factory in (self.clientFactory, self.serverFactory):
            for protocol in factory.made:
                if not protocol.reasons:
                    protocol.session.abortConnection()
        stopped = port.stopListening()
        self.network.run(1)
        self.successResultOf(stopped)
        self.assertEqual(self.network.clock.getDelayedCalls(), [])

    def data(self, length: int, seed: int = 0) -> bytes:
        """
        @return: random bytes.
        """
        return Random(seed).randbytes(length)

    def reasonOf(self, protocol: RecordingProtocol) -> Any:
        """
        @return: the exception of the one connectionLost.
        """
        (reason,) = protocol.reasons
        return reason.value
