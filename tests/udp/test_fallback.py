"""
Tests for L{kcptwisted.udp.fallback}.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IReactorUDP
from twisted.internet.udp import Port
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.interfaces import Address, IDatagramTransport
from kcptwisted.options import KCPOptions
from kcptwisted.stats import PortStats
from kcptwisted.testing import SimulatedNetwork, SimulatedPort
from kcptwisted.udp.fallback import ListenUDPPort
from kcptwisted.udp.opening import openPort, rebindPort
from tests.udp.fakes import LOOPBACK, FakeReactor, Recorder


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

    def test_oversized(self) -> None:
        """
        What is larger than the port was told to take is dropped and counted.
        """
        stats, protocol = PortStats(), Recorder()
        host = self.network.host("10.0.0.1")
        openPort(host, protocol, ("10.0.0.1", 4000), KCPOptions(), stats, longest=3)
        client = self.open("10.0.0.2", 0, ("10.0.0.1", 4000))
        client.writeDatagrams([b"1234", b"123"], ("10.0.0.1", 4000))
        self.network.run(1)
        self.assertEqual([datagrams for datagrams, _ in protocol.received], [[b"123"]])
        self.assertEqual((stats.InOversized, stats.InPkts), (1, 2))

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

    def twisted(
        self, bind: Address, peer: Address | None = None
    ) -> tuple[ListenUDPPort, Recorder, FakeReactor, Port]:
        """
        @return: a port on one of Twisted's, its protocol, and what is below.
        """
        opened: list[Port] = []

        class UDPReactor(FakeReactor):
            def listenUDP(self, number: int, protocol: Any, interface: str, **_: Any) -> Port:
                opened.append(Port(number, protocol, interface, reactor=self))
                opened[0].startListening()
                return opened[0]

        protocol, reactor = Recorder(), UDPReactor()
        port = ListenUDPPort(protocol, PortStats(), peer)
        port.start(reactor, bind)
        self.addCleanup(opened[0].connectionLost)
        return port, protocol, reactor, opened[0]

    def test_tooLong(self) -> None:
        """
        A datagram that is longer than the system takes is counted, and raises nothing.
        """
        for peer in (None, ("127.0.0.1", 9)):
            port, protocol, reactor, _ = self.twisted(LOOPBACK, peer)
            port.writeDatagrams([bytes(70_000)], ("127.0.0.1", 9))
            reactor.advance(0)
            self.assertEqual((port.stats.OutErrs, port.stats.OutPkts), (1, 0))
            self.assertEqual(protocol.failures, [])

    def test_sendingFails(self) -> None:
        """
        What keeps a client from sending reaches its protocol, but not from inside the write.
        """
        port, protocol, reactor, _ = self.twisted(LOOPBACK, ("127.0.0.1", 9))
        problem = OSError(errno.ENETUNREACH, "no network")

        def fail(*_: object) -> None:
            raise problem

        self.patch(port._sending, "write", fail)
        port.writeDatagrams([b"x"], ("127.0.0.1", 9))
        self.assertEqual(protocol.failures, [])
        reactor.advance(0)
        self.assertEqual((protocol.failures, port.stats.OutErrs), ([problem], 1))

    def test_scope(self) -> None:
        """
        Twisted is given the scope of an address of one link, in binding, connecting and writing,
        and what it leaves out on reading is the port's own.
        """
        calls: list[tuple[str, Any]] = []

        class Below:
            def getHost(self) -> IPv6Address:
                return IPv6Address("UDP", "fe80::1", 4000)

            def connect(self, *address: Any) -> None:
                calls.append(("connect", address))

            def write(self, datagram: bytes, *address: Any) -> None:
                calls.append(("write", address))

        class Reactor(FakeReactor):
            def listenUDP(self, number: int, protocol: Any, interface: str, **_: Any) -> Below:
                calls.append(("bind", (interface, number)))
                below = Below()
                protocol.makeConnection(below)
                return below

        bind: Address = ("fe80::1", 4000, 0, 7)
        peer: Address = ("fe80::2", 5000, 0, 7)
        protocol = Recorder()
        port = ListenUDPPort(protocol, PortStats())
        port.start(Reactor(), bind)
        port.writeDatagrams([b"x"], peer)
        port.datagramReceived(b"x", ("fe80::2", 5000))
        port.datagramReceived(b"x", ("fd00::2", 5000))
        ListenUDPPort(Recorder(), PortStats(), peer).start(Reactor(), bind)
        bound = ("bind", ("fe80::1%7", 4000))
        there = ("fe80::2%7", 5000)
        self.assertEqual(calls, [bound, ("write", (there,)), bound, ("connect", there)])
        addresses = [address for _, address in protocol.received]
        self.assertEqual(addresses, [peer, ("fd00::2", 5000, 0, 0)])
        self.assertEqual(port.getHost(), IPv6Address("UDP", "fe80::1", 4000, 0, 7))

    def rebind(self, port: ListenUDPPort, peer: Address) -> bool:
        """
        @return: whether the client's port has another socket.
        """
        return rebindPort(port, ("10.0.0.2", 0), peer, KCPOptions())

    def test_rebind(self) -> None:
        """
        Another socket sends and receives, and the former is closed.
        """
        peer = ("10.0.0.1", 4000)
        server, port = self.open(*peer), self.open("10.0.0.2", 0, peer)
        self.assertTrue(self.rebind(port, peer))
        self.assertEqual(port.getHost(), IPv4Address("UDP", "10.0.0.2", 49153))
        self.assertEqual(list(self.network.host("10.0.0.2").ports), [49153])
        port.writeDatagrams([b"there"], peer)
        server.writeDatagrams([b"lost"], ("10.0.0.2", 49152))
        server.writeDatagrams([b"back"], ("10.0.0.2", 49153))
        self.network.run(1)
        there, back = server._protocol, port._protocol
        assert isinstance(there, Recorder)
        assert isinstance(back, Recorder)
        self.assertEqual(there.received, [([b"there"], ("10.0.0.2", 49153))])
        self.assertEqual((back.received, back.lost), ([([b"back"], peer)], []))
        self.successResultOf(port.stopListening())
        self.assertEqual(len(back.lost), 1)
        self.assertFalse(self.rebind(port, peer))

    def test_rebindFails(self) -> None:
        """
        Where there is no other socket to be had, or none that reaches the peer, the port is as it
        was.
        """
        peer = ("10.0.0.1", 4000)
        server, port = self.open(*peer), self.open("10.0.0.2", 0, peer)
        host = self.network.host("10.0.0.2")

        def full(*arguments: object, **more: object) -> IListeningPort:
            raise CannotListenError("", 0, OSError(errno.EMFILE, "too many"))

        def unreachable(*arguments: object) -> None:
            raise OSError(errno.ENETUNREACH, "no route")

        for target, name, problem in (
            (host, "listenUDP", full),
            (SimulatedPort, "connect", unreachable),
        ):
            patch = self.patch(target, name, problem)
            self.assertFalse(self.rebind(port, peer))
            patch.restore()
            self.assertEqual(list(host.ports), [49152])
            port.writeDatagrams([name.encode()], peer)
            self.network.run(1)
        there = server._protocol
        assert isinstance(there, Recorder)
        me = ("10.0.0.2", 49152)
        self.assertEqual(there.received, [([b"listenUDP"], me), ([b"connect"], me)])

    def leave(self, port: ListenUDPPort, close: Callable[[], object]) -> Recorder:
        """
        Send while the port closes, and fail.

        @return: the protocol that closed.
        """
        protocol = port._protocol
        assert isinstance(protocol, Recorder)

        def leave() -> None:
            port.writeDatagrams([b"bye"], ("127.0.0.1", 4000))
            self.successResultOf(port.stopListening())
            raise ZeroDivisionError

        protocol.onLost = leave
        close()
        port.writeDatagrams([b"late"], ("127.0.0.1", 4000))
        return protocol

    def test_leave(self) -> None:
        """
        While the port closes its protocol can take its leave, and costs no more than a log entry
        if it raises.
        """
        server = self.open("127.0.0.1", 4000)
        client = self.open("10.0.0.2", 0, ("127.0.0.1", 4000))
        protocol = self.leave(client, client.stopListening)
        self.network.run(1)
        there = server._protocol
        assert isinstance(there, Recorder)
        self.assertEqual([datagrams for datagrams, _ in there.received], [[b"bye"]])
        self.assertEqual(len(protocol.lost), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_leaveRefused(self) -> None:
        """
        A refusal that shows then leaves nothing behind, whoever closes the port.
        """
        for byReactor in (False, True):
            port = self.open("10.0.0.2", 0, ("10.0.0.1", 4000))
            protocol = port._protocol
            assert isinstance(protocol, Recorder)
            protocol.onLost = port.connectionRefused
            if byReactor:
                cast(IListeningPort, port.transport).stopListening()
            else:
                port.stopListening()
            self.assertEqual(len(protocol.lost), 1)
            self.assertEqual(self.network.clock.getDelayedCalls(), [])

    def test_leaveTwisted(self) -> None:
        """
        So it is with a port of Twisted's, when its reactor ends.
        """
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(receiver.close)
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        port = ListenUDPPort(Recorder(), PortStats(), receiver.getsockname())
        opened: list[Port] = []

        class UDPReactor(FakeReactor):
            def listenUDP(self, number: int, protocol: Any, *_: Any, **__: Any) -> Port:
                opened.append(Port(number, protocol, "127.0.0.1", reactor=self))
                opened[0].startListening()
                return opened[0]

        reactor = UDPReactor()
        port.start(reactor, ("127.0.0.1", 0))
        protocol = self.leave(port, opened[0].connectionLost)
        self.assertEqual(receiver.recv(100), b"bye")
        self.assertEqual(len(protocol.lost), 1)
        self.assertFalse(hasattr(opened[0], "socket"))
        port.connectionRefused()
        self.successResultOf(port.stopListening())
        self.assertEqual((reactor.getDelayedCalls(), reactor.readers), ([], set()))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
