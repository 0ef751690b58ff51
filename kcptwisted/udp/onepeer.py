"""
Keeping a socket that anybody can send to for one peer.
"""

from __future__ import annotations

import socket

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.layer import DatagramLayer
from kcptwisted.stats import PortStats
from kcptwisted.udp.addresses import isIPv6


class OnePeerLayer(DatagramLayer):
    """
    Passes up what the peer sends.  Datagrams of others are dropped and counted.
    """

    def __init__(self, wrapped: IDatagramProtocol, peer: Address, stats: PortStats) -> None:
        """
        @param peer: a socket address.
        @param stats: its C{InErrs} counts what is dropped.
        """
        super().__init__(wrapped)
        self._peer = endOf(peer)
        self._stats = stats

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        Leaves alone what is sent.
        """
        self.wrapped.makeConnection(transport)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Pass up if C{address} is the peer's.
        """
        if endOf(address) == self._peer:
            super().datagramsReceived(datagrams, address)
        else:
            self._stats.InErrs += len(datagrams)

    def connectionRefused(self) -> None:
        """
        Ignores it: it may be about another address that the application has sent to.
        """

    def peerUnreachable(self, problem: OSError) -> None:
        """
        Ignores it: it may be about another address that the application has sent to.
        """


def endOf(address: Address) -> tuple[bytes, int, int]:
    """
    Returns host as bytes, port and scope: equal for all spellings of an address.
    """
    if not isIPv6(address):
        return socket.inet_aton(address[0]), address[1], 0
    host, _, _ = address[0].partition("%")
    return socket.inet_pton(socket.AF_INET6, host), address[1], address[3]  # type: ignore[misc]
