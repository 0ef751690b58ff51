"""
Start-up: how fast the rate grows, and when the path is full.
"""

from __future__ import annotations

from kcptwisted.congestion.model import PathModel

#: Pacing rates, as multiples of the rate that the path is known to carry; the second while there is
#: a queue.
STARTUP_GAIN = 2.3
CAREFUL_GAIN = 1.5

#: There is a queue when so many round trips, one after the other, are longer by a part of the
#: minimum.
CROWDS = 2
CROWD = 16
#: The path is not full yet if the rate grew by so much in a round; it is full if it did not for so
#: many rounds.  It is full at once if it grew by less than C{STALLED} and a queue or losses say so
#: too.  While it grows a queue does not say so if it grew by a C{LEAP}; losses do.
GROWTH = 1.25
STALLED = 1.1
LEAP = 1.3
FULL_ROUNDS = 3
#: A round that loses a larger share ends start-up, whatever the rate.
OVERLOAD = 0.35


class StartUp:
    """
    Follows the growth of the rate.

    @ivar gain: the pacing rate, as a multiple of the rate that the path is known to carry.
    """

    __slots__ = ("_crowded", "_full", "_fullRounds", "gain")

    def __init__(self) -> None:
        self.gain = STARTUP_GAIN
        self._crowded = 0
        # The rate when it last grew by enough, and the rounds since.
        self._full = self._fullRounds = 0

    def observe(self, model: PathModel, grain: int) -> bool:
        """
        Takes what an ACK said of the round trip: the rate grows more carefully while there is a
        queue.

        @param grain: by how many milliseconds round trips differ without a queue.
        @return: whether C{gain} is another one.
        """
        before = self.gain
        crowded = model.latest > model.minimumRoundTrip // CROWD + grain
        self._crowded = self._crowded + 1 if crowded else 0
        self.gain = CAREFUL_GAIN if self._crowded >= CROWDS else STARTUP_GAIN
        return self.gain != before

    def isOver(
        self, model: PathModel, idle: bool, congested: bool, grain: int, segment: int
    ) -> bool:
        """
        Returns True at the end of a round if the path is full.

        @param idle: the round saw no queue.
        @param congested: it lost more than the path loses by itself.
        @param grain: see L{observe}.
        @param segment: bytes of a full segment.
        """
        least = model.minimumRoundTrip
        grows = model.rate >= self._full * GROWTH
        # While the rate grows, a queue may be that of others, or of the way back.
        isFull = model.rate < self._full * (LEAP if grows else STALLED) or (grows and congested)
        if grows:
            self._full = model.rate
            self._fullRounds = 0
            if idle and model.latest <= least // 16 + grain:
                model.learnLoss()
        if grows and idle:
            # What was lost was lost by the path.
            return False
        if not model.isLimited and model.losesMore(OVERLOAD - model.loss, segment, 8):
            model.slower()
            return True
        if model.isLimited and not congested:
            return False
        self._fullRounds += 1
        if self._fullRounds >= FULL_ROUNDS:
            return True
        return isFull and ((congested and not idle) or model.queueing > least // 4 + grain)
