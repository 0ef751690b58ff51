"""
Tests for L{kcptwisted.udp.opening}.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.error import CannotListenError
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.server.admission import hostOf
from kcptwisted.stats import PortStats
from kcptwisted.udp import opening as openingModule
from kcptwisted.udp import reading, sending
from kcptwisted.udp.addresses import toAddress
from kcptwisted.udp.opening import openPort, openShared, rebindPort
from kcptwisted.udp.port import BatchPort
from tests.udp.fakes import LOOPBACK, FakeReactor, Recorder

OPTIONS = KCPOptions(dscp=46)


class LoopbackTestCase(SynchronousTestCase):
    """
    Holds ports on real sockets, read by hand.
    """

    def open(
        self, protocol: Recorder, peer: Address | None = None, bind: Address = LOOPBACK
    ) -> BatchPort:
        """
        @return: an open port that is closed after the test.
        """
        port = openPort(FakeReactor(), protocol, bind, OPTIONS, PortStats(), peer)
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


class SharedTests(SynchronousTestCase):
    """
    Tests for L{openShared}.
    """

    if not hasattr(socket, "SO_REUSEPORT"):
        skip = "this system shares no ports"

    def share(self, bind: Address, count: int) -> list[socket.socket]:
        """
        @return: sockets that are closed after the test.
        """
        sockets = openShared(bind, OPTIONS, count)
        for sock in sockets:
            self.addCleanup(sock.close)
        return sockets

    def test_options(self) -> None:
        """
        All are bound to the same port, do not block, and are set as one alone is.
        """
        for bind in (LOOPBACK, ("::1", 0, 0, 0)):
            sockets = self.share(bind, 4)
            self.assertEqual(len(sockets), 4)
            self.assertEqual(len({sock.getsockname() for sock in sockets}), 1)
            self.assertEqual({sock.getblocking() for sock in sockets}, {False})
            level, option = (
                (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
                if len(bind) == 4
                else (socket.IPPROTO_IP, socket.IP_TOS)
            )
            self.assertEqual({sock.getsockopt(level, option) for sock in sockets}, {46 << 2})

    def test_inUse(self) -> None:
        """
        What others use is not shared with them, though they would.
        """
        (first, *_) = self.share(LOOPBACK, 2)
        problem = self.assertRaises(CannotListenError, openShared, first.getsockname(), OPTIONS, 2)
        self.assertIn("in use", str(problem))

    def test_failing(self) -> None:
        """
        If one of several cannot be had none stays open.
        """
        opened: list[socket.socket] = []

        def failing(bind: Address, options: KCPOptions, shared: bool = False) -> socket.socket:
            if len(opened) == 2:
                raise CannotListenError(*bind[:2], "no more")
            opened.append(bound(bind, options, shared))
            return opened[-1]

        bound = openingModule._bound
        self.patch(openingModule, "_bound", failing)
        self.assertRaises(CannotListenError, openShared, LOOPBACK, OPTIONS, 3)
        self.assertEqual([sock.fileno() for sock in opened], [-1, -1])


class LoopbackTests(LoopbackTestCase):
    """
    Tests for L{openPort}, and for the ports that it opens.
    """

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
        self.patch(sending, "canSegment", lambda sock: False)
        self.patch(reading, "enableCoalescing", lambda sock: False)
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

    def test_both(self) -> None:
        """
        A socket on all IPv6 addresses takes what comes for IPv4 ones, whatever the system's
        default, shows their peers as what they are, and marks both.
        """
        server = Recorder()
        port = self.open(server, bind=("::", 0, 0, 0))
        sock = port._socket
        assert sock is not None
        self.assertEqual(sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY), 0)
        self.assertEqual(sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS), 46 << 2)
        self.assertEqual(sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS), 46 << 2)
        number = port.getHost().port
        client = self.open(Recorder(), ("127.0.0.1", number))
        client.writeDatagrams([b"x"], ("127.0.0.1", number))
        port.doRead()
        ((_, address),) = server.received
        self.assertEqual(toAddress(address), client.getHost())
        self.assertEqual(hostOf(address), "127.0.0.1")

    def test_noBoth(self) -> None:
        """
        A system that cannot do that serves IPv6.
        """

        class Alone(socket.socket):
            def setsockopt(self, level: int, option: int, value: Any) -> None:  # type: ignore[override]
                if (level, option) == (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
                    raise OSError(errno.EINVAL, "as told")
                super().setsockopt(level, option, value)

        self.patch(socket, "socket", Alone)
        port = self.open(Recorder(), bind=("::", 0, 0, 0))
        self.assertEqual(port.getHost().host, "::")

    def test_exhausted(self) -> None:
        """
        If no socket is left, listening fails as ever, and connecting by the system's error.
        """

        def fail(*_: object) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        self.patch(socket, "socket", fail)
        self.assertRaises(CannotListenError, self.open, Recorder())
        self.assertRaises(CannotListenError, openShared, LOOPBACK, OPTIONS, 2)
        problem = self.assertRaises(OSError, self.open, Recorder(), ("127.0.0.1", 9))
        self.assertEqual(problem.errno, errno.EMFILE)

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


class RebindTests(LoopbackTestCase):
    """
    Tests for L{rebindPort}.
    """

    def check(self, bind: Address) -> None:
        """
        The server sees another port of the same host, and its answers arrive.
        """
        server, serverPort, clientPort = self.pair(bind)
        peer: Address = (bind[0], serverPort.getHost().port, *bind[2:])
        clientPort.writeDatagrams([b"before"], bind)
        former = clientPort.getHost()
        self.assertTrue(rebindPort(clientPort, bind, peer, OPTIONS))
        self.assertNotEqual(clientPort.getHost(), former)
        self.assertEqual(clientPort.getHost().host, former.host)
        clientPort.writeDatagrams([b"after", b"after", b"."], bind)
        serverPort.doRead()
        (before, formerAddress), (after, address) = server.received
        self.assertEqual((before, after), ([b"before"], [b"after", b"after", b"."]))
        self.assertEqual(formerAddress[1], former.port)
        self.assertEqual(address[1], clientPort.getHost().port)
        serverPort.writeDatagrams([b"lost"], formerAddress)
        serverPort.writeDatagrams([b"found"], address)
        clientPort.doRead()
        client = clientPort._protocol
        assert isinstance(client, Recorder)
        self.assertEqual([datagrams for datagrams, _ in client.received], [[b"found"]])

    def test_ipv4(self) -> None:
        """
        Over IPv4.
        """
        self.check(LOOPBACK)

    def test_ipv6(self) -> None:
        """
        Over IPv6.
        """
        self.check(("::1", 0, 0, 0))

    def test_givenAddress(self) -> None:
        """
        An address that was given to bind to stays, its port does not; the socket's options are
        those of the former.
        """
        _, serverPort, _ = self.pair()
        bind = ("127.0.0.1", 0)
        peer = ("127.0.0.1", serverPort.getHost().port)
        port = self.open(Recorder(), peer, bind)
        bind = ("127.0.0.1", port.getHost().port)
        self.assertTrue(rebindPort(port, bind, peer, OPTIONS))
        self.assertEqual(port.getHost().host, "127.0.0.1")
        self.assertNotEqual(port.getHost().port, bind[1])
        assert port._socket is not None
        self.assertEqual(port._socket.getsockopt(socket.IPPROTO_IP, socket.IP_TOS), 46 << 2)

    def test_fails(self) -> None:
        """
        If the address is gone, or the peer cannot be reached from it, the port stays as it was.
        """
        server, serverPort, clientPort = self.pair()
        peer = ("127.0.0.1", serverPort.getHost().port)
        before = clientPort.fileno(), clientPort.getHost()
        # An address for documentation, which no host has; and a broadcast, which needs leave.
        for bind, other in ((("192.0.2.1", 0), peer), (LOOPBACK, ("255.255.255.255", 9))):
            self.assertFalse(rebindPort(clientPort, bind, other, OPTIONS))
        self.assertEqual((clientPort.fileno(), clientPort.getHost()), before)
        clientPort.writeDatagrams([b"still there"], peer)
        serverPort.doRead()
        self.assertEqual([datagrams for datagrams, _ in server.received], [[b"still there"]])

    def test_closed(self) -> None:
        """
        A port that is closed stays closed.
        """
        _, serverPort, clientPort = self.pair()
        clientPort.connectionLost(Failure(Exception()))
        peer = ("127.0.0.1", serverPort.getHost().port)
        self.assertFalse(rebindPort(clientPort, LOOPBACK, peer, OPTIONS))
        self.assertEqual(clientPort.fileno(), -1)


class ReactorTests(TestCase):
    """
    The same in trial's reactor.
    """

    timeout = 20

    @inlineCallbacks
    def test_rebind(self) -> Any:
        """
        The reactor reads from the present socket, and what is sent in connectionLost arrives.
        """
        from twisted.internet import reactor

        server, client = Recorder(), Recorder()
        serverPort = openPort(reactor, server, LOOPBACK, OPTIONS, PortStats())
        peer = ("127.0.0.1", serverPort.getHost().port)
        clientPort = openPort(reactor, client, LOOPBACK, OPTIONS, PortStats(), peer)

        def arrival(protocol: Recorder) -> Deferred[None]:
            arrived: Deferred[None] = Deferred()
            protocol.onReceived = lambda: arrived.callback(None)
            return arrived

        for times in range(3):
            there = arrival(server)
            clientPort.writeDatagrams([b"question"], peer)
            yield there
            back = arrival(client)
            serverPort.writeDatagrams([b"answer"], server.received[-1][1])
            yield back
            self.assertEqual((len(server.received), len(client.received)), (times + 1, times + 1))
            self.assertTrue(rebindPort(clientPort, LOOPBACK, peer, OPTIONS))
        self.assertEqual(len({address for _, address in server.received}), 3)

        there = arrival(server)
        client.onLost = lambda: clientPort.writeDatagrams([b"bye"], peer)
        yield clientPort.stopListening()
        yield there
        self.assertEqual(server.received[-1][0], [b"bye"])
        yield serverPort.stopListening()
