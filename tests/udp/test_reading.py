"""
Tests for L{kcptwisted.udp.reading}.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.interfaces import Address
from kcptwisted.stats import PortStats
from kcptwisted.udp import reading
from kcptwisted.udp.reading import MOST_UNCHECKED, DatagramReader
from tests.udp.fakes import FakeSocket

ONE: Address = ("10.0.0.1", 1)
OTHER: Address = ("10.0.0.2", 2)


class Messages(FakeSocket):
    """
    A socket whose datagrams have senders and control messages.
    """

    def recvmsg(self, *sizes: int) -> tuple[bytes, list[Any], int, Address]:
        self.calls.append("recvmsg")
        if not self.incoming:
            raise BlockingIOError
        data, ancillary, address = self.incoming.pop(0)
        return data, ancillary, 0, address


def coalesced(size: int) -> tuple[int, int, bytes]:
    """
    @return: the control message of datagrams of C{size} bytes each.
    """
    return socket.IPPROTO_UDP, 104, struct.pack("=i", size)


class ReadTests(SynchronousTestCase):
    """
    Tests for L{DatagramReader.read}.
    """

    def setUp(self) -> None:
        """
        Have a reader.
        """
        self.patch(reading, "enableCoalescing", lambda sock: True)
        self.socket = Messages()
        self.stats = PortStats()
        self.reader = self.makeReader()

    def makeReader(self, **arguments: int) -> DatagramReader:
        """
        @return: a reader at the socket.
        """
        sock: Any = self.socket
        return DatagramReader(sock, False, self.stats, **arguments)

    def read(self, *incoming: Any) -> list[tuple[list[bytes], Address]]:
        """
        @param incoming: datagrams of one sender, or messages.
        """
        self.socket.incoming += [
            (message, [], ONE) if isinstance(message, bytes) else message for message in incoming
        ]
        return self.reader.read()

    def calls(self) -> int:
        """
        @return: how often the socket was read since the last time.
        """
        count = len(self.socket.calls)
        self.socket.calls.clear()
        return count

    def test_unchecked(self) -> None:
        """
        After single datagrams, more and more turns do not check for a second one, up to a limit.
        """
        counts = []
        for _ in range(64):
            self.assertEqual(self.read(b"one"), [([b"one"], ONE)])
            counts.append(self.calls())
        checks = [turn for turn, count in enumerate(counts) if count == 2]
        self.assertEqual(checks[:5], [0, 2, 6, 14, 30])
        self.assertEqual(checks[5] - checks[4], MOST_UNCHECKED + 1)

    def test_moreAgain(self) -> None:
        """
        As soon as a check finds something, each turn reads until nothing is left.
        """
        for _ in range(2):
            self.read(b"one")
        self.calls()
        for _ in range(3):
            self.assertEqual(self.read(b"one", b"two", b"three")[0][0], [b"one", b"two", b"three"])
            self.assertEqual(self.calls(), 4)

    def test_batch(self) -> None:
        """
        A run of datagrams means that a batch has begun: the turn reads on.
        """
        for _ in range(15):
            self.read(b"one")
        run = (b"aabbc", [coalesced(2)], ONE)
        self.assertEqual(self.read(run, b"d"), [([b"aa", b"bb", b"c", b"d"], ONE)])
        self.assertEqual((self.stats.InPkts, self.stats.InBytes), (19, 15 * 3 + 6))

    def test_senders(self) -> None:
        """
        Datagrams are sorted by sender.
        """
        self.assertEqual(
            self.read(b"a", (b"b", [], OTHER), b"c"), [([b"a", b"c"], ONE), ([b"b"], OTHER)]
        )

    def test_otherMessages(self) -> None:
        """
        The run's size is found among other control messages, which a socket's options may ask for.
        """
        stamp = (socket.SOL_SOCKET, 29, bytes(16))
        ttl = (socket.IPPROTO_IP, socket.IP_TTL, bytes(4))
        run = (b"aabb", [stamp, coalesced(2), ttl], ONE)
        self.assertEqual(self.read(run, (b"c", [stamp], ONE)), [([b"aa", b"bb", b"c"], ONE)])

    def test_oversized(self) -> None:
        """
        Datagrams that are too large are dropped and counted, from the first one on; what is left
        of a run arrives.
        """
        self.reader = self.makeReader(longest=3)
        self.assertEqual(self.read(b"1234"), [])
        self.assertEqual(self.read(b"123", b"1234"), [([b"123"], ONE)])
        self.assertEqual(self.read((b"1234", [], OTHER), b"ok"), [([b"ok"], ONE)])
        self.assertEqual(self.read((b"1234567", [coalesced(4)], ONE)), [([b"567"], ONE)])
        self.assertEqual((self.stats.InOversized, self.stats.InPkts), (4, 7))

    def test_tries(self) -> None:
        """
        While nothing is there it is tried as often as asked for.
        """
        self.assertEqual(self.reader.read(5), [])
        self.assertEqual(self.calls(), 5)
