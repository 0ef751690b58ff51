"""
The receiving half of a conversation: order, window and what to acknowledge.
"""

from __future__ import annotations

from collections import deque

from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import HALF, MASK, RING

#: ACKs that wait to be sent, for each segment of the window: a peer may have sent each segment
#: twice.  At most a window of segments lies beyond a gap, so dropping copies halves the ACKs.
MAXIMUM_ACKS_PER_SEGMENT = 2


class Receiver:
    """
    Puts PUSH segments in order and holds them until the application takes them.

    At most C{window} segments wait for the application, and as many wait for a missing one
    before them, whatever the peer sends.  Those of a larger window before are taken as well.

    The window may double with each window that the application has taken in time, up to a largest
    one: a fast path needs more, and a peer whose data nobody reads gets no more to fill.

    @ivar next: the sn awaited, not wrapped.
    @ivar free: the window without the segments that wait for the application; below 0 if a message
        exceeds the window, or the window was made smaller.
    @ivar stream: message boundaries are ignored.
    @ivar ackCount: PUSH segments received since L{takeAcks}.
    @ivar lastAck: sn and ts of the last PUSH segment.
    @ivar windowReopened: the window was full and no longer is: the peer should learn of it.
    """

    __slots__ = (
        "_allowed",
        "_grown",
        "_messages",
        "_most",
        "_partial",
        "_ready",
        "_reordered",
        "_selective",
        "_stats",
        "_window",
        "ackCount",
        "free",
        "lastAck",
        "next",
        "stream",
        "windowReopened",
    )

    def __init__(
        self, window: int, stream: bool, stats: SessionStats, firstSn: int = 0, most: int = 0
    ) -> None:
        """
        @param window: segments.
        @param stream: see the attribute.
        @param firstSn: the sn that the peer starts at.
        @param most: the largest window, segments; 0 means that it stays as it is.
        """
        self._window = self.free = window
        self._most = most
        # The first sn that was not taken when it grew last.
        self._grown = firstSn
        self.stream = stream
        self._stats = stats
        self.next = firstSn
        # Every sn before this one was within a larger window.
        self._allowed = firstSn
        self.ackCount = 0
        self.windowReopened = False
        self.lastAck = (0, 0)
        # None while there is nothing to hold: most receivers are idle.
        self._selective: list[tuple[int, int]] | None = None
        self._reordered: dict[int, tuple[int, bytes]] = {}
        self._ready: list[bytes] = []
        self._messages: deque[tuple[int, bytes]] | None = None
        self._partial: list[tuple[int, bytes]] | None = None

    @property
    def window(self) -> int:
        """
        Free space, segments.
        """
        return self.free if self.free > 0 else 0

    @property
    def unread(self) -> bool:
        """
        Whether something waits for the application.
        """
        return bool(self._ready or self._messages)

    def configure(self, window: int, most: int = 0) -> None:
        """
        Has another window from now on.  What the peer was allowed to send is taken even so.

        @param window: segments; of a window that may grow it is the least.
        @param most: see L{__init__}.
        """
        self._most = most
        if most:
            window = min(max(self._window, window), most)
        self._allowed = max(self._allowed, self.next + self._window)
        wasFull = self.free <= 0
        self.free += window - self._window
        self._window = window
        self._advance()
        if wasFull and self.free > 0:
            self.windowReopened = True

    def holdsAll(self, final: int) -> bool:
        """
        Returns True if all before C{final} has arrived, whatever has come from behind it.  The
        application may have to read before all is in order.

        @param final: the sn after the last segment, not wrapped.
        """
        reordered = self._reordered
        return 0 <= final - self.next <= len(reordered) and all(
            position in reordered for position in range(self.next, final)
        )

    def extend(self, run: list[bytes], lastTs: int) -> None:
        """
        Takes payloads that follow each other from C{next} on, in a stream.

        @param run: the payloads; the receiver keeps the list.
        @param lastTs: the ts of the last of them.
        """
        count = len(run)
        if self._reordered or count > self.free:
            # A gap is closed, or the peer sends more than this end has announced room for.
            for sn, data in enumerate(run, self.next):
                self.accept(sn & MASK, lastTs, 0, data)
            return
        if self._ready:
            self._ready += run
        else:
            self._ready = run
        self.free -= count
        self.next += count
        self.ackCount += count
        self.lastAck = (self.next - 1, lastTs)

    def accept(self, sn: int, ts: int, frg: int, data: bytes) -> bool:
        """
        Takes one PUSH segment, in or out of order.

        @param sn: as on the wire.
        @return: whether it is within the window, or before it.
        """
        distance = (sn - self.next) & MASK
        if distance >= HALF:
            # Received before: the ACK may have been lost.
            self._stats.RepeatSegs += 1
            self._acknowledge(self.next + distance - RING, ts)
            return True
        if distance >= self._window and self.next + distance >= self._allowed:
            self._stats.KCPInErrors += 1
            return False
        position = self.next + distance
        self._acknowledge(position, ts)
        if position in self._reordered:
            self._stats.RepeatSegs += 1
            return True
        self._reordered[position] = (frg, data)
        if not distance:
            self._advance()
        return True

    def _acknowledge(self, position: int, ts: int) -> None:
        self.ackCount += 1
        self.lastAck = (position, ts)
        if position < self.next:
            return
        most = MAXIMUM_ACKS_PER_SEGMENT * self._window
        selective = self._selective
        if selective is None:
            self._selective = [self.lastAck]
            return
        if len(selective) >= most:
            # ACKs that una covers are dropped, and all but the last of each segment.
            latest = dict(selective)
            self._selective = selective = [ack for ack in latest.items() if ack[0] >= self.next]
        selective.append(self.lastAck)

    def _advance(self) -> None:
        """
        Moves the run that has become complete to the application's queue.
        """
        reordered = self._reordered
        while self.free > 0:
            fragment = reordered.pop(self.next, None)
            if fragment is None:
                if not reordered:
                    # An empty dictionary keeps its memory until it is cleared.
                    reordered.clear()
                return
            self.next += 1
            if self.stream:
                self._ready.append(fragment[1])
                self.free -= 1
            else:
                self._assemble(*fragment)

    def _assemble(self, frg: int, data: bytes) -> None:
        partial = self._partial
        if partial is None:
            partial = self._partial = []
        if partial and frg != partial[-1][0] - 1:
            # The peer began another message: this one will never be complete.
            self._stats.KCPInErrors += 1
            partial.clear()
        partial.append((frg, data))
        if frg == 0:
            if self._messages is None:
                self._messages = deque()
            self._messages.append((len(partial), b"".join([piece for _, piece in partial])))
            self.free -= len(partial)
            partial.clear()

    def _considerGrowing(self) -> None:
        """
        Makes the window larger if the application takes what comes, and the peer has sent much.
        """
        window = self._window
        if 2 * self.free < window:
            # It is the application that the peer waits for.
            self._grown = self.next
        elif self.next - self._grown >= window:
            self._grown = self.next
            self._window = min(2 * window, self._most)
            self.free += self._window - window

    def read(self) -> bytes | None:
        """
        Returns all bytes that are in order (stream), or the next whole message; None if there is
        nothing.
        """
        wasFull = self.free <= 0
        data: bytes | None
        if not self.stream:
            data = self._readMessage()
        else:
            ready = self._ready
            if not ready:
                return None
            self._ready = []
            window = self._window
            if window < self._most and (
                2 * self.free < window or self.next - self._grown >= window
            ):
                self._considerGrowing()
            self.free = self._window
            if self._reordered:
                ready += self._advanceAll()
            data = (ready[0] if len(ready) == 1 else b"".join(ready)) or None
        if wasFull and self.free > 0:
            self.windowReopened = True
        return data

    def _advanceAll(self) -> list[bytes]:
        """
        Moves all that is in order, a window at a time.

        @return: the payloads.
        """
        taken: list[bytes] = []
        self._advance()
        while self._ready:
            taken += self._ready
            self._ready = []
            self.free = self._window
            self._advance()
        return taken

    def _readMessage(self) -> bytes | None:
        while self._messages:
            if self._window < self._most:
                self._considerGrowing()
            segments, data = self._messages.popleft()
            self.free += segments
            if self._reordered:
                self._advance()
            if data:
                return data
        return None

    def discard(self) -> None:
        """
        Forgets what waits for the application, or for a missing segment.
        """
        self._ready.clear()
        self._messages = self._partial = self._selective = None
        self._reordered.clear()

    def takeAcks(self) -> list[tuple[int, int]]:
        """
        What to acknowledge: segments beyond a gap, and the last one received; una covers the rest.

        @return: (sn, ts) pairs, sn not wrapped, the last one received at the end.
        """
        if not self.ackCount:
            return []
        self.ackCount = 0
        if not self._selective:
            return [self.lastAck]
        acks = [ack for ack in self._selective if ack[0] >= self.next]
        self._selective = None
        if not acks or acks[-1] != self.lastAck:
            acks.append(self.lastAck)
        return acks
