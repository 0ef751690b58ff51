"""
Pacing: spreading a burst over time, and keeping to a rate limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from kcptwisted.wire.segment import OVERHEAD

#: Milliseconds between two ticks of the clock; a flush waits for one, so nothing is spread finer.
TICK = 10

#: Over round trips shorter than this, milliseconds, nothing is spread.
LEAST_ROUND_TRIP = 2 * TICK

#: Windows that may leave in a round trip.  With more than one, pacing spreads bursts, but does not
#: slow down what ACKs and windows allow.
GAIN = 2

#: Segments of a paced conversation that may leave in one burst, at least.
LEAST_BURST = 64

#: Segments of a conversation with a rate limit, or with a congestion control that paces, that may
#: leave in one burst, at least.
LEAST_LIMITED_BURST = 2

#: What a congestion control's rate gives in so many milliseconds may leave in one burst.
CONTROLLED_BURST = 2

#: Segments that wait for a congestion control's rate leave together if it takes no longer than
#: this, milliseconds.
CONTROLLED_GRAIN = 1

#: Larger than any segment, bytes.
LARGEST = 1 << 16

#: Seconds that new segments wait for resends at most.
MAXIMUM_DEBT = 1


class Pacer:
    """
    A token bucket of bytes.  Each segment that leaves takes its size out of it.

    The bucket fills at the rate limit.  While the smoothed round trip is known and at least
    L{LEAST_ROUND_TRIP}, it fills no faster than L{GAIN} windows a round trip.  There is no bucket,
    and nothing waits, without a rate limit if the round trip is shorter than that (as on a LAN), or
    if no window has exceeded one burst.

    New segments wait until the bucket holds them.  Segments that are sent again never wait, because
    the receiver waits for them.  They leave a debt, for which new segments wait, up to
    L{MAXIMUM_DEBT} seconds.  So without resends at most one burst leaves beyond the rate.  A burst
    of a rate limit is what the rate gives in 20 ms, but at least two full segments; a burst of a
    paced window is the same, but at least L{LEAST_BURST} segments.

    A congestion control that paces sets the rate itself.  Its bursts are short, because the queue
    at the bottleneck may be.  Segments that waited while the clock was late may catch up on two
    ticks of it.

    @ivar rate: bytes a second; 0 while nothing is limited.
    @ivar short: there is less in the bucket than a full segment.
    @ivar waiting: segments wait, of a conversation whose congestion control paces.
    """

    # Amounts are thousandths of a byte: milliseconds times a whole rate then give a whole amount,
    # and at a deadline the bucket holds all that the deadline was computed for.
    __slots__ = (
        "_balance",
        "_burst",
        "_controlled",
        "_full",
        "_grain",
        "_limit",
        "_limitBurst",
        "_now",
        "_pacing",
        "_roundTrip",
        "_window",
        "rate",
        "short",
        "waiting",
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
        # The congestion control's rate, bytes a second; 0 if it has none.
        self._controlled = 0
        self._grain = TICK
        self.waiting = False
        self._now = 0
        self.rate = self._balance = self._burst = 0
        self.short = False
        self.configure(mtu, limit, pacing)

    def configure(self, mtu: int, limit: int, pacing: bool) -> None:
        """
        Uses other settings from now on; see L{__init__}.
        """
        self._full = mtu * 1000
        self._pacing = pacing
        self._limit = limit
        self._limitBurst = max(LEAST_LIMITED_BURST * self._full, limit * LEAST_ROUND_TRIP)
        self._setRate()
        self.short = self.rate > 0 and self._balance < self._full

    def control(self, now: int, rate: int) -> None:
        """
        Fills the bucket for the time that has passed, and sets the rate from now on.

        @param now: milliseconds.
        @param rate: the congestion control's, bytes a second; 0 if it has none.
        """
        if self.rate:
            self._balance += (now - self._now) * self.rate
        self._now = now
        if rate != self._controlled or self._window:
            self._controlled = rate
            # They are not told while a congestion control is at work.
            self._window, self._roundTrip = 0, 0.0
            self._setRate()
        elif self._balance > self._burst:
            self._clip()
        self.short = self.rate > 0 and self._balance < self._full

    def _clip(self) -> None:
        burst = self._burst
        if self.waiting and self._controlled:
            burst = max(burst, self.rate * LEAST_ROUND_TRIP)
        self._balance = min(self._balance, burst)

    def advance(self, now: int, window: int, roundTrip: float) -> None:
        """
        Fills the bucket for the time that has passed, and sets the rate from now on, if no
        congestion control sets it.

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
        controlled = self._controlled
        self._grain = TICK
        if controlled:
            if not rate or controlled < rate:
                rate = controlled
                burst = max(LEAST_LIMITED_BURST * self._full, controlled * CONTROLLED_BURST)
                self._grain = CONTROLLED_GRAIN
        elif self._pacing and roundTrip >= LEAST_ROUND_TRIP:
            paced = int(GAIN * self._full * max(self._window, 1) / roundTrip) or 1
            if not rate or paced < rate:
                pacedBurst = max(LEAST_BURST * self._full, paced * LEAST_ROUND_TRIP)
                burst = min(burst, pacedBurst) if rate else pacedBurst
                rate = paced
        if not self.rate:
            self._balance = burst
        self.rate = rate
        self._burst = burst
        if self._balance > burst:
            self._clip()

    @property
    def room(self) -> int:
        """
        Bytes that may leave now, if there is a L{rate}; negative while there is a debt.
        """
        return self._balance // 1000

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
        Returns when the next segment may leave, or several within a tick: milliseconds, later than
        the last L{advance}; None if it may leave already.

        @param size: bytes of the next segment with its header.
        @param count: how many segments wait, that one included.
        """
        missing = size * 1000 - self._balance
        if not self.rate or missing <= 0:
            return None
        # Rounded up.
        first = -(-missing // self.rate)
        every = (count * self._full - self._balance) // self.rate
        return self._now + max(first, min(every, self._grain))


#: What a conversation has for which nothing was ever paced.  It is not to be changed.
UNPACED: Final = Pacer(0, 0, False)


def fitting(queue: Iterable[tuple[int, bytes]], count: int, room: int, full: int = LARGEST) -> int:
    """
    Returns how many segments are within a number of bytes, headers included.

    @param queue: (frg, payload) of the segments that wait.
    @param count: how many of them to look at.
    @param room: bytes.
    @param full: bytes of a full segment.  A larger one, cut before the mtu became smaller, may
        leave where this may.
    """
    fits = 0
    for _, data in islice(queue, count):
        size = OVERHEAD + len(data)
        if room < size and room < full:
            break
        room -= size
        fits += 1
    return fits
