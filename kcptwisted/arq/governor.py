"""
A congestion control at work: what it is told, and how much it lets leave.
"""

from __future__ import annotations

from kcptwisted.arq.delivery import DeliveryRate
from kcptwisted.arq.wayback import WayBack
from kcptwisted.congestion.control import CongestionControl


class Governor:
    """
    Joins a congestion control to the measurement of the path.  Sizes are bytes of segments, headers
    included.

    @ivar control: the congestion control.
    @ivar rate: what is measured.
    @ivar wayBack: how long ACKs wait behind what the peer sends.
    """

    __slots__ = ("control", "rate", "wayBack")

    def __init__(self, control: CongestionControl, now: int, outstanding: int) -> None:
        """
        @param now: milliseconds.
        @param outstanding: bytes in flight already.
        """
        self.control = control
        self.rate = DeliveryRate(now, outstanding)
        self.wayBack = WayBack()

    def inFlight(self, lost: int) -> int:
        """
        Returns how many bytes are in flight.

        @param lost: bytes that were sent and are taken for lost.
        """
        return self.rate.outstanding - lost

    def room(self, lost: int, full: int) -> int:
        """
        Returns how many bytes the control lets leave now.

        @param lost: bytes that were sent and are taken for lost.
        @param full: bytes of a full segment: with nothing in flight one may always leave.
        """
        inFlight = self.rate.outstanding - lost
        room = self.control.window - inFlight
        return full if room < full and inFlight <= 0 else room

    def sent(self, now: int, size: int, fresh: int, lost: int) -> None:
        """
        Segments left.

        @param now: milliseconds.
        @param size: their bytes.
        @param fresh: of these, bytes of new segments.
        @param lost: bytes that are still taken for lost.
        """
        rate = self.rate
        before = rate.outstanding - lost - (size - fresh)
        rate.sent(now, size, before, fresh)
        self.control.onSent(now, size, before + size)

    def acknowledged(
        self,
        now: int,
        newly: list[tuple[int, int]],
        size: int,
        arrivals: int,
        newlyLost: int,
        lost: int,
        prior: int,
        peerWindow: int,
    ) -> None:
        """
        Tells the control what a batch of ACKs, or the time, has shown.

        @param now: milliseconds.
        @param newly: (sn, when the acknowledged copy left) of each ACK that was news.
        @param size: bytes newly acknowledged.
        @param arrivals: how many datagrams moved una.
        @param newlyLost: bytes newly found lost.
        @param lost: bytes that are taken for lost.
        @param prior: bytes in flight before.
        @param peerWindow: the peer's free window, segments.
        """
        sent = -1
        for _, each in newly:
            if sent < each <= now:
                sent = each
        ack = self.rate.acknowledged(now, size, sent, newlyLost)
        ack.wayBack = self.wayBack.delay(now)
        ack.priorInFlight = prior
        ack.inFlight = self.rate.outstanding - lost
        ack.arrivals = arrivals
        ack.peerWindow = peerWindow
        self.control.onAck(ack)

    def limited(self, lost: int) -> None:
        """
        There is less to send than the control allows.

        @param lost: bytes that are taken for lost.
        """
        inFlight = self.rate.outstanding - lost
        if inFlight < self.control.window:
            self.rate.limited(inFlight)
