"""
What is known of a path: how much it carries, how long it takes, and what it loses.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

from kcptwisted.congestion.control import Acknowledgement
from kcptwisted.congestion.filters import WindowedMaximum

#: How long the greatest delivery rate counts, rounds.
RATE_ROUNDS: Final = 10

#: More than any round trip, milliseconds.
UNKNOWN: Final = 1 << 30

#: The most loss that is put down to the path, and not to this sender.
MOST_LOSS: Final = 0.2

#: Each estimate of that loss counts for a quarter of the whole, but the first ones for more.
LOSS_ESTIMATES: Final = 4


class PathModel:
    """
    Measures a path by what its ACKs say.

    A round is a round trip as told by deliveries: it ends when something is acknowledged that left
    after its beginning.  What the ACKs of a round say is about what left in the round before.

    Clocks of milliseconds measure an interval up to one too short, and the greatest of many rates
    finds just those.  So rates are computed with one millisecond more.

    Lengths are bytes, headers included, times are milliseconds.

    @ivar minimumRoundTrip: the shortest round trip; 0 if none is known.
    @ivar stamp: when a round trip was last about as short; -1 before there was any.
    @ivar surplus: the most bytes that ACKs were ahead of C{rate} lately, because they come
        together.
    @ivar loss: the share that is lost however little is sent.
    @ivar rounds: how many rounds there were.
    @ivar delivered: bytes acknowledged in the last round.
    @ivar lost: bytes found lost in it.
    @ivar pace: bytes a second that were delivered on the average of it.
    @ivar queueing: its shortest round trip is so much longer than the minimum.
    @ivar latest: the last round trip is so much longer than the minimum.
    @ivar isLimited: it shows what the application sends, and not what the path can carry.
    """

    __slots__ = (
        "_best",
        "_burst",
        "_burstSince",
        "_deliveredBefore",
        "_least",
        "_lossEstimates",
        "_lostBefore",
        "_nextRound",
        "_rates",
        "_since",
        "_surpluses",
        "delivered",
        "isLimited",
        "latest",
        "loss",
        "lost",
        "minimumRoundTrip",
        "pace",
        "queueing",
        "rounds",
        "stamp",
    )

    def __init__(self, roundTrip: int) -> None:
        """
        @param roundTrip: one that is known already; 0 if none is.
        """
        self.minimumRoundTrip = roundTrip
        self.stamp = -1
        self.loss = 0.0
        self.rounds = 0
        self.delivered = self.lost = self.pace = 0
        self.queueing = self.latest = 0
        self.isLimited = False
        self._rates = WindowedMaximum()
        self._surpluses = WindowedMaximum()
        self._lossEstimates = 1
        # Of the round that has not ended.
        self._nextRound = 0
        self._since = -1
        self._deliveredBefore = self._lostBefore = 0
        self._least = UNKNOWN
        self._best = 0
        # ACKs since the rate was last exceeded.
        self._burst = 0
        self._burstSince = 0

    @property
    def rate(self) -> int:
        """
        What the path carries, bytes a second; 0 if that is not known.
        """
        return self._rates.value

    @property
    def surplus(self) -> int:
        """
        See the class.
        """
        return self._surpluses.value

    @property
    def product(self) -> int:
        """
        What fills the path without a queue, bytes.
        """
        return self._rates.value * self.minimumRoundTrip // 1000

    def observe(self, ack: Acknowledgement, window: int) -> bool:
        """
        Takes what a batch of ACKs says.

        @param window: the most bytes that may have been in flight.
        @return: whether C{rate}, C{minimumRoundTrip} or C{surplus} is another one.
        """
        changed = False
        now, roundTrip = ack.now, ack.roundTrip
        least = self.minimumRoundTrip
        if roundTrip >= 0:
            # What waits behind the peer's data on the way back is no queue on the way there.
            ahead = roundTrip - ack.wayBack
            if ahead < least:
                ahead = min(least, roundTrip)
            self.latest = ahead - least
            if ahead < self._least:
                self._least = ahead
            if not least or roundTrip < least:
                if roundTrip < least - 1 - least // 8:
                    # There was a queue; so what was lost was not lost by the path.
                    self.loss = 0.0
                    self._lossEstimates = 1
                self.minimumRoundTrip = least = roundTrip or 1
                self.latest = 0
                self.stamp = now
                changed = True
            elif self.stamp < 0 or self.latest <= 1 + least // 64:
                self.stamp = now
        interval, rates = ack.interval, self._rates
        if interval and interval >= least - 1:
            rate = ack.rateDelivered * 1000 // (interval + 1)
            if rate > rates.value:
                rates.update(self.rounds, rate, RATE_ROUNDS)
                changed = True
                self._best = rate
            elif rate > self._best and not ack.isAppLimited:
                self._best = rate
        if rates.value:
            # See "ACK aggregation" in the draft.
            expected = rates.value * (now - self._burstSince) // 1000
            surplus = self._burst + ack.delivered - expected
            if surplus <= ack.delivered:
                self._burst, self._burstSince = 0, now
                surplus = ack.delivered
            self._burst += ack.delivered
            if surplus > self._surpluses.value:
                if surplus > window:
                    surplus = window
                self._surpluses.update(self.rounds, surplus, RATE_ROUNDS)
                changed = True
        return changed

    def endsRound(self, ack: Acknowledgement) -> bool:
        """
        Returns whether a batch of ACKs, which has been observed, ends a round; then the values of
        the last round are those of this one.
        """
        if ack.sentDelivered < self._nextRound or ack.roundTrip < 0:
            return False
        now, first = ack.now, self._since < 0
        self.rounds += 1
        self.delivered = ack.totalDelivered - self._deliveredBefore
        self.lost = ack.totalLost - self._lostBefore
        self.pace = self.delivered * 1000 // (now - self._since + 1)
        self.queueing = self._least - self.minimumRoundTrip if self._least < UNKNOWN else 0
        self.isLimited = not self._best
        if self._best:
            self._rates.update(self.rounds, self._best, RATE_ROUNDS)
        self._surpluses.update(self.rounds, 0, RATE_ROUNDS)
        self._nextRound = ack.totalDelivered
        self._deliveredBefore, self._lostBefore = ack.totalDelivered, ack.totalLost
        self._since = now
        self._least = UNKNOWN
        self._best = 0
        return not first

    def slower(self) -> None:
        """
        The path carries less than it did: only the last round counts, but for a quarter of the
        former rate at least.
        """
        self._rates.reset(self.rounds, max(self.pace, self._rates.value // 4))

    def farther(self, now: int, roundTrip: int) -> None:
        """
        Sets the minimum of the round trips, which may be longer than the one before.
        """
        self.minimumRoundTrip = roundTrip or 1
        self.stamp = now

    @property
    def lostShare(self) -> float:
        """
        The share of the last round that was lost.
        """
        return self.lost / (self.delivered + self.lost) if self.lost > 0 else 0.0

    def losesMore(self, share: float, segment: int, count: int) -> bool:
        """
        Returns True if more was lost in the last round than the path loses by itself, chance
        considered.

        @param share: so much more of all.
        @param segment: bytes of a full segment.
        @param count: more than so many segments.
        """
        if self.lost <= count * segment:
            return False
        loss, segments = self.loss, (self.delivered + self.lost) / segment
        chance = 2.0 * sqrt(loss * (1.0 - loss) / segments)
        return self.lostShare > loss + chance + share

    def learnLoss(self) -> None:
        """
        Takes the last round for one in which this sender caused no loss.
        """
        if self._lossEstimates < LOSS_ESTIMATES:
            self._lossEstimates += 1
        share = self.lostShare
        if share > MOST_LOSS:
            share = MOST_LOSS
        self.loss += (share - self.loss) / self._lossEstimates
