"""
What stands below and above a layer under test, and notes what reaches it.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport

ADDRESS = ("192.0.2.1", 29900)


@implementer(IDatagramTransport)
class RecordingTransport:
    """
    @ivar written: what each call was given.
    """

    def __init__(self, overhead: int = 0) -> None:
        self.overhead = overhead
        self.written: list[tuple[list[bytes], Address]] = []

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Note the call.
        """
        self.written.append((list(datagrams), address))


@implementer(IDatagramProtocol)
class RecordingProtocol:
    """
    @ivar calls: the methods called, with what they were given.
    """

    transport: IDatagramTransport

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        Keep the transport.
        """
        self.transport = transport

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Note the call.
        """
        self.calls.append(("received", datagrams, address))

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Note the call.
        """
        self.calls.append(("recovered", datagrams, address))

    def batchFinished(self) -> None:
        """
        Note the call.
        """
        self.calls.append(("finished",))

    def connectionRefused(self) -> None:
        """
        Note the call.
        """
        self.calls.append(("refused",))

    def peerUnreachable(self, problem: OSError) -> None:
        """
        Note the call.
        """
        self.calls.append(("unreachable", problem))

    def sendingFailed(self, problem: OSError) -> None:
        """
        Note the call.
        """
        self.calls.append(("failed", problem))

    def connectionLost(self, reason: Failure) -> None:
        """
        Note the call.
        """
        self.calls.append(("lost", reason))
