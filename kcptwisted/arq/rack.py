"""
Recovery by time: RACK-TLP (RFC 8985), with the times that ACKs echo in place of selective
acknowledgements.
"""

from __future__ import annotations

from collections.abc import Sequence

from kcptwisted.arq.losses import Cause, Copy, Losses
from kcptwisted.arq.recovery import DEAD_LINK, Recovery
from kcptwisted.arq.reordering import MEMORY, Reordering
from kcptwisted.arq.rtt import MAXIMUM_RTO, RoundTripEstimator
from kcptwisted.arq.sendqueue import Fragment
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import OVERHEAD

#: The most probes that leave before something is newly acknowledged.
MAXIMUM_PROBES = 4

#: Runs at the front that are of no use any more before they are removed.
SPARE_RUNS = 64

#: Before any time.
NEVER = -1


class RackRecovery(Recovery):
    """
    Takes a segment for lost if one that left later was acknowledged, as soon as the round trip of
    that one and the reordering window are over since it left itself.

    One timer sees to the others: it begins when the oldest copy in flight left, and lasts for the
    retransmission timeout.  It sends a few segments again as probes.  If nothing at all is
    acknowledged then, the next one is a timeout: what left more than a round trip ago is lost.

    What left is kept in runs: a run is when, and the sns.  They are gone through from the oldest,
    and none is looked at again, so the cost of a copy does not depend on the window.
    """

    __slots__ = (
        "_at",
        "_first",
        "_inFlight",
        "_learned",
        "_losses",
        "_point",
        "_roundTrip",
        "_rtt",
        "_runs",
        "_settings",
        "_stats",
    )

    def __init__(
        self,
        settings: ARQSettings,
        inFlight: dict[int, Fragment],
        rtt: RoundTripEstimator,
        stats: SessionStats,
    ) -> None:
        """
        @param inFlight: the segments in flight by sn, kept by the caller.
        @param rtt: the round-trip estimate, likewise.
        """
        super().__init__()
        self._settings = settings
        self._inFlight = inFlight
        self._rtt = rtt
        self._stats = stats
        # None while nothing is in flight.  The first run that is of use, and where in it.
        self._runs: list[tuple[int, Sequence[int]]] | None = None
        self._first = 0
        self._at = 0
        # When the latest copy left that was acknowledged beyond a gap, and its sn; its round trip.
        self._point = (NEVER, NEVER)
        self._roundTrip = 0
        # None until something is lost or sent again, and again with nothing in flight.
        self._losses: Losses | None = None
        # None until something is found to have been sent again needlessly.
        self._learned: Reordering | None = None

    def configure(self, settings: ARQSettings) -> None:
        """
        See L{Recovery}.
        """
        self._settings = settings

    def clear(self) -> None:
        """
        See L{Recovery}.
        """
        self._runs = self._losses = self.due = None
        self._first = self._at = self._roundTrip = self.lost = 0
        self._point = (NEVER, NEVER)
        self.pending = False

    # What left.

    def sent(self, now: int, first: int, stop: int) -> None:
        """
        See L{Recovery}.
        """
        runs = self._runs
        if runs is None:
            self._runs = [(now, range(first, stop))]
            self.due = now + self._rtt.timeout
            return
        if not runs:
            runs.append((now, range(first, stop)))
        else:
            sent, last = runs[-1]
            if sent == now and isinstance(last, range) and last.stop == first:
                runs[-1] = (now, range(last.start, stop))
            else:
                runs.append((now, range(first, stop)))
        if self.due is None:
            self._plan(first, now)

    def _oldest(self, una: int) -> int:
        """
        Goes on to the oldest copy in flight that is its segment's last.

        @param una: the first sn in flight.
        @return: when it left, milliseconds; L{NEVER} if there is none.
        """
        runs, inFlight = self._runs, self._inFlight
        if runs is None:
            return NEVER
        copies = None if self._losses is None else self._losses.copies
        while self._first < len(runs):
            sent, sns = runs[self._first]
            at, count = self._at, len(sns)
            if isinstance(sns, range) and una - sns.start > at:
                at = una - sns.start
            while at < count:
                sn = sns[at]
                if sn in inFlight:
                    copy = copies.get(sn) if copies else None
                    if copy is None or (copy.sent == sent and not copy.waiting):
                        self._at = at
                        return sent
                at += 1
            self._at = 0
            self._first += 1
            if self._first > SPARE_RUNS:
                del runs[: self._first]
                self._first = 0
        runs.clear()
        self._first = 0
        return NEVER

    def _left(self, sn: int, sent: int) -> bool:
        """
        Returns True if a copy of a segment may have left at a time that an ACK echoes: a peer may
        say anything.
        """
        if self._losses is not None:
            copy = self._losses.copies.get(sn)
            if copy is not None:
                return sent <= copy.sent
        runs = self._runs or []
        low, high = self._first, len(runs)
        while low < high:
            middle = (low + high) // 2
            if runs[middle][0] < sent:
                low = middle + 1
            else:
                high = middle
        while low < len(runs) and runs[low][0] == sent:
            sns = runs[low][1]
            if isinstance(sns, range) and sn in sns:
                return True
            low += 1
        return False

    # What is acknowledged.

    def acknowledged(self, newly: list[tuple[int, int]], before: int, una: int, now: int) -> None:
        """
        See L{Recovery}.
        """
        self.newlyLost = 0
        self.needless = False
        losses, runs = self._losses, self._runs
        inOrder = not newly or max(newly)[0] < una
        if inOrder and runs and self._inFlight and (losses is None or not losses.copies):
            # Nothing is overtaken, and nothing was sent again.
            if losses is not None:
                losses.expiries = losses.probes = 0
            first = self._first
            while first < len(runs) and runs[first][1][-1] < una:
                first += 1
                self._at = 0
            if first > SPARE_RUNS:
                del runs[:first]
                first = 0
            self._first = first
            if first < len(runs):
                start = runs[first][0]
                if self._learned is not None and self._learned.patience:
                    start = now
                self.due = start + self._rtt.timeout
                return
        if newly:
            self._advance(newly, now)
        if losses is not None:
            self._settle(losses, newly, before, una, now)
        if not self._inFlight:
            self.clear()
            return
        self._lose(una, now)
        self._plan(una, now)

    def _advance(self, newly: list[tuple[int, int]], now: int) -> None:
        """
        Finds which of the copies that were acknowledged left last.
        """
        newly.sort(key=_departure, reverse=True)
        point = self._point
        for sn, sent in newly:
            if (sent, sn) <= point:
                break
            if sent <= now and self._left(sn, sent):
                self._point = (sent, sn)
                self._roundTrip = now - sent
                break
        if self._learned is not None:
            sn, sent = newly[-1]
            if (sent, sn) < point and (self._losses is None or sn not in self._losses.copies):
                self._learned.seen()

    def _settle(
        self,
        losses: Losses,
        newly: list[tuple[int, int]],
        before: int,
        una: int,
        now: int,
    ) -> None:
        """
        Judges what had been sent again, or taken for lost, and is acknowledged.
        """
        losses.expiries = losses.probes = 0
        copies = losses.copies
        if not copies:
            return
        # Of two copies that arrived the older one tells more.
        for sn, sent in reversed(newly):
            copy = copies.pop(sn, None)
            if copy is not None:
                self._judge(losses, copy, sent < copy.sent, True, now)
                if sent >= copy.sent and copy.cause == Cause.TIMEOUT and not copy.waiting:
                    # The timeout was right.
                    losses.suspects = None
        for copy in losses.passed(before, una):
            # Which copy una acknowledges is known if the last has not had the time.
            self._judge(losses, copy, 0 <= now - copy.sent < self._rtt.least, False, now)
        self.pending = self.lost > 0

    def _judge(
        self, losses: Losses, copy: Copy, isOlder: bool, isEchoed: bool, now: int
    ) -> None:
        """
        A segment is acknowledged.

        @param isOlder: whether an older copy than the last has arrived.
        @param isEchoed: whether its own ACK says so.  Otherwise that ACK may have been lost: it was
            not late.
        """
        if copy.waiting:
            self.lost -= copy.waiting
        elif not isOlder:
            return
        else:
            self._stats.NeedlessRetrans += 1
        if copy.cause == Cause.OVERTAKEN:
            if isEchoed:
                self._learn().tooSmall(now, self._rtt)
            losses.blamed -= 1
            if not losses.blamed:
                self.needless = True
        elif copy.cause == Cause.PROBE:
            if isEchoed:
                self._learn().patience = MEMORY
        elif copy.cause == Cause.TIMEOUT and losses.suspects is not None:
            self.needless = True
            self._release(losses)

    def _learn(self) -> Reordering:
        if self._learned is None:
            self._learned = Reordering()
        return self._learned

    def _release(self, losses: Losses) -> None:
        """
        Takes back the last timeout.
        """
        runs = self._runs
        released: list[tuple[int, Sequence[int]]] = []
        for sent, sns in losses.release():
            released.append((sent, sns))
            for sn in sns:
                copy = losses.copies[sn]
                self.lost -= copy.waiting
                copy.waiting = 0
                if copy.transmissions == 1:
                    del losses.copies[sn]
        if released and runs is not None:
            if self._at and self._first < len(runs):
                sent, rest = runs[self._first]
                runs[self._first] = (sent, rest[self._at :])
            runs[self._first : self._first] = released
            self._at = 0

    # What is lost.

    def _lose(self, una: int, now: int) -> None:
        """
        Takes for lost what was overtaken for long enough.
        """
        last, highest = self._point
        while 0 <= (sent := self._oldest(una)) <= last:
            runs = self._runs
            assert runs is not None
            sn = runs[self._first][1][self._at]
            if (sent == last and sn > highest) or self._overdue(sent) > now:
                break
            self._wait(sn, sent, una, Cause.OVERTAKEN)

    def _overdue(self, sent: int) -> int:
        """
        Returns when a segment that was overtaken is taken for lost.
        """
        window = 0 if self._learned is None else self._learned.window(self._rtt)
        return sent + self._roundTrip + window

    def _wait(self, sn: int, sent: int, una: int, cause: Cause) -> None:
        """
        Takes for lost the oldest copy in flight.
        """
        losses = self._watch()
        if cause == Cause.OVERTAKEN:
            if losses.until < una:
                losses.until = next(reversed(self._inFlight))
                losses.blamed = 0
                if self._learned is not None:
                    self._learned.recovering()
            losses.blamed += 1
        size = OVERHEAD + len(self._inFlight[sn][1])
        losses.wait(sn, losses.of(sn, sent), size, cause)
        self.lost += size
        self.newlyLost += size
        self.pending = True
        self._at += 1

    def _watch(self) -> Losses:
        if self._losses is None:
            self._losses = Losses()
        return self._losses

    def expire(self, sns: list[int], now: int) -> None:
        """
        See L{Recovery}.
        """
        losses = self._watch()
        for sn in sns:
            copy = losses.of(sn, now)
            if not copy.waiting:
                size = OVERHEAD + len(self._inFlight[sn][1])
                losses.wait(sn, copy, size, Cause.EXPIRED)
                self.lost += size
        losses.expiries = losses.probes = 0
        self.pending = self.lost > 0
        self._plan(next(iter(self._inFlight)), now)

    # What is due.

    def _plan(self, una: int, progress: int) -> None:
        """
        Finds out when there is something to do.

        @param una: the first sn in flight.
        @param progress: see L{Recovery.take}.
        """
        sent = self._oldest(una)
        if sent == NEVER:
            self.due = None
            return
        due = self._timer(sent, progress)
        last, highest = self._point
        if sent <= last:
            runs = self._runs
            assert runs is not None
            if sent < last or runs[self._first][1][self._at] < highest:
                overdue = self._overdue(sent)
                due = overdue if overdue < due else due
        self.due = due

    def _timer(self, sent: int, progress: int) -> int:
        """
        Returns when the timer passes.

        @param sent: when the oldest copy in flight left.
        """
        losses, timeout = self._losses, self._rtt.timeout
        isPatient = self._learned is not None and self._learned.patience > 0
        if losses is None or not losses.expiries:
            return (progress if isPatient and progress > sent else sent) + timeout
        end = self._timeoutEnd(losses, sent)
        more = losses.expiries == 1 and losses.probes < MAXIMUM_PROBES and not isPatient
        # What left before the first probe may be one as well, when its time comes.
        return sent + timeout if more and sent < losses.expired else end

    def _timeoutEnd(self, losses: Losses, sent: int) -> int:
        """
        Returns when it is a timeout.
        """
        timeout = self._rtt.timeout
        growth = timeout // 2 if self._settings.nodelay else timeout
        wait = timeout + losses.expiries * growth
        end = losses.expired + (wait if wait < MAXIMUM_RTO else MAXIMUM_RTO)
        return end if end > sent + timeout else sent + timeout

    def take(self, now: int, una: int, progress: int, fresh: bool, room: int) -> list[int]:
        """
        See L{Recovery}.
        """
        self.newlyLost = 0
        self.timedOut = self.exhausted = False
        again: list[int] = []
        isDue = self.due is not None and self.due <= now
        if isDue:
            self._lose(una, now)
            sent = self._oldest(una)
            if sent != NEVER and self._timer(sent, progress) <= now:
                again = self._expired(now, una, sent)
        if self.lost:
            assert self._losses is not None
            given = self._losses.give(room, self._settings.mtu)
            self.lost -= sum([OVERHEAD + len(self._inFlight[sn][1]) for sn in given])
            self.pending = self.lost > 0
            again += given
        if again:
            again.sort()
            self._note(again, now, now - progress >= self._settings.deadLinkAfter)
        if again or isDue:
            self._plan(una, progress)
        return again

    def _expired(self, now: int, una: int, sent: int) -> list[int]:
        """
        The timer has passed.

        @param sent: when the oldest copy in flight left.
        @return: the sns to probe the path with.
        """
        losses, runs, timeout = self._watch(), self._runs, self._rtt.timeout
        assert runs is not None
        probes: list[int] = []
        if losses.expiries and self._timeoutEnd(losses, sent) <= now:
            self.timedOut = True
            if losses.expiries == 1 or losses.suspects is None:
                losses.suspects = []
            while 0 <= (sent := self._oldest(una)) <= now - int(self._rtt.smoothed):
                sn = runs[self._first][1][self._at]
                self._wait(sn, sent, una, Cause.TIMEOUT)
                losses.suspects.append((sent, [sn]))
            losses.expiries += 1
            losses.expired = now
            return probes
        while losses.probes < MAXIMUM_PROBES and 0 <= (sent := self._oldest(una)) <= now - timeout:
            sn = runs[self._first][1][self._at]
            losses.of(sn, sent).cause = Cause.PROBE
            losses.probes += 1
            self._at += 1
            probes.append(sn)
        if not losses.expiries:
            losses.expiries = 1
            losses.expired = now
        if self._learned is not None and self._learned.patience:
            self._learned.patience -= 1
        return probes

    def _note(self, again: list[int], now: int, isDead: bool) -> None:
        """
        Segments leave again.
        """
        losses, stats, runs = self._watch(), self._stats, self._runs
        assert runs is not None
        for sn in again:
            copy = losses.copies[sn]
            copy.sent = now
            copy.transmissions += 1
            if copy.cause == Cause.OVERTAKEN:
                stats.FastRetransSegs += 1
            elif copy.cause == Cause.PROBE:
                stats.EarlyRetransSegs += 1
            else:
                stats.LostSegs += 1
            if isDead and copy.transmissions >= DEAD_LINK:
                self.exhausted = True
        stats.RetransSegs += len(again)
        runs.append((now, again))

    def flushed(self, now: int) -> None:
        """
        Does nothing.
        """


def _departure(ack: tuple[int, int]) -> tuple[int, int]:
    sn, sent = ack
    return sent, sn
