"""
Where a session's datagrams are looked at: between it and FEC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from twisted.internet.error import ConnectionLost

from kcptwisted.commands.probe.records import Ledger, Probe
from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.layer import DatagramLayer
from kcptwisted.options.table import MAXIMUM_MTU
from kcptwisted.session.session import KCPSession
from kcptwisted.stack.socketstack import SocketStack
from kcptwisted.udp.addresses import isIPv6
from kcptwisted.udp.fragmentation import IPV4_HEADERS, IPV6_HEADERS, Fragments


class ProbeLayer(DatagramLayer):
    """
    Sends probes past FEC, and takes the ACKs of these.

    @ivar session: what it is put around.
    @ivar ledger: the probes.
    """

    def __init__(
        self,
        wrapped: IDatagramProtocol,
        session: KCPSession,
        seconds: Callable[[], float],
        randomBytes: Callable[[int], bytes],
    ) -> None:
        """
        @param wrapped: the protocol above.
        @param seconds: the time.
        @param randomBytes: gives so many random bytes.
        """
        super().__init__(wrapped)
        self.session = session
        self._seconds = seconds
        headers = IPV6_HEADERS if isIPv6(session.address) else IPV4_HEADERS
        first = int.from_bytes(randomBytes(4), "little")
        self.ledger = Ledger(
            session.conv, session.socket.overhead, headers, randomBytes(MAXIMUM_MTU), first
        )

    def watch(self) -> None:
        """
        Looks at what comes from the socket, too, as it is below FEC.
        """
        socket = self.session.socket
        assert isinstance(socket, SocketStack)
        socket.sessions[self.session.address].afterBatch = self._afterBatch

    def _afterBatch(self, _: object, packets: list[bytes], address: Address) -> None:
        self.ledger.takeLate(packets, self._seconds())

    def send(self, sizes: Sequence[int], whole: bool = False) -> list[Probe]:
        """
        Sends probes together.

        @param sizes: bytes of UDP payload of each.
        @param whole: whether they are not to be fragmented, nor sent if they would have to be.
        """
        now, socket = self._seconds(), self.session.socket
        made = [self.ledger.make(size, now) for size in sizes]
        if whole:
            socket.useFragments(Fragments.NONE)
        try:
            with suppress(ConnectionLost):
                socket.writeDatagrams([datagram for _, datagram in made], self.session.address)
        finally:
            if whole:
                socket.useFragments(Fragments.REFUSED)
        return [probe for probe, _ in made]

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Takes ACKs, and passes up what is left.
        """
        rest = self.ledger.take(datagrams, self._seconds(), False)
        if rest:
            super().datagramsReceived(rest, address)

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Takes ACKs, and passes up what is left.
        """
        rest = self.ledger.take(datagrams, self._seconds(), True)
        if rest:
            super().datagramsRecovered(rest, address)
