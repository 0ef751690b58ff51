"""
Round-trip time and retransmission timeout (docs/wire.md, "ARQ rules"; the shape is RFC 6298's).
"""

from __future__ import annotations

INITIAL_RTO = 200
MINIMUM_RTO = 100
MINIMUM_RTO_NODELAY = 30
MAXIMUM_RTO = 60_000


class RoundTripEstimator:
    """
    Smooths samples into an estimate.

    @ivar smoothed: milliseconds; 0 until the first sample.
    @ivar variation: milliseconds.
    @ivar timeout: how long to wait for an ACK, milliseconds.
    @ivar least: the smallest sample, milliseconds; -1 until the first.
    """

    __slots__ = ("_interval", "_minimum", "least", "smoothed", "timeout", "variation")

    def __init__(self, interval: int, nodelay: bool) -> None:
        """
        @param interval: milliseconds between flushes of the peer.
        @param nodelay: whether the timeout may be as low as L{MINIMUM_RTO_NODELAY}.
        """
        self.configure(interval, nodelay)
        self.reset()

    def reset(self) -> None:
        """
        Forgets all samples: they were taken on another path.
        """
        self.smoothed = 0.0
        self.variation = 0.0
        self.timeout = INITIAL_RTO
        self.least = -1

    def configure(self, interval: int, nodelay: bool) -> None:
        """
        Uses other settings from the next sample on.
        """
        self._interval = interval
        self._minimum = MINIMUM_RTO_NODELAY if nodelay else MINIMUM_RTO

    def expect(self, milliseconds: int) -> None:
        """
        Has the timeout be no shorter than this until the first sample.
        """
        if self.least < 0 and milliseconds > self.timeout:
            self.timeout = min(milliseconds, MAXIMUM_RTO)

    def sample(self, milliseconds: int) -> None:
        """
        Takes one measured round trip.
        """
        if milliseconds < self.least or self.least < 0:
            self.least = milliseconds
        if self.smoothed == 0:
            self.smoothed = float(max(milliseconds, 1))
            self.variation = milliseconds / 2
        else:
            difference = milliseconds - self.smoothed
            # A sudden drop is good news and must not raise the timeout (docs/wire.md).
            weight = 32 if milliseconds < self.smoothed - self.variation else 4
            size = difference if difference > 0 else -difference
            self.variation += (size - self.variation) / weight
            smoothed = self.smoothed + difference / 8
            self.smoothed = smoothed if smoothed > 1.0 else 1.0
        margin = 4 * self.variation
        timeout = self.smoothed + (margin if margin > self._interval else self._interval)
        if timeout < self._minimum:
            self.timeout = self._minimum
        else:
            self.timeout = int(timeout) if timeout < MAXIMUM_RTO else MAXIMUM_RTO
