"""
The queue that others leave: what the round trip is with little of one's own in flight.
"""

from __future__ import annotations

from kcptwisted.congestion.control import Acknowledgement
from kcptwisted.congestion.model import UNKNOWN, PathModel

#: How old the minimum of the round trips may become, milliseconds.
PROBE_RTT_AFTER = 10_000
#: How long little is in flight, milliseconds.
PROBE_RTT_TIME = 200
#: A queue stands if for so many rounds it was so many times what is aimed at, and so much of the
#: minimum of the round trips.
STANDING_ROUNDS = 5
STANDING = 3.0
STANDING_SHARE = 0.25
#: Milliseconds until that is looked into again, at first and at most.
PATIENCE = 1000
MOST_PATIENCE = 30_000


def isOld(model: PathModel, now: int) -> bool:
    """
    Returns True if the minimum of the round trips was not seen for long.

    @param now: milliseconds.
    """
    return now - model.stamp > PROBE_RTT_AFTER


class StandingQueue:
    """
    Says when to find out, and looks at what is found.

    Flows that share a queue come to this at about the same time, so that it is empty for once, and
    all see the same minimum of the round trips.  A flow that began while it was full takes it for a
    part of the path before, and would have more than its share.
    """

    __slots__ = ("_end", "_lastRound", "_least", "_patience", "_rounds", "_seen")

    def __init__(self) -> None:
        # Rounds in which it stood.
        self._rounds = 0
        # When it was looked into last, and until when not again after that, milliseconds.
        self._seen = 0
        self._patience = PATIENCE
        # When that ends, 0 while too much is in flight for it to count; and the minimum since.
        self._end = self._lastRound = 0
        self._least = UNKNOWN

    def isDue(self, now: int, model: PathModel, times: float, grain: int) -> bool:
        """
        Returns True at the end of a round if a queue has stood for long.

        @param now: milliseconds.
        @param times: this flow's part of the queue, as a multiple of what it aims at.
        @param grain: by how many milliseconds round trips differ without a queue.
        """
        isLong = model.queueing > model.minimumRoundTrip * STANDING_SHARE + grain
        self._rounds = self._rounds + 1 if isLong and times > STANDING else 0
        return self._rounds >= STANDING_ROUNDS and now - self._seen >= self._patience

    def begin(self) -> None:
        """
        Less is in flight from now on.
        """
        self._end = 0

    def isSeen(self, ack: Acknowledgement, model: PathModel, window: int, grain: int) -> bool:
        """
        Takes an ACK.

        @param window: the most bytes in flight for this.
        @param grain: see L{isDue}.
        @return: whether it is over.
        """
        now = ack.now
        if self._end == 0:
            if ack.inFlight <= window:
                self._end = now + PROBE_RTT_TIME
                self._lastRound = model.rounds + 2
                self._least = UNKNOWN
            return False
        if 0 <= ack.roundTrip < self._least:
            self._least = ack.roundTrip
        if now < self._end or model.rounds < self._lastRound:
            return False
        if self._least < UNKNOWN:
            rest = self._least - model.minimumRoundTrip
            if isOld(model, now):
                model.farther(now, self._least)
                rest = 0
            # A queue that is left is not this sender's.
            isOthers = rest > grain + model.minimumRoundTrip // 16
            self._patience = min(2 * self._patience, MOST_PATIENCE) if isOthers else PATIENCE
        self._seen = now
        return True
