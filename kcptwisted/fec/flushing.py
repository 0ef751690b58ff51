"""
Parity for groups that traffic leaves half-filled (the option C{fecFlush}).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.fec.layer import FECLayer
from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.stats import SessionStats
from kcptwisted.timing.clock import FlushClock, IFlushed


@implementer(IFlushed)
class FlushingFECLayer(FECLayer):
    """
    Fills a group up when nothing has been sent for a while, so that its parity goes out.

    A receiver needs as many shards of a group as it has data shards, so the missing ones have to be
    sent.  Each is a datagram that says nothing new, which any peer takes (docs/wire.md, "FEC").

    @ivar scheduled: the clock's own note.
    """

    def __init__(
        self,
        wrapped: IDatagramProtocol,
        dataShards: int,
        parityShards: int,
        clock: FlushClock,
        stats: SessionStats,
        pause: int,
        filler: Callable[[], bytes | None],
        firstGroup: int = 0,
    ) -> None:
        """
        @param dataShards: data shards of a group, at least 1.
        @param parityShards: parity shards of a group.
        @param clock: calls L{flush}.
        @param pause: milliseconds without a datagram after which a group is filled up.
        @param filler: gives a small datagram of segments that changes nothing; None when the
            session is over.
        @param firstGroup: the number of the first group that is sent.
        """
        super().__init__(wrapped, dataShards, parityShards, clock.now, stats, firstGroup)
        self.scheduled: int | None = None
        self._clock = clock
        self._pause = pause
        self._filler = filler
        self._due: int | None = None
        self._address: Address | None = None

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Pass down with parity, and wait for a pause.
        """
        super().writeDatagrams(datagrams, address)
        self._address = address
        if self._encoder is not None and self._encoder.missing:
            self._due = self._now() + self._pause
            self._clock.schedule(self)
        else:
            self._due = None

    def deadline(self) -> int | None:
        """
        @return: when the pause is long enough, milliseconds; None if no group is half-filled.
        """
        return self._due

    def flush(self, now: int) -> None:
        """
        Fill the group up.
        """
        if self._due is None or now < self._due or self._encoder is None or self._address is None:
            return
        self._due = None
        filler = self._filler()
        if filler is not None:
            try:
                self.transport.writeDatagrams(self._encoder.complete(filler, now), self._address)
            except ConnectionLost:
                self.wrapped.connectionLost(Failure())

    def failed(self, reason: Failure) -> None:
        """
        End the connection.
        """
        self._due = None
        self.wrapped.connectionLost(reason)
