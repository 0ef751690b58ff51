"""
Congestion control by a model of the path: how much it carries, and how long it takes.
"""

from __future__ import annotations

from typing import Final

from kcptwisted.congestion.control import Acknowledgement, CongestionControl
from kcptwisted.congestion.model import UNKNOWN, PathModel

STARTUP: Final = 0
DRAIN: Final = 1
CRUISE: Final = 2
UP: Final = 3
HOLD: Final = 4
DOWN: Final = 5
PROBE_RTT: Final = 6

INITIAL_WINDOW = 16
MINIMUM_WINDOW = 4
STARTUP_GAIN = 2.3
CAREFUL_GAIN = 1.0
CROWD = 16
CROWDS = 2
SURPLUS = 1.0
DRAIN_GAIN = 0.5
DOWN_GAIN = 0.75
STARTUP_WINDOW = 2.0
CRUISE_WINDOW = 1.25
UP_WINDOW = 1.25
DOWN_WINDOW = 1.1
PROBE_RTT_WINDOW = 0.5
PROBE_RTT_AFTER = 10000
PROBE_RTT_TIME = 200
GROWTH = 1.25
STALLED = 1.1
FULL_ROUNDS = 3
CRUISE_ROUNDS = 5
DOWN_ROUNDS = 4
LEAST_STEP = 0.06
STEP = 0.25
MOST_STEP = 0.5
ALPHA = 4
STRENGTH = 0.5
LEAST_CRUISE = 0.75
MOST_CRUISE = 1.02
SKIP = 1.5
SKIPS = 4
CHAIN = 0.5
OTHERS = 0.85
EXCESS = 0.02
STANDING = 5
CROWDED_BY = 3.0
PATIENCE = 1000
MOST_PATIENCE = 30000
LEARNED = 8
GROWTH_OTHERS = 0
DRAINED = 0.75
OVERLOAD = 0.25
PACE_WEIGHT = 0.0
OTHERS_TEST = 0
QUIET = 100


