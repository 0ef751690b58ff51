"""
Tests for L{kcptwisted.udp.asked} and L{kcptwisted.udp.pktinfo}.
"""

from __future__ import annotations

import socket
import struct
import sys
from ipaddress import IPv6Address

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.interfaces import Address
from kcptwisted.stats import PortStats
from kcptwisted.udp import asked as askedModule
from kcptwisted.udp import reading, sending
from kcptwisted.udp.asked import (
    AskedAddress,
    OwnAddress,
    OwnAddresses,
    askedAddress,
    ownAddressOf,
    readOwnAddress,
)
from kcptwisted.udp.offload import Ancillary
from kcptwisted.udp.opening import openPort, openShared
from kcptwisted.udp.pktinfo import askForOwnAddresses
from kcptwisted.udp.port import BatchPort
from tests.udp.fakes import FakeReactor, Recorder
from tests.udp.test_opening import OPTIONS

PEER: Address = ("10.0.0.1", 77)


def pktinfo(host: str, interface: int = 2) -> bytes:
    """
    @return: what the kernel says of a datagram that came to C{host}.
    """
    own = socket.inet_aton(host)
    return struct.pack("=i4s4s", interface, own, own)


def pktinfo6(host: str, interface: int = 2) -> bytes:
    """
    The same for IPv6.
    """
    return struct.pack("=16sI", IPv6Address(host).packed, interface)


class AskedAddressTests(SynchronousTestCase):
    """
    A peer's address with a note.
    """

    def test_plain(self) -> None:
        """
        It is as good a key as the plain one, and looks like it.
        """
        own = readOwnAddress(pktinfo("10.0.0.9"))
        assert own is not None
        noted = askedAddress(PEER, own)
        self.assertEqual((noted, hash(noted), repr(noted)), (PEER, hash(PEER), repr(PEER)))
        self.assertIn(noted, {PEER})
        self.assertIs(ownAddressOf(noted), own)
        self.assertIsNone(ownAddressOf(PEER))


class ReadTests(SynchronousTestCase):
    """
    Tests for L{readOwnAddress} and L{OwnAddresses}.
    """

    def read(self, data: bytes) -> tuple[str, Ancillary]:
        """
        @return: the address, and what to send from there.
        """
        own = readOwnAddress(data)
        assert own is not None
        return own.host, own.messages

    def test_ipv4(self) -> None:
        """
        The answer leaves from the address, by whatever interface.
        """
        wanted = struct.pack("=i4s4s", 0, socket.inet_aton("10.0.0.9"), bytes(4))
        self.assertEqual(
            self.read(pktinfo("10.0.0.9")), ("10.0.0.9", [(socket.IPPROTO_IP, 8, wanted)])
        )

    def test_ipv6(self) -> None:
        """
        But for an address that is of one link.
        """
        for host, interface in (("fd00::9", 0), ("fe80::9", 2)):
            wanted = [(socket.IPPROTO_IPV6, 50, pktinfo6(host, interface))]
            self.assertEqual(self.read(pktinfo6(host)), (host, wanted))

    def test_mapped(self) -> None:
        """
        An IPv4 address is shown as one.
        """
        host, messages = self.read(pktinfo6("::ffff:10.0.0.9"))
        self.assertEqual(host, "10.0.0.9")
        self.assertEqual(messages, [(socket.IPPROTO_IPV6, 50, pktinfo6("::ffff:10.0.0.9", 0))])

    def test_nothing(self) -> None:
        """
        Nothing can be sent from a group's address, and of a message of another size nothing is
        known.
        """
        for data in (pktinfo6("ff02::1"), b"", bytes(13)):
            self.assertIsNone(readOwnAddress(data))

    def test_find(self) -> None:
        """
        One of the control messages names it, wherever it stands; the object is the same each time.
        """
        known = OwnAddresses()
        message = (socket.IPPROTO_IP, 8, pktinfo("10.0.0.9"))
        own = known.find([(socket.IPPROTO_UDP, 104, bytes(4)), message])
        self.assertIsNotNone(own)
        self.assertIs(known.find([message]), own)
        self.assertIs(known.find([message, (socket.IPPROTO_IP, socket.IP_TTL, bytes(4))]), own)
        self.assertIsNone(known.find([]))
        self.assertIsNone(known.find([(socket.IPPROTO_UDP, 104, bytes(12))]))

    def test_bounded(self) -> None:
        """
        No more than so many are known at once.
        """
        self.patch(askedModule, "MAXIMUM_KNOWN", 3)
        known = OwnAddresses()
        for last in range(100):
            own = known.find([(socket.IPPROTO_IP, 8, pktinfo(f"10.0.0.{last}"))])
            assert own is not None
            self.assertEqual(own.host, f"10.0.0.{last}")
            self.assertLessEqual(len(known.known), 3)

    def test_peersBounded(self) -> None:
        """
        Nor are more notes kept, whoever makes up addresses.
        """
        self.patch(askedModule, "MAXIMUM_PEERS", 3)
        known = OwnAddresses()
        ancillary = [(socket.IPPROTO_IP, 8, pktinfo("10.0.0.9"))]
        own = known.find(ancillary)
        for port in range(100):
            self.assertIs(ownAddressOf(known.note(("10.0.0.1", port), ancillary)), own)
            self.assertLessEqual(len(known.peers), 3)


