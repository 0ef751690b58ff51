"""
Parity for groups that traffic leaves incomplete (the option C{fecFlush}).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from kcptwisted.fec.layer import FECLayer
from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.stats import SessionStats
from kcptwisted.timing.clock import FlushClock


class FlushingFECLayer(FECLayer):
    """
    Completes a group when nothing has been sent for a while, so that its parity is sent.

    A receiver needs as many shards of a group as it has data shards.  So the missing ones are sent
    as padding: datagrams that say nothing new, which any peer takes (docs/wire.md, "FEC").

    @ivar due: see L{kcptwisted.timing.interfaces.IFlushed}; the end of the pause, or None if no
        group is incomplete.
    @ivar scheduled: see L{kcptwisted.timing.interfaces.IFlushed}.
    """

    def __init__(
        self,
        wrapped: IDatagramProtocol,
        dataShards: int,
        parityShards: int,
        clock: FlushClock,
        stats: SessionStats,
        pause: int,
        padding: Callable[[], bytes | None],
        firstGroup: int = 0,
    ) -> None:
        """
        @param dataShards: data shards of a group, at least 1.
        @param parityShards: parity shards of a group.
        @param clock: calls L{flush}.
        @param pause: milliseconds without a datagram after which a group is completed.
        @param padding: returns a small datagram of segments that changes nothing; None when the
            session is over.
        @param firstGroup: the number of the first group that is sent.
        """
        super().__init__(wrapped, dataShards, parityShards, clock.now, stats, firstGroup)
        self.scheduled: int | None = None
        self._clock = clock
        self._pause = pause
        self._padding = padding
        self.due: int | None = None
        self._address: Address | None = None

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Pass down with parity, and wait for a pause if a group is incomplete.
        """
        super().writeDatagrams(datagrams, address)
        self._address = address
        if self._encoder is not None and self._encoder.missing:
            self.due = self._now() + self._pause
            self._clock.schedule(self)
        else:
            self.due = None

    def flush(self, now: int) -> None:
        """
        Completes the group if the pause is over.
        """
        if self.due is None or now < self.due or self._encoder is None or self._address is None:
            return
        self.due = None
        padding = self._padding()
        if padding is not None:
            try:
                self.transport.writeDatagrams(self._encoder.complete(padding, now), self._address)
            except ConnectionLost:
                self.wrapped.connectionLost(Failure())

    def failed(self, reason: Failure) -> None:
        """
        Ends the connection.
        """
        self.due = None
        self.wrapped.connectionLost(reason)
