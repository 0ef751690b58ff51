"""
A congestion control that watches whether another one is obeyed.
"""

from __future__ import annotations

from kcptwisted.congestion.bbr import BBR
from kcptwisted.congestion.control import Acknowledgement, CongestionControl

#: Segments that may leave beyond the window: probes, of which recovery sends a few, and a segment
#: that finds nothing in flight.
PROBES = 5


class Watched(CongestionControl):
    """
    Does what L{BBR} does.

    @ivar excesses: when more was in flight than allowed, and how much.
    """

    excesses: list[tuple[int, int, int]] = []

    def __init__(self, segment: int, roundTrip: int) -> None:
        self._segment = segment
        self._inner = BBR(segment, roundTrip)
        self._copy()

    def _copy(self) -> None:
        self.window, self.pacingRate = self._inner.window, self._inner.pacingRate

    def onSent(self, now: int, size: int, inFlight: int) -> None:
        """
        Compares.
        """
        # A window that has become smaller is not exceeded by what left before.
        if inFlight > self.window + PROBES * self._segment and size > PROBES * self._segment:
            self.excesses.append((now, inFlight, self.window))
        self._inner.onSent(now, size, inFlight)
        self._copy()

    def onAck(self, ack: Acknowledgement) -> None:
        """
        See L{CongestionControl}, as for the others.
        """
        self._inner.onAck(ack)
        self._copy()

    def onTimeout(self, now: int, inFlight: int) -> None:
        """
        See above.
        """
        self._inner.onTimeout(now, inFlight)
        self._copy()

    def onSpuriousLoss(self, now: int) -> None:
        """
        See above.
        """
        self._inner.onSpuriousLoss(now)
        self._copy()

    def onPathChanged(self, now: int) -> None:
        """
        See above.
        """
        self._inner.onPathChanged(now)
        self._copy()

    def configure(self, segment: int) -> None:
        """
        See above.
        """
        self._segment = segment
        self._inner.configure(segment)
        self._copy()
