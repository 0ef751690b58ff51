"""
Which segments in flight are sent again, and how often that has been done.
"""

from __future__ import annotations

from kcptwisted.arq.deadlines import Resend, ResendDeadlines
from kcptwisted.arq.overtaken import Overtaken
from kcptwisted.arq.rtt import MAXIMUM_RTO, RoundTripEstimator
from kcptwisted.arq.sendqueue import Fragment
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.stats import SessionStats

#: A segment sent this often without an ACK means that the peer is gone, if nothing at all was newly
#: acknowledged for a while either: with short timeouts twenty copies are soon sent.
DEAD_LINK = 20

#: A segment that was overtaken waits for this part of the round trip before it is sent again early,
#: up to the interval that kcp-go would wait.
REORDERING = 8


class Retransmission:
    """
    Chooses the segments to send again: those that timed out, and those that later ones overtook.

    One exists while such segments are in flight.

    @ivar overtaken: counts the ACKs of later segments.
    @ivar timedOut: the last L{take} gave segments that had timed out.
    @ivar exhausted: the last L{take} gave a segment that has now been sent L{DEAD_LINK} times at
        least, and for the setting C{deadLinkAfter} nothing was newly acknowledged.
    """

    __slots__ = (
        "_deadlines",
        "_inFlight",
        "_resends",
        "_rtt",
        "_settings",
        "_stats",
        "exhausted",
        "overtaken",
        "timedOut",
    )

    def __init__(
        self,
        settings: ARQSettings,
        inFlight: dict[int, Fragment],
        deadlines: ResendDeadlines,
        rtt: RoundTripEstimator,
        stats: SessionStats,
    ) -> None:
        """
        @param inFlight: the segments in flight by sn, kept by the caller.
        @param deadlines: their timeouts, likewise.
        @param rtt: the round-trip estimate.
        """
        self._settings = settings
        self._inFlight = inFlight
        self._deadlines = deadlines
        self._rtt = rtt
        self._stats = stats
        self._resends: dict[int, Resend] = {}
        self.overtaken = Overtaken(settings.resend, inFlight, self._resends)
        self.timedOut = False
        self.exhausted = False

    def configure(self, settings: ARQSettings) -> None:
        """
        Uses other settings from now on.
        """
        self._settings = settings
        self.overtaken.threshold = settings.resend

    def count(self, acks: list[tuple[int, int]], una: int, now: int) -> None:
        """
        Takes the segments that a batch newly acknowledged.

        @param acks: (sn, when the acknowledged copy left) pairs, at least one; sorted in place.
        @param una: the first sn in flight.
        @param now: milliseconds.
        """
        overtaken = self.overtaken
        overtaken.count(acks, una)
        if overtaken.due is None and overtaken.early:
            reordering = int(self._rtt.smoothed) // REORDERING
            overtaken.due = now + min(reordering, self._settings.interval)

    def flushed(self, now: int) -> None:
        """
        A flush has sent what it could: what was overtaken and not sent again now waits anew.

        @param now: milliseconds.
        """
        overtaken = self.overtaken
        overtaken.due = now + self._settings.interval if overtaken.early else None

    def forget(self, first: int, una: int) -> None:
        """
        The segments from C{first} up to C{una} have been acknowledged.
        """
        resends = self._resends
        if una - first < len(resends):
            for sn in range(first, una):
                resends.pop(sn, None)
        else:
            for sn in [sn for sn in resends if sn < una]:
                del resends[sn]

    def expire(self, sns: list[int], now: int) -> None:
        """
        Lets segments time out at once, as if for the first time.

        @param sns: ascending, in flight.
        @param now: milliseconds.
        """
        for sn in sns:
            resend = self._resends.get(sn)
            if resend is not None:
                resend.deadline = now
        self._deadlines.add(now - self._rtt.timeout, self._rtt.timeout, sns)

    def take(self, now: int, una: int, progress: int, fresh: bool) -> list[int]:
        """
        Returns the sns to send again, ascending; they are taken to leave now.

        @param now: milliseconds.
        @param una: the first sn in flight.
        @param progress: when something was last newly acknowledged, or sent with nothing else in
            flight, milliseconds.
        @param fresh: whether new segments leave as well.
        """
        inFlight, rtt = self._inFlight, self._rtt
        timedOut = {
            sn: timeout
            for sn, timeout in self._deadlines.due(now, una, self._resends)
            if sn in inFlight
        }
        overtaken = self.overtaken
        fast = [sn for sn in overtaken.takeFast() if sn not in timedOut]
        early: list[int] = []
        if not fresh:
            early = [sn for sn in overtaken.takeEarly() if sn not in timedOut]
        self.timedOut = bool(timedOut)
        self.exhausted = False
        if not (timedOut or fast or early):
            return []
        isDead = now - progress >= self._settings.deadLinkAfter
        again = dict.fromkeys(fast + early, rtt.timeout)
        for sn in again:
            self._note(sn, rtt.timeout, now, isDead).beforeTimeout = True
        growth = rtt.timeout // 2 if self._settings.nodelay else rtt.timeout
        for sn, timeout in timedOut.items():
            again[sn] = min(timeout + growth, MAXIMUM_RTO)
            self._note(sn, again[sn], now, isDead).beforeTimeout = False
            overtaken.resent(sn, now)
        self._schedule(again, now)
        stats = self._stats
        stats.LostSegs += len(timedOut)
        stats.FastRetransSegs += len(fast)
        stats.EarlyRetransSegs += len(early)
        stats.RetransSegs += len(again)
        return sorted(again)

    def _note(self, sn: int, timeout: int, now: int, isDead: bool) -> Resend:
        resend = self._resends.get(sn)
        if resend is None:
            resend = self._resends[sn] = Resend()
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
