"""
Congestion control by a model of the path: how much it carries, and how long it takes.
"""

from __future__ import annotations

from typing import Final

from kcptwisted.congestion.control import Acknowledgement, CongestionControl
from kcptwisted.congestion.filters import WindowedMaximum

STARTUP: Final = 0
DRAIN: Final = 1
CRUISE: Final = 2
UP: Final = 3
HOLD: Final = 4
DOWN: Final = 5
PROBE_RTT: Final = 6

STARTUP_GAIN: Final = 2.77
DRAIN_GAIN: Final = 0.5
INITIAL_WINDOW: Final = 16
MINIMUM_WINDOW: Final = 4
RATE_ROUNDS: Final = 10
MINIMUM_ROUND_TRIP_AGE: Final = 10000
PROBE_RTT_TIME: Final = 200
CRUISE_ROUNDS = 5
ALPHA = 4
STRENGTH = 0.2
LEAST = 0.75
MOST = 1.02
WG_UP = 1.5
WG_CRUISE = 1.25
WG_DOWN = 1.1
CHAIN = 1.12
SKIP = 1.5
SKIPS = 4


class BBR(CongestionControl):
    """
    x
    """

    __slots__ = (
        "_base",
        "_before",
        "_cruised",
        "_epoch",
        "_epochDelivered",
        "_extra",
        "_full",
        "_fullRounds",
        "_gain",
        "_learnt",
        "_limit",
        "_lossy",
        "_nextRound",
        "_probeEnd",
        "_probeLeast",
        "_probeRound",
        "_queued",
        "_rates",
        "_roundDelivered",
        "_roundLeast",
        "_roundLimited",
        "_roundLost",
        "_roundRate",
        "_roundStart",
        "_segment",
        "_sentIn",
        "_skipped",
        "_stamp",
        "_step",
        "_windowGain",
        "minimumRoundTrip",
        "rounds",
        "state",
    )

    def __init__(self, segment: int, roundTrip: int = 0) -> None:
        self._segment = segment
        self._restart(roundTrip)

    def _restart(self, roundTrip: int) -> None:
        self.minimumRoundTrip = roundTrip
        self._stamp = -1
        self._rates = WindowedMaximum()
        self._extra = WindowedMaximum()
        self.state = STARTUP
        self._sentIn = STARTUP
        self.rounds = 0
        self._nextRound = 0
        self._roundStart = -1
        self._roundDelivered = self._roundLost = 0
        self._roundLeast = 1 << 30
        self._roundRate = 0
        self._roundLimited = False
        self._full = self._fullRounds = 0
        self._base = 0.0
        self._learnt = 1
        self._lossy = 0
        self._epoch = self._epochDelivered = 0
        self._cruised = 0
        self._step = 0.25
        self._before = 0
        self._queued = self._skipped = 0
        self._limit = 0
        self._probeEnd = self._probeRound = self._probeLeast = 0
        self._gain = STARTUP_GAIN
        self._windowGain = 2.0
        self.window = INITIAL_WINDOW * self._segment
        self.pacingRate = 0
        self._apply()

    @property
    def bandwidth(self) -> int:
        return self._rates.value

    def configure(self, segment: int) -> None:
        self._segment = segment
        self._apply()

    def onPathChanged(self, now: int) -> None:
        self._restart(0)

    def onTimeout(self, now: int, inFlight: int) -> None:
        self._limit = MINIMUM_WINDOW * self._segment
        self._apply()

    def onSpuriousLoss(self, now: int) -> None:
        if self._limit:
            self._limit = 0
            self._apply()

    def onAck(self, ack: Acknowledgement) -> None:
        now = ack.now
        changed = False
        roundTrip = ack.roundTrip
        least = self.minimumRoundTrip
        if roundTrip >= 0:
            if roundTrip < self._roundLeast:
                self._roundLeast = roundTrip
            if roundTrip <= least + 1 + least // 64 or not least:
                if roundTrip < least or not least:
                    self.minimumRoundTrip = least = roundTrip or 1
                    changed = True
                self._stamp = now
            elif self._stamp < 0:
                self._stamp = now
        interval = ack.interval
        if interval and interval + 1 >= least:
            rate = ack.rateDelivered * 1000 // (interval + 1)
            if rate > self._roundRate:
                if not ack.isAppLimited or rate > self._rates.value:
                    self._roundRate = rate
                    if rate > self._rates.value:
                        self._rates.update(self.rounds, rate, RATE_ROUNDS)
                        changed = True
                else:
                    self._roundLimited = True
            if ack.isAppLimited:
                self._roundLimited = True
        # Aggregation
        known = self._rates.value
        if known:
            expected = known * (now - self._epoch) // 1000
            surplus = self._epochDelivered + ack.delivered - expected
            if surplus <= ack.delivered:
                self._epoch = now
                self._epochDelivered = surplus = ack.delivered
            else:
                self._epochDelivered += ack.delivered
            if surplus > self._extra.value:
                most = self.window
                self._extra.update(self.rounds, surplus if surplus < most else most, RATE_ROUNDS)
                changed = True
        if ack.sentDelivered >= self._nextRound:
            self._endRound(ack)
            changed = True
        state = self.state
        if state == DRAIN:
            if ack.inFlight <= self._product():
                self._enter(CRUISE, ack)
                changed = True
        elif state == PROBE_RTT:
            self._apply()
            self._probeRoundTrip(ack)
            changed = True
        if self._limit:
            self._limit += 2 * ack.delivered
            changed = True
        if changed:
            self._apply()

    def _product(self) -> int:
        return self._rates.value * self.minimumRoundTrip // 1000

    def _endRound(self, ack: Acknowledgement) -> None:
        now = ack.now
        first = self._roundStart < 0
        elapsed = now - self._roundStart
        delivered = ack.totalDelivered - self._roundDelivered
        lost = ack.totalLost - self._roundLost
        least, limited = self._roundLeast, self._roundLimited
        sentIn = self._sentIn
        self.rounds += 1
        roundRate = self._roundRate
        queue = least - self.minimumRoundTrip if least < 1 << 30 else 0
        rate = delivered * 1000 // (elapsed + 1)
        self._extra.update(self.rounds, 0, RATE_ROUNDS)
        if roundRate and not limited:
            self._rates.update(self.rounds, roundRate, RATE_ROUNDS)
        if not first:
            self._judge(ack, delivered, lost, rate, queue, limited, sentIn)
        self._nextRound = ack.totalDelivered
        self._roundStart = now
        self._roundDelivered = ack.totalDelivered
        self._roundLost = ack.totalLost
        self._roundLeast = 1 << 30
        self._roundRate = 0
        self._roundLimited = False
        self._sentIn = self.state

    def _judge(
        self,
        ack: Acknowledgement,
        delivered: int,
        lost: int,
        rate: int,
        queue: int,
        limited: bool,
        sentIn: int,
    ) -> None:
        state = self.state
        total = delivered + lost
        share = lost / total if total > 0 and lost > 0 else 0.0
        packets = total / self._segment
        # Beyond the base, by more than chance.
        noise = 2.0 * (self._base * (1 - self._base) / packets) ** 0.5 if packets >= 1 else 1.0
        excess = share > self._base + noise + 0.02 and lost > 2 * self._segment
        least = self.minimumRoundTrip
        # What a queue of a few packets adds.
        bit = 2 + 2000 * self._segment // (self._rates.value or 1)
        idle = queue <= least // 16 + bit
        if excess:
            self._lossy += 1
        else:
            self._lossy = 0
        congested = excess and (not idle or self._lossy >= 3)
        if state == STARTUP:
            grown = self._rates.value >= self._full * 1.25
            if grown:
                self._full = self._rates.value
                self._fullRounds = 0
                if total and idle and ack.roundTrip <= least + least // 16 + bit:
                    self._learn(share)
            elif not limited:
                self._fullRounds += 1
                slow = self._rates.value < self._full * 1.1
                if (
                    self._fullRounds >= 3
                    or (slow and congested)
                    or (slow and queue > least // 4 + bit)
                ):
                    self._enter(DRAIN, ack)
            return
        if sentIn == DOWN and total and (idle or share < self._base):
            self._learn(share)
        # a standing queue while less is delivered than thought: the path became slower
        if (
            state != PROBE_RTT
            and (congested or queue > least // 2 + 10)
            and rate < self._rates.value * 0.85
            and not limited
        ):
            self._queued += 1
            if self._queued >= 3:
                self._queued = 0
                self._rates.reset(self.rounds, max(rate, self._rates.value // 4))
                self._enter(DRAIN, ack)
                return
        else:
            self._queued = 0
        if state == CRUISE:
            self._cruised += 1
            own = self._rates.value * queue // 1000
            aim = ALPHA * self._segment + self._rates.value // 1000
            self._gain = min(max(1.0 + STRENGTH * (aim - own) / aim, LEAST), MOST)
            if (
                self._cruised
                >= CRUISE_ROUNDS + (self.rounds * 7 + ack.totalDelivered // self._segment) % 3
            ):
                if own <= SKIP * aim or self._skipped >= SKIPS:
                    self._before = self._rates.value
                    self._skipped = 0
                    self._enter(UP, ack)
                else:
                    self._skipped += 1
                    self._cruised = 0
        elif state == UP:
            self._enter(HOLD, ack)
        elif state == HOLD:
            if congested:
                self._step = max(self._step / 2, 0.06)
            elif not limited:
                self._step = min(self._step * 1.5, 0.25)
            if self._rates.value > self._before * CHAIN and not congested:
                self._before = self._rates.value
                self._enter(UP, ack)
            else:
                self._enter(DOWN, ack)
        elif state == DOWN:
            self._cruised += 1
            if (
                queue <= least // 32 + bit - 1
                or ack.inFlight <= self._product()
                or self._cruised >= 4
            ):
                self._enter(CRUISE, ack)
        if state != PROBE_RTT and ack.now - self._stamp > MINIMUM_ROUND_TRIP_AGE:
            self._enter(PROBE_RTT, ack)

    def _learn(self, share: float) -> None:
        if self._learnt < 4:
            self._learnt += 1
        self._base += (min(share, 0.2) - self._base) / self._learnt

    def _probeRoundTrip(self, ack: Acknowledgement) -> None:
        now = ack.now
        if self._probeEnd == 0:
            if ack.inFlight <= self.window:
                self._probeEnd = now + PROBE_RTT_TIME
                self._probeRound = self.rounds + 2
                self._probeLeast = 1 << 30
            return
        if 0 <= ack.roundTrip < self._probeLeast:
            self._probeLeast = ack.roundTrip
        if now >= self._probeEnd and self.rounds >= self._probeRound:
            if self._probeLeast < 1 << 30:
                self.minimumRoundTrip = self._probeLeast or 1
            self._stamp = now
            self._enter(CRUISE if self._full else STARTUP, ack)

    def _enter(self, state: int, ack: Acknowledgement) -> None:
        self.state = state
        self._cruised = 0
        if state == DRAIN:
            self._gain, self._windowGain = DRAIN_GAIN, 2.0
        elif state == CRUISE:
            self._gain, self._windowGain = 1.0, WG_CRUISE
        elif state == UP:
            self._gain, self._windowGain = 1.0 + self._step, WG_UP
        elif state == HOLD:
            self._gain, self._windowGain = 1.0, WG_UP
        elif state == DOWN:
            self._gain, self._windowGain = 0.75, WG_DOWN
        elif state == PROBE_RTT:
            self._gain, self._windowGain = 1.0, 0.5
            self._probeEnd = 0
        elif state == STARTUP:
            self._gain, self._windowGain = STARTUP_GAIN, 2.0

    def _apply(self) -> None:
        segment = self._segment
        rate, least = self._rates.value, self.minimumRoundTrip
        if not rate:
            self.window = INITIAL_WINDOW * segment
            self.pacingRate = int(STARTUP_GAIN * self.window * 1000 / least) if least else 0
            return
        send = rate / (1.0 - self._base)
        self.pacingRate = int(self._gain * send) or 1
        product = send * least / 1000
        window = int((self._windowGain + 2 * self._base) * product)
        if self.state == STARTUP:
            window += 2 * self._extra.value
            if window < INITIAL_WINDOW * segment:
                window = INITIAL_WINDOW * segment
        elif self.state != PROBE_RTT:
            window += self._extra.value + 2 * segment
        if window < MINIMUM_WINDOW * segment:
            window = MINIMUM_WINDOW * segment
        if self._limit:
            if self._limit >= window:
                self._limit = 0
            else:
                window = self._limit
        self.window = window
