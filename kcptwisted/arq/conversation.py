"""
One KCP conversation: the facade of the ARQ core.
"""

from __future__ import annotations

from collections.abc import Sequence

from kcptwisted.arq.incoming import isPlausible, readControl, takeApart
from kcptwisted.arq.probe import WindowProbe
from kcptwisted.arq.receiver import Receiver
from kcptwisted.arq.sender import MAXIMUM_BURST, Sender
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.arq.staleness import Staleness
from kcptwisted.arq.unproven import UnprovenPath
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import (
    ACK,
    HALF,
    MASK,
    OVERHEAD,
    WASK,
    WINS,
    controlSegment,
    packHeader,
    packSegments,
)

#: wnd is a 16-bit field.
MAXIMUM_WINDOW = 0xFFFF


class Conversation:
    """
    Transfers bytes or messages reliably over datagrams, in both directions.

    A caller hands in datagrams that arrived (L{receive}), takes what is in order (L{read}), and
    sends what L{datagramsToSend} returns: at once if C{wantsFlush}, else at the L{deadline}.

    @ivar conv: the conversation id.
    @ivar sender: the sending half.
    @ivar receiver: the receiving half.
    @ivar answered: a plausible segment has arrived.
    @ivar heard: the last L{receive} was given a plausible segment: well-formed, about segments that
        were sent, or in the window.
    @ivar controls: the data of WASK and WINS segments; the caller takes them out.
    @ivar questions: how many WASK segments have been sent.
    @ivar unproven: limits what is sent to an address that may be forged; None if it is not.
    @ivar wantsFlush: L{datagramsToSend} should be called without waiting for L{deadline}.
    @ivar wantsProof: the peer should be asked, by a WASK of any kind, because its unas are old; see
        L{Staleness}.
    @ivar peerRestarted: the peer has lost its state and begun anew with the same conv.
    """

    __slots__ = (
        "_askWindow",
        "_controlsToSend",
        "_firstUna",
        "_flushDeadline",
        "_probe",
        "_sendQueue",
        "_settings",
        "_staleness",
        "_stats",
        "_tellWindow",
        "answered",
        "controls",
        "conv",
        "heard",
        "peerRestarted",
        "questions",
        "receiver",
        "sender",
        "unproven",
        "wantsFlush",
        "wantsProof",
    )

    def __init__(
        self, conv: int, settings: ARQSettings, stats: SessionStats, firstSn: int = 0
    ) -> None:
        """
        @param conv: the conversation id, the same at both ends.
        @param stats: counts.
        @param firstSn: the sn that both ends start at; 0 on the wire, others serve tests.
        """
        self.conv = conv
        self._settings = settings
        self._stats = stats
        self.sender = Sender(settings, stats, firstSn)
        self._sendQueue = self.sender.sendQueue
        self._sendQueue.leastMss = settings.leastMss
        window, most = settings.receiveWindow, settings.mostReceiveWindow
        self.receiver = Receiver(window, settings.stream, stats, firstSn, most)
        self._probe: WindowProbe | None = None
        self._firstUna = firstSn & MASK
        self._staleness = Staleness(self._firstUna)
        self._askWindow = False
        self.questions = 0
        self._tellWindow = False
        self._flushDeadline: int | None = None
        self.wantsFlush = False
        self.wantsProof = False
        self.peerRestarted = False
        self.answered = False
        self.unproven: UnprovenPath | None = None
        self.heard = False
        self.controls: list[bytes] = []
        # None while there are none: most conversations are idle.
        self._controlsToSend: list[tuple[int, bytes]] | None = None

    def receive(
        self, datagrams: Sequence[bytes], now: int, recovered: bool = False
    ) -> Sequence[bytes]:
        """
        Takes datagrams of segments.  What is malformed is dropped and counted.

        @param now: milliseconds.
        @param recovered: they were rebuilt from parity, so they say nothing about the round trip
            and the peer's window.
        @return: the datagrams that do not begin with a segment of this conversation, for the
            caller to judge.
        """
        sender = self.sender
        acks, unas, window, plausible, asked, foreign = takeApart(
            datagrams, self.conv, self.receiver, self.controls, self._stats
        )
        if window < 0:
            self.heard = False
            return foreign
        if asked:
            self._tellWindow = self.wantsFlush = True
        una = unas[-1]
        # Nearly always it is so at first sight.
        atOnce = plausible and (sender.next - una) & MASK < HALF
        self.heard = atOnce or isPlausible(sender.next, unas, acks, plausible)
        self.answered = self.answered or self.heard
        if not recovered:
            sender.remoteWindow = window
            if sender.limits.governor is not None:
                sender.limits.governor.wayBack.heard(now, self.receiver.lastAck)
            known = self._sendQueue.peerWindow
            if not window or known is None or window > known:
                self._noteWindow(window, una, now)
        if self.unproven is not None:
            self.unproven.acknowledged(acks)
        if sender.acknowledge(unas, acks, now, not recovered):
            self.wantsFlush = True
        if not recovered:
            if una == sender.una & MASK and not self._staleness.suspected:
                self._staleness.latest = una
            else:
                self._judgeUnas(unas, now)
        if not self.wantsFlush and (sender.wantsFlush or self._acksAreDue(now)):
            self.wantsFlush = True
        return foreign

    def _noteWindow(self, window: int, una: int, now: int) -> None:
        """
        Takes the peer's free window if it is 0, or larger than any before.

        @param una: what the peer said with it.
        """
        queue = self._sendQueue
        if not window and self._probe is None and queue.segments:
            # Nothing else may make this side flush any more.
            self._probe = WindowProbe(now)
        known = queue.peerWindow
        # Before it has received anything the peer tells its whole window.
        if window > (known or 0) and (known is not None or una == self._firstUna):
            queue.peerWindow = window

    def _judgeUnas(self, unas: list[int], now: int) -> None:
        """
        Takes the unas of a batch of which the last is old, or comes after old ones.
        """
        staleness = self._staleness
        una = self.sender.una & MASK
        if unas[-1] == una:
            staleness.current(una)
        elif (una - unas[-1]) & MASK < HALF:
            staleness.behind(unas, una, self.sender.rtt.timeout, now)
        self.wantsProof = staleness.wantsProof
        self.peerRestarted = staleness.restarted

    def repeats(self, datagram: bytes, data: bytes) -> int:
        """
        Recognises a datagram of an idle peer, which L{receive} could skip: one WASK or WINS that
        says nothing new.

        @param data: control data that says nothing.
        @return: L{WASK} or L{WINS}, if the datagram is one such segment with C{data}, its window
            and una are those known already, and nothing waits to be sent; 0 if it is to be
            received.
        """
        sender = self.sender
        if (
            self._sendQueue.peerWindow is None
            or self._sendQueue.segments
            or sender.una != sender.next
            or self.wantsFlush
            or self._flushDeadline is not None
            or self._staleness.suspected
        ):
            return 0
        cmd, window, una = readControl(datagram, self.conv, data)
        if not cmd or window != sender.remoteWindow or una != sender.una & MASK:
            return 0
        self._staleness.latest = una
        return cmd

    def _acksAreDue(self, now: int) -> bool:
        pending = self.receiver.ackCount
        if not pending:
            return False
        if self._settings.ackNoDelay or pending >= self._settings.mtu // OVERHEAD:
            return True
        if self._flushDeadline is None:
            self._flushDeadline = now + self._settings.ackDelay
        return False

    def configure(self, settings: ARQSettings, now: int) -> None:
        """
        Uses other settings from now on; see L{wantsFlush} afterwards.

        Nothing is lost.  Segments that have been cut keep their size: one that is larger than a
        smaller mtu allows leaves as a datagram by itself.  A smaller receive window holds for what
        the peer sends beyond the larger one.  The retransmission timeout follows with the next
        sample of the round trip.

        @param now: milliseconds.
        @raise ValueError: if C{settings} say otherwise about C{stream}.
        """
        if settings.stream is not self._settings.stream:
            raise ValueError("stream cannot be changed: segments that wait are of one kind")
        self._settings = settings
        self.sender.configure(settings, now)
        self._sendQueue.leastMss = settings.leastMss
        self.receiver.configure(settings.receiveWindow, settings.mostReceiveWindow)
        self._noteReopened()
        pending = self.receiver.ackCount > 0 and settings.ackNoDelay
        self.wantsFlush = self.wantsFlush or pending or self.sender.wantsFlush

    def write(self, data: bytes) -> None:
        """
        Queues bytes, or one message in message mode.

        @raise MessageTooLong: see L{SendQueue.write<kcptwisted.arq.sendqueue.SendQueue.write>}.
        """
        self._sendQueue.write(data)

    def read(self) -> bytes | None:
        """
        Returns all bytes in order, or the next message; None if there is nothing.
        """
        data = self.receiver.read()
        if self.receiver.windowReopened:
            self._noteReopened()
        return data

    def _noteReopened(self) -> None:
        if self.receiver.windowReopened:
            self.receiver.windowReopened = False
            self._tellWindow = self.wantsFlush = True

    def flushBy(self, deadline: int) -> None:
        """
        Has what was written sent by a deadline, without wanting a flush now.

        @param deadline: milliseconds.
        """
        if self._flushDeadline is None or deadline < self._flushDeadline:
            self._flushDeadline = deadline

    def askWindow(self) -> None:
        """
        Sends a WASK with the next flush.
        """
        self._askWindow = self.wantsFlush = True
        self.wantsProof = self._staleness.wantsProof = False

    def sendControl(self, cmd: int, data: bytes) -> None:
        """
        Sends control data with the next flush.

        @param cmd: L{WASK}, which asks for an answer, or L{WINS}.
        """
        if self._controlsToSend is None:
            self._controlsToSend = []
        self._controlsToSend.append((cmd, data))
        self.wantsFlush = True
        if cmd == WASK:
            self.wantsProof = self._staleness.wantsProof = False

    def leaveUnanswered(self) -> None:
        """
        Does not answer a WASK that has been received: it was not for this end.
        """
        self._tellWindow = False

    def windowDatagram(self, now: int, cmd: int = WINS, data: bytes = b"") -> bytes:
        """
        Returns a datagram of one segment, with the window and C{data}.

        @param now: milliseconds.
        @param data: control data.
        """
        window = min(self.receiver.window, MAXIMUM_WINDOW)
        una = self.receiver.next & MASK
        return controlSegment(self.conv, cmd, window, now, una, data)

    def discard(self) -> None:
        """
        Drops all data: the conversation is over.
        """
        self.sender.discard()
        self.receiver.discard()
        self.controls.clear()
        self._controlsToSend = self._flushDeadline = self._probe = None

    @property
    def drained(self) -> bool:
        """
        Whether all that was written has been acknowledged.
        """
        return not (self._sendQueue.segments or self.sender.inFlight)

    def deadline(self) -> int | None:
        """
        Returns when L{datagramsToSend} is due next, milliseconds; None while nothing waits.
        """
        earliest = self.sender.deadline()
        flush, probe = self._flushDeadline, self._probe
        if flush is not None and (earliest is None or flush < earliest):
            earliest = flush
        if probe is not None and (earliest is None or probe.deadline < earliest):
            earliest = probe.deadline
        return earliest

    def datagramsToSend(self, now: int, burst: int = MAXIMUM_BURST) -> list[bytes]:
        """
        Flushes: control data, ACKs, window probes, then data.

        @param now: milliseconds.
        @param burst: the most new segments.
        """
        self.wantsFlush = False
        self._flushDeadline = None
        conv, sender, receiver = self.conv, self.sender, self.receiver
        waiting = self._sendQueue.segments
        window = receiver.free
        if not 0 <= window <= MAXIMUM_WINDOW:
            window = MAXIMUM_WINDOW if window > 0 else 0
        una = receiver.next & MASK
        # A listener that has no session for it reads the first segment of a datagram.
        controls = self._controlsToSend
        segments = self._controlSegments(controls, now) if controls else []
        if receiver.ackCount:
            for sn, ts in receiver.takeAcks():
                segments.append(packHeader(conv, ACK, 0, window, ts, sn & MASK, una, 0))
        if sender.remoteWindow or not waiting:
            self._probe = None
        else:
            # The peer is asked for its window, which keeps segments from leaving.
            probe = self._probe = self._probe or WindowProbe(now)
            self._askWindow = probe.isDue(now) or self._askWindow
        if self._askWindow:
            self._askWindow = False
            self.questions += 1
            segments.append(controlSegment(conv, WASK, window, now, una))
        if self._tellWindow:
            self._tellWindow = False
            segments.append(controlSegment(conv, WINS, window, now, una))
        if segments and sender.limits.pacer.rate:
            # They do not wait, but what is new waits for them.
            sender.limits.pacer.take(sum(map(len, segments)))
        if waiting or sender.inFlight:
            if self.unproven is None:
                pushes = sender.flush(conv, now, window, una, burst)
            else:
                pushes = self.unproven.flush(segments, conv, now, window, una)
            segments += pushes
            if pushes and self._sendQueue.segments:
                # The burst was full, or sending again has changed the congestion window.
                self.wantsFlush = sender.wantsFlush
        if sum(map(len, segments)) <= self._settings.mtu:
            return [b"".join(segments)] if segments else segments
        return packSegments(segments, self._settings.mtu)

    def _controlSegments(self, controls: list[tuple[int, bytes]], now: int) -> list[bytes]:
        segments = []
        for cmd, data in controls:
            segments.append(self.windowDatagram(now, cmd, data))
            self.questions += cmd == WASK
            self._tellWindow = self._tellWindow and cmd != WINS
        self._controlsToSend = None
        return segments
