"""
What takes the places around a session that is over.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport


@implementer(IDatagramProtocol, IDatagramTransport)
class Gone:
    """
    Drops everything.

    @ivar overhead: as it was.
    """

    def __init__(self, overhead: int) -> None:
        """
        @param overhead: bytes that the layers added.
        """
        self.overhead = overhead

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Nothing is sent any more.
        """

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        There is nothing to connect.
        """

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Nothing is taken any more.
        """

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Nothing is taken any more.
        """

    def batchFinished(self) -> None:
        """
        There is nothing to answer.
        """

    def connectionRefused(self) -> None:
        """
        It is over.
        """

    def peerUnreachable(self, problem: OSError) -> None:
        """
        Nobody is concerned.
        """

    def sendingFailed(self, problem: OSError) -> None:
        """
        Nobody is concerned.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        It is over.
        """
