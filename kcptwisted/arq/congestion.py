"""
Congestion control: what limits the segments in flight, beside the windows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

INITIAL_SSTHRESH = 2
MINIMUM_SSTHRESH = 2


class CongestionControl(ABC):
    """
    Limits how many segments may be in flight.  The windows of the two ends limit them as well.

    @ivar window: the most segments in flight; None sets no limit, and ACKs are not reported then.
    """

    __slots__ = ("window",)

    window: int | None

    @abstractmethod
    def onAck(self, arrivals: int, remoteWindow: int) -> None:
        """
        The peer acknowledged segments.

        @param arrivals: how many datagrams moved una.
        @param remoteWindow: the peer's free window, segments.
        """

    @abstractmethod
    def onFastRetransmit(self, inFlight: int, resend: int) -> None:
        """
        Segments were sent again because later ones were acknowledged.

        @param inFlight: segments in flight, counted from the first that is not acknowledged.
        @param resend: the threshold that was reached, in ACKs.
        """

    @abstractmethod
    def onTimeout(self) -> None:
        """
        A segment was sent again because its timeout passed.
        """


class NoCongestionControl(CongestionControl):
    """
    C{nc=1}: only the windows limit what is in flight.
    """

    __slots__ = ()

    def __init__(self) -> None:
        self.window = None

    def onAck(self, arrivals: int, remoteWindow: int) -> None:
        """
        Does nothing.
        """

    def onFastRetransmit(self, inFlight: int, resend: int) -> None:
        """
        Does nothing.
        """

    def onTimeout(self) -> None:
        """
        Does nothing.
        """


class StandardCongestionControl(CongestionControl):
    """
    C{nc=0}: KCP's slow start and congestion avoidance (docs/wire.md, "ARQ rules").
    """

    __slots__ = ("_credit", "_mss", "ssthresh")

    def __init__(self, mss: int) -> None:
        """
        @param mss: payload bytes of a full segment.
        """
        self._mss = mss
        self.window = 1
        self.ssthresh = INITIAL_SSTHRESH
        # Bytes that the window stands for; grows by less than a segment at a time.
        self._credit = float(mss)

    def onAck(self, arrivals: int, remoteWindow: int) -> None:
        """
        Below ssthresh the window grows by one segment for each datagram that moved una, from there
        on by about one segment for each round trip.
        """
        mss = self._mss
        window = self.window or 1
        for _ in range(arrivals):
            if window >= remoteWindow:
                break
            if window < self.ssthresh:
                window += 1
                self._credit += mss
            else:
                credit = max(self._credit, mss)
                credit += mss * mss / credit + mss / 16
                self._credit = credit
                if (window + 1) * mss <= credit:
                    window += 1
        self.window = window

    def onFastRetransmit(self, inFlight: int, resend: int) -> None:
        """
        The window becomes half of what is in flight, and the C{resend} segments beyond, which the
        ACKs show to have arrived.
        """
        self.ssthresh = max(inFlight // 2, MINIMUM_SSTHRESH)
        self._set(self.ssthresh + resend)

    def onTimeout(self) -> None:
        """
        The window becomes one segment.
        """
        self.ssthresh = max((self.window or 1) // 2, MINIMUM_SSTHRESH)
        self._set(1)

    def _set(self, window: int) -> None:
        self.window = window
        self._credit = float(window * self._mss)


#: It has no state, so all conversations share it.
_NONE = NoCongestionControl()


def congestionControl(limited: bool, mss: int) -> CongestionControl:
    """
    Returns the congestion control of a conversation.

    @param limited: whether to limit the segments in flight.
    @param mss: payload of a full segment, bytes.
    """
    return StandardCongestionControl(mss) if limited else _NONE
