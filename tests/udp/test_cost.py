"""
What one datagram costs a port: calls, traced.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType

from kcptwisted.interfaces import Address
from kcptwisted.udp.port import BatchPort
from tests.udp.fakes import Recorder
from tests.udp.test_opening import LoopbackTestCase

#: The most calls of Python and of C functions to read one datagram and to answer it.
BOUND = 8

#: Datagrams traced.
COUNT = 64


def traced(function: Callable[[], object]) -> Counter[str]:
    """
    @return: how many calls of each kind C{function} makes, its own included.
    """
    calls: Counter[str] = Counter()

    def trace(frame: FrameType, event: str, argument: object) -> None:
        calls[event] += 1

    former = sys.getprofile()
    sys.setprofile(trace)
    try:
        function()
    finally:
        sys.setprofile(former)
    return calls


class Silent(Recorder):
    """
    Answers each datagram, and notes nothing.
    """

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        self.transport.writeDatagrams(datagrams, address)

    def batchFinished(self) -> None:
        pass


class CostTests(LoopbackTestCase):
    """
    Calls of one datagram that is read and answered.
    """

    def turn(self, port: BatchPort) -> None:
        """
        Do as the reactor does when the socket is readable.
        """
        port.doRead()
        port.fileno()
        port.logPrefix()

    def check(self, bind: Address) -> None:
        """
        Echo single datagrams; count what the server's port does for each.
        """
        server = Silent()
        serverPort = self.open(server, bind=bind)
        address: Address = ("127.0.0.1", serverPort.getHost().port)
        clientPort = self.open(Recorder(), peer=address)
        # Polling costs what it saves in waiting.
        serverPort._lingering.pause = COUNT
        total: Counter[str] = Counter()
        for _ in range(COUNT):
            clientPort.writeDatagrams([b"question"], address)
            total += traced(lambda: self.turn(serverPort))
            clientPort.doRead()
        client = clientPort._protocol
        assert isinstance(client, Recorder)
        self.assertEqual(len(client.received), COUNT)
        # Without the protocol's two calls, the two of this test, and what ends the trace.
        self.assertLessEqual(total["call"] / COUNT - 4, BOUND)
        self.assertLessEqual(total["c_call"] / COUNT - 1, BOUND)

    def test_oneAddress(self) -> None:
        """
        At a socket on one address.
        """
        self.check(("127.0.0.1", 0))

    def test_allAddresses(self) -> None:
        """
        At a socket on all addresses, which answers from the address that was asked.
        """
        self.check(("0.0.0.0", 0))
