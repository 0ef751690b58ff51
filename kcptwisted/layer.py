"""
The base class of layers: the cipher, FEC, and users' own layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mypy_extensions import mypyc_attr
from twisted.python.failure import Failure
from zope.interface import classImplements

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport


@mypyc_attr(allow_interpreted_subclasses=True)
class DatagramLayer:
    """
    Passes everything through.  Subclasses override the methods for what they change.

    @ivar wrapped: the protocol above.
    @ivar transport: the transport below; it is set by L{makeConnection}.
    @cvar ownOverhead: bytes that this layer adds to a datagram.
    """

    ownOverhead: ClassVar[int] = 0

    transport: IDatagramTransport

    def __init__(self, wrapped: IDatagramProtocol) -> None:
        """
        @param wrapped: the protocol above.
        """
        self.wrapped = wrapped

    @property
    def overhead(self) -> int:
        """
        Bytes that this layer and the layers below it add to a datagram.
        """
        return self.ownOverhead + self.transport.overhead

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        Connects this layer to the transport below, and the protocol above to this layer.
        """
        self.transport = transport
        self.wrapped.makeConnection(self)

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Passes datagrams down.
        """
        self.transport.writeDatagrams(datagrams, address)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Passes datagrams up.
        """
        self.wrapped.datagramsReceived(datagrams, address)

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Passes datagrams up.
        """
        self.wrapped.datagramsRecovered(datagrams, address)

    def batchFinished(self) -> None:
        """
        Passes the end of a batch up.
        """
        self.wrapped.batchFinished()

    def connectionRefused(self) -> None:
        """
        Passes the event up.
        """
        self.wrapped.connectionRefused()

    def peerUnreachable(self, problem: OSError) -> None:
        """
        Passes the event up.
        """
        self.wrapped.peerUnreachable(problem)

    def sendingFailed(self, problem: OSError) -> None:
        """
        Passes the event up.
        """
        self.wrapped.sendingFailed(problem)

    def connectionLost(self, reason: Failure) -> None:
        """
        Passes the event up.
        """
        self.wrapped.connectionLost(reason)


classImplements(DatagramLayer, IDatagramProtocol, IDatagramTransport)
