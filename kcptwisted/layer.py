"""
A wrapping protocol for datagrams: what the cipher and FEC layers, and a user's own, are built on.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport


@implementer(IDatagramProtocol, IDatagramTransport)
class DatagramLayer:
    """
    Passes everything through; subclasses change what they are about.

    @ivar wrapped: the protocol above.
    @ivar transport: the transport below, once connected.
    @cvar ownOverhead: bytes that this layer adds to a datagram.
    """

    ownOverhead = 0

    transport: IDatagramTransport

    def __init__(self, wrapped: IDatagramProtocol) -> None:
        """
        @param wrapped: the protocol above.
        """
        self.wrapped = wrapped

    @property
    def overhead(self) -> int:
        """
        What this layer adds, and those below it.
        """
        return self.ownOverhead + self.transport.overhead

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        Connect the protocol above to this layer.
        """
        self.transport = transport
        self.wrapped.makeConnection(self)

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Pass down.
        """
        self.transport.writeDatagrams(datagrams, address)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Pass up.
        """
        self.wrapped.datagramsReceived(datagrams, address)

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Pass up.
        """
        self.wrapped.datagramsRecovered(datagrams, address)

    def batchFinished(self) -> None:
        """
        Pass up.
        """
        self.wrapped.batchFinished()

    def connectionRefused(self) -> None:
        """
        Pass up.
        """
        self.wrapped.connectionRefused()

    def peerUnreachable(self, problem: OSError) -> None:
        """
        Pass up.
        """
        self.wrapped.peerUnreachable(problem)

    def sendingFailed(self, problem: OSError) -> None:
        """
        Pass up.
        """
        self.wrapped.sendingFailed(problem)

    def connectionLost(self, reason: Failure) -> None:
        """
        Pass up.
        """
        self.wrapped.connectionLost(reason)
