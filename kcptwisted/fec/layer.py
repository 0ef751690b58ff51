"""
FEC as a layer, which wraps one session.
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
    Adds parity to datagrams that are sent, and passes up those that arrived and those that were
    rebuilt.

    With 0 data and 0 parity shards it adds nothing, but still makes use of a peer's parity.
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
        @param wrapped: the protocol above.
        @param dataShards: data shards of a group; 0 with C{parityShards} 0 for no parity.
        @param parityShards: parity shards of a group.
        @param now: returns the time in milliseconds.
        @param stats: its counters of FEC count here.
        @param firstGroup: the number of the first group that is sent.
        """
        super().__init__(wrapped)
        self._now = now
        first = firstGroup * (dataShards + parityShards)
        self._encoder = FECEncoder(dataShards, parityShards, first) if dataShards else None
        self._decoder = FECDecoder(dataShards, parityShards, stats)

    @property
    def overhead(self) -> int:
        """
        Bytes that this layer and the layers below it add to a datagram.
        """
        return (0 if self._encoder is None else FEC_OVERHEAD) + self.transport.overhead

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Adds headers and parity and passes down.
        """
        if self._encoder is not None:
            datagrams = self._encoder.encode(datagrams, self._now())
        self.transport.writeDatagrams(datagrams, address)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Takes headers off and passes up.
        """
        plain, recovered = self._decoder.decode(datagrams)
        if plain:
            self.wrapped.datagramsReceived(plain, address)
        if recovered:
            self.wrapped.datagramsRecovered(recovered, address)
