"""
A layer that drops everything, for sessions that are over.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.python.failure import Failure
from zope.interface import classImplements

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.session.news import IgnoredNews


class Gone(IgnoredNews):
    """
    Drops everything.

    @ivar overhead: that of the layers whose place this takes.
    """

    def __init__(self, overhead: int) -> None:
        """
        @param overhead: bytes that the layers added.
        """
        self.overhead = overhead

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Sends nothing.
        """

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        Does nothing.
        """

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Drops the datagrams.
        """

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Drops the datagrams.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        Does nothing.
        """


classImplements(Gone, IDatagramProtocol, IDatagramTransport)
