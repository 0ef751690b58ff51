"""
KCP's own congestion control: slow start and congestion avoidance by losses.
"""

from __future__ import annotations

from kcptwisted.congestion.control import Acknowledgement, CongestionControl

#: Slow start runs to the first loss.
INITIAL_SSTHRESH = 1 << 30

MINIMUM_SSTHRESH = 2

#: ACKs of later segments that make one lost, in all of kcptun's modes.
RESEND = 2


class KCPWindow(CongestionControl):
    """
    C{congestion=kcp}: the window of KCP's C{nc=0} (docs/wire.md, "ARQ rules").  Nothing is paced.

    KCP begins with an ssthresh of 2 segments, so that it never has a slow start worth the name, and
    takes minutes to fill a long path.  Here the first slow start runs until something is lost.

    @ivar ssthresh: segments; the window grows fast below it and slowly above it.
    """

    __slots__ = (
        "_before",
        "_credit",
        "_delivered",
        "_recovered",
        "_resend",
        "_segment",
        "_segments",
        "ssthresh",
    )

    def __init__(self, segment: int, roundTrip: int = 0, resend: int = RESEND) -> None:
        """
        @param segment: bytes of a full segment, header included.
        @param roundTrip: makes no difference.
        @param resend: how many ACKs of later segments make one lost.
        """
        self._segment = segment
        self._resend = resend
        self.pacingRate = 0
        self.ssthresh = INITIAL_SSTHRESH
        self._segments = 1
        # Segments that the window stands for; grows by less than one at a time.
        self._credit = 1.0
        # ssthresh and window before the last loss; None once it cannot be undone.
        self._before: tuple[int, int] | None = None
        # Bytes ever acknowledged, and how many there will be when what timed out is.
        self._delivered = self._recovered = 0
        self.window = segment

    @property
    def segments(self) -> int:
        """
        The window, segments.
        """
        return self._segments

    def onAck(self, ack: Acknowledgement) -> None:
        """
        Below ssthresh the window grows by what is acknowledged (RFC 3465), by one segment for each
        datagram that moved una at least; from there on by about one segment for each round trip; up
        to the peer's window.  A loss halves what was in flight, and adds the segments that the ACKs
        show to have arrived.
        """
        self._delivered = ack.totalDelivered
        segments, credit = self._segments, self._credit
        arrivals, peer = ack.arrivals, ack.peerWindow
        if arrivals and segments < self.ssthresh:
            # Peers send the ACKs of an interval in one datagram.
            grown = min(segments + ack.delivered // self._segment - arrivals, self.ssthresh, peer)
            if grown > segments:
                credit += grown - segments
                segments = grown
        for _ in range(arrivals):
            if segments >= peer:
                break
            if segments < self.ssthresh:
                segments += 1
                credit += 1
            else:
                credit = max(credit, 1.0)
                credit += 1 / credit + 1 / 16
                if segments + 1 <= credit:
                    segments += 1
        self._segments, self._credit = segments, credit
        if ack.lost > 0:
            self._before = (self.ssthresh, segments)
            flight = ack.priorInFlight // self._segment
            self.ssthresh = max(flight // 2, MINIMUM_SSTHRESH)
            self._set(self.ssthresh + self._resend)
        else:
            self.window = segments * self._segment

    @property
    def phase(self) -> str:
        """
        Slow start, or what follows it.
        """
        return "slow start" if self._segments < self.ssthresh else "avoidance"

    def onTimeout(self, now: int, inFlight: int) -> None:
        """
        The window becomes one segment, and ssthresh half of what it was.  What was in flight then
        may time out bit by bit; that changes ssthresh no more.
        """
        if self._delivered >= self._recovered:
            self._recovered = self._delivered + inFlight
            self._before = (self.ssthresh, self._segments)
            self.ssthresh = max(self._segments // 2, MINIMUM_SSTHRESH)
        self._set(1)

    def onSpuriousLoss(self, now: int) -> None:
        """
        The window and ssthresh are again what they were, unless the window has outgrown that.
        """
        if self._before is not None:
            self.ssthresh = self._before[0]
            self._set(max(self._before[1], self._segments))
            self._before = None

    def onPathChanged(self, now: int) -> None:
        """
        Begins anew.
        """
        self.ssthresh = INITIAL_SSTHRESH
        self._before = None
        self._set(1)

    def configure(self, segment: int) -> None:
        """
        The window keeps its segments.
        """
        self._segment = segment
        self.window = self._segments * segment

    def _set(self, segments: int) -> None:
        self._segments = segments
        self._credit = float(segments)
        self.window = segments * self._segment
