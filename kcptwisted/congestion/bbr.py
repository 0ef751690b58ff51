"""
Congestion control by a model of the path: how much it carries, and how long it takes.

The method is that of BBR (draft-ietf-ccwg-bbr).  docs/congestion.md tells how it works, and what is
different here.
"""

from __future__ import annotations

from typing import Final

from kcptwisted.congestion.control import Acknowledgement, CongestionControl
from kcptwisted.congestion.model import PathModel
from kcptwisted.congestion.standing import StandingQueue, isOld
from kcptwisted.congestion.startup import CAREFUL_GAIN, STARTUP_GAIN, StartUp

#: States: the rate grows fast; the queue of that drains; the rate is kept; more is tried for a
#: round; its effect is awaited for another; its queue drains; little is in flight, so that the
#: queue that others leave is seen.
STARTUP: Final = 0
DRAIN: Final = 1
CRUISE: Final = 2
UP: Final = 3
HOLD: Final = 4
DOWN: Final = 5
PROBE_RTT: Final = 6

PHASES: Final = ("start-up", "drain", "cruise", "probe up", "hold", "probe down", "probe RTT")

#: Windows in segments: the first, and the smallest.
INITIAL_WINDOW = 16
MINIMUM_WINDOW = 4

# Pacing rates, as multiples of the rate that the path is known to carry.

DRAIN_GAIN = 0.5
DOWN_GAIN = 0.75
#: Bounds while the rate is kept.
LEAST_CRUISE = 0.9
MOST_CRUISE = 1.02

# Windows, as multiples of what fills the path.

STARTUP_WINDOW = 2.0
CRUISE_WINDOW = 1.25
DOWN_WINDOW = 1.1
PROBE_RTT_WINDOW = 0.5

#: L{DRAIN} ends when so much of what fills the path is in flight.  It is less than all, because the
#: minimum of the round trips may have been measured with the queue of others.
DRAINED = 0.75

# While the rate is kept.

#: Segments that may wait in the queue for each flow; and the thousandth of a second of the rate.
ALPHA = 4
#: How much of the distance to that is made up for in a round trip.
STRENGTH = 0.5
#: Rounds until more is tried, at least.
CRUISE_ROUNDS = 5
#: Nothing is tried with so many times the queue that is aimed at, but no more often than this.
SKIP = 1.5
SKIPS = 4
#: How much more is tried: at first, at least and at most.
STEP = 0.25
LEAST_STEP = 0.06
MOST_STEP = 0.5
#: More again is tried at once if the rate grew by so much of that.
CHAIN = 0.5
#: Rounds for which the queue drains, at most.
DOWN_ROUNDS = 4
#: The path carries less if its rate was lower than so much of the known one for so many rounds.
SLOWER = 0.85
SLOW_ROUNDS = 3
#: Lost is more than the path loses by itself if it is so much more of all.
EXCESS = 0.02
#: Rounds of such losses that need no queue to be taken for congestion.
LOSSY_ROUNDS = 5

#: With a timeout the window becomes the smallest if nothing was heard for longer than the round
#: trip and this, milliseconds.
QUIET = 100


