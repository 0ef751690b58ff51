"""
What may be sent to an address before the peer has shown that it is there.
"""

from __future__ import annotations

from collections.abc import Sequence

from kcptwisted.arq.sender import Sender
from kcptwisted.arq.sendqueue import MAXIMUM_FRAGMENTS
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.stats import SessionStats
from kcptwisted.wire.fec import OUT_OF_BAND, PARITY, packetType
from kcptwisted.wire.segment import HALF, MASK, OVERHEAD, WASK, controlSegment, unpackHeader

#: Bytes that may be sent for each byte that came: the limit of RFC 9000, section 8.1.
FACTOR = 3

#: Segments of up to so many bytes are sent again to a silent peer; for larger ones a WASK asks.
CHEAP = 2 * OVERHEAD


class UnprovenPath:
    """
    Limits what is sent to an address that may be forged to L{FACTOR} times what came from there.
    Sizes are those of UDP payloads.

    New segments take up to half of what may be sent; the rest is for resends and questions.  If the
    first segment does not fit, its first byte is sent alone.  Of the segments that are to be sent
    again only one is, because one ACK is enough.  A WASK is sent instead if that segment does not
    fit, or if it is large and nothing has come since the last segment left.  The peer's answer adds
    to what may be sent.

    The proof is an ACK with the ts of a segment that was sent: L{Sender.epoch} is random, so nobody
    at another address can guess it.  An sn or una is no proof, since sns begin at 0.  The caller
    may accept other proofs.

    @ivar proven: there is proof.
    @ivar withheld: a segment that was due did not leave.
    """

    __slots__ = (
        "_asked",
        "_atStart",
        "_copied",
        "_first",
        "_lower",
        "_overhead",
        "_sender",
        "_settings",
        "_stamps",
        "_stats",
        "proven",
        "withheld",
    )

    def __init__(
        self,
        sender: Sender,
        settings: ARQSettings,
        stats: SessionStats,
        received: int,
        overhead: int,
        lower: int,
    ) -> None:
        """
        @param sender: has sent nothing yet.
        @param stats: of the session, which count what comes and goes below its own layers.
        @param received: bytes that have come, of which C{stats} do not know yet.
        @param overhead: bytes that all layers add to a datagram.
        @param lower: of these, what those below the session's own add.
        """
        self._sender = sender
        self._settings = settings
        self._stats = stats
        self._first = received
        self._overhead = overhead
        self._lower = lower
        self._stamps: set[int] = set()
        # Whether the next segment begins a message.
        self._atStart = True
        # How much had come when a WASK asked for more.
        self._asked = 0
        # How much had come when a segment last left.
        self._copied = 0
        self.proven = False
        self.withheld = False
        sender.limits.cap = 0

    def release(self) -> None:
        """
        Ends the limit.
        """
        self._sender.limits.cap = None

    @property
    def _received(self) -> int:
        stats = self._stats
        return max(self._first, stats.InBytes + stats.InPkts * self._lower)

    @property
    def left(self) -> int:
        """
        Bytes that may be sent now.
        """
        stats = self._stats
        return FACTOR * self._received - stats.OutBytes - stats.OutPkts * self._lower

    def affordable(self, datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Returns those of C{datagrams} that may leave.

        @param datagrams: as they leave the session's own layers.
        """
        left = self.left
        taken = []
        for datagram in datagrams:
            size = len(datagram) + self._lower
            kind = packetType(datagram)
            # Parity and out-of-band datagrams must leave room for resends.
            most = left // 2 if kind in (PARITY, OUT_OF_BAND) else left
            if size <= most:
                left -= size
                taken.append(datagram)
        return taken

    def acknowledged(self, acks: list[tuple[int, int]]) -> None:
        """
        Takes ACKs.

        @param acks: sn and ts of each, as on the wire.
        """
        if not self._stamps.isdisjoint([ts for _, ts in acks]):
            self.proven = True

    def flush(
        self, before: Sequence[bytes], conv: int, now: int, window: int, una: int
    ) -> list[bytes]:
        """
        Flushes the sender, as far as the limit allows; see L{Sender.flush}.

        @param before: segments that leave in the same flush.
        """
        sender = self._sender
        left = self.left - sum(map(len, before)) - self._overhead
        first = sender.next
        sender.limits.cap = first - sender.una + self._newSegments(left)
        segments = self._fitting(sender.flush(conv, now, window, una), first, left)
        waits = sender.queue and sender.next == sender.una and left >= OVERHEAD
        if waits and self._asked != self._received:
            self._asked = self._received
            segments.append(controlSegment(conv, WASK, window, now, una))
        # Nothing else leaves before the next flush.
        sender.limits.cap = sender.next - sender.una
        return segments

    def _newSegments(self, left: int) -> int:
        """
        Returns how many queued segments may leave.
        """
        sender = self._sender
        count = size = 0
        for _, data in sender.queue:
            size += OVERHEAD + len(data)
            if size > left // 2:
                break
            count += 1
        if count or not sender.queue or sender.next != sender.una or left <= OVERHEAD:
            return count
        if self._cut():
            return 1
        return int(OVERHEAD + len(sender.queue[0][1]) <= left)

    def _cut(self) -> bool:
        """
        Cuts the first byte off the first queued segment.

        @return: whether that was possible.
        """
        queue = self._sender.sendQueue
        frg, data = queue.segments[0]
        if len(data) == 1:
            return False
        before = 0
        if not self._settings.stream:
            before = frg + 1
            most = min(MAXIMUM_FRAGMENTS, queue.peerWindow or MAXIMUM_FRAGMENTS)
            if not self._atStart or before >= most:
                return False
        queue.splitFirst(1, before)
        return True

    def _fitting(self, segments: list[bytes], first: int, left: int) -> list[bytes]:
        """
        Returns those of C{segments} that may leave.

        @param first: the sn, not wrapped, from which on segments are new.
        """
        taken: list[bytes] = []
        again = False
        received = self._received
        for segment in segments:
            conv, _, frg, window, ts, sn, una, _ = unpackHeader(segment, 0)
            isNew = (sn - first) & MASK < HALF
            size = len(segment)
            if isNew:
                self._atStart = frg == 0
            elif again:
                self.withheld = True
                continue
            elif size > left or (size > CHEAP and received == self._copied):
                self.withheld = True
                size = OVERHEAD
                segment = controlSegment(conv, WASK, window, ts, una)
            again = again or not isNew
            if size > left:
                self.withheld = True
                continue
            if size > OVERHEAD:
                self._stamps.add(ts)
                self._copied = received
            left -= size
            taken.append(segment)
        return taken
