"""
Tests for L{kcptwisted.udp.port}, L{kcptwisted.udp.opening} and L{kcptwisted.udp.fallback}.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IHalfCloseableDescriptor,
    IReactorFDSet,
    IReactorUDP,
    IReadDescriptor,
    IWriteDescriptor,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.options import KCPOptions
from kcptwisted.stats import PortStats
from kcptwisted.testing import SimulatedNetwork
from kcptwisted.udp import port as portModule
from kcptwisted.udp.fallback import ListenUDPPort
from kcptwisted.udp.opening import openPort
from kcptwisted.udp.port import MAXIMUM_DEFERRED, READ_BUDGET, BatchPort

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
        self.lost: list[Failure] = []
        self.onReceived: Callable[[], None] = lambda: None

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

    def connectionLost(self, reason: Failure) -> None:
        self.lost.append(reason)


@implementer(IReactorFDSet)
class FakeReactor(Clock):
    """
    Keeps readers and writers in sets; the test plays the kernel.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[object] = set()
        self.writers: set[object] = set()

    def addReader(self, reader: IReadDescriptor) -> None:
        self.readers.add(reader)

    def removeReader(self, reader: IReadDescriptor) -> None:
        self.readers.discard(reader)

    def addWriter(self, writer: IWriteDescriptor) -> None:
        self.writers.add(writer)

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        self.writers.discard(writer)

    def removeAll(self) -> list[Any]:
        raise AssertionError("a port leaves others' descriptors alone")

    getReaders = getWriters = removeAll


