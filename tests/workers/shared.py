"""
Several workers on one port of a simulated network, for the tests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IDelayedCall,
    IListeningPort,
    IReactorTime,
    IReactorUDP,
    IUDPTransport,
)
from twisted.internet.protocol import DatagramProtocol
from zope.interface import implementer

from kcptwisted.options import KCPOptions
from kcptwisted.server.listener import KCPListener
from kcptwisted.server.listening import KCPListeningPort
from kcptwisted.testing import SimulatedHost, SimulatedNetwork
from kcptwisted.workers.siblings import Siblings
from kcptwisted.workers.strays import StrayTaker
from tests.callers import AEAD
from tests.connections import PORT, SERVER, RecordingFactory
from tests.server.test_paths import RoamingTestCase

#: Seconds that a message takes from one worker to another.
WAY = 0.0005

#: Messages that an inbox has room for.
ROOM = 100


class Box:
    """
    Both ends of an inbox: what the master holds.

    @ivar waiting: what has not been read.
    @ivar reader: whose it is now.
    """

    def __init__(self, network: SimulatedNetwork) -> None:
        """
        @param network: tells the time.
        """
        self._network = network
        self.waiting: deque[bytes] = deque()
        self.reader: Siblings | None = None
        self.room = ROOM

    def send(self, data: bytes) -> None:
        """
        Keep it until it is read, if there is room.
        """
        if len(self.waiting) >= self.room:
            raise BlockingIOError
        self.waiting.append(data)
        self._network.clock.callLater(WAY, self.read)

    def read(self) -> None:
        """
        Have the reader read.
        """
        if self.reader is not None and self.waiting:
            self.reader.doRead()

    def recv(self, size: int) -> bytes:
        """
        @return: the oldest.
        """
        if not self.waiting:
            raise BlockingIOError
        return self.waiting.popleft()

    def fileno(self) -> int:
        """
        It is none.
        """
        return -1

    def close(self) -> None:
        """
        The master goes on holding it.
        """


class Switch(DatagramProtocol):
    """
    Does as the kernel: for each peer chooses one of the workers' sockets.

    @ivar choose: gives the number of the worker for an address.
    @ivar sockets: of each worker what has come while nobody read it; None while somebody does.
    """

    def __init__(self, total: int) -> None:
        """
        @param total: how many workers there are.
        """
        self.choose: Callable[[tuple[str, int]], int] = lambda address: 0
        self.readers: list[DatagramProtocol | None] = [None] * total
        self._waiting: list[list[tuple[bytes, tuple[str, int]]]] = [[] for _ in range(total)]

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """
        Hand it on, or keep it.
        """
        number = self.choose(addr)
        reader = self.readers[number]
        if reader is None:
            self._waiting[number].append((datagram, addr))
        else:
            reader.datagramReceived(datagram, addr)

    def read(self, number: int, reader: DatagramProtocol | None) -> None:
        """
        C{reader} reads a worker's socket from now on.
        """
        self.readers[number] = reader
        if reader is not None:
            waiting, self._waiting[number] = self._waiting[number], []
            for datagram, address in waiting:
                reader.datagramReceived(datagram, address)


@implementer(IListeningPort, IUDPTransport)
class WorkerPort:
    """
    The socket of a worker.
    """

    def __init__(self, switch: Switch, number: int, protocol: DatagramProtocol) -> None:
        """
        @param number: of the worker.
        """
        self._switch = switch
        self._number = number
        self._protocol = protocol

    def startListening(self) -> None:
        """
        Begin to read.
        """
        self._protocol.makeConnection(self)
        self._switch.read(self._number, self._protocol)

    def stopListening(self) -> Deferred[None]:
        """
        Read no more.
        """
        self._switch.read(self._number, None)
        self._protocol.doStop()
        return succeed(None)

    def loseConnection(self) -> None:
        """
        Read no more.
        """
        self.stopListening()

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        @return: the port that all share.
        """
        transport: Any = self._switch.transport
        address: IPv4Address | IPv6Address = transport.getHost()
        return address

    def connect(self, host: str, port: int) -> None:
        """
        Never called.
        """

    def write(self, packet: bytes, addr: tuple[str, int] | None = None) -> None:
        """
        Send from the port that all share.
        """
        transport: Any = self._switch.transport
        transport.write(packet, addr)

    def setBroadcastAllowed(self, enabled: bool) -> None:
        """
        There is no broadcast.
        """

    def getBroadcastAllowed(self) -> bool:
        """
        There is no broadcast.
        """
        return False


