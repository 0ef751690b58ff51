"""
The sending half of a conversation: windows, what is in flight, and its acknowledgement.
"""

from __future__ import annotations

from collections import deque

from kcptwisted.arq.acknowledging import takeAcknowledged
from kcptwisted.arq.counting import CountingRecovery
from kcptwisted.arq.governor import Governor
from kcptwisted.arq.limits import SendLimits
from kcptwisted.arq.pacing import LEAST_ROUND_TRIP, fitting
from kcptwisted.arq.rack import RackRecovery
from kcptwisted.arq.recovery import Recovery
from kcptwisted.arq.resending import takeAgain
from kcptwisted.arq.rtt import MAXIMUM_RTO, RoundTripEstimator
from kcptwisted.arq.sendqueue import Fragment, SendQueue
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import HALF, MASK, OVERHEAD, PUSH, packHeader

#: New segments that leave in one flush at most, so that other sessions get their turn.
MAXIMUM_BURST = 256

#: The peer's window until it tells, segments.
INITIAL_REMOTE_WINDOW = 32


#: What is known of the path is kept for so long without anything to send, milliseconds: the time
#: for which BBR believes a minimum of the round trip.
RESTING = 10_000


class Sender:
    """
    Sends segments and keeps each until it is acknowledged.

    New segments leave as the windows, the congestion control and the pacer allow.  Those that
    wait for the pacer have a L{deadline}; those beyond a flush's burst are left for another flush,
    which is wanted then.

    @ivar sendQueue: the segments that were never sent.
    @ivar inFlight: segments sent and not acknowledged, by sn (not wrapped), in order.
    @ivar una: the first sn not acknowledged.
    @ivar next: the next sn to be sent.
    @ivar remoteWindow: the peer's free window, segments.
    @ivar deadLink: a segment was sent L{DEAD_LINK<kcptwisted.arq.recovery.DEAD_LINK>} times
        at least, and for the setting C{deadLinkAfter} nothing was newly acknowledged.
    @ivar rtt: the round-trip estimate.
    @ivar epoch: what the ts of a segment is beyond the time, milliseconds; fixed before the first
        segment leaves.
    @ivar limits: what may leave.
    """

    __slots__ = (
        "_progress",
        "_recovery",
        "_settings",
        "_since",
        "_stats",
        "deadLink",
        "epoch",
        "inFlight",
        "limits",
        "next",
        "remoteWindow",
        "rtt",
        "sendQueue",
        "una",
    )

    def __init__(self, settings: ARQSettings, stats: SessionStats, firstSn: int = 0) -> None:
        """
        @param firstSn: the sn of the first segment.
        """
        self._settings = settings
        self._stats = stats
        self.rtt = RoundTripEstimator(settings.interval, settings.nodelay)
        self.sendQueue = SendQueue(settings.mss, settings.stream)
        self.inFlight: dict[int, Fragment] = {}
        self.una = self.next = firstSn
        self.remoteWindow = INITIAL_REMOTE_WINDOW
        self.deadLink = False
        self.epoch = 0
        # When something was last newly acknowledged, or sent with nothing else in flight.
        self._progress = 0
        # When the first of what is in flight left.
        self._since = 0
        self._recovery = self._newRecovery()
        self.limits = SendLimits(settings, self.rtt, firstSn)

    def _newRecovery(self) -> Recovery:
        settings = self._settings
        if settings.detectsLossByTime:
            return RackRecovery(settings, self.inFlight, self.rtt, self._stats)
        return CountingRecovery(settings, self.inFlight, self.rtt, self._stats)

    @property
    def queue(self) -> list[Fragment] | deque[Fragment]:
        """
        The segments that were never sent: frg and payload of each.
        """
        return self.sendQueue.segments

    @property
    def queuedBytes(self) -> int:
        """
        Payload bytes in L{queue}.
        """
        return self.sendQueue.bytes

    @property
    def bytesInFlight(self) -> int:
        """
        Bytes in L{inFlight}, headers included, without those that are taken for lost.
        """
        sizes = [OVERHEAD + len(data) for _, data in self.inFlight.values()]
        return sum(sizes) - self._recovery.lost

    def configure(self, settings: ARQSettings, now: int) -> None:
        """
        Uses other settings from now on.  Segments that have been cut keep their size.

        @param now: milliseconds.
        """
        before, self._settings = self._settings, settings
        self.sendQueue.mss = settings.mss
        self.rtt.configure(settings.interval, settings.nodelay)
        self.limits.configure(settings, now, self.inFlight)
        if settings.detectsLossByTime is before.detectsLossByTime:
            self._recovery.configure(settings)
        else:
            self._recovery = self._newRecovery()
            for sn in self.inFlight:
                self._recovery.sent(now, sn, sn + 1)

    def write(self, data: bytes) -> None:
        """
        See L{SendQueue.write}.
        """
        self.sendQueue.write(data)

    def rest(self, now: int) -> None:
        """
        Forgets what is known of the path, but for the round trip, if nothing was sent for
        L{RESTING}: it is old by now, and takes memory.

        @param now: milliseconds.
        """
        isIdle = not self.inFlight and not self.sendQueue.segments
        if isIdle and now - self._progress >= RESTING:
            self.limits.rest(now)

    def pathChanged(self, now: int) -> None:
        """
        The segments take another path from now on.  What is in flight is sent again.

        @param now: milliseconds.
        """
        self.rtt.reset()
        self.limits.pathChanged(now)
        self.resendAll(now)

    def acknowledge(
        self, unas: list[int], acks: list[tuple[int, int]], now: int, measure: bool
    ) -> bool:
        """
        Takes what a batch of datagrams acknowledged.

        @param unas: the una values seen, as on the wire, runs of equal ones once.
        @param acks: (sn, ts) of the ACK segments, as on the wire, in order.
        @param now: milliseconds.
        @param measure: whether the ACKs are fit for an RTT sample.
        @return: whether C{una} moved.
        """
        before, inFlight, limits = self.una, self.inFlight, self.limits
        clock = now + self.epoch
        if acks and measure:
            # An ACK says nothing about the round trip if its segment was acknowledged before, as
            # one says that comes late, or if its ts is from before the flight, or of the future.
            sn, ts = acks[-1]
            elapsed = (clock - ts) & MASK
            position = before + ((sn - before) & MASK)
            if elapsed < HALF and elapsed <= now - self._since and position in inFlight:
                self.rtt.sample(elapsed if elapsed < MAXIMUM_RTO else MAXIMUM_RTO)
                if self.rtt.smoothed >= limits.governsFrom:
                    limits.noteRoundTrip(now, inFlight, len(self.sendQueue.segments))
                elif self.rtt.least < limits.governsAbove:
                    limits.noteShortPath(now)
        governor, recovery, following = limits.governor, self._recovery, self.next
        isOne = before == following - 1 and before in inFlight and len(acks) == 1
        if isOne and governor is None and unas == [following & MASK]:
            sn, ts = acks[0]
            if not (before - sn) & MASK and not limits.pacer.short:
                # So it is after each message that waits for an answer.
                inFlight.clear()
                self.una, self._progress = following, now
                newly = [(before, now - ((clock - ts) & MASK))]
                recovery.acknowledged(newly, before, following, now)
                return True
        prior = 0 if governor is None else governor.inFlight(recovery.lost)
        isMeasured = governor is not None
        all = isMeasured or self._settings.detectsLossByTime
        una, isNews, newly, size, arrivals, errors = takeAcknowledged(
            inFlight, before, following, unas, acks, now, clock, all, isMeasured
        )
        self.una = una
        if errors:
            self._stats.KCPInErrors += errors
        if isNews:
            self._progress = now
            if not inFlight:
                # An empty dictionary keeps its memory until it is cleared.
                inFlight.clear()
            recovery.acknowledged(newly, before, una, now)
            if governor is not None:
                if recovery.needless:
                    governor.control.onSpuriousLoss(now)
                found, lost, peer = recovery.newlyLost, recovery.lost, self.remoteWindow
                governor.acknowledged(now, newly, size, arrivals, found, lost, prior, peer)
        if limits.pacer.short:
            limits.refill(now, una, self.remoteWindow)
        return una != before

    def discard(self) -> None:
        """
        Forgets what is queued and in flight.
        """
        self.sendQueue.discard()
        self.inFlight.clear()
        self._recovery.clear()

    @property
    def _openWindow(self) -> int:
        """
        How many segments the windows let leave.
        """
        return self.limits.window(self.una, self.remoteWindow) - (self.next - self.una)

    def _fresh(self, room: int, burst: int = MAXIMUM_BURST) -> int:
        """
        Returns how many new segments may leave.

        @param room: bytes that may leave.
        @param burst: the most new segments.
        """
        segments = self.sendQueue.segments
        count = min(self._openWindow, len(segments), burst)
        if count <= 0 or count * self._settings.mtu <= room:
            return count
        return fitting(segments, count, room, self._settings.mtu)

    @property
    def wantsFlush(self) -> bool:
        """
        Whether there is something to send that no deadline waits for.
        """
        recovery, limits = self._recovery, self.limits
        lost = recovery.lost
        if recovery.pending and (not lost or limits.room(lost) >= self._settings.mtu):
            return True
        if not self.sendQueue.segments or self._openWindow <= 0:
            return False
        if limits.governor is None and not limits.pacer.short:
            return True
        return self._fresh(limits.room(lost)) > 0

    def heldBack(self) -> None:
        """
        Takes note that segments wait which the path would take: what is delivered says nothing
        about the path.
        """
        if self.limits.governor is not None:
            self.limits.governor.limited(self._recovery.lost)

    def deadline(self) -> int | None:
        """
        Returns when recovery has something to send again, or the pacer lets the next segment leave,
        milliseconds.
        """
        due = self._recovery.due if self.inFlight else None
        pacer, governor = self.limits.pacer, self.limits.governor
        if not pacer.short:
            return due
        segments, lost = self.sendQueue.segments, self._recovery.lost
        allowed = min(self._openWindow, len(segments))
        size = self._settings.mtu
        if lost:
            allowed = max(allowed, 1)
        elif allowed > 0:
            size = min(OVERHEAD + len(segments[0][1]), size)
        else:
            return due
        if governor is not None and governor.room(lost, size) < size:
            return due
        paced = pacer.deadline(size, allowed)
        return paced if paced is not None and (due is None or paced < due) else due

    def resendAll(self, now: int) -> None:
        """
        Lets all in flight time out at once, as if for the first time, because what was sent is
        likely to be lost: after an outage, or when the path has changed.

        @param now: milliseconds.
        """
        if self.inFlight:
            self._recovery.expire(list(self.inFlight), now)

    def resendFirst(self, now: int) -> None:
        """
        Lets the first segment in flight time out at once, as if for the first time.

        @param now: milliseconds.
        """
        first = next(iter(self.inFlight), None)
        if first is not None:
            self._recovery.expire([first], now)

    def flush(
        self, conv: int, now: int, window: int, una: int, burst: int = MAXIMUM_BURST
    ) -> list[bytes]:
        """
        Sends what is due: segments to be sent again first, then new ones.

        @param conv: the conversation id.
        @param now: milliseconds.
        @param window: this side's free receive window, segments.
        @param una: the sn that this side awaits, as on the wire.
        @param burst: the most new segments.
        @return: encoded segments.
        """
        limits, queue, inFlight = self.limits, self.sendQueue, self.inFlight
        if self.rtt.smoothed >= limits.governsFrom:
            # More may be to be sent than when the round trip was measured.
            limits.noteRoundTrip(now, inFlight, len(queue.segments))
        if (
            limits.governor is not None
            or limits.pacer.rate
            or self.rtt.smoothed >= LEAST_ROUND_TRIP
        ):
            limits.refill(now, self.una, self.remoteWindow)
        pacer = limits.pacer
        ts = (now + self.epoch) & MASK
        segments: list[bytes] = []
        if inFlight:
            recovery, peer = self._recovery, self.remoteWindow
            waiting, free, mtu = len(queue.segments), self._openWindow, self._settings.mtu
            for sn in takeAgain(
                recovery, limits, inFlight, now, self.una, self._progress, waiting, free, mtu, peer
            ):
                frg, data = inFlight[sn]
                header = packHeader(conv, PUSH, frg, window, ts, sn & MASK, una, len(data))
                segments.append(header + data)
            if recovery.exhausted:
                self.deadLink = True
        again = sum(map(len, segments)) if segments else 0
        if again and pacer.rate:
            pacer.take(again)
        fresh = 0
        count = len(queue.segments)
        if count:
            isAlone = count == 1 and not inFlight and limits.cap is None and self.remoteWindow
            if not isAlone or pacer.rate or limits.governor is not None:
                # One alone is no burst.
                count = self._fresh(limits.room(self._recovery.lost), 1 if isAlone else burst)
        if count > 0:
            if not inFlight:
                self._progress = self._since = now
            sn = start = self.next
            queued = queue.bytes
            for fragment in queue.take(count):
                frg, data = inFlight[sn] = fragment
                header = packHeader(conv, PUSH, frg, window, ts, sn & MASK, una, len(data))
                segments.append(header + data)
                sn += 1
            self.next = sn
            self._recovery.sent(now, start, sn)
            fresh = queued - queue.bytes + count * OVERHEAD
            if pacer.rate:
                pacer.take(fresh)
        if limits.governor is not None:
            self._tellGovernor(limits.governor, now, again, fresh)
        self._stats.OutSegs += len(segments)
        return segments

    def _tellGovernor(self, governor: Governor, now: int, again: int, fresh: int) -> None:
        """
        @param again: bytes of segments that were sent again.
        @param fresh: bytes of new segments that were sent.
        """
        lost = self._recovery.lost
        if again or fresh:
            governor.sent(now, again + fresh, fresh, lost)
        more = bool(self.sendQueue.segments)
        self.limits.pacer.waiting = more or lost > 0
        if not lost and (not more or self._openWindow <= 0):
            governor.limited(lost)
