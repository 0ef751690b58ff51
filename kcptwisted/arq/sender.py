"""
The sending half of a conversation: the queue, what is in flight, and what to send again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from kcptwisted.arq.congestion import CongestionControl
from kcptwisted.arq.deadlines import Resend, ResendDeadlines
from kcptwisted.arq.overtaken import Overtaken
from kcptwisted.arq.pacing import Pacer
from kcptwisted.arq.rtt import MAXIMUM_RTO, RoundTripEstimator
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import HALF, MASK, OVERHEAD, PUSH, packHeader

#: A segment sent this often without an ACK means that the peer is gone, if nothing at all was newly
#: acknowledged for a while either: with short timeouts twenty copies are soon sent.
DEAD_LINK = 20

#: What was overtaken waits for this part of the round trip before it is sent again early, up to
#: the interval that kcp-go would wait.
REORDERING = 8

#: frg is counted down from one less than this; kcp-go takes no more.
MAXIMUM_FRAGMENTS = 255

#: New segments that leave in one flush at most, so that others get their turn.
MAXIMUM_BURST = 256

#: The peer's window until it tells, segments.
INITIAL_REMOTE_WINDOW = 32

#: A segment that waits or is in flight: frg and payload.
Fragment = tuple[int, bytes]

#: The queue while nothing waits: most sessions are idle, and an empty deque takes 760 bytes.
NOTHING: tuple[Fragment, ...] = ()


class MessageTooLong(ValueError):
    """
    A message that no KCP peer, or not this one, could ever take.

    @ivar length: bytes of the message.
    @ivar limit: the most bytes that a message may have here.
    """

    def __init__(self, length: int, limit: int) -> None:
        """
        See the attributes.
        """
        super().__init__(f"a message of {length} bytes exceeds the limit of {limit} bytes")
        self.length = length
        self.limit = limit


class Sender:
    """
    Cuts writes into segments and keeps each until it is acknowledged.

    New segments leave as the windows and the L{Pacer} allow.  What waits for the pacer has a
    L{deadline}; what is beyond L{MAXIMUM_BURST} is left for another flush, which is wanted then.

    @ivar queue: segments that were never sent.
    @ivar queuedBytes: payload bytes in C{queue}.
    @ivar inFlight: segments sent and not acknowledged, by sn (not wrapped), in order.
    @ivar una: the first sn not acknowledged.
    @ivar next: the next sn to be sent.
    @ivar remoteWindow: the peer's free window, segments.
    @ivar peerWindow: the peer's whole window, segments, which no message may exceed; None while
        it is not known.
    @ivar deadLink: a segment was sent L{DEAD_LINK} times at least, and for the setting
        C{deadLinkAfter} nothing was newly acknowledged.
    @ivar rtt: the round-trip estimate.
    @ivar epoch: what the ts of a segment is beyond the time, milliseconds; fixed before the first
        segment leaves.
    """

    __slots__ = (
        "_congestion",
        "_deadlines",
        "_overtaken",
        "_pacer",
        "_progress",
        "_resends",
        "_settings",
        "_since",
        "_stats",
        "deadLink",
        "epoch",
        "inFlight",
        "next",
        "peerWindow",
        "queue",
        "queuedBytes",
        "remoteWindow",
        "rtt",
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
        self.queue: deque[Fragment] | tuple[Fragment, ...] = NOTHING
        self.queuedBytes = 0
        self.inFlight: dict[int, Fragment] = {}
        self.una = self.next = firstSn
        self.remoteWindow = INITIAL_REMOTE_WINDOW
        self.peerWindow: int | None = None
        self.deadLink = False
        self.epoch = 0
        # When something was last newly acknowledged, or sent with nothing else in flight.
        self._progress = 0
        self._pacer = Pacer(settings.mtu, settings.rateLimit, settings.pacing)
        self._resends: dict[int, Resend] = {}
        self._deadlines = ResendDeadlines()
        # When what is in flight began to leave: nothing of it was sent before.
        self._since = 0
        # None until an ACK goes beyond una or a timeout passes, and again with nothing in flight.
        self._overtaken: Overtaken | None = None

    def write(self, data: bytes) -> None:
        """
        Queue bytes (stream), or one message.  Nothing is queued for empty C{data}.

        @raise MessageTooLong: if a message needs more than L{MAXIMUM_FRAGMENTS} segments, or more
            than the peer's whole window.
        """
        if not data:
            return
        mss = self._settings.mss
        queue = self.queue
        if not isinstance(queue, deque):
            queue = self.queue = deque()
        if self._settings.stream:
            start = self._fillLast(queue, data, mss)
            queue.extend([(0, data[i : i + mss]) for i in range(start, len(data), mss)])
        else:
            count = -(-len(data) // mss)
            most = min(MAXIMUM_FRAGMENTS, self.peerWindow or MAXIMUM_FRAGMENTS)
            if count > most:
                raise MessageTooLong(len(data), most * mss)
            queue.extend([(count - 1 - i, data[i * mss : (i + 1) * mss]) for i in range(count)])
        self.queuedBytes += len(data)

    @staticmethod
    def _fillLast(queue: deque[Fragment], data: bytes, mss: int) -> int:
        """
        @return: how many bytes of C{data} the last queued segment took.
        """
        if not queue:
            return 0
        last = queue[-1][1]
        room = mss - len(last)
        if room > 0:
            queue[-1] = (0, last + data[:room])
        return room

    def acknowledge(
        self, unas: list[int], acks: list[tuple[int, int]], now: int, measure: bool
    ) -> bool:
        """
        Take what a batch of datagrams acknowledged.

        @param unas: the una values seen, as on the wire, runs of equal ones once.
        @param acks: (sn, ts) of the ACK segments, as on the wire, in order.
        @param now: milliseconds.
        @param measure: whether the ACKs are fit for an RTT sample.
        @return: whether C{una} moved.
        """
        before = self.una
        inFlight = self.inFlight
        if acks and measure:
            self._measure(*acks[-1], now)
        arrivals = self._applyUnas(unas)
        newly = []
        clock = now + self.epoch
        base = self.una
        span = self.next - base
        for sn, ts in acks:
            distance = (sn - base) & MASK
            if distance < span and inFlight.pop(base + distance, None) is not None:
                newly.append((base + distance, now - ((clock - ts) & MASK)))
            elif span <= distance < HALF:
                self._stats.KCPInErrors += 1
        while self.una < self.next and self.una not in inFlight:
            self.una += 1
        if arrivals or newly:
            self._progress = now
        if self.una != before:
            self._congestion.onAck(max(arrivals, 1), self.remoteWindow)
            if self._resends:
                self._forgetResends(before)
        if not inFlight:
            # Empty, they are still as large as they ever were.
            inFlight.clear()
            self._resends.clear()
            self._deadlines.clear()
            self._overtaken = None
        elif newly:
            overtaken = self._watch()
            overtaken.count(newly, self.una)
            if overtaken.due is None and overtaken.early:
                overtaken.due = now + self._reordering()
        if self._pacer.short:
            self._pacer.advance(now, self._window(), self.rtt.smoothed)
        return self.una != before

    def _measure(self, sn: int, ts: int, now: int) -> None:
        """
        Take an ACK as a sample of the round trip, unless what it says cannot be: that the segment
        was sent before all that is in flight, or never; or has been acknowledged before, as an ACK
        says that comes late, by FEC perhaps.

        @param sn: as on the wire.
        @param ts: as on the wire.
        @param now: milliseconds.
        """
        position = self.una + ((sn - self.una) & MASK)
        elapsed = (now + self.epoch - ts) & MASK
        if elapsed >= HALF or position not in self.inFlight:
            return
        if elapsed <= now - self._since:
            self.rtt.sample(min(elapsed, MAXIMUM_RTO))

    def knowsOf(self, unas: list[int], acks: list[tuple[int, int]], others: bool) -> bool:
        """
        @param unas: what a batch told, as L{acknowledge} takes it.
        @param acks: likewise.
        @param others: whether there were plausible segments of other kinds.
        @return: whether a plausible segment was among them that acknowledges nothing but what may
            have been sent.
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

    def _applyUnas(self, unas: list[int]) -> int:
        """
        @return: how many of them acknowledged something.
        """
        arrivals = 0
        for una in unas:
            advance = (una - self.una) & MASK
            if not advance or advance >= HALF:
                continue
            if advance > self.next - self.una:
                self._stats.KCPInErrors += 1
                continue
            arrivals += 1
            pop = self.inFlight.pop
            for sn in range(self.una, self.una + advance):
                pop(sn, None)
            self.una += advance
        return arrivals

    def _forgetResends(self, before: int) -> None:
        if self.una - before < len(self._resends):
            for sn in range(before, self.una):
                self._resends.pop(sn, None)
        else:
            for sn in [sn for sn in self._resends if sn < self.una]:
                del self._resends[sn]

    def govern(self, congestion: CongestionControl) -> CongestionControl:
        """
        Have something else limit what is in flight.

        @return: what did until now.
        """
        before, self._congestion = self._congestion, congestion
        return before

    def discard(self) -> None:
        """
        Forget what is queued and in flight.
        """
        self.queue = NOTHING
        self.queuedBytes = 0
        self.inFlight.clear()
        self._resends.clear()
        self._deadlines.clear()
        self._overtaken = None

    def _watch(self) -> Overtaken:
        """
        @return: what counts overtaken segments, from now on at least.
        """
        if self._overtaken is None:
            self._overtaken = Overtaken(self._settings.resend, self.inFlight, self._resends)
        return self._overtaken

    @property
    def wantsFlush(self) -> bool:
        """
        Whether there is something to send that no deadline waits for.
        """
        if self._overtaken is not None and self._overtaken.pending:
            return True
        return self._allowed() > 0 and (not self._pacer.short or self._pacer.fit(self.queue, 1) > 0)

    def _reordering(self) -> int:
        """
        @return: for how long what was overtaken may still be on its way, milliseconds.
        """
        return min(int(self.rtt.smoothed) // REORDERING, self._settings.interval)

    def _window(self) -> int:
        """
        @return: the most segments in flight.
        """
        window = self._settings.sendWindow
        if self.remoteWindow < window:
            window = self.remoteWindow
        limit = self._congestion.window
        return window if limit is None or limit > window else limit

    def _allowed(self) -> int:
        """
        @return: how many queued segments the windows let leave now.
        """
        if not self.queue:
            return 0
        return min(self._window() - (self.next - self.una), len(self.queue))

    def deadline(self) -> int | None:
        """
        @return: when the first segment in flight times out or is to be sent again early, or the
            pacer lets the next one leave, milliseconds.
        """
        timeout = self._deadlines.next(self.una)
        early = None if self._overtaken is None else self._overtaken.due
        other: int | None = None
        if self._pacer.short or early is not None:
            allowed = self._allowed()
            if allowed <= 0:
                other = early
            elif self._pacer.short:
                other = self._pacer.deadline(OVERHEAD + len(self.queue[0][1]), allowed)
        if other is not None and (timeout is None or other < timeout):
            return other
        return timeout

    def resendAll(self, now: int) -> None:
        """
        Let all in flight time out at once, as if for the first time, because what was sent is
        likely to be lost: after an outage, or when the path has changed.

        @param now: milliseconds.
        """
        if not self.inFlight:
            return
        for resend in self._resends.values():
            resend.deadline = now
        self._deadlines.clear()
        self._deadlines.add(now - self.rtt.timeout, self.rtt.timeout, list(self.inFlight))

    def resendFirst(self, now: int) -> None:
        """
        Let the first segment in flight time out at once, as if for the first time.

        @param now: milliseconds.
        """
        first = next(iter(self.inFlight), None)
        if first is None:
            return
        resend = self._resends.get(first)
        if resend is not None:
            resend.deadline = now
        self._deadlines.add(now - self.rtt.timeout, self.rtt.timeout, [first])

    def flush(self, conv: int, now: int, window: int, una: int) -> list[bytes]:
        """
        Send what is due: segments to be sent again first, then new ones.

        @param conv: the conversation id.
        @param now: milliseconds.
        @param window: this side's free receive window, segments.
        @param una: the sn that this side awaits, as on the wire.
        @return: encoded segments.
        """
        pacer = self._pacer
        limit = self._window()
        pacer.advance(now, limit, self.rtt.smoothed)
        allowed = min(limit - (self.next - self.una), len(self.queue))
        again = self._resend(now, fresh=allowed > 0) if self.inFlight else []
        pack = packHeader
        ts = (now + self.epoch) & MASK
        inFlight = self.inFlight
        segments = []
        if again:
            for sn in again:
                frg, data = inFlight[sn]
                segments.append(pack(conv, PUSH, frg, window, ts, sn & MASK, una, len(data)) + data)
            pacer.take(sum(map(len, segments)))
        if allowed > 0 and (count := pacer.fit(self.queue, min(allowed, MAXIMUM_BURST))):
            queued = self.queuedBytes
            sns, fragments = self._launch(count, now)
            pacer.take(queued - self.queuedBytes + count * OVERHEAD)
            segments += [
                pack(conv, PUSH, frg, window, ts, sn & MASK, una, len(data)) + data
                for sn, (frg, data) in zip(sns, fragments, strict=True)
            ]
        if self._overtaken is not None:
            # Something new has left instead.
            early = self._overtaken.early
            self._overtaken.due = now + self._settings.interval if early else None
        self._stats.OutSegs += len(segments)
        return segments

    def _launch(self, count: int, now: int) -> tuple[range, Sequence[Fragment]]:
        """
        Move queued segments into flight.
        """
        queue = self.queue
        fragments: Sequence[Fragment]
        if count == len(queue):
            fragments = queue
            self.queue = NOTHING
            self.queuedBytes = 0
        else:
            assert isinstance(queue, deque)
            popleft = queue.popleft
            fragments = [popleft() for _ in range(count)]
            self.queuedBytes -= sum([len(data) for _, data in fragments])
        if not self.inFlight:
            self._progress = self._since = now
        sns = range(self.next, self.next + count)
        self.inFlight.update(zip(sns, fragments, strict=True))
        self.next += count
        self._deadlines.add(now, self.rtt.timeout, sns)
        return sns, fragments

    def _resend(self, now: int, fresh: bool) -> list[int]:
        """
        @param fresh: whether new segments go into flight in this flush.
        @return: sns to send again, ascending.
        """
        timedOut = {
            sn: timeout
            for sn, timeout in self._deadlines.due(now, self.una, self._resends)
            if sn in self.inFlight
        }
        hurried: list[int] = []
        early: list[int] = []
        if self._overtaken is not None:
            hurried = [sn for sn in self._overtaken.takeHurried() if sn not in timedOut]
            if not fresh:
                early = [sn for sn in self._overtaken.takeEarly() if sn not in timedOut]
        if not (timedOut or hurried or early):
            return []
        again = dict.fromkeys(hurried + early, self.rtt.timeout)
        for sn in again:
            self._note(sn, self.rtt.timeout, now).hurried = True
        growth = self.rtt.timeout // 2 if self._settings.nodelay else self.rtt.timeout
        for sn, timeout in timedOut.items():
            again[sn] = min(timeout + growth, MAXIMUM_RTO)
            self._note(sn, again[sn], now).hurried = False
            self._watch().resent(sn, now)
        self._scheduleAgain(again, now)
        self._count(len(timedOut), len(hurried), len(early))
        return sorted(again)

    def _note(self, sn: int, timeout: int, now: int) -> Resend:
        resend = self._resends.setdefault(sn, Resend())
        resend.sent = now
        resend.deadline = now + timeout
        resend.transmissions += 1
        if (
            resend.transmissions >= DEAD_LINK
            and now - self._progress >= self._settings.deadLinkAfter
        ):
            self.deadLink = True
        return resend

    def _scheduleAgain(self, again: dict[int, int], now: int) -> None:
        byTimeout: dict[int, list[int]] = {}
        for sn in sorted(again):
            byTimeout.setdefault(again[sn], []).append(sn)
        for timeout, sns in byTimeout.items():
            self._deadlines.add(now, timeout, sns)

    def _count(self, timedOut: int, hurried: int, early: int) -> None:
        stats = self._stats
        stats.LostSegs += timedOut
        stats.FastRetransSegs += hurried
        stats.EarlyRetransSegs += early
        stats.RetransSegs += timedOut + hurried + early
        if timedOut:
            self._congestion.onTimeout()
        elif hurried or early:
            self._congestion.onFastRetransmit(self.next - self.una, self._settings.resend)
