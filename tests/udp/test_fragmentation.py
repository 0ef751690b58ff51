"""
Tests for L{kcptwisted.udp.fragmentation}, and for what L{kcptwisted.udp.sending} does by it.
"""

from __future__ import annotations

import errno
import socket
import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.interfaces import Address
from kcptwisted.stats import PortStats
from kcptwisted.udp import sending
from kcptwisted.udp.fragmentation import Fragments, SocketSwitch, pathLimit
from kcptwisted.udp.port import BatchPort
from tests.udp.fakes import FakeReactor, FakeSocket, PortTestCase, Recorder

#: The levels of IP and of IPv6.
IP, IPV6 = 0, 41

#: By system: the options that forbid fragments on a socket of IPv4 and on one of IPv6, and the
#: values that forbid and allow.  Linux: linux/in.h, linux/in6.h.  macOS, FreeBSD: netinet/in.h,
#: netinet6/in6.h.  Windows: ws2ipdef.h.
OPTIONS = {
    "linux": ([(IP, 10)], [(IP, 10), (IPV6, 23)], 2, 0),
    "darwin": ([(IP, 28)], [(IPV6, 62)], 1, 0),
    "freebsd14": ([(IP, 67)], [(IPV6, 62)], 1, 0),
    "win32": ([(IP, 14)], [(IPV6, 14)], 1, 0),
    "openbsd7": ([], [], 1, 0),
}


class NotingSocket:
    """
    Notes its options.
    """

    def __init__(self, family: int, problem: int = 0) -> None:
        """
        @param problem: an errno with which setting one fails.
        """
        self.family = family
        self.options: dict[tuple[int, int], int] = {}
        self._problem = problem

    def setsockopt(self, level: int, name: int, value: int) -> None:
        """
        Note.
        """
        if self._problem:
            raise OSError(self._problem, "as told")
        self.options[level, name] = value


class OptionTests(SynchronousTestCase):
    """
    Socket options.
    """

    def test_systems(self) -> None:
        """
        Each system has its own; where there are none it says so.
        """
        for system, (ipv4, ipv6, forbidding, allowing) in OPTIONS.items():
            self.patch(sys, "platform", system)
            for family, options in ((socket.AF_INET, ipv4), (socket.AF_INET6, ipv6)):
                sock: Any = NotingSocket(family)
                setting = SocketSwitch(sock)
                self.assertEqual(setting.forbid(), bool(options), system)
                self.assertEqual(sock.options, dict.fromkeys(options, forbidding))
                setting.allow()
                self.assertEqual(sock.options, dict.fromkeys(options, allowing))

    def test_refused(self) -> None:
        """
        A system that refuses them is taken for one that has none.
        """
        sock: Any = NotingSocket(socket.AF_INET, errno.ENOPROTOOPT)
        self.assertFalse(SocketSwitch(sock).forbid())

    def test_real(self) -> None:
        """
        This system takes them, on sockets of both families.
        """
        if not sys.platform.startswith(("linux", "darwin", "freebsd", "win32")):
            self.skipTest("this system has none")
        for family in (socket.AF_INET, socket.AF_INET6):
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                self.assertTrue(SocketSwitch(sock).forbid())
                SocketSwitch(sock).allow()

    def test_limit(self) -> None:
        """
        What the system knows of a path is what its loopback device carries, less the headers.
        """
        if not sys.platform.startswith("linux"):
            self.assertEqual(pathLimit(socket.socket(), None), 0)
            return
        for family, host, headers in (
            (socket.AF_INET, "127.0.0.1", 28),
            (socket.AF_INET6, "::1", 48),
            (socket.AF_INET6, "::ffff:127.0.0.1", 28),
        ):
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                address: Address = (host, 9)
                found = pathLimit(sock, address)
                sock.connect(address)
                self.assertEqual(pathLimit(sock, None), found)
            with open("/sys/class/net/lo/mtu") as file:
                loopback = int(file.read())
            # IPv4 has no larger packets.
            most = min(loopback, 65535) if headers == 28 else loopback
            self.assertEqual(found, most - headers)


class NarrowSocket(FakeSocket):
    """
    A socket whose system knows that the path carries 10 bytes.
    """

    limit = 10
    value = 0

    def setsockopt(self, *arguments: object) -> None:
        """
        Note whether fragments are forbidden.
        """
        if arguments[:2] == (IP, 10):
            self.value = arguments[2]  # type: ignore[assignment]

    def _take(self, data: bytes, segmented: bool) -> int:
        size = len(data) if not segmented else 2
        if self.value == 2 and (size > self.limit or (segmented and len(data) > self.limit)):
            raise OSError(errno.EMSGSIZE, "as told")
        return super()._take(data, self.value == 2)


