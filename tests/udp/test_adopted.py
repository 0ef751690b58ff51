"""
Tests for L{kcptwisted.udp.adopted} and L{kcptwisted.udp.onepeer}.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.interfaces import IDatagramProtocol
from kcptwisted.options import KCPOptions
from kcptwisted.stats import PortStats
from kcptwisted.udp.adopted import AdoptedSocket, SocketInUse, adopt
from kcptwisted.udp.onepeer import OnePeerLayer
from kcptwisted.udp.opening import openPort, rebindPort
from kcptwisted.udp.port import BatchPort
from tests.udp.fakes import LOOPBACK, FakeReactor, Recorder

ADOPT = KCPOptions(dscp=46, socketBuffer=200_000)


class SocketsCase(SynchronousTestCase):
    """
    Opens sockets that are closed after the test.
    """

    def open(self, *bind: Any, kind: int = socket.SOCK_DGRAM) -> socket.socket:
        """
        @return: an application's socket.
        """
        ipv6 = bool(bind) and len(bind[0]) == 4
        sock = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, kind)
        self.addCleanup(sock.close)
        for address in bind:
            sock.bind(address)
        sock.settimeout(5)
        return sock

    def adopt(self, given: socket.socket | int) -> AdoptedSocket:
        """
        @return: a duplicate.
        """
        sock = adopt(given, "socket")
        self.addCleanup(sock.close)
        return sock


class AdoptTests(SocketsCase):
    """
    Tests for L{adopt}.
    """

    def test_duplicate(self) -> None:
        """
        The duplicate is bound where the socket is, does not block, is not inherited, and outlives
        the socket.
        """
        for number in (False, True):
            for bind in (LOOPBACK, ("::1", 0, 0, 0)):
                own = self.open(bind)
                sock = self.adopt(own.fileno() if number else own)
                self.assertEqual(sock.getsockname(), own.getsockname())
                self.assertNotEqual(sock.fileno(), own.fileno())
                self.assertFalse(sock.getblocking() or sock.get_inheritable())
                own.close()
                self.assertRaises(BlockingIOError, sock.recv, 1)

    def refused(self, given: socket.socket | int, expected: str) -> None:
        """
        Check that a socket is refused, with the reason, and that nothing stays open.
        """
        before = os.listdir("/proc/self/fd") if sys.platform.startswith("linux") else []
        problem = self.assertRaises(ValueError, adopt, given, "fd=7")
        self.assertIn("fd=7 must be", str(problem))
        self.assertIn(expected, str(problem))
        if before:
            self.assertEqual(len(os.listdir("/proc/self/fd")), len(before))

    def test_wrongKind(self) -> None:
        """
        Only a bound UDP socket will do.
        """
        closed = self.open(LOOPBACK)
        closed.close()
        self.refused(closed, "an open socket")
        self.refused(12345, "an open socket")
        with open(__file__, encoding="utf-8") as file:
            self.refused(file.fileno(), "a bound UDP socket")
        self.refused(self.open(), "not one that is not bound")
        self.refused(self.open(LOOPBACK, kind=socket.SOCK_STREAM), "not one of TCP")
        if hasattr(socket, "AF_UNIX"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unix:
                self.refused(unix, "not one of AF_UNIX")

    def test_inUse(self) -> None:
        """
        A second duplicate is refused while the first is open, whatever it is made of.
        """
        own = self.open(LOOPBACK)
        first = self.adopt(own)
        copy = own.dup()
        self.addCleanup(copy.close)
        for given in (own, own.fileno(), copy, first):
            self.assertRaises(SocketInUse, adopt, given, "socket")
        self.adopt(self.open(LOOPBACK))
        first.close()
        self.adopt(own)

    def test_restored(self) -> None:
        """
        When the duplicate is closed, the application finds its socket as it was: blocking or not,
        and with the same options.
        """
        for bind, blocking in ((("0.0.0.0", 0), True), (("::", 0, 0, 0), False)):
            own = self.open(bind)
            own.setblocking(blocking)
            before = self.state(own)
            port = openPort(
                FakeReactor(), Recorder(), bind, ADOPT, PortStats(), sock=adopt(own, "")
            )
            assert isinstance(port, BatchPort)
            self.assertNotEqual(self.state(own), before)
            port.connectionLost(Failure(Exception()))
            self.assertEqual(self.state(own), before)

    def state(self, sock: socket.socket) -> list[object]:
        """
        @return: what a port changes.
        """
        found: list[object] = [os.get_blocking(sock.fileno())]
        for option in ((17, 104), (0, 8), (0, 1), (0, 11), (41, 49), (41, 67), (41, 25)):
            try:
                found.append(sock.getsockopt(*option))
            except OSError:
                found.append(None)
        return found

    def test_buffers(self) -> None:
        """
        Larger buffers than the options ask for stay; smaller ones grow.
        """
        for size, grows in ((20_000, True), (150_000, False)):
            own = self.open(LOOPBACK)
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
            before = own.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
            options = KCPOptions(socketBuffer=100_000)
            port = openPort(
                FakeReactor(), Recorder(), LOOPBACK, options, PortStats(), sock=adopt(own, "")
            )
            after = own.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
            self.assertEqual((after > before, after == before), (grows, not grows))
            assert isinstance(port, BatchPort)
            port.connectionLost(Failure(Exception()))

    if not sys.platform.startswith("linux"):
        test_restored.skip = "only Linux has these options"  # type: ignore[attr-defined]

    def test_errorQueue(self) -> None:
        """
        If the application asks for ICMP errors, the first one would leave the socket readable, and
        the port would be called again and again.
        """
        own = self.open(LOOPBACK)
        own.setsockopt(socket.IPPROTO_IP, 11, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
            gone.bind(LOOPBACK)
            nobody = gone.getsockname()
        own.sendto(b"hello?", nobody)
        sock = self.adopt(own)
        self.assertRaises(BlockingIOError, sock.recv, 1, socket.MSG_ERRQUEUE)

    if not sys.platform.startswith("linux"):
        test_errorQueue.skip = "only Linux has the queue"  # type: ignore[attr-defined]


class PortTests(SocketsCase):
    """
    Ports on an application's socket.
    """

    def port(self, own: socket.socket, peer: Any = None) -> tuple[Recorder, BatchPort]:
        """
        @return: a port, and its protocol.
        """
        protocol = Recorder()
        sock = self.adopt(own)
        port = openPort(FakeReactor(), protocol, sock.getsockname(), ADOPT, PortStats(), peer, sock)
        assert isinstance(port, BatchPort)
        self.addCleanup(port.connectionLost, Failure(Exception()))
        return protocol, port

    def test_closing(self) -> None:
        """
        The port closes its duplicate, and the application's socket goes on.
        """
        own = self.open(LOOPBACK)
        _, port = self.port(own)
        port.connectionLost(Failure(Exception()))
        self.assertEqual(port.fileno(), -1)
        other = self.open(LOOPBACK)
        other.sendto(b"hello", own.getsockname())
        self.assertEqual(own.recv(10), b"hello")

    def onePeer(self, bind: Any) -> None:
        """
        A client's port passes up what its peer sends, and nobody else.
        """
        anywhere = ("::", 0, 0, 0) if len(bind) == 4 else ("0.0.0.0", 0)
        own, peer, stranger = self.open(anywhere), self.open(bind), self.open(bind)
        protocol, port = self.port(own, peer.getsockname())
        here = (bind[0], own.getsockname()[1])
        for sender in (stranger, peer, stranger):
            sender.sendto(b"from " + str(sender.getsockname()[1]).encode(), here)
        port.doRead()
        wanted = b"from " + str(peer.getsockname()[1]).encode()
        self.assertEqual([datagrams for datagrams, _ in protocol.received], [[wanted]])
        self.assertEqual((port.stats.InErrs, port.stats.InPkts), (2, 3))
        port.writeDatagrams([b"a"], peer.getsockname())
        port.writeDatagrams([b"bb", b"cc"], peer.getsockname())
        self.assertEqual([peer.recv(10) for _ in range(3)], [b"a", b"bb", b"cc"])
        self.assertIsNone(port._reader._own)

    def test_onePeer(self) -> None:
        """
        Over IPv4.
        """
        self.onePeer(LOOPBACK)

    def test_onePeerIPv6(self) -> None:
        """
        Over IPv6.
        """
        self.onePeer(("::1", 0, 0, 0))

    def test_connected(self) -> None:
        """
        A socket that is connected is used as such: its port hears of refusals.
        """
        peer, own = self.open(LOOPBACK), self.open(LOOPBACK)
        own.connect(peer.getsockname())
        protocol, port = self.port(own, peer.getsockname())
        port.writeDatagrams([b"a"], peer.getsockname())
        self.assertEqual(peer.recv(10), b"a")
        peer.close()
        port.writeDatagrams([b"b"], LOOPBACK)
        port.doRead()
        self.assertEqual(protocol.refusals, 1)

    def test_sendingFails(self) -> None:
        """
        A peer that this host cannot send to is reported, though the socket is not connected.
        """
        protocol, port = self.port(self.open(LOOPBACK), ("255.255.255.255", 9))
        port.writeDatagrams([b"a"], ("255.255.255.255", 9))
        reactor: Any = port._reactor
        reactor.advance(0)
        self.assertEqual(len(protocol.failures), 1)

    def test_rebinding(self) -> None:
        """
        The port keeps its socket: another one would not be the application's.
        """
        own, peer = self.open(LOOPBACK), self.open(LOOPBACK)
        _, port = self.port(own, peer.getsockname())
        descriptor = port.fileno()
        self.assertFalse(rebindPort(port, LOOPBACK, peer.getsockname(), ADOPT))
        self.assertEqual(port.fileno(), descriptor)


class OnePeerTests(SynchronousTestCase):
    """
    Tests for L{OnePeerLayer}.
    """

    def layer(self, peer: Any) -> tuple[Recorder, OnePeerLayer]:
        """
        @return: the layer for a peer, and the protocol above.
        """
        protocol = Recorder()
        return protocol, OnePeerLayer(protocol, peer, PortStats())

    def test_spelling(self) -> None:
        """
        A peer's address is known however it is spelt.
        """
        for peer, spelt, same in (
            (("10.0.0.1", 1), ("10.0.0.1", 1), True),
            (("10.0.0.1", 1), ("10.0.0.1", 2), False),
            (("FD00:0::1", 1, 0, 0), ("fd00::1", 1, 7, 0), True),
            (("fe80::1", 1, 0, 2), ("fe80::1%eth0", 1, 0, 2), True),
            (("fe80::1", 1, 0, 2), ("fe80::1%eth1", 1, 0, 3), False),
            (("::ffff:10.0.0.1", 1, 0, 0), ("::FFFF:a00:1", 1, 0, 0), True),
        ):
            protocol, layer = self.layer(peer)
            layer.datagramsReceived([b"x"], spelt)
            self.assertEqual(len(protocol.received), int(same), spelt)

    def test_errors(self) -> None:
        """
        Errors that may be about other addresses stop here; the rest passes.
        """
        protocol, layer = self.layer(LOOPBACK)
        verifyObject(IDatagramProtocol, layer)
        calls: list[Callable[[], None]] = [
            layer.connectionRefused,
            lambda: layer.peerUnreachable(OSError()),
            lambda: layer.sendingFailed(OSError()),
            layer.batchFinished,
        ]
        for call in calls:
            call()
        self.assertEqual((protocol.refusals, protocol.unreachable), (0, []))
        self.assertEqual((len(protocol.failures), protocol.batches), (1, 1))
