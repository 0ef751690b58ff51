"""
How fast segments are delivered: the rate samples of draft-cheng-iccrg-delivery-rate-estimation.
"""

from __future__ import annotations

from itertools import islice

from kcptwisted.congestion.control import Acknowledgement

#: The most times of departure that are kept.  So many milliseconds are longer than the round trip;
#: only a peer whose ACKs do not tell when copies left makes them so many.
MOST_DEPARTURES = 16_384


class _Departure:
    """
    What was known when segments left.  All segments that left in the same millisecond share it.
    """

    __slots__ = ("delivered", "deliveredAt", "firstSent", "inFlight", "isAppLimited", "lost")

    def __init__(self, rate: DeliveryRate, inFlight: int) -> None:
        self.delivered = rate.delivered
        self.deliveredAt = rate.deliveredAt
        self.firstSent = rate.firstSent
        self.lost = rate.lost
        self.inFlight = inFlight
        self.isAppLimited = rate.limitedUntil > 0


class DeliveryRate:
    """
    Counts the bytes in flight, and measures the rate at which they are delivered.  Sizes are those
    of segments, headers included.

    A copy of a segment is known by when it left, which its ACK echoes.  So it makes no difference
    whether it was the first.

    @ivar outstanding: bytes that were sent and not acknowledged, each segment once.
    @ivar delivered: bytes that were acknowledged.
    @ivar deliveredAt: when something was last acknowledged, or sent with nothing in flight,
        milliseconds.
    @ivar firstSent: when the copy left that was the latest to be acknowledged, or the first of a
        flight, milliseconds.
    @ivar lost: bytes that were found lost.
    @ivar limitedUntil: what is to be C{delivered} before samples show the path again, and not the
        application; 0 while they do.
    """

    __slots__ = (
        "_ack",
        "_departures",
        "delivered",
        "deliveredAt",
        "firstSent",
        "limitedUntil",
        "lost",
        "outstanding",
    )

    def __init__(self, now: int, outstanding: int) -> None:
        """
        @param now: milliseconds.
        @param outstanding: bytes in flight already; nothing is known of when they left.
        """
        self.outstanding = outstanding
        self.delivered = 0
        self.deliveredAt = self.firstSent = now
        self.lost = 0
        self.limitedUntil = 0
        # By when they left, in that order.
        self._departures: dict[int, _Departure] = {}
        self._ack = Acknowledgement()

    def sent(self, now: int, size: int, inFlight: int, fresh: int) -> None:
        """
        Segments left.

        @param now: milliseconds.
        @param size: bytes that left.
        @param inFlight: bytes in flight before.
        @param fresh: of C{size}, those of new segments.
        """
        if inFlight <= 0:
            self.firstSent = self.deliveredAt = now
        self.outstanding += fresh
        departure = self._departures.get(now)
        if departure is None:
            if len(self._departures) >= MOST_DEPARTURES:
                self._forget()
            self._departures[now] = _Departure(self, inFlight + size)
        else:
            departure.inFlight += size

    def _forget(self) -> None:
        """
        Forgets the older half of the departures.
        """
        for time in list(islice(self._departures, MOST_DEPARTURES // 2)):
            del self._departures[time]

    def limited(self, inFlight: int) -> None:
        """
        There is less to send than the control allows.

        @param inFlight: bytes in flight.
        """
        self.limitedUntil = (self.delivered + inFlight) or 1

    def acknowledged(self, now: int, size: int, sent: int, lost: int) -> Acknowledgement:
        """
        Takes what a batch of ACKs acknowledged.

        @param now: milliseconds.
        @param size: bytes newly acknowledged.
        @param sent: when the copy left that left last of those acknowledged, milliseconds; less
            than any time if no ACK tells.
        @param lost: bytes found lost.
        @return: what is known now, but for C{inFlight}, C{priorInFlight}, C{arrivals} and
            C{peerWindow}.
        """
        self.outstanding -= size
        self.lost += lost
        ack = self._ack
        ack.now = now
        ack.delivered = size
        ack.lost = lost
        ack.roundTrip = -1
        ack.interval = ack.rateDelivered = ack.rateLost = 0
        ack.isAppLimited = False
        if size:
            self.delivered += size
            if 0 < self.limitedUntil < self.delivered:
                self.limitedUntil = 0
            departure = self._departures.get(sent)
            if departure is not None:
                self._measure(departure, sent, now)
            self.deliveredAt = now
        ack.totalDelivered = self.delivered
        ack.totalLost = self.lost
        return ack

    def _measure(self, departure: _Departure, sent: int, now: int) -> None:
        ack = self._ack
        ack.roundTrip = now - sent
        ack.sentDelivered = departure.delivered
        ack.sentInFlight = departure.inFlight
        ack.isAppLimited = departure.isAppLimited
        sending, arriving = sent - departure.firstSent, now - departure.deliveredAt
        ack.interval = sending if sending > arriving else arriving
        ack.rateDelivered = self.delivered - departure.delivered
        ack.rateLost = self.lost - departure.lost
        self.firstSent = sent
        # What left before tells nothing new.
        departures = self._departures
        stale: list[int] = []
        for time in departures:
            if time >= sent:
                break
            stale.append(time)
        for time in stale:
            del departures[time]
