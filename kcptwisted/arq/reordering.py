"""
What copies that were sent needlessly teach about a path.
"""

from __future__ import annotations

from kcptwisted.arq.rtt import RoundTripEstimator

#: Recoveries, or probes, without a sign of reordering, or of a needless probe, after which those
#: before are forgotten.
MEMORY = 16


class Reordering:
    """
    How long a segment that was overtaken waits, because the path reorders, before it is taken for
    lost: the reordering window of RFC 8985, section 6.2.

    @ivar multiple: the window in quarters of the least round trip; 0 as long as no reordering is
        known.
    @ivar patience: probes that wait until nothing has been acknowledged for a whole timeout,
        because one was needless.
    """

    __slots__ = ("_grew", "_left", "multiple", "patience")

    def __init__(self) -> None:
        self.multiple = 0
        self.patience = 0
        self._left = 0
        # When the window last grew, milliseconds.
        self._grew = -1

    def window(self, rtt: RoundTripEstimator) -> int:
        """
        Returns the window, milliseconds: at most the smoothed round trip.
        """
        if not self.multiple:
            return 0
        window = self.multiple * _step(rtt) // 4
        most = int(rtt.smoothed)
        return window if window < most else most

    def tooSmall(self, now: int, rtt: RoundTripEstimator, late: int) -> None:
        """
        A segment arrived that was taken for lost: the window grows.  RFC 8985 has it grow by one
        step a round trip; here it is known how long it should have been.

        @param now: milliseconds.
        @param late: how long after the one that overtook it, milliseconds.
        """
        self._left = MEMORY
        step, most = _step(rtt), int(rtt.smoothed)
        wanted = -(-4 * (late if late < most else most) // step)
        if wanted > self.multiple:
            self.multiple = wanted
        elif self._grew < 0 or now - self._grew >= rtt.smoothed:
            if self.window(rtt) < most:
                self.multiple += 1
        else:
            return
        self._grew = now

    def seen(self) -> None:
        """
        A segment arrived after a later one, within the window.
        """
        self._left = MEMORY

    def recovering(self) -> None:
        """
        Segments are lost, for the first time since those before were sent again.
        """
        if self.multiple:
            self._left -= 1
            if self._left <= 0:
                self._left = MEMORY
                self.multiple = 1 if self.multiple > 1 else 0


def _step(rtt: RoundTripEstimator) -> int:
    """
    Returns four times what the window grows by, milliseconds.
    """
    return rtt.least if rtt.least > 4 else 4
