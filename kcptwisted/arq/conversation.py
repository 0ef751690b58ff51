"""
One KCP conversation: the facade of the ARQ core.
"""

from __future__ import annotations

from collections.abc import Sequence

from kcptwisted.arq.congestion import CongestionControl
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
    PUSH,
    WASK,
    WINS,
    controlSegment,
    packHeader,
    packSegments,
    unpackHeader,
)

#: wnd is a 16-bit field.
MAXIMUM_WINDOW = 0xFFFF

#: Control data kept until the caller takes it; what comes beyond is dropped and counted.
MAXIMUM_CONTROLS = 16


class Conversation:
    """
    Reliable transfer over datagrams, both directions.

    A caller hands in what arrived (L{receive}), takes what is in order (L{read}), and sends what
    L{datagramsToSend} gives: at once when L{wantsFlush} says so, else when L{deadline} has come.

    @ivar conv: the conversation id.
    @ivar sender: the sending half.
    @ivar receiver: the receiving half.
    @ivar answered: a plausible segment has arrived.
    @ivar heard: L{receive} was given one the last time: well-formed, and about segments that were
        sent, or that may be.
    @ivar controls: what WASK and WINS segments carried as data, for the caller to take out.
    @ivar unproven: limits what is sent; None where nothing needs to.
    """

    __slots__ = (
        "_askWindow",
        "_controlsToSend",
        "_firstUna",
        "_flushDeadline",
        "_flushNow",
        "_probe",
        "_settings",
        "_staleness",
        "_stats",
        "_tellWindow",
        "answered",
        "controls",
        "conv",
        "heard",
        "receiver",
        "sender",
        "unproven",
    )

    def __init__(
        self,
        conv: int,
        settings: ARQSettings,
        congestion: CongestionControl,
        stats: SessionStats,
        firstSn: int = 0,
    ) -> None:
        """
        @param conv: the conversation id, the same at both ends.
        @param congestion: limits what is in flight.
        @param stats: counts.
        @param firstSn: the sn that both ends start at; 0 on the wire, others serve tests.
        """
        self.conv = conv
        self._settings = settings
        self._stats = stats
        self.sender = Sender(settings, congestion, stats, firstSn)
        self.receiver = Receiver(settings.receiveWindow, settings.stream, stats, firstSn)
        self._probe: WindowProbe | None = None
        self._firstUna = firstSn & MASK
        self._staleness = Staleness(self._firstUna)
        self._askWindow = False
        self._tellWindow = False
        self._flushNow = False
        self._flushDeadline: int | None = None
        self.answered = False
        self.unproven: UnprovenPath | None = None
        self.heard = False
        self.controls: list[bytes] = []
        self._controlsToSend: list[tuple[int, bytes]] = []

    def receive(
        self, datagrams: Sequence[bytes], now: int, recovered: bool = False
    ) -> Sequence[bytes]:
        """
        Take datagrams of segments.  What is malformed is dropped and counted.

        @param now: milliseconds.
        @param recovered: they were rebuilt from parity, so they say nothing about the round trip
            and the peer's window.
        @return: the datagrams that do not begin with a segment of this conversation, for the
            caller to judge.
        """
        receiver = self.receiver
        accept = receiver.accept
        unpack = unpackHeader
        conv = self.conv
        # A run of payloads in order is handed over at once; the rest goes one by one.
        run: list[bytes] = []
        takesRuns = receiver.takesRuns
        expected = receiver.next & MASK
        runTs = 0
        acks: list[tuple[int, int]] = []
        unas: list[int] = []
        lastUna = -1
        lastWindow = -1
        pushes = 0
        foreign: list[bytes] = []
        heard = False
        for datagram in datagrams:
            size = len(datagram)
            offset = 0
            while True:
                if size - offset < OVERHEAD:
                    if offset:
                        self._stats.KCPInErrors += 1
                    else:
                        foreign.append(datagram)
                    break
                segmentConv, cmd, frg, window, ts, sn, una, length = unpack(datagram, offset)
                start = offset + OVERHEAD
                offset = start + length
                if segmentConv != conv or not PUSH <= cmd <= WINS:
                    if start == OVERHEAD:
                        foreign.append(datagram)
                    else:
                        self._stats.KCPInErrors += 1
                    break
                if offset > size:
                    self._stats.KCPInErrors += 1
                    break
                lastWindow = window
                if una != lastUna:
                    lastUna = una
                    unas.append(una)
                if cmd == PUSH:
                    pushes += 1
                    if takesRuns and sn == expected:
                        run.append(datagram[start:offset])
                        runTs = ts
                        expected = (expected + 1) & MASK
                    else:
                        if run:
                            receiver.extend(run, runTs)
                            run = []
                        heard = accept(sn, ts, frg, datagram[start:offset]) or heard
                        expected = receiver.next & MASK
                        takesRuns = receiver.takesRuns
                elif cmd == ACK:
                    acks.append((sn, ts))
                else:
                    heard = True
                    if cmd == WASK:
                        self._tellWindow = self._flushNow = True
                    if length:
                        self._takeControl(datagram[start:offset])
                if offset == size:
                    break
        if run:
            receiver.extend(run, runTs)
            heard = True
        if lastWindow < 0:
            self.heard = False
            return foreign
        self._stats.InSegs += pushes
        sender = self.sender
        # Nearly always it is so at first sight.
        atOnce = heard and (sender.next - lastUna) & MASK < HALF
        self.heard = atOnce or sender.knowsOf(unas, acks, heard)
        self.answered = self.answered or self.heard
        if not recovered:
            sender.remoteWindow = lastWindow
            if not lastWindow and self._probe is None and sender.queue:
                # Nothing else may make this side flush any more.
                self._probe = WindowProbe(now)
            known = sender.peerWindow
            # Before it has received anything the peer tells its whole window.
            if lastWindow > (known or 0) and (known is not None or lastUna == self._firstUna):
                sender.peerWindow = lastWindow
        if self.unproven is not None:
            self.unproven.acknowledged(acks)
        moved = sender.acknowledge(unas, acks, now, not recovered)
        if not recovered:
            una = sender.una & MASK
            staleness = self._staleness
            if lastUna != una:
                if (una - lastUna) & MASK < HALF:
                    staleness.behind(unas, una, now)
            elif staleness.suspected:
                staleness.current(una)
            else:
                staleness.told = una
        if moved or sender.wantsFlush or self._acksAreDue(now):
            self._flushNow = True
        return foreign

    def repeats(self, datagram: bytes, data: bytes) -> int:
        """
        Look at a datagram that may have nothing for L{receive}, as most that come while nothing
        happens.

        @param data: control data that says nothing.
        @return: L{WASK} or L{WINS}, if the datagram is one such segment with C{data}, tells what
            is known, and nothing waits to be sent; 0 if it is to be received.
        """
        sender = self.sender
        if (
            len(datagram) != OVERHEAD + len(data)
            or sender.peerWindow is None
            or sender.una != sender.next
            or sender.queue
            or self._flushNow
            or self._flushDeadline is not None
            or self._staleness.suspected
        ):
            return 0
        conv, cmd, _, window, _, _, una, length = unpackHeader(datagram, 0)
        if (
            conv != self.conv
            or not WASK <= cmd <= WINS
            or window != sender.remoteWindow
            or una != sender.una & MASK
            or length != len(data)
            or datagram[OVERHEAD:] != data
        ):
            return 0
        self._staleness.told = una
        return cmd

    def _takeControl(self, data: bytes) -> None:
        if len(self.controls) < MAXIMUM_CONTROLS:
            self.controls.append(data)
        else:
            self._stats.KCPInErrors += 1

    def _acksAreDue(self, now: int) -> bool:
        pending = self.receiver.ackCount
        if not pending:
            return False
        if self._settings.ackNoDelay or pending >= self._settings.mtu // OVERHEAD:
            return True
        if self._flushDeadline is None:
            self._flushDeadline = now + self._settings.ackDelay
        return False

    def write(self, data: bytes) -> None:
        """
        Queue bytes, or one message in message mode.

        @raise MessageTooLong: see L{Sender.write}.
        """
        self.sender.write(data)

    def read(self) -> bytes | None:
        """
        @return: all bytes in order, or the next message; None if there is nothing.
        """
        data = self.receiver.read()
        if self.receiver.windowReopened:
            self.receiver.windowReopened = False
            self._tellWindow = self._flushNow = True
        return data

    def flushBy(self, deadline: int) -> None:
        """
        Send what was written at the latest then, without wanting a flush now.

        @param deadline: milliseconds.
        """
        if self._flushDeadline is None or deadline < self._flushDeadline:
            self._flushDeadline = deadline

    def askWindow(self) -> None:
        """
        Send a WASK with the next flush.
        """
        self._askWindow = self._flushNow = True
        self._staleness.wantsProof = False

    def sendControl(self, cmd: int, data: bytes) -> None:
        """
        Send control data with the next flush.

        @param cmd: L{WASK}, which asks for an answer, or L{WINS}.
        """
        self._controlsToSend.append((cmd, data))
        self._flushNow = True
        if cmd == WASK:
            self._staleness.wantsProof = False

    def leaveUnanswered(self) -> None:
        """
        Do not answer a WASK that has been received: it was not for this end.
        """
        self._tellWindow = False

    def windowDatagram(self, now: int, cmd: int = WINS, data: bytes = b"") -> bytes:
        """
        @param now: milliseconds.
        @param data: control data.
        @return: a datagram that only tells the window, and what C{data} says.
        """
        window = min(self.receiver.window, MAXIMUM_WINDOW)
        una = self.receiver.next & MASK
        return controlSegment(self.conv, cmd, window, now, una, data)

    def discard(self) -> None:
        """
        The conversation is over: hold nothing any more.
        """
        self.sender.discard()
        self.receiver.discard()
        self.controls.clear()
        self._controlsToSend.clear()
        self._flushDeadline = self._probe = None

    @property
    def wantsFlush(self) -> bool:
        """
        Whether L{datagramsToSend} should be called without waiting for L{deadline}.
        """
        return self._flushNow

    @property
    def wantsProof(self) -> bool:
        """
        Whether the peer should be asked, by a WASK of any kind, because what it says is old; see
        L{Staleness}.
        """
        return self._staleness.wantsProof

    @property
    def peerRestarted(self) -> bool:
        """
        Whether the peer has lost its state and begun anew with the same conv.
        """
        return self._staleness.restarted

    @property
    def drained(self) -> bool:
        """
        Whether all that was written has been acknowledged.
        """
        return not (self.sender.queue or self.sender.inFlight)

    def deadline(self) -> int | None:
        """
        @return: when L{datagramsToSend} is due next, milliseconds; None while nothing waits.
        """
        earliest: int | None = None
        probed = None if self._probe is None else self._probe.deadline
        for deadline in (self._flushDeadline, probed, self.sender.deadline()):
            if deadline is not None and (earliest is None or deadline < earliest):
                earliest = deadline
        return earliest

    def datagramsToSend(self, now: int) -> list[bytes]:
        """
        Flush: control data, ACKs, window probes, then data.

        @param now: milliseconds.
        """
        self._flushNow = False
        self._flushDeadline = None
        conv = self.conv
        window = min(self.receiver.window, MAXIMUM_WINDOW)
        una = self.receiver.next & MASK
        pack = packHeader
        acks = [
            pack(conv, ACK, 0, window, ts, sn & MASK, una, 0) for sn, ts in self.receiver.takeAcks()
        ]
        # A listener that has no session for it reads the first segment of a datagram.
        segments = self._controlSegments(now) + acks if self._controlsToSend else acks
        sender = self.sender
        if self._isToProbe(now) or self._askWindow:
            self._askWindow = False
            segments.append(controlSegment(conv, WASK, window, now, una))
        if self._tellWindow:
            self._tellWindow = False
            segments.append(self.windowDatagram(now))
        if sender.queue or sender.inFlight:
            if self.unproven is None:
                pushes = sender.flush(conv, now, window, una)
            else:
                pushes = self.unproven.flush(segments, conv, now, window, una)
            segments += pushes
            if len(pushes) >= MAXIMUM_BURST:
                self._flushNow = sender.wantsFlush
        return packSegments(segments, self._settings.mtu)

    def _isToProbe(self, now: int) -> bool:
        """
        Whether the peer is to be asked because its window keeps segments from leaving.
        """
        if self.sender.remoteWindow or not self.sender.queue:
            self._probe = None
        elif self._probe is None:
            self._probe = WindowProbe(now)
        else:
            return self._probe.isDue(now)
        return False

    def _controlSegments(self, now: int) -> list[bytes]:
        segments = []
        for cmd, data in self._controlsToSend:
            segments.append(self.windowDatagram(now, cmd, data))
            self._tellWindow = self._tellWindow and cmd != WINS
        self._controlsToSend.clear()
        return segments
