"""
What the sender tells its congestion control, and what it asks of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod


class Acknowledgement:
    """
    What a batch of ACKs says about the path.

    The delivery rate is measured as draft-cheng-iccrg-delivery-rate-estimation says, from the copy
    that left last of those that the batch acknowledges: C{rateDelivered} bytes in C{interval}
    milliseconds.  All bytes are those of segments, headers included.

    @ivar now: milliseconds.
    @ivar delivered: bytes that the batch newly acknowledged.
    @ivar lost: bytes that the batch shows to be lost.
    @ivar inFlight: bytes in flight after it: sent, not acknowledged, and not known to be lost.
    @ivar priorInFlight: bytes in flight before it.
    @ivar totalDelivered: bytes that were ever acknowledged, this batch included.
    @ivar totalLost: bytes that were ever found lost, this batch included.
    @ivar roundTrip: of the copy that left last, milliseconds; -1 if it is not known.
    @ivar wayBack: how much of that the ACK waited behind what the peer sends, milliseconds, as the
        times tell that the peer's segments carry; 0 if the peer sends nothing.
    @ivar interval: what the delivery rate was measured over, milliseconds; 0 if it was not.
    @ivar rateDelivered: bytes delivered in C{interval}.
    @ivar rateLost: bytes found lost in C{interval}.
    @ivar sentInFlight: bytes in flight when that copy left, itself included.
    @ivar sentDelivered: C{totalDelivered} when that copy left; it tells rounds.
    @ivar isAppLimited: that copy left while the application, or the peer's window, gave less to
        send than the control allowed.
    @ivar arrivals: how many datagrams moved una.
    @ivar peerWindow: the peer's free window, segments.
    """

    __slots__ = (
        "arrivals",
        "delivered",
        "inFlight",
        "interval",
        "isAppLimited",
        "lost",
        "now",
        "peerWindow",
        "priorInFlight",
        "rateDelivered",
        "rateLost",
        "roundTrip",
        "sentDelivered",
        "sentInFlight",
        "totalDelivered",
        "totalLost",
        "wayBack",
    )

    def __init__(self) -> None:
        self.now = 0
        self.delivered = 0
        self.lost = 0
        self.inFlight = 0
        self.priorInFlight = 0
        self.totalDelivered = 0
        self.totalLost = 0
        self.roundTrip = -1
        self.interval = 0
        self.rateDelivered = 0
        self.rateLost = 0
        self.sentInFlight = 0
        self.sentDelivered = 0
        self.isAppLimited = False
        self.arrivals = 0
        self.peerWindow = 0
        self.wayBack = 0


class CongestionControl(ABC):
    """
    Limits what a connection has in flight, and how fast it sends.  It knows no clock and no random
    source but those that it is given, and does no I/O.

    The sender calls the methods below.  It reads C{window} and C{pacingRate} when it sends.  The
    windows of the two ends limit what is in flight as well.

    @ivar window: the most bytes in flight, headers included.  A full segment may always leave if
        nothing is in flight.
    @ivar pacingRate: bytes a second; 0 means that nothing is spread.
    """

    __slots__ = ("pacingRate", "window")

    window: int
    pacingRate: int

    @property
    def phase(self) -> str:
        """
        What it is doing, in a word or two, for people who watch.  Empty unless it is overridden.
        """
        return ""

    @abstractmethod
    def onAck(self, ack: Acknowledgement) -> None:
        """
        A batch of ACKs came that acknowledged something, or showed it to be lost.

        @param ack: what it says; it is used again for the next batch.
        """

    def onSent(self, now: int, size: int, inFlight: int) -> None:
        """
        Segments left.  Does nothing unless it is overridden.

        @param now: milliseconds.
        @param size: their bytes.
        @param inFlight: bytes in flight, with them; C{size} if nothing was before.
        """
        return

    @abstractmethod
    def onTimeout(self, now: int, inFlight: int) -> None:
        """
        The retransmission timeout passed: all in flight is taken for lost.

        @param now: milliseconds.
        @param inFlight: bytes that were in flight.
        """

    def onSpuriousLoss(self, now: int) -> None:
        """
        What was taken for lost since the last timeout, or the last loss, has arrived all the same.
        Does nothing unless it is overridden.

        @param now: milliseconds.
        """
        return

    def onPathChanged(self, now: int) -> None:
        """
        The connection goes over another path from now on.  Does nothing unless it is overridden.

        @param now: milliseconds.
        """
        return

    def configure(self, segment: int) -> None:
        """
        The size of a full segment changed.  Does nothing unless it is overridden.

        @param segment: bytes of a full segment, header included.
        """
        return