class RefusalTests(PortTestCase):
    """
    Datagrams that are too large for the path.  What was sent is noted with whether fragments were
    forbidden.
    """

    socket: NarrowSocket

    def setUp(self) -> None:
        """
        Open the port, on Linux.
        """
        self.patch(sys, "platform", "linux")
        self.reactor = FakeReactor()
        self.socket = NarrowSocket()
        self.protocol = Recorder()
        self.stats = PortStats()
        self.offload(False)
        self.told: list[tuple[Address | None, int, bool]] = []
        self.known = 10
        self.patch(sending, "pathLimit", lambda sock, address: self.known)
        self.port = BatchPort(
            self.reactor,  # type: ignore[arg-type]
            self.socket,  # type: ignore[arg-type]
            self.protocol,
            self.stats,
            tooBig=lambda *what: self.told.append(what),
        )
        self.port.start()

    def send(self, *sizes: int) -> None:
        """
        Send datagrams.
        """
        self.write(*[bytes(size) for size in sizes])

    def sent(self) -> list[tuple[int, bool]]:
        """
        @return: their sizes, and whether fragments were forbidden.
        """
        sent, self.socket.sent = self.socket.sent, []
        return [(len(data), forbidden) for data, forbidden in sent]

    def test_fragmented(self) -> None:
        """
        What is refused is sent again in fragments, and no error; what passes is not fragmented.
        The session is told, once, not from inside the write.
        """
        self.assertTrue(self.port.forbidsFragments)
        self.send(9, 12, 8, 11)
        self.assertEqual(self.sent(), [(9, True), (12, False), (8, True), (11, False)])
        self.assertEqual((self.stats.OutPkts, self.stats.OutErrs, self.stats.OutBytes), (4, 0, 40))
        self.assertEqual(self.told, [])
        self.reactor.advance(0)
        self.assertEqual(self.told, [(("10.0.0.1", 1), 10, True)])
        self.assertEqual(self.protocol.batches, 1)

    def test_unknown(self) -> None:
        """
        A system that does not say what passes is believed what does not.
        """
        self.known = 0
        self.send(12, 11)
        self.reactor.advance(0)
        self.assertEqual(self.told, [(("10.0.0.1", 1), 10, False)])

    def test_probe(self) -> None:
        """
        A probe is never fragmented; that it is refused is no error.
        """
        self.port.useFragments(Fragments.NONE)
        self.send(12)
        self.port.useFragments(Fragments.REFUSED)
        self.assertEqual((self.sent(), self.stats.OutErrs), ([], 0))
        self.reactor.advance(0)
        self.assertEqual(self.told, [(("10.0.0.1", 1), 10, True)])

    def test_probeWaits(self) -> None:
        """
        One for which the system has no room is dropped: it is not sent later, when fragments are
        allowed.
        """
        self.socket.problems = [errno.EAGAIN]
        self.port.useFragments(Fragments.NONE)
        self.send(9)
        self.port.useFragments(Fragments.REFUSED)
        self.port.doWrite()
        self.assertEqual((self.sent(), self.stats.OutDropped), ([], 1))
        self.socket.problems = [errno.EAGAIN]
        self.send(8)
        self.port.useFragments(Fragments.NONE)
        self.send(9)
        self.port.useFragments(Fragments.REFUSED)
        self.port.doWrite()
        self.assertEqual(self.sent(), [(8, True)])

    def test_all(self) -> None:
        """
        While all may be fragmented, nothing is refused, and nobody told.
        """
        self.port.useFragments(Fragments.ALL)
        self.send(12, 9)
        self.port.useFragments(Fragments.REFUSED)
        self.send(9)
        self.reactor.advance(0)
        self.assertEqual(self.sent(), [(12, False), (9, False), (9, True)])
        self.assertEqual(self.told, [])

    def test_run(self) -> None:
        """
        Where the system segments, a run is refused as a whole; then each datagram is sent alone,
        and in later runs those that fit again.  While all may be fragmented there are no runs,
        which the system does not fragment.
        """
        self.offload(True)
        self.setUpPort()
        self.send(12, 12, 12)
        self.assertEqual(self.sent(), [(12, False)] * 3)
        self.reactor.advance(0)
        self.assertEqual(len(self.told), 1)
        self.socket.limit = 1000
        self.send(5, 5)
        self.assertEqual(self.sent(), [(10, True)])
        self.port.useFragments(Fragments.ALL)
        self.send(5, 5)
        self.assertEqual(self.sent(), [(5, False)] * 2)

    def setUpPort(self) -> None:
        """
        Open another port on the socket.
        """
        self.port = BatchPort(
            self.reactor,  # type: ignore[arg-type]
            self.socket,  # type: ignore[arg-type]
            self.protocol,
            self.stats,
            tooBig=lambda *what: self.told.append(what),
        )

    def test_notAsked(self) -> None:
        """
        A port whose user has set an mtu leaves the socket as it is, and what is refused is an
        error.
        """
        self.socket = NarrowSocket()
        self.port = BatchPort(
            self.reactor,  # type: ignore[arg-type]
            self.socket,  # type: ignore[arg-type]
            self.protocol,
            self.stats,
        )
        self.port.useFragments(Fragments.NONE)
        self.assertFalse(self.port.forbidsFragments)
        self.assertEqual(self.socket.value, 0)
        self.socket.problems = [errno.EMSGSIZE]
        self.send(12)
        self.assertEqual(self.stats.OutErrs, 1)
