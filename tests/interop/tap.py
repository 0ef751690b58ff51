"""
A layer that notes what passes.
"""

from __future__ import annotations

from collections.abc import Sequence

from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.layer import DatagramLayer
from kcptwisted.wire.segment import decodeSegments


def commands(datagrams: list[bytes]) -> set[int]:
    """
    @return: the commands of all segments in plain KCP datagrams.
    """
    return {segment.cmd for datagram in datagrams for segment in decodeSegments(datagram)}


class Tap:
    """
    Notes all datagrams of one socket: a maker of layers, for C{layers=}.

    @ivar sent: those that left.
    @ivar received: those that came.
    """

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.received: list[bytes] = []

    def __call__(self, wrapped: IDatagramProtocol) -> IDatagramProtocol:
        """
        @return: the layer.
        """
        return _TapLayer(wrapped, self)


class _TapLayer(DatagramLayer):
    """
    Passes everything through.
    """

    def __init__(self, wrapped: IDatagramProtocol, tap: Tap) -> None:
        """
        @param tap: is told.
        """
        super().__init__(wrapped)
        self._tap = tap

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Note and pass down.
        """
        self._tap.sent += datagrams
        super().writeDatagrams(datagrams, address)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Note and pass up.
        """
        self._tap.received += datagrams
        super().datagramsReceived(datagrams, address)
