"""
Recovery by time: RACK-TLP (RFC 8985), with the times that ACKs echo in place of selective
acknowledgements.
"""

from __future__ import annotations

from itertools import islice

from kcptwisted.arq.arrivals import LatestArrival
from kcptwisted.arq.copies import Cause, Copy
from kcptwisted.arq.losses import Losses
from kcptwisted.arq.recovery import DEAD_LINK, Recovery
from kcptwisted.arq.reordering import MEMORY, Reordering
from kcptwisted.arq.repeating import SMALL, part
from kcptwisted.arq.rtt import RoundTripEstimator
from kcptwisted.arq.runs import NEVER, Runs
from kcptwisted.arq.sendqueue import Fragment
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.arq.tailtimer import MAXIMUM_PROBES
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import OVERHEAD


class RackRecovery(Recovery):
    """
    Takes a segment for lost if one that left later was acknowledged, and the segment itself left
    longer ago than the round trip of that one plus the reordering window.

    A L{TailTimer<kcptwisted.arq.tailtimer.TailTimer>} sees to the others.  When it passes for the
    second time before anything is acknowledged, it is a timeout: what left more than a round trip
    ago is lost.
    """

    __slots__ = (
        "_blocked",
        "_latest",
        "_learned",
        "_losses",
        "_runs",
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
        # When last taken; see "take".
        self._blocked = False
        # None while nothing is in flight.
        self._runs: Runs | None = None
        # None until an ACK shows a gap, and again with nothing in flight.
        self._latest: LatestArrival | None = None
        # None until something is lost or sent again, and again with nothing in flight.
        self._losses: Losses | None = None
        # None until something is found to have been sent again needlessly.
        self._learned: Reordering | None = None

    def sent(self, now: int, first: int, stop: int) -> None:
        """
        See L{Recovery}.
        """
        if self._runs is None:
            self._runs = Runs(now, first, stop)
            self.due = now + self._rtt.timeout
            return
        self._runs.add(now, first, stop)
        if self.due is None:
            self._plan(self._runs, first, now)

    def clear(self) -> None:
        """
        See L{Recovery}.
        """
        self._runs = self._latest = self._losses = self.due = None
        self.lost = 0
        self.pending = False

    # What is acknowledged.

    def acknowledged(self, newly: list[tuple[int, int]], before: int, una: int, now: int) -> None:
        """
        See L{Recovery}.
        """
        self.newlyLost = 0
        self.needless = False
        losses, runs = self._losses, self._runs
        if losses is None or not losses.copies:
            if losses is not None:
                losses.timer.acknowledged()
            if not self._inFlight or runs is None:
                # All arrived, or was discarded before.
                self._runs = self._latest = self._losses = self.due = None
                return
            if not newly or (max(newly)[0] < una and self._learned is None):
                # Nothing is overtaken.
                start = runs.since(una)
                if start != NEVER:
                    lesson = self._lesson(una)
                    isPatient = lesson is not None and lesson.patience > 0
                    self.due = (now if isPatient else start) + self._rtt.timeout
                    return
        assert runs is not None
        if newly:
            latest = self._latest
            if latest is None:
                latest = self._latest = LatestArrival()
            isLate = latest.advance(newly, runs, {} if losses is None else losses.copies, now)
            if isLate and self._learned is not None:
                self._learned.seen()
        if losses is not None:
            self._settle(runs, losses, newly, before, una, now)
        if not self._inFlight:
            self.clear()
            return
        self._findOvertaken(runs, una, now)
        self._plan(runs, una, now)

    def _settle(
        self,
        runs: Runs,
        losses: Losses,
        newly: list[tuple[int, int]],
        before: int,
        una: int,
        now: int,
    ) -> None:
        """
        Judges what had been sent again, or taken for lost, and is acknowledged.
        """
        losses.timer.acknowledged()
        copies = losses.copies
        # Of two copies that arrived the older one tells more.
        for sn, sent in reversed(newly):
            copy = copies.pop(sn, None)
            if copy is not None:
                self._judge(runs, losses, copy, sent < copy.since, sent, now)
        for copy in losses.passed(before, una):
            # The last copy cannot be the one that arrived if it has not had the time.
            isOlder = 0 <= now - copy.since < self._rtt.least
            self._judge(runs, losses, copy, isOlder, None, now)
        self.pending = self.lost > 0

    def _judge(
        self, runs: Runs, losses: Losses, copy: Copy, isOlder: bool, echoed: int | None, now: int
    ) -> None:
        """
        A segment is acknowledged.

        @param isOlder: whether an older copy than the last has arrived.
        @param echoed: when that left, as its own ACK says, milliseconds; None if there is none, so
            that it may have been lost, and not late.
        """
        if copy.waiting:
            self.lost -= copy.waiting
        elif not isOlder:
            if echoed is not None and copy.cause == Cause.TIMEOUT:
                # The timeout was right.
                losses.suspects = None
            return
        else:
            self._stats.NeedlessRetrans += 1
        if copy.cause == Cause.OVERTAKEN:
            if echoed is not None and self._latest is not None:
                late = now - echoed - self._latest.roundTrip
                self._learn().tooSmall(now, self._rtt, late)
            losses.blamed -= 1
            if not losses.blamed:
                self.needless = True
        elif copy.cause == Cause.PROBE:
            if echoed is not None:
                self._learn().patience = MEMORY
        elif copy.cause == Cause.TIMEOUT and losses.suspects is not None:
            self.needless = True
            released, size = losses.release()
            self.lost -= size
            runs.putBack(released)

    def _learn(self) -> Reordering:
        if self._learned is None:
            self._learned = Reordering()
        return self._learned

    def _lesson(self, sn: int) -> Reordering | None:
        """
        Returns what the path has taught, if it is of any use for a segment.  A small one had better
        be sent again needlessly than late.
        """
        learned = self._learned
        if learned is None or self._settings.mtu > SMALL * (OVERHEAD + len(self._inFlight[sn][1])):
            return None
        return learned

    # What is lost.

    def _oldest(self, runs: Runs, una: int) -> int:
        copies = None if self._losses is None else self._losses.copies
        return runs.oldest(una, self._inFlight, copies)

    def _findOvertaken(self, runs: Runs, una: int, now: int) -> None:
        """
        Takes for lost what was overtaken for long enough.
        """
        while True:
            sent = self._oldest(runs, una)
            overdue = self._overdue(runs, sent)
            if overdue is None or overdue > now:
                return
            losses = self._watch()
            if losses.until < una:
                # Recovery begins.
                losses.until = next(reversed(self._inFlight))
                losses.blamed = 0
                if self._learned is not None:
                    self._learned.recovering()
            losses.blamed += 1
            self._lose(losses, runs, sent, Cause.OVERTAKEN)

    def _overdue(self, runs: Runs, sent: int) -> int | None:
        """
        Returns when the oldest copy in flight is taken for lost, milliseconds; None if it was not
        overtaken.

        @param sent: when it left; L{NEVER} if there is none.
        """
        latest = self._latest
        if latest is None or not latest.overtook(sent, runs.sn):
            return None
        lesson = self._lesson(runs.sn)
        window = 0 if lesson is None else lesson.window(self._rtt)
        if self._blocked:
            window = min(window, part(self._rtt))
        return sent + latest.roundTrip + window

    def _lose(self, losses: Losses, runs: Runs, sent: int, cause: Cause) -> None:
        """
        Takes for lost the oldest copy in flight.
        """
        size = OVERHEAD + len(self._inFlight[runs.sn][1])
        losses.wait(runs.sn, losses.of(runs.sn, sent), size, cause)
        runs.skip()
        self.lost += size
        self.newlyLost += size
        self.pending = True

    def _watch(self) -> Losses:
        if self._losses is None:
            self._losses = Losses(self._rtt, self._inFlight)
        return self._losses

    def expire(self, sns: list[int], now: int) -> None:
        """
        See L{Recovery}.
        """
        losses, runs = self._watch(), self._runs
        assert runs is not None
        runs.leaveOut(now, sns)
        for sn in sns:
            copy = losses.of(sn, now)
            if not copy.waiting:
                size = OVERHEAD + len(self._inFlight[sn][1])
                losses.wait(sn, copy, size, Cause.EXPIRED)
                self.lost += size
        losses.timer.acknowledged()
        self.pending = True
        # When there was progress is not known here; to be too early does no harm.
        self._plan(runs, next(iter(self._inFlight)), 0)

    # What is due.

    def _plan(self, runs: Runs, una: int, progress: int) -> None:
        """
        Finds out when there is something to do.

        @param una: the first sn in flight.
        @param progress: see L{take}.
        """
        sent = self._oldest(runs, una)
        if sent == NEVER:
            self.due = None
            return
        due = self._timer(sent, progress)
        overdue = self._overdue(runs, sent)
        repeat = None if self._losses is None else self._losses.repeats.due
        self.due = min([time for time in (due, overdue, repeat) if time is not None])

    def _timer(self, sent: int, progress: int) -> int:
        """
        Returns when the timer passes.

        @param sent: when the oldest copy in flight left.
        """
        rtt, losses = self._rtt, self._losses
        assert self._runs is not None
        lesson = self._lesson(self._runs.sn)
        isPatient = lesson is not None and lesson.patience > 0
        if losses is None or not losses.timer.expiries:
            return (progress if isPatient and progress > sent else sent) + rtt.timeout
        mayProbe = not isPatient and rtt.least >= 0
        return losses.timer.due(sent, rtt, self._settings.nodelay, mayProbe)

    def take(
        self, now: int, una: int, progress: int, fresh: bool, room: int, blocked: bool
    ) -> list[int]:
        """
        See L{Recovery}.
        """
        self.newlyLost = 0
        self.timedOut = self.exhausted = False
        again: list[int] = []
        runs, self._blocked = self._runs, blocked
        isDue = self.due is not None and self.due <= now
        if runs is None or not (isDue or self.lost):
            return again
        if isDue:
            self._findOvertaken(runs, una, now)
            sent = self._oldest(runs, una)
            if sent != NEVER and self._timer(sent, progress) <= now:
                again = self._passed(runs, now, una, sent)
                # Of those that left in the same millisecond some may be later in sns, but not in
                # the order of time.
                self._findOvertaken(runs, una, now)
        if self.lost:
            given, size = self._watch().give(room, self._settings.mtu)
            self.lost -= size
            room -= size
            self.pending = self.lost > 0
            again += given
        if again:
            again.sort()
            losses = self._watch()
            most = losses.sentAgain(again, now, self._stats)
            losses.repeats.note(again, self._settings.mtu, blocked)
            isLong = now - progress >= self._settings.deadLinkAfter
            self.exhausted = isLong and most >= DEAD_LINK
            runs.addAgain(now, again)
        if self._losses is not None:
            repeated = self._losses.repeats.take(now, room, self._stats)
            if repeated:
                runs.addAgain(now, repeated)
                again = sorted(again + repeated)
        if again or isDue:
            self._plan(runs, una, progress)
        return again

    def _passed(self, runs: Runs, now: int, una: int, sent: int) -> list[int]:
        """
        The timer has passed.

        @param sent: when the oldest copy in flight left.
        @return: the sns to probe the path with.
        """
        losses, rtt = self._watch(), self._rtt
        timer, copies = losses.timer, losses.copies
        if rtt.least < 0:
            # ACKs may be underway for longer than the first timeout: nothing is known to be lost.
            first = list(islice(self._inFlight, MAXIMUM_PROBES))
            probes = [sn for sn in first if sn not in copies or not copies[sn].waiting]
            timer.passed(now)
        elif timer.expiries and timer.end(sent, rtt, self._settings.nodelay) <= now:
            probes = []
            self._timeOut(losses, runs, now, una)
        else:
            probes = []
            while timer.probes < MAXIMUM_PROBES and NEVER < sent <= now - rtt.timeout:
                probes.append(runs.sn)
                timer.probes += 1
                runs.skip()
                sent = self._oldest(runs, una)
            if not timer.expiries:
                timer.passed(now)
            if self._learned is not None and self._learned.patience:
                self._learned.patience -= 1
        for sn in probes:
            copy = losses.of(sn, now)
            copy.sent = now
            copy.cause = Cause.PROBE
        return probes

    def _timeOut(self, losses: Losses, runs: Runs, now: int, una: int) -> None:
        """
        It is a timeout.
        """
        self.timedOut = True
        if losses.timer.expiries == 1 or losses.suspects is None:
            losses.suspects = []
        before = now - int(self._rtt.smoothed)
        sent = self._oldest(runs, una)
        while NEVER < sent <= before:
            losses.suspects.append((sent, [runs.sn]))
            self._lose(losses, runs, sent, Cause.TIMEOUT)
            sent = self._oldest(runs, una)
        losses.timer.passed(now)
