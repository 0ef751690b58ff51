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
    """

    __slots__ = ("_interval", "_minimum", "smoothed", "timeout", "variation")

    def __init__(self, interval: int, nodelay: bool) -> None:
        self._interval = interval
        self._minimum = MINIMUM_RTO_NODELAY if nodelay else MINIMUM_RTO
        self.smoothed = 0.0
        self.variation = 0.0
        self.timeout = INITIAL_RTO

    def sample(self, milliseconds: int) -> None:
        """
        Take one measured round trip.
        """
        if self.smoothed == 0:
            self.smoothed = float(max(milliseconds, 1))
            self.variation = milliseconds / 2
        else:
            difference = milliseconds - self.smoothed
            # A sudden drop is good news and must not raise the timeout (docs/wire.md).
            weight = 32 if milliseconds < self.smoothed - self.variation else 4
            self.variation += (abs(difference) - self.variation) / weight
            self.smoothed = max(self.smoothed + difference / 8, 1.0)
        timeout = self.smoothed + max(self._interval, 4 * self.variation)
        self.timeout = int(min(max(timeout, self._minimum), MAXIMUM_RTO))
