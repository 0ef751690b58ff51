"""
Segments in flight, for tests of L{kcptwisted.arq.rack}.
"""

from __future__ import annotations

from dataclasses import replace

from kcptwisted.arq.rack import RackRecovery
from kcptwisted.arq.rtt import RoundTripEstimator
from kcptwisted.arq.sendqueue import Fragment
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import OVERHEAD
from tests.arq.link import SETTINGS

SIZE = OVERHEAD + len(b"data")

#: More than all.
ROOM = 1 << 40


class Flight:
    """
    Segments in flight, and what recovers them.

    @ivar recovery: that.
    @ivar stats: its counters.
    @ivar inFlight: the segments.
    @ivar left: when the last copy of each left.
    @ivar una: the first in flight, or the next to be sent.
    """

    def __init__(self, nodelay: bool = False, roundTrip: int = 50, interval: int = 10) -> None:
        """
        @param roundTrip: what was measured before; the timeout is twice that, 100 ms at least
            without C{nodelay}.
        """
        self.settings = replace(
            SETTINGS,
            nodelay=nodelay,
            interval=interval,
            detectsLossByTime=True,
            deadLinkAfter=10_000,
        )
        self.inFlight: dict[int, Fragment] = {}
        self.stats = SessionStats()
        self.rtt = RoundTripEstimator(interval, nodelay)
        if roundTrip:
            self.rtt.sample(roundTrip)
            self.rtt.variation = 0.0
            self.rtt.timeout = 2 * roundTrip
        self.recovery = RackRecovery(self.settings, self.inFlight, self.rtt, self.stats)
        self.left: dict[int, int] = {}
        self.una = self.next = 0
        self.progress = 0

    def send(self, now: int, count: int = 1) -> None:
        """
        Let new segments leave.
        """
        if not self.inFlight:
            self.progress = now
        first, self.next = self.next, self.next + count
        for sn in range(first, self.next):
            self.inFlight[sn] = (0, b"data")
            self.left[sn] = now
        self.recovery.sent(now, first, self.next)

    def ack(self, now: int, *sns: int, una: int = 0, sent: int | None = None) -> None:
        """
        Let ACKs arrive.

        @param una: what they say beside.
        @param sent: when the copies left that they are of; the last copies by default.
        """
        before = self.una
        newly = [(sn, self.left[sn] if sent is None else sent) for sn in sns if sn in self.inFlight]
        for sn in [sn for sn in self.inFlight if sn < una or sn in sns]:
            del self.inFlight[sn]
        self.una = next(iter(self.inFlight), self.next)
        self.progress = now
        self.recovery.acknowledged(newly, before, self.una, now)

    def take(self, now: int, room: int = ROOM, blocked: bool = False) -> list[int]:
        """
        @param blocked: see L{Recovery.take}.
        @return: what is sent again.
        """
        again = self.recovery.take(now, self.una, self.progress, False, room, blocked)
        for sn in again:
            self.left[sn] = now
        return again