class BBR(CongestionControl):
    """
    C{congestion=bbr}: paces at the rate that the path carries.

    @ivar model: what is known of the path.
    @ivar state: one of L{STARTUP} and those that follow it.
    """

    __slots__ = (
        "_before",
        "_gain",
        "_heard",
        "_limit",
        "_lossyRounds",
        "_segment",
        "_sentBefore",
        "_sentIn",
        "_since",
        "_skipped",
        "_slowRounds",
        "_standing",
        "_startUp",
        "_stateRounds",
        "_step",
        "_windowGain",
        "model",
        "state",
    )

    def __init__(self, segment: int, roundTrip: int = 0) -> None:
        """
        @param segment: bytes of a full segment, header included.
        @param roundTrip: milliseconds; 0 if it is not known.
        """
        self._segment = segment
        # When the path began to be this one, milliseconds.
        self._since = 0
        self.model = PathModel(roundTrip)
        self._begin()

    @property
    def phase(self) -> str:
        """
        The name of the state.
        """
        return PHASES[self.state]

    def _begin(self) -> None:
        self.state = self._sentIn = self._sentBefore = STARTUP
        self._gain, self._windowGain = STARTUP_GAIN, STARTUP_WINDOW
        self._startUp = StartUp()
        self._standing = StandingQueue()
        self._stateRounds = 0
        self._lossyRounds = self._slowRounds = self._skipped = 0
        # The rate before more was tried, and how much more.
        self._before = 0
        self._step = STEP
        # When the last ACK came.
        self._heard = 0
        # The window after a timeout, bytes; 0 if it is not limited.
        self._limit = 0
        self.window = self.pacingRate = 0
        self._apply()

    def configure(self, segment: int) -> None:
        """
        See L{CongestionControl}.
        """
        self._segment = segment
        self._apply()

    def onPathChanged(self, now: int) -> None:
        """
        Begins anew.
        """
        self._since = now
        self.model = PathModel(0)
        self._begin()

    def onTimeout(self, now: int, inFlight: int) -> None:
        """
        The window becomes the smallest and grows from there, if ACKs fail to come.
        """
        if now - self._heard > self.model.minimumRoundTrip + QUIET:
            self._limit = MINIMUM_WINDOW * self._segment
            self._apply()

    def onSpuriousLoss(self, now: int) -> None:
        """
        The window is as if there had been no timeout.
        """
        if self._limit:
            self._limit = 0
            self._apply()

    def onAck(self, ack: Acknowledgement) -> None:
        """
        Measures the path, and acts at the end of each round.
        """
        model = self.model
        self._heard = ack.now
        if ack.now - ack.roundTrip < self._since:
            # It left over another path.
            return
        changed = model.observe(ack, self.window)
        if model.endsRound(ack):
            self._stateRounds += 1
            self._endRound(ack)
            self._sentBefore, self._sentIn = self._sentIn, self.state
            changed = True
        state = self.state
        if state == STARTUP:
            if ack.roundTrip >= 0 and self._startUp.observe(model, self._grain()):
                self._gain = self._startUp.gain
                changed = True
        elif state == DRAIN:
            if ack.inFlight <= model.product * DRAINED:
                self._enter(CRUISE)
                changed = True
        elif state == PROBE_RTT:
            self._apply()
            if self._standing.isSeen(ack, model, self.window, self._grain()):
                self._enter(CRUISE)
            changed = True
        if self._limit:
            self._limit += 2 * ack.delivered
            changed = True
        if changed:
            self._apply()

    def _grain(self) -> int:
        """
        Returns by how many milliseconds round trips differ because of clocks and of two segments
        that left together.
        """
        return 2 + 2000 * self._segment // (self.model.rate or 1)

    # The end of a round.

    def _endRound(self, ack: Acknowledgement) -> None:
        model, state, grain = self.model, self.state, self._grain()
        least, queueing = model.minimumRoundTrip, model.queueing
        idle = queueing <= least // 16 + grain
        excess = model.losesMore(EXCESS, self._segment, 2)
        self._lossyRounds = self._lossyRounds + 1 if excess else 0
        congested = excess and (not idle or self._lossyRounds >= LOSSY_ROUNDS)
        if state == STARTUP:
            if self._startUp.isOver(model, idle, congested, grain, self._segment):
                self._enter(DRAIN)
            return
        if state == PROBE_RTT:
            return
        # What left in the state before the last is found lost by now.
        if self._sentBefore == DOWN and (idle or model.lostShare < model.loss):
            model.learnLoss()
        own = model.rate * queueing // 1000
        aim = ALPHA * self._segment + model.rate // 1000
        if self._standing.isDue(ack.now, model, own / aim, grain):
            self._enter(PROBE_RTT)
        elif self._isSlower(congested):
            model.slower()
            self._enter(DRAIN)
        elif self._isStale(ack.now):
            self._enter(PROBE_RTT)
        elif state == CRUISE:
            self._cruise(ack, own, aim)
        elif state == UP:
            self._enter(HOLD)
        elif state == HOLD:
            self._weigh(congested)
        elif state == DOWN and (
            queueing <= least // 32 + grain - 1
            or ack.inFlight <= model.product
            or self._stateRounds >= DOWN_ROUNDS
        ):
            self._enter(CRUISE)

    def _isSlower(self, congested: bool) -> bool:
        """
        Returns True if the path carries less than it did.
        """
        model = self.model
        isSlow = model.pace < model.rate * SLOWER and not model.isLimited
        if not isSlow or not (congested or model.queueing > model.minimumRoundTrip // 2 + 10):
            self._slowRounds = 0
            return False
        self._slowRounds += 1
        if self._slowRounds < SLOW_ROUNDS:
            return False
        self._slowRounds = 0
        return True

    def _isStale(self, now: int) -> bool:
        """
        Returns True if the minimum of the round trips is to be measured again.
        """
        model = self.model
        if not isOld(model, now):
            return False
        if not model.isLimited:
            return True
        # Little was in flight anyway.
        model.farther(now, model.minimumRoundTrip + model.queueing)
        return False

    def _cruise(self, ack: Acknowledgement, own: int, aim: int) -> None:
        """
        Keeps the queue short, and tries more after some rounds: not all flows at the same time.
        """
        model = self.model
        gain = 1.0 + STRENGTH * (aim - own) / (model.product or 1)
        self._gain = min(max(gain, LEAST_CRUISE), MOST_CRUISE)
        mixed = model.rounds * 7 + ack.totalDelivered // self._segment
        if self._stateRounds < CRUISE_ROUNDS + mixed % 3:
            return
        if own <= SKIP * aim or self._skipped >= SKIPS:
            self._before = model.rate
            self._enter(UP)
        else:
            self._skipped += 1
            self._stateRounds = 0

    def _weigh(self, congested: bool) -> None:
        """
        Looks at what came of trying more.
        """
        model = self.model
        growth = (model.rate - self._before) / (self._before * self._step)
        if growth >= CHAIN and not congested:
            self._before = model.rate
            self._step = min(self._step * 2, MOST_STEP)
            self._enter(UP)
            return
        if congested:
            self._step = max(min(self._step, STEP) / 2, LEAST_STEP)
        elif not model.isLimited:
            self._step = min(self._step * 1.5, STEP)
        self._enter(DOWN)

    # What follows from it.

    def _enter(self, state: int) -> None:
        self.state = state
        self._stateRounds = 0
        if state == DRAIN:
            self._gain, self._windowGain = DRAIN_GAIN, CRUISE_WINDOW
        elif state == CRUISE:
            self._gain, self._windowGain = 1.0, CRUISE_WINDOW
        elif state == UP:
            self._gain, self._windowGain = 1.0 + self._step, CRUISE_WINDOW + self._step
            self._skipped = 0
        elif state == HOLD:
            self._gain = 1.0
        elif state == DOWN:
            self._gain, self._windowGain = DOWN_GAIN, DOWN_WINDOW
        else:
            self._gain, self._windowGain = 1.0, PROBE_RTT_WINDOW
            self._standing.begin()

    def _apply(self) -> None:
        """
        Sets the window and the pacing rate.  What the path loses by itself is sent on top of what
        it delivers.
        """
        model, segment, state = self.model, self._segment, self.state
        rate, least, loss = model.rate, model.minimumRoundTrip, model.loss
        initial, smallest = INITIAL_WINDOW * segment, MINIMUM_WINDOW * segment
        if not rate:
            self.window = initial
            self.pacingRate = int(STARTUP_GAIN * initial * 1000 / least) if least else 0
            return
        send = rate / (1.0 - loss)
        if state == STARTUP and self._gain > CAREFUL_GAIN and least:
            send = max(send, initial * 1000 / least)
        self.pacingRate = int(self._gain * send) or 1
        window = int((self._windowGain + 2.0 * loss) * send * least / 1000)
        if state == STARTUP:
            window = max(window + model.surplus, initial)
        elif state != PROBE_RTT:
            window += model.surplus + 2 * segment
        if window < smallest:
            window = smallest
        if self._limit >= window:
            self._limit = 0
        self.window = self._limit or window
