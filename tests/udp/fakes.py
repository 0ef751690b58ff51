"""
What stands around a port under test.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor, IWriteDescriptor
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.stats import PortStats
from kcptwisted.udp import reading, sending
from kcptwisted.udp.port import BatchPort

LOOPBACK = ("127.0.0.1", 0)


@implementer(IDatagramProtocol)
class Recorder:
    """
    Notes what it is told.
    """

    transport: IDatagramTransport

    def __init__(self) -> None:
        self.received: list[tuple[list[bytes], Address]] = []
        self.batches = 0
        self.refusals = 0
        self.unreachable: list[OSError] = []
        self.failures: list[OSError] = []
        self.lost: list[Failure] = []
        self.onReceived: Callable[[], None] = lambda: None
        self.onLost: Callable[[], None] = lambda: None

    def makeConnection(self, transport: IDatagramTransport) -> None:
        self.transport = transport

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        self.received.append((datagrams, address))
        self.onReceived()

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        raise AssertionError("a port recovers nothing")

    def batchFinished(self) -> None:
        self.batches += 1

    def connectionRefused(self) -> None:
        self.refusals += 1

    def peerUnreachable(self, problem: OSError) -> None:
        self.unreachable.append(problem)

    def sendingFailed(self, problem: OSError) -> None:
        self.failures.append(problem)

    def connectionLost(self, reason: Failure) -> None:
        self.lost.append(reason)
        self.onLost()


@implementer(IReactorFDSet)
class FakeReactor(Clock):
    """
    Keeps readers and writers in sets; the test plays the kernel.

    @ivar removed: the file descriptors that are read no more.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[object] = set()
        self.writers: set[object] = set()
        self.removed: list[int] = []

    def addReader(self, reader: IReadDescriptor) -> None:
        self.readers.add(reader)

    def removeReader(self, reader: IReadDescriptor) -> None:
        self.readers.discard(reader)
        self.removed.append(reader.fileno())

    def addWriter(self, writer: IWriteDescriptor) -> None:
        self.writers.add(writer)

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        self.writers.discard(writer)

    def removeAll(self) -> list[Any]:
        raise AssertionError("a port leaves others' descriptors alone")

    getWriters = removeAll

    def getReaders(self) -> list[Any]:
        return list(self.readers)


class FakeSocket:
    """
    A socket whose calls fail as told.

    @ivar sent: (payload, whether segmented) of what it took.
    @ivar calls: how it was read.
    @ivar problems: errno values that the next sends fail with; 0 succeeds.
    """

    family = socket.AF_INET

    def __init__(self, descriptor: int = 3, port: int = 4000) -> None:
        self._descriptor = descriptor
        self._port = port
        self.sent: list[tuple[bytes, bool]] = []
        self.problems: list[int] = []
        self.incoming: list[Any] = []
        self.closed = False
        self.calls: list[str] = []

    def setsockopt(self, *arguments: object) -> None:
        """
        Everything is supported.
        """

    def getsockname(self) -> Address:
        return ("127.0.0.1", self._port)

    def fileno(self) -> int:
        return -1 if self.closed else self._descriptor

    def close(self) -> None:
        self.closed = True

    def _take(self, data: bytes, segmented: bool) -> int:
        problem = self.problems.pop(0) if self.problems else 0
        if problem:
            raise OSError(problem, "as told")
        self.sent.append((data, segmented))
        return len(data)

    def sendmsg(self, buffers: Sequence[bytes], *arguments: object) -> int:
        return self._take(b"".join(buffers), True)

    def sendto(self, data: bytes, address: Address) -> int:
        return self._take(data, False)

    def send(self, data: bytes) -> int:
        return self._take(data, False)

    def recvmsg(self, *sizes: int) -> tuple[bytes, list[Any], int, Address]:
        self.calls.append("recvmsg")
        return self._next(), [], 0, ("10.0.0.1", 1)

    def recvfrom(self, size: int) -> tuple[bytes, Address]:
        self.calls.append("recvfrom")
        return self._next(), ("10.0.0.1", 1)

    def _next(self) -> bytes:
        if not self.incoming:
            raise BlockingIOError(errno.EAGAIN, "nothing there")
        found = self.incoming.pop(0)
        if isinstance(found, OSError):
            raise found
        assert isinstance(found, bytes)
        return found


class PortTestCase(SynchronousTestCase):
    """
    Holds a port on a fake socket.
    """

    #: Whether the socket has one peer.
    connected = False

    def setUp(self) -> None:
        """
        Open the port.
        """
        self.reactor = FakeReactor()
        self.socket = FakeSocket()
        self.protocol = Recorder()
        self.stats = PortStats()
        # Segmentation is Linux's; these tests are about what follows from having it.
        self.offload(True)
        self.port = BatchPort(
            self.reactor,  # type: ignore[arg-type]
            self.socket,  # type: ignore[arg-type]
            self.protocol,
            self.stats,
            self.connected,
        )
        self.port.start()

    def offload(self, able: bool) -> None:
        """
        Have the kernel segment and coalesce with sockets from now on, or not.
        """
        self.patch(sending, "canSegment", lambda sock: able)
        self.patch(reading, "enableCoalescing", lambda sock: able)

    def write(self, *datagrams: bytes, host: str = "10.0.0.1") -> None:
        """
        Send datagrams to one address.
        """
        self.port.writeDatagrams(datagrams, (host, 1))
