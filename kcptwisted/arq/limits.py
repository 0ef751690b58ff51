"""
What may leave: the windows, the congestion control and the pacer together.
"""

from __future__ import annotations

from kcptwisted.arq.governor import Governor
from kcptwisted.arq.pacing import LEAST_BURST, LEAST_ROUND_TRIP, UNPACED, Pacer
from kcptwisted.arq.rtt import RoundTripEstimator
from kcptwisted.arq.sendqueue import Fragment
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.wire.segment import OVERHEAD

#: The most segments in flight, counted from una, over a path too short for the congestion control.
SHORT_PATH_WINDOW = 512

#: Longer than any round trip, milliseconds.
_NEVER = 1 << 30

#: What such a window begins with; it grows by what is acknowledged, segments.
SHORT_PATH_START = 16

#: With so many segments to be in flight, or fewer, there is nothing for it to do either: a path
#: takes the first window at once (RFC 6928).
FEW = 10

#: Over a short path the congestion control begins its work when so many segments are lost at once,
#: or the smoothed round trip is as long as this, milliseconds.
MANY_LOST = 8
LONG_ROUND_TRIP = 2 * LEAST_ROUND_TRIP

#: Bytes that should wait to be sent, at least, where a congestion control limits what leaves, and
#: where none does.
LEAST_WORTH_QUEUEING = 16 * 1024
LEAST_UNGOVERNED = 64 * 1024

#: More than ever leaves in one flush, bytes.
UNLIMITED = 1 << 40