class FakeSocket:
    """
    A socket whose calls fail as told.

    @ivar sent: (payload, whether segmented) of what it took.
    @ivar problems: errno values that the next sends fail with; 0 succeeds.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, bool]] = []
        self.problems: list[int] = []
        self.incoming: list[Any] = []
        self.closed = False

    def setsockopt(self, *arguments: object) -> None:
        """
        Everything is supported.
        """

    def getsockname(self) -> Address:
        return ("127.0.0.1", 4000)

    def fileno(self) -> int:
        return 3

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

    send = sendto

    def recvmsg(self, *sizes: int) -> tuple[bytes, list[Any], int, Address]:
        if not self.incoming:
            raise BlockingIOError(errno.EAGAIN, "nothing there")
        found = self.incoming.pop(0)
        if isinstance(found, OSError):
            raise found
        return found, [], 0, ("10.0.0.1", 1)


class FailingSocketTests(SynchronousTestCase):
    """
    What the port does when the kernel refuses.
    """

    def setUp(self) -> None:
        """
        A port on a fake socket.
        """
        self.reactor = FakeReactor()
        self.socket = FakeSocket()
        self.protocol = Recorder()
        self.stats = PortStats()
        # Segmentation is Linux's; these tests are about what follows from having it.
        self.patch(portModule, "canSegment", lambda sock: True)
        self.patch(portModule, "enableCoalescing", lambda sock: True)
        self.port = BatchPort(
            self.reactor,  # type: ignore[arg-type]
            self.socket,  # type: ignore[arg-type]
            self.protocol,
            self.stats,
        )
        self.port.start()

    def write(self, *datagrams: bytes) -> None:
        """
        Send datagrams to one address.
        """
        self.port.writeDatagrams(datagrams, ("10.0.0.1", 1))

    def test_interfaces(self) -> None:
        """
        The port is a descriptor for the reactor and a transport for layers.
        """
        verifyObject(IReadDescriptor, self.port)
        verifyObject(IWriteDescriptor, self.port)
        verifyObject(IHalfCloseableDescriptor, self.port)
        verifyObject(IDatagramTransport, self.port)

    def test_errorTakenForEnd(self) -> None:
        """
        A reactor that takes an ICMP error for the end of the input is put right.
        """
        self.reactor.removeReader(self.port)
        self.socket.incoming = [ConnectionRefusedError(errno.ECONNREFUSED, "refused")]
        self.port.readConnectionLost(Failure(Exception()))
        self.assertEqual(self.protocol.refusals, 1)
        self.assertIn(self.port, self.reactor.readers)

    def test_segmented(self) -> None:
        """
        Datagrams of one length go in one call, and are counted one by one.
        """
        self.write(b"aa", b"bb", b"c")
        self.assertEqual(self.socket.sent, [(b"aabbc", True)])
        self.assertEqual((self.stats.OutPkts, self.stats.OutBytes), (3, 5))

    def test_full(self) -> None:
        """
        What the kernel does not take now is kept, in order, and sent when it is writable.
        """
        self.socket.problems = [0, errno.EAGAIN]
        self.write(b"aa", b"bbb", b"cccc")
        self.assertEqual(self.socket.sent, [(b"aa", False)])
        self.assertEqual(self.stats.OutDeferred, 2)
        self.assertIn(self.port, self.reactor.writers)
        self.write(b"d")
        self.port.doWrite()
        self.assertEqual([data for data, _ in self.socket.sent], [b"aa", b"bbb", b"ccccd"])
        self.assertNotIn(self.port, self.reactor.writers)
        self.assertEqual((self.stats.OutDropped, self.stats.OutPkts), (0, 4))

    def test_fullSegmented(self) -> None:
        """
        A run that the kernel does not take now is kept whole.
        """
        self.socket.problems = [errno.ENOBUFS]
        self.write(b"aa", b"bb")
        self.assertEqual((self.socket.sent, self.stats.OutDeferred), ([], 2))
        self.port.doWrite()
        self.assertEqual(self.socket.sent, [(b"aabb", True)])

    def test_stillFull(self) -> None:
        """
        A writable socket that takes nothing after all is waited for again.
        """
        self.socket.problems = [errno.EAGAIN, errno.EAGAIN]
        self.write(b"aa")
        self.port.doWrite()
        self.assertIn(self.port, self.reactor.writers)
        self.assertEqual(self.socket.sent, [])

    def test_keepsNoMoreThanLimit(self) -> None:
        """
        No more than a bound is kept; the rest is dropped and counted.
        """
        self.socket.problems = [errno.EAGAIN]
        self.write(*[b"a"] * (MAXIMUM_DEFERRED + 10))
        self.write(b"b")
        self.assertEqual(self.stats.OutDeferred, MAXIMUM_DEFERRED)
        self.assertEqual(self.stats.OutDropped, 11)

    def test_segmentationRefused(self) -> None:
        """
        A kernel that cannot segment after all is not asked again, and nothing is lost.
        """
        for problem in (errno.EIO, errno.EINVAL, errno.EMSGSIZE):
            with self.subTest(problem=problem):
                self.setUp()
                self.socket.problems = [problem]
                self.write(b"aa", b"bb")
                self.write(b"cc", b"dd")
                singly = [(data, False) for data in (b"aa", b"bb", b"cc", b"dd")]
                self.assertEqual(self.socket.sent, singly)
                self.assertEqual(self.stats.OutErrs, 0)

    def test_refusedDatagram(self) -> None:
        """
        A datagram that the kernel refuses for good is counted, and the next one goes.
        """
        self.socket.problems = [errno.EPERM]
        self.write(b"aa")
        self.write(b"bb")
        self.assertEqual(self.socket.sent, [(b"bb", False)])
        self.assertEqual((self.stats.OutErrs, self.stats.OutDropped), (1, 0))

    def test_connectionRefusedOnSend(self) -> None:
        """
        A refusal that shows when sending reaches the protocol, but not from inside the write.
        """
        self.socket.problems = [errno.ECONNREFUSED]
        self.write(b"aa")
        self.assertEqual(self.protocol.refusals, 0)
        self.reactor.advance(0)
        self.assertEqual(self.protocol.refusals, 1)

    def test_connectionRefusedOnRead(self) -> None:
        """
        A refusal that shows when reading reaches the protocol.
        """
        self.socket.incoming = [b"aa", ConnectionRefusedError(errno.ECONNREFUSED, "refused")]
        self.port.doRead()
        self.assertEqual(self.protocol.refusals, 1)
        self.assertEqual(self.protocol.received, [([b"aa"], ("10.0.0.1", 1))])

    def test_otherReadError(self) -> None:
        """
        An ICMP error about something else harms nothing.
        """
        self.socket.incoming = [OSError(errno.EHOSTUNREACH, "no route"), b"aa"]
        self.port.doRead()
        self.port.doRead()
        self.assertEqual(self.protocol.received, [([b"aa"], ("10.0.0.1", 1))])

    def test_readBudget(self) -> None:
        """
        One turn reads no more than the budget, so that others get their turn.
        """
        self.socket.incoming = [bytes(60000)] * 100
        self.port.doRead()
        self.assertLessEqual(self.stats.InBytes, READ_BUDGET + 60000)
        self.assertGreater(len(self.socket.incoming), 50)

    def test_emptyDatagramsEnd(self) -> None:
        """
        A flood of empty datagrams does not hold the reactor for ever.
        """
        self.patch(portModule, "READ_BUDGET", 1000)
        self.socket.incoming = [b""] * 1010
        self.port.doRead()
        self.assertEqual(len(self.socket.incoming), 10)

    def test_protocolRaises(self) -> None:
        """
        A protocol that raises does not cost the port.
        """

        def fail() -> None:
            raise ZeroDivisionError

        self.protocol.onReceived = fail
        self.socket.incoming = [b"aa"]
        self.port.doRead()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertIn(self.port, self.reactor.readers)
        self.assertEqual(self.protocol.batches, 1)

    def test_stop(self) -> None:
        """
        Stopping closes the socket in the next turn, tells the protocol once, and counts what was
        kept as dropped.
        """
        self.socket.problems = [errno.EAGAIN]
        self.write(b"aa")
        first = self.port.stopListening()
        second = self.port.stopListening()
        self.assertNoResult(first)
        self.reactor.advance(0)
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertTrue(self.socket.closed)
        self.assertEqual(len(self.protocol.lost), 1)
        self.assertEqual(self.stats.OutDropped, 1)
        self.assertEqual((self.port.fileno(), self.reactor.readers), (-1, set()))
        self.write(b"bb")
        self.assertEqual(self.socket.sent, [])


class LoopbackTests(SynchronousTestCase):
    """
    Ports on real sockets, read by hand.
    """

    def open(
        self, protocol: Recorder, peer: Address | None = None, bind: Address = LOOPBACK
    ) -> BatchPort:
        """
        @return: an open port that is closed after the test.
        """
        port = openPort(FakeReactor(), protocol, bind, KCPOptions(dscp=46), PortStats(), peer)
        assert isinstance(port, BatchPort)
        self.addCleanup(port.connectionLost, Failure(Exception()))
        return port

    def pair(self, bind: Address = LOOPBACK) -> tuple[Recorder, BatchPort, BatchPort]:
        """
        @return: a receiving protocol, its port, and a port that is connected to it.
        """
        server = Recorder()
        serverPort = self.open(server, bind=bind)
        address: Address = (bind[0], serverPort.getHost().port, *bind[2:])
        return server, serverPort, self.open(Recorder(), peer=address, bind=bind)

    def check(self, bind: Address) -> None:
        """
        Datagrams arrive whole, in order, grouped by sender, however they travelled.
        """
        server, serverPort, clientPort = self.pair(bind)
        datagrams = [bytes([i]) * 1400 for i in range(50)] + [b"short", b"", b"last"]
        clientPort.writeDatagrams(datagrams, bind)
        serverPort.doRead()
        ((received, address),) = server.received
        self.assertEqual(received, datagrams)
        self.assertEqual(address[1], clientPort.getHost().port)
        self.assertEqual(server.batches, 1)
        self.assertEqual(serverPort.stats.InPkts, 53)
        self.assertEqual(serverPort.stats.InBytes, clientPort.stats.OutBytes)

    def test_ipv4(self) -> None:
        """
        Batches go over IPv4.
        """
        self.check(LOOPBACK)

    def test_ipv6(self) -> None:
        """
        Batches go over IPv6.
        """
        self.check(("::1", 0, 0, 0))

    def test_withoutOffload(self) -> None:
        """
        Batches go one datagram a call where the kernel has no offload.
        """
        self.patch(portModule, "canSegment", lambda sock: False)
        self.patch(portModule, "enableCoalescing", lambda sock: False)
        self.check(LOOPBACK)

    def test_answer(self) -> None:
        """
        A port that is not connected answers to the address that datagrams came from.
        """
        server, serverPort, clientPort = self.pair()
        clientPort.writeDatagrams([b"question"], LOOPBACK)
        serverPort.doRead()
        serverPort.writeDatagrams([b"one", b"two"], server.received[0][1])
        clientPort.doRead()
        client = clientPort._protocol
        assert isinstance(client, Recorder)
        self.assertEqual([datagrams for datagrams, _ in client.received], [[b"one", b"two"]])

    def test_refused(self) -> None:
        """
        A connected port learns that nobody listens at its peer's.
        """
        _, serverPort, clientPort = self.pair()
        serverPort.connectionLost(Failure(Exception()))
        clientPort.writeDatagrams([b"hello?"], LOOPBACK)
        clientPort.doRead()
        client = clientPort._protocol
        assert isinstance(client, Recorder)
        self.assertEqual(client.refusals, 1)

    def test_socketOptions(self) -> None:
        """
        The code point is the upper six bits of the traffic class byte, for both families.
        """
        port = self.open(Recorder())
        assert port._socket is not None
        self.assertEqual(port._socket.getsockopt(socket.IPPROTO_IP, socket.IP_TOS), 46 << 2)
        port = self.open(Recorder(), bind=("::1", 0, 0, 0))
        assert port._socket is not None
        self.assertEqual(port._socket.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS), 46 << 2)

    def test_addressTaken(self) -> None:
        """
        An address that is taken is an error of listening.
        """
        port = self.open(Recorder())
        self.assertRaises(
            CannotListenError,
            self.open,
            Recorder(),
            bind=("127.0.0.1", port.getHost().port),
        )


class FallbackTests(SynchronousTestCase):
    """
    Ports on a reactor that has no file descriptors.
    """

    def setUp(self) -> None:
        """
        A network with a server and a client.
        """
        self.network = SimulatedNetwork()

    def open(self, address: str, number: int, peer: Address | None = None) -> ListenUDPPort:
        """
        @return: an open port.
        """
        host = self.network.host(address)
        port = openPort(host, Recorder(), (address, number), KCPOptions(), PortStats(), peer)
        assert isinstance(port, ListenUDPPort)
        return port

    def exchange(self, server: str, client: str) -> tuple[Recorder, Recorder]:
        """
        Send two datagrams and answer the first.
        """
        self.network.host(server)
        serverPort = self.open(server, 4000)
        address: Address = (server, 4000, 0, 0) if ":" in server else (server, 4000)
        clientPort = self.open(client, 0, address)
        clientPort.writeDatagrams([b"one", b"two"], address)
        self.network.run(1)
        atServer = serverPort._protocol
        atClient = clientPort._protocol
        assert isinstance(atServer, Recorder)
        assert isinstance(atClient, Recorder)
        serverPort.writeDatagrams([b"three"], atServer.received[0][1])
        self.network.run(1)
        self.assertEqual((serverPort.stats.InPkts, serverPort.stats.InBytes), (2, 6))
        self.assertEqual((clientPort.stats.OutPkts, clientPort.stats.OutBytes), (2, 6))
        return atServer, atClient

    def test_interfaces(self) -> None:
        """
        The port is a transport for layers.
        """
        verifyObject(IDatagramTransport, self.open("10.0.0.1", 4000))
        verifyObject(IReactorUDP, self.network.host("10.0.0.1"))

    def test_ipv4(self) -> None:
        """
        Datagrams go both ways, each a batch of its own.
        """
        server, client = self.exchange("10.0.0.1", "10.0.0.2")
        sender = ("10.0.0.2", 49152)
        self.assertEqual(server.received, [([b"one"], sender), ([b"two"], sender)])
        self.assertEqual(server.batches, 2)
        self.assertEqual(client.received, [([b"three"], ("10.0.0.1", 4000))])

    def test_ipv6(self) -> None:
        """
        Addresses have the form that the rest of the stack knows IPv6 by.
        """
        server, client = self.exchange("fd00::1", "fd00::2")
        self.assertEqual(server.received[0][1], ("fd00::2", 49152, 0, 0))
        self.assertEqual(client.received, [([b"three"], ("fd00::1", 4000, 0, 0))])

    def test_refused(self) -> None:
        """
        A refusal reaches the protocol.
        """
        self.network.host("10.0.0.1")
        port = self.open("10.0.0.2", 0, ("10.0.0.1", 4000))
        port.writeDatagrams([b"hello?"], ("10.0.0.1", 4000))
        self.network.run(1)
        protocol = port._protocol
        assert isinstance(protocol, Recorder)
        self.assertEqual(protocol.refusals, 1)

    def test_stop(self) -> None:
        """
        Stopping tells the protocol, once.
        """
        port = self.open("10.0.0.1", 4000)
        for _ in range(2):
            stopped: Deferred[None] = port.stopListening()
            self.successResultOf(stopped)
        protocol = port._protocol
        assert isinstance(protocol, Recorder)
        self.assertEqual(len(protocol.lost), 1)
        port.writeDatagrams([b"late"], ("10.0.0.2", 1))

    def test_protocolRaises(self) -> None:
        """
        A protocol that raises is still told of the end of the batch.
        """
        port = self.open("10.0.0.1", 4000)
        protocol = port._protocol
        assert isinstance(protocol, Recorder)

        def fail() -> None:
            raise ZeroDivisionError

        protocol.onReceived = fail
        self.assertRaises(ZeroDivisionError, port.datagramReceived, b"x", ("10.0.0.2", 1))
        self.assertEqual(protocol.batches, 1)

    def test_getHost(self) -> None:
        """
        The local address has Twisted's form.
        """
        self.assertEqual(
            self.open("10.0.0.1", 4000).getHost(), IPv4Address("UDP", "10.0.0.1", 4000)
        )
        self.assertEqual(self.open("fd00::1", 4000).getHost(), IPv6Address("UDP", "fd00::1", 4000))
