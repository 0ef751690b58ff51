"""
The cipher as a wrapping protocol around everything else on a socket.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kcptwisted.crypt.interfaces import ICipher, SendLimitReached
from kcptwisted.errors import KeyExhausted
from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.layer import DatagramLayer
from kcptwisted.stats import PortStats


class CryptLayer(DatagramLayer):
    """
    Seals what goes down and opens what comes up; what does not open is dropped and counted.
    """

    def __init__(
        self,
        wrapped: IDatagramProtocol,
        cipher: ICipher,
        stats: PortStats,
        onRefused: Callable[[int, Address], None] | None = None,
    ) -> None:
        """
        @param stats: counts in C{InCsumErrors} and C{InShortErrs}.
        @param onRefused: called with how many datagrams did not open, and where they came from.
        """
        super().__init__(wrapped)
        self._cipher = cipher
        self._stats = stats
        self._onRefused = onRefused
        self.ownOverhead = cipher.overhead

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Seal and pass down.

        @raise KeyExhausted: if the key has been used for as many datagrams as is safe.
        """
        try:
            sealed = self._cipher.seal(datagrams)
        except SendLimitReached as problem:
            raise KeyExhausted(str(problem)) from None
        self.transport.writeDatagrams(sealed, address)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Open and pass up.
        """
        opened = self._open(datagrams, address)
        if opened:
            self.wrapped.datagramsReceived(opened, address)

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Open and pass up: what a layer outside the cipher rebuilt is as sealed as the rest.
        """
        opened = self._open(datagrams, address)
        if opened:
            self.wrapped.datagramsRecovered(opened, address)

    def _open(self, datagrams: list[bytes], address: Address) -> list[bytes]:
        opened, refused = self._cipher.open(datagrams)
        if refused:
            overhead = self._cipher.overhead
            short = sum([len(datagram) < overhead for datagram in datagrams])
            self._stats.InShortErrs += short
            self._stats.InCsumErrors += refused - short
            if self._onRefused is not None:
                self._onRefused(refused, address)
        return opened
