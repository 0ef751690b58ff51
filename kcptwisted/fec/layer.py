"""
FEC as a wrapping protocol around one session.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kcptwisted.fec.decoder import FECDecoder
from kcptwisted.fec.encoder import FECEncoder
from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.layer import DatagramLayer
from kcptwisted.stats import SessionStats
from kcptwisted.wire.fec import FEC_OVERHEAD


class FECLayer(DatagramLayer):
    """
    Adds parity to what goes down, and hands up what arrived and what parity rebuilt.

    With no shards (0/0) nothing is added, but a peer's FEC is still made use of.
    """

    def __init__(
        self,
        wrapped: IDatagramProtocol,
        dataShards: int,
        parityShards: int,
        now: Callable[[], int],
        stats: SessionStats,
        firstGroup: int = 0,
    ) -> None:
        """
        @param dataShards: data shards of a group; 0 with C{parityShards} 0 for no parity.
        @param parityShards: parity shards of a group.
        @param now: tells the time in milliseconds.
        @param firstGroup: the number of the first group that is sent.
        """
        super().__init__(wrapped)
        self._now = now
        first = firstGroup * (dataShards + parityShards)
        self._encoder = FECEncoder(dataShards, parityShards, first) if dataShards else None
        self._decoder = FECDecoder(dataShards, parityShards, stats)
        self.ownOverhead = FEC_OVERHEAD if dataShards else 0

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Add headers and parity and pass down.
        """
        if self._encoder is not None:
            datagrams = self._encoder.encode(datagrams, self._now())
        self.transport.writeDatagrams(datagrams, address)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Take headers off and pass up.
        """
        plain, recovered = self._decoder.decode(datagrams)
        if plain:
            self.wrapped.datagramsReceived(plain, address)
        if recovered:
            self.wrapped.datagramsRecovered(recovered, address)
