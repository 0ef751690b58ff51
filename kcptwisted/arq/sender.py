"""
The sending half of a conversation: windows, what is in flight, and its acknowledgement.
"""

from __future__ import annotations

from collections import deque

from kcptwisted.arq.congestion import CongestionControl
from kcptwisted.arq.deadlines import ResendDeadlines
from kcptwisted.arq.pacing import LEAST_ROUND_TRIP, Pacer
from kcptwisted.arq.retransmission import Retransmission
from kcptwisted.arq.rtt import MAXIMUM_RTO, RoundTripEstimator
from kcptwisted.arq.sendqueue import Fragment, SendQueue
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import HALF, MASK, OVERHEAD, PUSH, packHeader

#: New segments that leave in one flush at most, so that other sessions get their turn.
MAXIMUM_BURST = 256

#: The peer's window until it tells, segments.
INITIAL_REMOTE_WINDOW = 32


class Sender:
    """
    Sends segments and keeps each until it is acknowledged.

    New segments leave as the windows and the L{Pacer} allow.  Those that wait for the pacer have a
    L{deadline}; those beyond a flush's burst are left for another flush, which is wanted then.

    @ivar sendQueue: the segments that were never sent.
    @ivar inFlight: segments sent and not acknowledged, by sn (not wrapped), in order.
    @ivar una: the first sn not acknowledged.
    @ivar next: the next sn to be sent.
    @ivar remoteWindow: the peer's free window, segments.
    @ivar deadLink: a segment was sent L{DEAD_LINK<kcptwisted.arq.retransmission.DEAD_LINK>} times
        at least, and for the setting C{deadLinkAfter} nothing was newly acknowledged.
    @ivar rtt: the round-trip estimate.
    @ivar epoch: what the ts of a segment is beyond the time, milliseconds; fixed before the first
        segment leaves.
    """

    __slots__ = (
        "_congestion",
        "_deadlines",
        "_pacer",
        "_progress",
        "_retransmission",
        "_settings",
        "_since",
        "_stats",
        "deadLink",
        "epoch",
        "inFlight",
        "next",
        "remoteWindow",
        "rtt",
        "sendQueue",
        "una",
    )

    def __init__(
        self,
        settings: ARQSettings,
        congestion: CongestionControl,
        stats: SessionStats,
        firstSn: int = 0,
    ) -> None:
        """
        @param firstSn: the sn of the first segment.
        """
        self._settings = settings
        self._congestion = congestion
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
        self._pacer = Pacer(settings.mtu, settings.rateLimit, settings.pacing)
        self._deadlines = ResendDeadlines()
        # When the first of what is in flight left.
        self._since = 0
        # None until an ACK goes beyond una or a timeout passes, and again with nothing in flight.
        self._retransmission: Retransmission | None = None

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
    def peerWindow(self) -> int | None:
        """
        The peer's whole window, segments; None while it is not known.
        """
        return self.sendQueue.peerWindow

    @peerWindow.setter
    def peerWindow(self, window: int | None) -> None:
        self.sendQueue.peerWindow = window

    def configure(self, settings: ARQSettings) -> None:
        """
        Uses other settings from now on.  Segments that have been cut keep their size.
        """
        self._settings = settings
        self.sendQueue.mss = settings.mss
        self.rtt.configure(settings.interval, settings.nodelay)
        self._pacer.configure(settings.mtu, settings.rateLimit, settings.pacing)
        if self._retransmission is not None:
            self._retransmission.configure(settings)

    def write(self, data: bytes) -> None:
        """
        See L{SendQueue.write}.
        """
        self.sendQueue.write(data)

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
        before = self.una
        inFlight = self.inFlight
        clock = now + self.epoch
        if acks and measure:
            # An ACK says nothing about the round trip if its segment was acknowledged before, as
            # one says that comes late, or if its ts is from before the flight, or of the future.
            sn, ts = acks[-1]
            elapsed = (clock - ts) & MASK
            position = before + ((sn - before) & MASK)
            if elapsed < HALF and elapsed <= now - self._since and position in inFlight:
                self.rtt.sample(elapsed if elapsed < MAXIMUM_RTO else MAXIMUM_RTO)
        base = before
        arrivals = 0
        for una in unas:
            advance = (una - base) & MASK
            if not advance or advance >= HALF:
                continue
            if advance > self.next - base:
                self._stats.KCPInErrors += 1
                continue
            arrivals += 1
            for sn in range(base, base + advance):
                inFlight.pop(sn, None)
            base += advance
        newly: list[tuple[int, int]] = []
        span = self.next - base
        for sn, ts in acks:
            distance = (sn - base) & MASK
            if distance < span and inFlight.pop(base + distance, None) is not None:
                newly.append((base + distance, now - ((clock - ts) & MASK)))
            elif span <= distance < HALF:
                self._stats.KCPInErrors += 1
        if newly:
            while base < self.next and base not in inFlight:
                base += 1
        moved = base != before
        if moved:
            self.una = base
            if self._congestion.window is not None:
                self._congestion.onAck(arrivals or 1, self.remoteWindow)
        if moved or newly:
            self._progress = now
            if not inFlight:
                # An empty dictionary keeps its memory until it is cleared.
                inFlight.clear()
                self._deadlines.clear()
                self._retransmission = None
            else:
                if moved:
                    self._deadlines.forget(base)
                    if self._retransmission is not None:
                        self._retransmission.forget(before, base)
                if newly:
                    self._watch().count(newly, base, now)
        if self._pacer.short:
            self._pacer.advance(now, self._window(), self.rtt.smoothed)
        return moved

    def knowsOf(self, unas: list[int], acks: list[tuple[int, int]], others: bool) -> bool:
        """
        Returns True if a batch had a plausible segment that acknowledges nothing but what may have
        been sent.

        @param unas: as L{acknowledge} takes them.
        @param acks: likewise.
        @param others: whether the batch had plausible segments of other kinds.
        """
        following = self.next
        for una in unas:
            if (following - una) & MASK < HALF:
                break
        else:
            return False
        if others:
            return True
        return any((following - 1 - sn) & MASK < HALF for sn, _ in acks)

    def govern(self, congestion: CongestionControl) -> CongestionControl:
        """
        Exchanges the congestion control.

        @return: the one before.
        """
        before, self._congestion = self._congestion, congestion
        return before

    def discard(self) -> None:
        """
        Forgets what is queued and in flight.
        """
        self.sendQueue.discard()
        self.inFlight.clear()
        self._deadlines.clear()
        self._retransmission = None

    def _watch(self) -> Retransmission:
        """
        Returns what chooses segments to send again, made if there is none yet.
        """
        if self._retransmission is None:
            self._retransmission = Retransmission(
                self._settings, self.inFlight, self._deadlines, self.rtt, self._stats
            )
        return self._retransmission

    def _window(self) -> int:
        """
        Returns the most segments in flight.
        """
        window = self._settings.sendWindow
        if self.remoteWindow < window:
            window = self.remoteWindow
        limit = self._congestion.window
        return window if limit is None or limit > window else limit

    @property
    def wantsFlush(self) -> bool:
        """
        Whether there is something to send that no deadline waits for.
        """
        if self._retransmission is not None and self._retransmission.overtaken.pending:
            return True
        segments = self.sendQueue.segments
        if not segments or self._window() <= self.next - self.una:
            return False
        return not self._pacer.short or self._pacer.fit(segments, 1) > 0

    def deadline(self) -> int | None:
        """
        Returns when the first segment in flight times out or is to be sent again early, or the
        pacer lets the next one leave, milliseconds.
        """
        timeout = self._deadlines.first
        retransmission, pacer = self._retransmission, self._pacer
        early = None if retransmission is None else retransmission.overtaken.due
        if not pacer.short and early is None:
            return timeout
        other: int | None = None
        segments = self.sendQueue.segments
        allowed = min(self._window() - (self.next - self.una), len(segments))
        if allowed <= 0:
            other = early
        elif pacer.short:
            other = pacer.deadline(OVERHEAD + len(segments[0][1]), allowed)
        return other if other is not None and (timeout is None or other < timeout) else timeout

    def resendAll(self, now: int) -> None:
        """
        Lets all in flight time out at once, as if for the first time, because what was sent is
        likely to be lost: after an outage, or when the path has changed.

        @param now: milliseconds.
        """
        if self.inFlight:
            self._deadlines.clear()
            self._watch().expire(list(self.inFlight), now)

    def resendFirst(self, now: int) -> None:
        """
        Lets the first segment in flight time out at once, as if for the first time.

        @param now: milliseconds.
        """
        first = next(iter(self.inFlight), None)
        if first is not None:
            self._watch().expire([first], now)

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
        pacer, rtt, queue = self._pacer, self.rtt, self.sendQueue
        limit = self._window()
        if pacer.rate or rtt.smoothed >= LEAST_ROUND_TRIP:
            pacer.advance(now, limit, rtt.smoothed)
        ts = (now + self.epoch) & MASK
        inFlight = self.inFlight
        segments: list[bytes] = []
        count = limit - (self.next - self.una)
        waiting = len(queue.segments)
        if count > waiting:
            count = waiting
        first = self._deadlines.first
        if self._retransmission is not None or (first is not None and first <= now):
            for sn in self._takeAgain(now, count > 0):
                frg, data = inFlight[sn]
                header = packHeader(conv, PUSH, frg, window, ts, sn & MASK, una, len(data))
                segments.append(header + data)
            if pacer.rate:
                pacer.take(sum(map(len, segments)))
        if count > burst:
            count = burst
        if count > 0 and pacer.rate:
            count = pacer.fit(queue.segments, count)
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
            self._deadlines.add(now, rtt.timeout, range(start, sn))
            if pacer.rate:
                pacer.take(queued - queue.bytes + count * OVERHEAD)
        if self._retransmission is not None:
            self._retransmission.flushed(now)
        self._stats.OutSegs += len(segments)
        return segments

    def _takeAgain(self, now: int, fresh: bool) -> list[int]:
        """
        Returns sns to send again, ascending.

        @param fresh: whether new segments go into flight in this flush.
        """
        retransmission = self._watch()
        again = retransmission.take(now, self.una, self._progress, fresh)
        if retransmission.exhausted:
            self.deadLink = True
        if retransmission.timedOut:
            self._congestion.onTimeout()
        elif again:
            self._congestion.onFastRetransmit(self.next - self.una, self._settings.resend)
        return again