class SendLimits:
    """
    Says how much may leave.

    @ivar cap: the most segments in flight, counted from una, whatever else allows more; None for no
        such limit.
    @ivar governor: the congestion control at work; None if there is none, or none is needed yet.
    @ivar governsAbove: if the least round trip is shorter, milliseconds, L{noteShortPath} is to be
        called.
    @ivar governsFrom: the smoothed round trip, milliseconds, from which on L{noteRoundTrip} is to
        be called.
    @ivar pacer: spreads what leaves.
    """

    __slots__ = (
        "_firstSn",
        "_rtt",
        "_settings",
        "cap",
        "governor",
        "governsAbove",
        "governsFrom",
        "pacer",
    )

    def __init__(self, settings: ARQSettings, rtt: RoundTripEstimator, firstSn: int) -> None:
        """
        @param rtt: the round-trip estimate, which the caller keeps.
        @param firstSn: the sn of the first segment.
        """
        self._settings = settings
        self._rtt = rtt
        self._firstSn = firstSn
        self.cap: int | None = None
        self.governor: Governor | None = None
        self.pacer = self._newPacer() if settings.rateLimit else UNPACED
        self._governFromStart(0, {})

    def configure(self, settings: ARQSettings, now: int, inFlight: dict[int, Fragment]) -> None:
        """
        Uses other settings from now on.

        @param now: milliseconds.
        @param inFlight: the segments in flight.
        """
        before, self._settings = self._settings, settings
        if self.pacer is not UNPACED:
            self.pacer.configure(settings.mtu, settings.rateLimit, settings.pacing)
        elif settings.rateLimit:
            self.pacer = self._newPacer()
        if settings.congestion is not before.congestion:
            self._letGo(now)
            self._governFromStart(now, inFlight)
        elif self.governor is not None:
            self.governor.control.configure(settings.mtu)

    def _newPacer(self) -> Pacer:
        settings = self._settings
        return Pacer(settings.mtu, settings.rateLimit, settings.pacing)

    # Congestion control.

    def _governFromStart(self, now: int, inFlight: dict[int, Fragment]) -> None:
        spec = self._settings.congestion
        self.governsFrom = _NEVER if spec is None else spec.leastRoundTrip
        self.governsAbove = 0
        if spec is not None and not spec.leastRoundTrip:
            self._govern(now, inFlight)

    def _govern(self, now: int, inFlight: dict[int, Fragment]) -> None:
        spec = self._settings.congestion
        assert spec is not None
        outstanding = sum([OVERHEAD + len(data) for _, data in inFlight.values()])
        control = spec.make(self._settings.mtu, int(self._rtt.smoothed))
        self.governor = Governor(control, now, outstanding)
        self.governsFrom = _NEVER
        self.governsAbove = 0
        if self.pacer is UNPACED:
            self.pacer = self._newPacer()

    def _letGo(self, now: int) -> None:
        if self.governor is not None:
            self.governor = None
            if self._settings.rateLimit or self._settings.pacing:
                self.pacer.control(now, 0)
            else:
                self.pacer = UNPACED

    def noteRoundTrip(self, now: int, inFlight: dict[int, Fragment], waiting: int) -> None:
        """
        Has the congestion control begin its work, if it has not, more than L{FEW} segments are to
        be in flight, and the path is not, or no longer, too short for it.

        @param now: milliseconds.
        @param inFlight: the segments in flight.
        @param waiting: how many more are to be sent.
        """
        spec, rtt = self._settings.congestion, self._rtt
        if spec is None or len(inFlight) + waiting <= FEW:
            return
        if rtt.least < spec.leastRoundTrip and rtt.smoothed < LONG_ROUND_TRIP:
            return
        self._govern(now, inFlight)
        if rtt.least >= spec.leastRoundTrip:
            self.governsAbove = spec.leastRoundTrip

    def noteShortPath(self, now: int) -> None:
        """
        Ends the congestion control's work unless something was lost: the path is too short for it.
        ACKs that waited at the peer made it look longer.

        @param now: milliseconds.
        """
        self.governsAbove = 0
        if self.governor is not None and not self.governor.rate.lost:
            self.rest(now)

    def noteLoss(self, count: int, now: int, inFlight: dict[int, Fragment]) -> None:
        """
        Has the congestion control begin its work if much was lost.

        @param count: segments.
        @param now: milliseconds.
        @param inFlight: the segments in flight.
        """
        if count >= MANY_LOST and self._settings.congestion is not None:
            self._govern(now, inFlight)

    def rest(self, now: int) -> None:
        """
        Ends the congestion control's work until something is to be sent again.

        @param now: milliseconds.
        """
        if self.governor is not None:
            self._letGo(now)
            self._governFromStart(now, {})

    def pathChanged(self, now: int) -> None:
        """
        What leaves from now on takes another path.

        @param now: milliseconds.
        """
        if self.governor is not None:
            self.governor.control.onPathChanged(now)

    # What may leave.

    def window(self, una: int, remoteWindow: int) -> int:
        """
        Returns the most segments in flight, counted from una.

        @param una: the first sn that is not acknowledged.
        @param remoteWindow: the peer's free window, segments.
        """
        settings = self._settings
        window = settings.sendWindow
        if remoteWindow < window:
            window = remoteWindow
        if self.governor is None and settings.congestion is not None:
            most = self._shortPathWindow(una)
            if most < window:
                window = most
        cap = self.cap
        return window if cap is None or cap > window else cap

    def _shortPathWindow(self, una: int) -> int:
        grown = SHORT_PATH_START + una - self._firstSn
        return SHORT_PATH_WINDOW if grown > SHORT_PATH_WINDOW else grown

    def congestionWindow(self, una: int) -> int:
        """
        Returns the most bytes in flight, headers included, because of congestion control; 0 if it
        sets no limit.

        @param una: the first sn that is not acknowledged.
        """
        if self.governor is not None:
            return self.governor.control.window
        settings = self._settings
        return 0 if settings.congestion is None else self._shortPathWindow(una) * settings.mtu

    def refill(self, now: int, una: int, remoteWindow: int) -> None:
        """
        Lets time pass for the pacer.

        @param now: milliseconds.
        @param una: see L{window}, likewise C{remoteWindow}.
        """
        if self.governor is not None:
            self.pacer.control(now, self.governor.control.pacingRate)
            return
        window, roundTrip = self.window(una, remoteWindow), self._rtt.smoothed
        if self.pacer is UNPACED:
            isPaced = self._settings.pacing and roundTrip >= LEAST_ROUND_TRIP
            if not isPaced or window <= LEAST_BURST:
                return
            self.pacer = self._newPacer()
        self.pacer.advance(now, window, roundTrip)

    def room(self, lost: int) -> int:
        """
        Returns how many bytes congestion control and pacer let leave.

        @param lost: bytes that were sent and are taken for lost.
        """
        room = UNLIMITED
        if self.governor is not None:
            room = self.governor.room(lost, self._settings.mtu)
        pacer = self.pacer
        return pacer.room if pacer.rate and pacer.room < room else room

    def worthQueueing(self, una: int) -> int:
        """
        Returns how many bytes should wait, so that the path is busy until the application writes
        again.

        @param una: the first sn that is not acknowledged.
        """
        settings = self._settings
        if self.governor is not None:
            most = settings.sendWindow * settings.mss
            return min(max(self.governor.control.window, LEAST_WORTH_QUEUEING), most)
        window = settings.sendWindow
        if settings.congestion is not None:
            # What is known of the path is what was acknowledged: it may be a slow one.
            window = min(window, self._shortPathWindow(una))
        return max(window * settings.mss, LEAST_UNGOVERNED)
