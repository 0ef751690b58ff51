"""
Counting what leaves a socket with a rate limit.
"""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import classImplements

from kcptwisted.interfaces import Address, IDatagramTransport
from kcptwisted.timing.portlimit import PortLimit


class CountingTransport:
    """
    Passes datagrams on, and takes their UDP payloads off what the limit allows.
    """

    def __init__(self, transport: IDatagramTransport, limit: PortLimit) -> None:
        """
        @param transport: the highest layer of the socket.
        """
        self._transport = transport
        self._limit = limit

    @property
    def overhead(self) -> int:
        """
        Bytes that the layers on the socket add.
        """
        return self._transport.overhead

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Sends.
        """
        size = sum(map(len, datagrams)) + len(datagrams) * self._transport.overhead
        self._limit.spend(size)
        self._transport.writeDatagrams(datagrams, address)


classImplements(CountingTransport, IDatagramTransport)
