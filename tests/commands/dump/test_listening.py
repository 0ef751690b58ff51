"""
Tests for L{kcptwisted.commands.dump.listening}; C{tests/interop/live/test_dump.py} has one with an
interface.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.dump import listening
from kcptwisted.commands.dump.listening import listen
from kcptwisted.commands.dump.sources import Frame, SourceError
from tests.commands.dump.captures import RAW

LOOPBACK, ETHERNET = 772, 1
HOST, OUTGOING = 0, 4
IPV4, IPV6, ARP = 0x0800, 0x86DD, 0x0806

#: 5 s and 7 ns.
STAMP = (1, 35, struct.pack("@ll", 5, 7))


class FakeSocket:
    """
    A packet socket.

    @ivar arrived: what it receives, before it fails.
    """

    def __init__(self) -> None:
        self.arrived: list[tuple[bytes, list[tuple[int, int, bytes]], int, Any]] = []
        self.lost = 0
        self.bound: object = None
        self.closed = False

    def bind(self, address: tuple[str, int]) -> None:
        """
        Note, or fail.
        """
        if address[0] == "nowhere":
            raise OSError(errno.ENODEV, "No such device")
        self.bound = address

    def setsockopt(self, *_: int) -> None:
        """
        Do nothing.
        """

    def getsockopt(self, *_: int) -> bytes:
        """
        @return: how many came and how many were lost.
        """
        lost, self.lost = self.lost, 0
        return struct.pack("@II", 9, lost)

    def recvmsg(self, *_: int) -> Any:
        """
        @return: the next.
        """
        if not self.arrived:
            raise OSError(errno.ENETDOWN, "Network is down")
        return self.arrived.pop(0)

    def close(self) -> None:
        """
        Note.
        """
        self.closed = True


def arrival(data: bytes, protocol: int = IPV4, kind: int = HOST, hardware: int = ETHERNET) -> Any:
    """
    @return: what C{recvmsg} returns.
    """
    return data, [STAMP], 0, ("lo", protocol, kind, hardware, b"")


class ListenTests(SynchronousTestCase):
    """
    Tests for L{listen}.
    """

    def setUp(self) -> None:
        """
        A socket that is not one.
        """
        if not sys.platform.startswith("linux"):
            self.skipTest("for Linux")
        self.socket = FakeSocket()
        self.patch(socket, "socket", lambda *_: self.socket)

    def listen(self, *arrived: Any) -> tuple[list[Frame], str]:
        """
        @return: the frames, and why there are no more.
        """
        self.socket.arrived += arrived
        found: list[Frame] = []
        source = listen("eth0")
        try:
            while True:
                found.append(next(source))
        except SourceError as problem:
            return found, str(problem)

    def test_frames(self) -> None:
        """
        IP packets come with the kernel's time; others are passed over.
        """
        found, problem = self.listen(
            arrival(b"one"), arrival(b"arp", ARP), arrival(b"two", IPV6, OUTGOING)
        )
        time = 5_000_000_007
        self.assertEqual(found, [Frame(time, RAW, b"one"), Frame(time, RAW, b"two")])
        self.assertEqual(problem, "the capture has ended: Network is down")
        self.assertEqual((self.socket.bound, self.socket.closed), (("eth0", 3), True))

    def test_loopback(self) -> None:
        """
        What a loopback interface shows twice comes once.
        """
        found, _ = self.listen(
            arrival(b"one", kind=OUTGOING, hardware=LOOPBACK), arrival(b"one", hardware=LOOPBACK)
        )
        self.assertEqual(len(found), 1)

    def test_noTime(self) -> None:
        """
        Without the kernel's time it is that of the reading.
        """
        self.patch(listening, "time_ns", lambda: 77)
        found, _ = self.listen((b"one", [], 0, ("lo", IPV4, HOST, ETHERNET, b"")))
        self.assertEqual(found[0].time, 77)

    def test_lost(self) -> None:
        """
        If frames come too fast, the capture ends and says so: what it counts would be wrong.
        """
        self.socket.lost = 3
        found, problem = self.listen(arrival(b"one"), arrival(b"two"))
        self.assertEqual(len(found), 1)
        self.assertEqual(problem, "3 frames came too fast: use tcpdump -w first")

    def test_noInterface(self) -> None:
        """
        An interface that is not there is named.
        """
        problem = self.assertRaises(SourceError, next, listen("nowhere"))
        self.assertEqual(str(problem), "-i nowhere: No such device")
        self.assertTrue(self.socket.closed)

    def test_notAllowed(self) -> None:
        """
        Without the permission it is said what is needed.
        """

        def refuse(*_: int) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        self.patch(socket, "socket", refuse)
        problem = self.assertRaises(SourceError, next, listen("lo"))
        self.assertEqual(str(problem), "-i lo needs root, or the capability CAP_NET_RAW")

    def test_otherSystem(self) -> None:
        """
        Elsewhere another way is said.
        """
        self.patch(sys, "platform", "darwin")
        problem = self.assertRaises(SourceError, next, listen("lo"))
        self.assertIn("tcpdump -w -", str(problem))
