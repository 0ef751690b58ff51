"""
Recovery as KCP has it: each segment has its own timeout, and ACKs of later segments are counted.
"""

from __future__ import annotations

from kcptwisted.arq.deadlines import Resend, ResendDeadlines
from kcptwisted.arq.overtaken import Overtaken
from kcptwisted.arq.recovery import DEAD_LINK, Recovery
from kcptwisted.arq.rtt import MAXIMUM_RTO, RoundTripEstimator
from kcptwisted.arq.sendqueue import Fragment
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import OVERHEAD

#: A segment that was overtaken waits for this part of the round trip before it is sent again early,
#: up to the interval that kcp-go would wait.
REORDERING = 8


class CountingRecovery(Recovery):
    """
    Takes segments for lost that timed out, or that C{resend} later ones overtook; fewer are enough
    if nothing new leaves ("early").
    """

    __slots__ = (
        "_deadlines",
        "_overtaken",
        "_resends",
    )

    def __init__(
        self,
        settings: ARQSettings,
        inFlight: dict[int, Fragment],
        rtt: RoundTripEstimator,
        stats: SessionStats,
    ) -> None:
        """
        See L{Recovery}.
        """
        super().__init__(settings, inFlight, rtt, stats)
        self._deadlines = ResendDeadlines()
        # None until an ACK goes beyond una or a timeout passes, and again with nothing in flight.
        self._overtaken: Overtaken | None = None
        self._resends: dict[int, Resend] | None = None

    def configure(self, settings: ARQSettings) -> None:
        """
        See L{Recovery}.
        """
        super().configure(settings)
        if self._overtaken is not None:
            self._overtaken.threshold = settings.resend

    def sent(self, now: int, first: int, stop: int) -> None:
        """
        See L{Recovery}.
        """
        self._deadlines.add(now, self._rtt.timeout, range(first, stop))
        if self._overtaken is None:
            self.due = self._deadlines.first
        else:
            self._plan()

    def acknowledged(self, newly: list[tuple[int, int]], before: int, una: int, now: int) -> None:
        """
        See L{Recovery}.
        """
        self.newlyLost = 0
        if not self._inFlight:
            # As clear() does.
            self._deadlines.clear()
            self._overtaken = self._resends = self.due = None
            self.pending = False
            return
        if una != before:
            self._deadlines.forget(una)
            if self._resends:
                self._forget(self._resends, before, una)
        beyond = [ack for ack in newly if ack[0] > una] if newly else newly
        if beyond:
            overtaken = self._watch()
            overtaken.count(beyond, una)
            if overtaken.due is None and overtaken.early:
                reordering = int(self._rtt.smoothed) // REORDERING
                overtaken.due = now + min(reordering, self._settings.interval)
        self._plan()

    def _forget(self, resends: dict[int, Resend], first: int, una: int) -> None:
        if una - first < len(resends):
            for sn in range(first, una):
                resends.pop(sn, None)
        else:
            for sn in [sn for sn in resends if sn < una]:
                del resends[sn]

    def _watch(self) -> Overtaken:
        """
        Returns what counts the ACKs of later segments, made if there is none yet.
        """
        if self._overtaken is None:
            self._resends = {}
            self._overtaken = Overtaken(self._settings.resend, self._inFlight, self._resends)
        return self._overtaken

    def clear(self) -> None:
        """
        See L{Recovery}.
        """
        self._deadlines.clear()
        self._overtaken = self._resends = self.due = None
        self.pending = False

    def _plan(self) -> None:
        overtaken, due = self._overtaken, self._deadlines.first
        if overtaken is not None:
            self.pending = overtaken.pending
            early = overtaken.due
            if due is None or (early is not None and early < due):
                due = early
        self.due = due

    def expire(self, sns: list[int], now: int) -> None:
        """
        See L{Recovery}.
        """
        self._watch()
        resends = self._resends
        assert resends is not None
        if len(sns) == len(self._inFlight):
            self._deadlines.clear()
        for sn in sns:
            resend = resends.get(sn)
            if resend is not None:
                resend.deadline = now
        self._deadlines.add(now - self._rtt.timeout, self._rtt.timeout, sns)
        self._plan()

    def take(
        self, now: int, una: int, progress: int, fresh: bool, room: int, blocked: bool
    ) -> list[int]:
        """
        See L{Recovery}.
        """
        self.newlyLost = 0
        self.timedOut = self.exhausted = False
        first = self._deadlines.first
        if self._overtaken is None and (first is None or first > now):
            return []
        overtaken = self._watch()
        inFlight, resends = self._inFlight, self._resends
        assert resends is not None
        timedOut = {
            sn: timeout for sn, timeout in self._deadlines.due(now, una, resends) if sn in inFlight
        }
        fast = [sn for sn in overtaken.takeFast() if sn not in timedOut]
        early: list[int] = []
        if not fresh:
            early = [sn for sn in overtaken.takeEarly() if sn not in timedOut]
        # What was overtaken and is not sent again waits anew.
        overtaken.due = now + self._settings.interval if overtaken.early else None
        if not (timedOut or fast or early):
            self._plan()
            return []
        # Until a round trip is known, ACKs may be underway for longer than the timeout.
        self.timedOut = bool(timedOut) and self._rtt.least >= 0
        timeout = self._rtt.timeout
        isDead = now - progress >= self._settings.deadLinkAfter
        again = dict.fromkeys(fast + early, timeout)
        for sn in again:
            self._note(resends, sn, timeout, now, isDead).beforeTimeout = True
        if not timedOut:
            self.newlyLost = sum([OVERHEAD + len(inFlight[sn][1]) for sn in again])
        growth = timeout // 2 if self._settings.nodelay else timeout
        for sn, before in timedOut.items():
            again[sn] = min(before + growth, MAXIMUM_RTO)
            self._note(resends, sn, again[sn], now, isDead).beforeTimeout = False
            overtaken.resent(sn, now)
        self._schedule(again, now)
        self._plan()
        stats = self._stats
        stats.LostSegs += len(timedOut)
        stats.FastRetransSegs += len(fast)
        stats.EarlyRetransSegs += len(early)
        stats.RetransSegs += len(again)
        return sorted(again)

    def _note(
        self, resends: dict[int, Resend], sn: int, timeout: int, now: int, isDead: bool
    ) -> Resend:
        resend = resends.get(sn)
        if resend is None:
            resend = resends[sn] = Resend()
        resend.sent = now
        resend.deadline = now + timeout
        resend.transmissions += 1
        if isDead and resend.transmissions >= DEAD_LINK:
            self.exhausted = True
        return resend

    def _schedule(self, again: dict[int, int], now: int) -> None:
        byTimeout: dict[int, list[int]] = {}
        for sn in sorted(again):
            byTimeout.setdefault(again[sn], []).append(sn)
        for timeout, sns in byTimeout.items():
            self._deadlines.add(now, timeout, sns)
