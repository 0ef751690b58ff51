"""
The cipher as a layer, which wraps everything else on a socket.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kcptwisted.crypt.cipher import Cipher, SendLimitReached
from kcptwisted.errors import KeyExhausted
from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.layer import DatagramLayer
from kcptwisted.stats import PortStats


class CryptLayer(DatagramLayer):
    """
    Seals datagrams that are sent and opens those that arrive.  Drops and counts those that the
    cipher does not open.
    """

    def __init__(
        self,
        wrapped: IDatagramProtocol,
        cipher: Cipher,
        stats: PortStats,
        onRefused: Callable[[int, Address], None] | None = None,
    ) -> None:
        """
        @param wrapped: the protocol above.
        @param cipher: seals and opens.
        @param stats: its C{InCsumErrors} and C{InShortErrs} count what is dropped.
        @param onRefused: is called with how many datagrams were dropped, and their source address.
        """
        super().__init__(wrapped)
        self._cipher = cipher
        self._stats = stats
        self._onRefused = onRefused

    @property
    def overhead(self) -> int:
        """
        Bytes that this layer and the layers below it add to a datagram.
        """
        return self._cipher.overhead + self.transport.overhead

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Seals datagrams and passes them down.

        @raise KeyExhausted: if the key has sealed as many datagrams as is safe.
        """
        try:
            sealed = self._cipher.seal(datagrams)
        except SendLimitReached as problem:
            raise KeyExhausted(str(problem)) from None
        self.transport.writeDatagrams(sealed, address)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Opens datagrams and passes them up.
        """
        opened = self._open(datagrams, address)
        if opened:
            self.wrapped.datagramsReceived(opened, address)

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Opens datagrams that a layer between cipher and socket has rebuilt, and passes them up.
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