class SocketTests(SynchronousTestCase):
    """
    On real sockets.
    """

    if not sys.platform.startswith("linux"):
        skip = "only Linux tells"

    def open(self, bind: Address, sock: socket.socket | None = None) -> tuple[Recorder, BatchPort]:
        """
        @return: a server's port, and its protocol.
        """
        protocol = Recorder()
        port = openPort(FakeReactor(), protocol, bind, OPTIONS, PortStats(), sock=sock)
        assert isinstance(port, BatchPort)
        self.addCleanup(port.connectionLost, Failure(Exception()))
        return protocol, port

    def ask(self, host: str, port: BatchPort, datagrams: int = 1) -> socket.socket:
        """
        @return: a client that has sent to C{host} and hears from there only.
        """
        client = socket.socket(
            socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM
        )
        self.addCleanup(client.close)
        client.settimeout(5)
        client.connect((host, port.getHost().port))
        for _ in range(datagrams):
            client.send(b"question")
        return client

    def check(self, bind: Address, *hosts: str) -> None:
        """
        Single datagrams and batches leave from where each client has asked.
        """
        protocol, port = self.open(bind)
        for host in hosts:
            client = self.ask(host, port, 2)
            port.doRead()
            port.doRead()
            _, address = protocol.received[-1]
            own = ownAddressOf(address)
            assert own is not None
            self.assertEqual(own.host, host)
            self.assertEqual(len(address), 4 if ":" in bind[0] else 2)
            answers = [b"x" * 100] * 9
            port.writeDatagrams(answers[:1], address)
            port.writeDatagrams(answers[1:], address)
            self.assertEqual([client.recv(2000) for _ in answers], answers)
        self.assertEqual(port.stats.OutErrs, 0)

    def test_ipv4(self) -> None:
        """
        Over IPv4.
        """
        self.check(("0.0.0.0", 0), "127.0.0.1", "127.0.0.2", "127.1.2.3")

    def test_both(self) -> None:
        """
        Over both.
        """
        self.check(("::", 0, 0, 0), "::1", "127.0.0.2", "127.0.0.1")

    def test_withoutOffload(self) -> None:
        """
        Where nothing is coalesced or segmented, too.
        """
        self.patch(sending, "canSegment", lambda sock: False)
        self.patch(reading, "enableCoalescing", lambda sock: False)
        self.check(("0.0.0.0", 0), "127.0.0.2", "127.0.0.1")

    def test_another(self) -> None:
        """
        A client that asks at another address with the same socket is answered from there.
        """
        protocol, port = self.open(("0.0.0.0", 0))
        client = self.ask("127.0.0.2", port)
        port.doRead()
        client.connect(("127.0.0.3", port.getHost().port))
        client.send(b"question")
        port.doRead()
        (_, former), (_, present) = protocol.received
        self.assertEqual(former, present)
        port.writeDatagrams([b"not for it"], former)
        port.writeDatagrams([b"answer"], present)
        self.assertEqual(client.recv(100), b"answer")

    def test_kept(self) -> None:
        """
        What had to be kept for later leaves from there as well.
        """
        protocol, port = self.open(("0.0.0.0", 0))
        client = self.ask("127.0.0.2", port)
        port.doRead()
        ((_, address),) = protocol.received
        port._writer._backlog.add([b"kept"], address)
        port.writeDatagrams([b"later"], address)
        port.doWrite()
        self.assertEqual([client.recv(100), client.recv(100)], [b"kept", b"later"])

    def test_shared(self) -> None:
        """
        So it is with sockets that share a port.
        """
        ports = [self.open(("0.0.0.0", 0), sock) for sock in openShared(("0.0.0.0", 0), OPTIONS, 2)]
        clients = [self.ask(f"127.0.0.{number}", ports[0][1]) for number in range(2, 60)]
        asked: dict[int, tuple[BatchPort, Address]] = {}
        for protocol, port in ports:
            port.doRead()
            self.assertTrue(protocol.received)
            asked |= {address[1]: (port, address) for _, address in protocol.received}
        for client in clients:
            port, address = asked[client.getsockname()[1]]
            port.writeDatagrams([b"answer"], address)
            self.assertEqual(client.recv(100), b"answer")

    def test_oneAddress(self) -> None:
        """
        A socket on one address is not told, which would cost something for nothing.
        """
        for bind in (("127.0.0.1", 0), ("::1", 0, 0, 0)):
            protocol, port = self.open(bind)
            self.assertIsNone(port._reader._own)
            self.ask(bind[0], port)
            port.doRead()
            self.assertNotIsInstance(protocol.received[0][1], AskedAddress)

    def test_old(self) -> None:
        """
        A kernel that cannot tell changes nothing.
        """

        class Old:
            family = socket.AF_INET

            def getsockname(self) -> Address:
                return ("0.0.0.0", 1)

            def setsockopt(self, *_: object) -> None:
                raise OSError

        self.assertIsNone(askForOwnAddresses(Old()))  # type: ignore[arg-type]

    def test_gone(self) -> None:
        """
        An answer from an address that the host has no more is refused and counted.
        """
        _, port = self.open(("0.0.0.0", 0))
        message = (socket.IPPROTO_IP, 8, struct.pack("=i4s4s", 0, bytes([255] * 4), bytes(4)))
        gone = OwnAddress("192.0.2.1", [message], b"")
        port.writeDatagrams([b"a", b"b"], askedAddress(("127.0.0.1", 9), gone))
        self.assertEqual((port.stats.OutErrs, port.stats.OutPkts), (2, 0))
