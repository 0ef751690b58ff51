"""
Spreading out what would leave in one burst, and keeping to a rate.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from kcptwisted.wire.segment import OVERHEAD

#: Milliseconds between two ticks of the clock that a flush waits for; nothing can be spread finer.
TICK = 10

#: Round trips below this, in milliseconds, are over before anything could be spread.
LEAST_ROUND_TRIP = 2 * TICK

#: A window is spread over so much less than the round trip: pacing is not to limit what ACKs and
#: windows allow, only to take the edge off it.
GAIN = 2

#: Segments of a paced conversation that may leave in one burst, at least.
LEAST_BURST = 64

#: Segments of a conversation with a rate limit that may leave in one burst, at least.
LEAST_LIMITED_BURST = 2

#: Seconds' worth of resends that new segments have to wait for at most.
MAXIMUM_DEBT = 1


class Pacer:
    """
    A token bucket of bytes, from which all segments take that leave.

    It fills at the rate limit, and, while the smoothed round trip is known and at least
    L{LEAST_ROUND_TRIP}, no faster than L{GAIN} windows a round trip.  Without a rate limit and
    below that round trip (on a LAN, say), or while no window has exceeded one burst, there is no
    bucket, nothing waits and nothing is counted.

    New segments wait until the bucket holds them.  Resends never wait: what is missing holds up the
    receiver, and they leave a debt for which new segments wait, up to L{MAXIMUM_DEBT} seconds.  So
    without resends no span of time sees more than its length at the rate and one burst: of a rate
    limit 20 ms' worth or two full segments, the larger; of a paced window 20 ms' worth or
    L{LEAST_BURST} segments.

    @ivar rate: bytes a second; 0 while nothing is limited.
    @ivar short: there is less in the bucket than a full segment.
    """

    # Amounts are thousandths of a byte, so that a whole rate times milliseconds is one, and what a
    # deadline was reckoned for is there to the last byte when it comes.
    __slots__ = (
        "_balance",
        "_burst",
        "_full",
        "_limit",
        "_limitBurst",
        "_now",
        "_pacing",
        "_roundTrip",
        "_window",
        "rate",
        "short",
    )

    def __init__(self, mtu: int, limit: int, pacing: bool) -> None:
        """
        @param mtu: bytes of a full segment with its header.
        @param limit: bytes a second; 0 means none.
        @param pacing: whether to spread windows over the round trip.
        """
        # What the rate was set for.
        self._window = 0
        self._roundTrip = 0.0
        self._now = 0
        self.rate = self._balance = self._burst = 0
        self.short = False
        self.configure(mtu, limit, pacing)

    def configure(self, mtu: int, limit: int, pacing: bool) -> None:
        """
        Use other settings from now on; see L{__init__}.
        """
        self._full = mtu * 1000
        self._pacing = pacing
        self._limit = limit
        self._limitBurst = max(LEAST_LIMITED_BURST * self._full, limit * LEAST_ROUND_TRIP)
        self._setRate()
        self.short = self.rate > 0 and self._balance < self._full

    def advance(self, now: int, window: int, roundTrip: float) -> None:
        """
        Fill the bucket for the time that has passed, and set the rate from now on.

        @param now: milliseconds.
        @param window: the most segments in flight.
        @param roundTrip: smoothed, milliseconds; 0 if it is not known.
        """
        if self.rate:
            self._balance += (now - self._now) * self.rate
        elif not self._pacing or roundTrip < LEAST_ROUND_TRIP or window <= LEAST_BURST:
            return
        self._now = now
        if window != self._window or roundTrip != self._roundTrip:
            self._window = window
            self._roundTrip = roundTrip
            self._setRate()
        elif self._balance > self._burst:
            self._balance = self._burst
        self.short = self.rate > 0 and self._balance < self._full

    def _setRate(self) -> None:
        roundTrip = self._roundTrip
        rate, burst = self._limit, self._limitBurst
        if self._pacing and roundTrip >= LEAST_ROUND_TRIP:
            paced = int(GAIN * self._full * max(self._window, 1) / roundTrip) or 1
            if not rate or paced < rate:
                pacedBurst = max(LEAST_BURST * self._full, paced * LEAST_ROUND_TRIP)
                burst = min(burst, pacedBurst) if rate else pacedBurst
                rate = paced
        if not self.rate or self._balance > burst:
            self._balance = burst
        self.rate = rate
        self._burst = burst

    def fit(self, queue: Iterable[tuple[int, bytes]], count: int) -> int:
        """
        @param queue: (frg, payload) of the segments that wait.
        @param count: how many of them to look at, at least one.
        @return: how many of these may leave.
        """
        if not self.rate or count * self._full <= self._balance:
            return count
        room = self._balance // 1000
        fits = 0
        for _, data in islice(queue, count):
            room -= OVERHEAD + len(data)
            if room < 0:
                break
            fits += 1
        return fits

    def take(self, size: int) -> None:
        """
        Segments left.

        @param size: their bytes with headers.
        """
        if self.rate:
            self._balance -= size * 1000
            self.short = self._balance < self._full
            if self._balance < 0:
                most = max(self._burst, MAXIMUM_DEBT * 1000 * self.rate)
                self._balance = max(self._balance, -most)

    def deadline(self, size: int, count: int) -> int | None:
        """
        @param size: bytes of the next segment with its header.
        @param count: how many segments wait, that one included.
        @return: when it may leave, or more of them within a tick, milliseconds, later than the
            last L{advance}; None if it may leave already.
        """
        missing = size * 1000 - self._balance
        if not self.rate or missing <= 0:
            return None
        # Rounded up.
        first = -(-missing // self.rate)
        every = (count * self._full - self._balance) // self.rate
        return self._now + max(first, min(every, TICK))