class BBR(CongestionControl):
    """
    x
    """

    __slots__ = (
        "_before",
        "_crowded",
        "_full",
        "_fullRounds",
        "_gain",
        "_heard",
        "_limit",
        "_lossyRounds",
        "_others",
        "_patience",
        "_probeEnd",
        "_probeLeast",
        "_probeRound",
        "_segment",
        "_sentIn",
        "_skipped",
        "_slowRounds",
        "_standing",
        "_stateRounds",
        "_step",
        "_tested",
        "_windowGain",
        "model",
        "state",
    )

    def __init__(self, segment: int, roundTrip: int = 0) -> None:
        self._segment = segment
        self.model = PathModel(roundTrip)
        self._begin()

    def _begin(self) -> None:
        self.state = self._sentIn = STARTUP
        self._gain, self._windowGain = STARTUP_GAIN, STARTUP_WINDOW
        self._stateRounds = 0
        self._full = self._fullRounds = 0
        self._crowded = 0
        self._lossyRounds = self._slowRounds = self._skipped = 0
        self._before = 0
        self._step = STEP
        self._others = 0
        self._limit = 0
        self._standing = self._tested = 0
        self._patience = int(PATIENCE)
        self._heard = 0
        self._probeEnd = self._probeRound = 0
        self._probeLeast = UNKNOWN
        self.window = self.pacingRate = 0
        self._apply()

    @property
    def bandwidth(self) -> int:
        return self.model.rate

    @property
    def minimumRoundTrip(self) -> int:
        return self.model.minimumRoundTrip

    @property
    def _base(self) -> float:
        return self.model.loss

    def configure(self, segment: int) -> None:
        self._segment = segment
        self._apply()

    def onPathChanged(self, now: int) -> None:
        self.model = PathModel(0)
        self._begin()

    def onTimeout(self, now: int, inFlight: int) -> None:
        if now - self._heard > self.model.minimumRoundTrip + QUIET:
            self._limit = MINIMUM_WINDOW * self._segment
            self._apply()

    def onSpuriousLoss(self, now: int) -> None:
        if self._limit:
            self._limit = 0
            self._apply()

    def onAck(self, ack: Acknowledgement) -> None:
        model = self.model
        self._heard = ack.now
        changed = model.observe(ack, self.window)
        if model.endsRound(ack):
            self._endRound(ack)
            self._sentIn = self.state
            changed = True
        state = self.state
        if state == STARTUP:
            if ack.roundTrip >= 0:
                crowded = model.latest > model.minimumRoundTrip // CROWD + self._grain()
                self._crowded = self._crowded + 1 if crowded else 0
                gain = CAREFUL_GAIN if self._crowded >= CROWDS else STARTUP_GAIN
                if gain != self._gain:
                    self._gain = gain
                    changed = True
        elif state == DRAIN:
            if ack.inFlight <= model.product * DRAINED:
                self._enter(CRUISE)
                changed = True
        elif state == PROBE_RTT:
            self._probeRoundTrip(ack)
            changed = True
        if self._limit:
            self._limit += 2 * ack.delivered
            changed = True
        if changed:
            self._apply()

    def _grain(self) -> int:
        return 2 + 2000 * self._segment // (self.model.rate or 1)

    def _endRound(self, ack: Acknowledgement) -> None:
        model, state = self.model, self.state
        least, queueing, limited = model.minimumRoundTrip, model.queueing, model.isLimited
        grain = self._grain()
        idle = queueing <= least // 16 + grain
        share, loss = model.lostShare, model.loss
        segments = (model.delivered + model.lost) / self._segment
        chance = 2.0 * (loss * (1.0 - loss) / segments) ** 0.5 if segments >= 1 else 1.0
        excess = share > loss + chance + EXCESS and model.lost > 2 * self._segment
        self._lossyRounds = self._lossyRounds + 1 if excess else 0
        congested = excess and (not idle or self._lossyRounds >= 3)
        self._stateRounds += 1
        if state == STARTUP:
            if model.rate >= self._full * GROWTH:
                self._full = model.rate
                self._fullRounds = 0
                if idle and model.latest <= least // 16 + grain:
                    model.learnLoss()
            if share > OVERLOAD + chance and model.lost > 8 * self._segment:
                model.slower()
                self._enter(DRAIN)
            elif not limited or congested:
                self._fullRounds += 1
                stalled = model.rate < self._full * STALLED
                if self._fullRounds >= FULL_ROUNDS or (
                    stalled and (congested or queueing > least // 4 + grain)
                ):
                    self._enter(DRAIN)
            return
        if state == PROBE_RTT:
            return
        if self._sentIn == DOWN and (idle or share < loss):
            model.learnLoss()
        own = model.rate * (queueing - self._others) // 1000
        aim = ALPHA * self._segment + model.rate // 1000
        standing = own > CROWDED_BY * aim and queueing > least // 8 + grain
        self._standing = self._standing + 1 if standing else 0
        if self._standing >= STANDING and ack.now - self._tested >= self._patience:
            self._enter(PROBE_RTT)
            return
        if (
            model.pace < model.rate * 0.85
            and not limited
            and (congested or queueing > least // 2 + 10)
        ):
            self._slowRounds += 1
            if self._slowRounds >= 3:
                self._slowRounds = 0
                model.slower()
                self._enter(DRAIN)
                return
        else:
            self._slowRounds = 0
        if ack.now - model.stamp > PROBE_RTT_AFTER:
            if limited:
                model.farther(ack.now, least + queueing)
            else:
                self._enter(PROBE_RTT)
                return
        if state == CRUISE:
            gain = 1.0 + STRENGTH * (aim - own) / (model.product or 1)
            self._gain = min(max(gain, LEAST_CRUISE), MOST_CRUISE)
            if (
                self._stateRounds
                >= CRUISE_ROUNDS + (model.rounds * 7 + ack.totalDelivered // self._segment) % 3
            ):
                if own <= SKIP * aim or self._skipped >= SKIPS:
                    self._before = model.rate
                    self._enter(UP)
                else:
                    self._skipped += 1
                    self._stateRounds = 0
        elif state == UP:
            self._enter(HOLD)
        elif state == HOLD:
            growth = (model.rate - self._before) / (self._before * self._step)
            if GROWTH_OTHERS:
                if growth >= OTHERS and own > aim:
                    self._others = min(queueing, least)
                else:
                    self._others //= 2
            if growth >= CHAIN and not congested:
                self._before = model.rate
                self._step = min(self._step * 2, MOST_STEP)
                self._enter(UP)
            else:
                if congested:
                    self._step = max(min(self._step, STEP) / 2, LEAST_STEP)
                elif not limited:
                    self._step = min(self._step * 1.5, STEP)
                self._enter(DOWN)
        elif state == DOWN:
            if (
                queueing - self._others <= least // 32 + grain - 1
                or ack.inFlight <= model.product
                or self._stateRounds >= DOWN_ROUNDS
            ):
                self._enter(CRUISE)

    def _probeRoundTrip(self, ack: Acknowledgement) -> None:
        now, model = ack.now, self.model
        if self._probeEnd == 0:
            self._apply()
            if ack.inFlight <= self.window:
                self._probeEnd = now + PROBE_RTT_TIME
                self._probeRound = model.rounds + 2
                self._probeLeast = UNKNOWN
            return
        if 0 <= ack.roundTrip < self._probeLeast:
            self._probeLeast = ack.roundTrip
        if now >= self._probeEnd and model.rounds >= self._probeRound:
            if self._probeLeast < UNKNOWN:
                rest = self._probeLeast - model.minimumRoundTrip
                if now - model.stamp > PROBE_RTT_AFTER:
                    model.farther(now, self._probeLeast)
                    rest = 0
                if rest > self._grain() + model.minimumRoundTrip // 16:
                    if OTHERS_TEST:
                        self._others = min(rest, model.minimumRoundTrip)
                    self._patience = min(2 * self._patience, int(MOST_PATIENCE))
                else:
                    self._others = 0
                    self._patience = int(PATIENCE)
            self._tested = now
            self._enter(CRUISE)

    def _enter(self, state: int) -> None:
        self.state = state
        self._stateRounds = 0
        if state == DRAIN:
            self._gain, self._windowGain = DRAIN_GAIN, CRUISE_WINDOW
        elif state == CRUISE:
            self._gain, self._windowGain = 1.0, CRUISE_WINDOW
        elif state == UP:
            self._gain, self._windowGain = 1.0 + self._step, UP_WINDOW + self._step
            self._skipped = 0
        elif state == HOLD:
            self._gain = 1.0
        elif state == DOWN:
            self._gain, self._windowGain = DOWN_GAIN, DOWN_WINDOW
        else:
            self._gain, self._windowGain = 1.0, PROBE_RTT_WINDOW
            self._probeEnd = 0

    def _apply(self) -> None:
        model, segment = self.model, self._segment
        rate, least = model.rate, model.minimumRoundTrip
        if not rate:
            self.window = INITIAL_WINDOW * segment
            self.pacingRate = int(STARTUP_GAIN * self.window * 1000 / least) if least else 0
            return
        loss, state = model.loss, self.state
        send = rate / (1.0 - loss)
        if state == STARTUP and self._gain > CAREFUL_GAIN and least:
            send = max(send, INITIAL_WINDOW * segment * 1000 / least)
        self.pacingRate = int(self._gain * send) or 1
        product = send * (least + self._others) / 1000
        window = int((self._windowGain + 2.0 * loss) * product)
        if state == STARTUP:
            window += int(SURPLUS * model.surplus)
            if window < INITIAL_WINDOW * segment:
                window = INITIAL_WINDOW * segment
        elif state != PROBE_RTT:
            window += model.surplus + 2 * segment
        if window < MINIMUM_WINDOW * segment:
            window = MINIMUM_WINDOW * segment
        if self._limit:
            if self._limit >= window:
                self._limit = 0
            else:
                window = self._limit
        self.window = window