@implementer(IReactorTime, IReactorUDP)
class WorkerReactor:
    """
    What a worker takes for its reactor.

    @ivar dead: its process has been killed.
    """

    def __init__(self, host: SimulatedHost, switch: Switch, number: int) -> None:
        """
        @param number: of the worker.
        """
        self._host = host
        self._switch = switch
        self._number = number
        self.dead = False

    def seconds(self) -> float:
        """
        @return: the network's time.
        """
        return self._host.seconds()

    def callLater(
        self, delay: float, callable: Callable[..., Any], *args: object, **kw: object
    ) -> IDelayedCall:
        """
        As L{IReactorTime} says, as long as the process lives.
        """
        return self._host.callLater(delay, self._call, callable, *args, **kw)

    def _call(self, callable: Callable[..., Any], *args: object, **kw: object) -> None:
        if not self.dead:
            callable(*args, **kw)

    def getDelayedCalls(self) -> Any:
        """
        @return: those of the network.
        """
        return self._host.getDelayedCalls()

    def listenUDP(
        self,
        port: int,
        protocol: DatagramProtocol,
        interface: str = "",
        maxPacketSize: int = 8192,
    ) -> IListeningPort:
        """
        Read the worker's socket.
        """
        opened = WorkerPort(self._switch, self._number, protocol)
        opened.startListening()
        return opened

    def addReader(self, reader: object) -> None:
        """
        The boxes know their readers.
        """

    removeReader = addReader


class SharedTestCase(RoamingTestCase):
    """
    A server of several workers, and a client of the first one that moves.

    @ivar ports: the workers' ports.
    @ivar boxes: their inboxes.
    @ivar elsewhere: the number of the worker for an address that is not the first one's.
    """

    total = 2

    def listen(self, options: KCPOptions | None = None, *_: object) -> KCPListeningPort:
        """
        Start all workers.

        @return: the first one's port.
        """
        self.serverOptions = options or AEAD
        self.switch = Switch(self.total)
        self.elsewhere: dict[tuple[str, int], int] = {}
        self.switch.choose = lambda address: self.elsewhere.get(address, 0)
        self.network.host(SERVER).listenUDP(PORT, self.switch)
        self.boxes = [Box(self.network) for _ in range(self.total)]
        self.reactors: list[WorkerReactor] = []
        self.ports: list[KCPListeningPort] = []
        for number in range(self.total):
            reactor, port = self.startWorker(number)
            self.reactors.append(reactor)
            self.ports.append(port)
        self.network.run(0.1)
        return self.ports[0]

    def startWorker(self, number: int) -> tuple[WorkerReactor, KCPListeningPort]:
        """
        @return: a new process.
        """
        reactor = WorkerReactor(self.network.host(SERVER), self.switch, number)
        others = [other for other in range(self.total) if other != number]
        anyBoxes = cast(Any, self.boxes)
        siblings = Siblings(
            cast(Any, reactor),
            number,
            anyBoxes[number],
            {other: anyBoxes[other] for other in others},
        )
        listener = KCPListener(reactor, self.serverOptions, self.serverFactory, routing=siblings)
        port = KCPListeningPort(listener, (SERVER, PORT))
        port.startListening()
        self.boxes[number].reader = siblings
        siblings.start(StrayTaker(listener))
        self.network.clock.callLater(WAY, self.boxes[number].read)
        return reactor, port

    def kill(self, number: int) -> None:
        """
        End a worker's process without a word.
        """
        self.reactors[number].dead = True
        self.switch.read(number, None)
        self.boxes[number].reader = None

    def replace(self, number: int) -> None:
        """
        Kill a worker and start the next one.
        """
        self.kill(number)
        self.reactors[number], self.ports[number] = self.startWorker(number)
        self.network.run(0.1)

    def moveTo(self, place: tuple[str, int], worker: int = 1) -> None:
        """
        Give the client another address, which the kernel takes to a certain worker.
        """
        self.elsewhere[place] = worker
        self.move(place)

    def count(self, name: str) -> list[int]:
        """
        @return: a counter of each worker.
        """
        return [getattr(port.stats, name) for port in self.ports]

    def madeBy(self, number: int) -> RecordingFactory:
        """
        @return: the factory of a worker's port from now on, a new one.
        """
        factory = RecordingFactory()
        self.ports[number]._listener.factory = factory
        return factory
