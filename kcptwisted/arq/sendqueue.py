"""
What was written and has not been sent yet, cut into segments.
"""

from __future__ import annotations

from collections import deque

#: frg is counted down from one less than this; kcp-go takes no more.
MAXIMUM_FRAGMENTS = 255

#: Segments up to which the queue is a list, which takes little memory and time for a short queue.
SHORT = 256

#: Bytes of a stream that are cut anew at a time.
RUN = 1 << 18

#: A segment that waits or is in flight: frg and payload.
Fragment = tuple[int, bytes]


#: All queues that are empty have this one list, which nobody changes: most are, most of the time.
_NOTHING: list[Fragment] = []


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


class SendQueue:
    """
    Cuts writes into segments and holds them until they are sent for the first time.

    @ivar segments: frg and payload of each segment that waits.
    @ivar bytes: payload bytes in C{segments}.
    @ivar mss: payload bytes of a full segment; it holds for later writes.
    @ivar leastMss: payload bytes of a segment by which messages are limited.
    @ivar peerWindow: the peer's whole window, segments, which no message may exceed; None while
        it is not known.
    """

    __slots__ = ("_stream", "bytes", "leastMss", "mss", "peerWindow", "segments")

    def __init__(self, mss: int, stream: bool) -> None:
        """
        @param mss: see the attribute.
        @param stream: writes run together into full segments; else each write is one message.
        """
        self._stream = stream
        self.mss = self.leastMss = mss
        self.segments: list[Fragment] | deque[Fragment] = _NOTHING
        self.bytes = 0
        self.peerWindow: int | None = None

    def write(self, data: bytes) -> None:
        """
        Queues bytes (stream), or one message.  Nothing is queued for empty C{data}.

        @raise MessageTooLong: if a message needs more than L{MAXIMUM_FRAGMENTS} segments of
            C{leastMss}, or more than the peer's whole window.
        """
        length = len(data)
        if length <= self.mss and not self.segments:
            if length:
                self.segments = [(0, data)]
                self.bytes = length
            return
        self._append(self._cutStream(data) if self._stream else self._cutMessage(data))
        self.bytes += length

    def _cutStream(self, data: bytes) -> list[Fragment]:
        """
        Fills up the last segment that waits.

        @return: segments of what is left of C{data}.
        """
        mss = self.mss
        start = 0
        if self.segments:
            last = self.segments[-1][1]
            # Negative if segments were larger when that one was cut.
            start = max(mss - len(last), 0)
            if start:
                self.segments[-1] = (0, last + data[:start])
        return [(0, data[i : i + mss]) for i in range(start, len(data), mss)]

    def _cutMessage(self, data: bytes) -> list[Fragment]:
        mss = self.mss
        count = -(-len(data) // mss)
        most = min(MAXIMUM_FRAGMENTS, self.peerWindow or MAXIMUM_FRAGMENTS)
        if len(data) > most * self.leastMss:
            raise MessageTooLong(len(data), most * self.leastMss)
        return [(count - 1 - i, data[i * mss : (i + 1) * mss]) for i in range(count)]

    def _append(self, fragments: list[Fragment]) -> None:
        segments = self.segments
        if not segments:
            self.segments = deque(fragments) if len(fragments) > SHORT else fragments
            return
        if isinstance(segments, list) and len(segments) + len(fragments) > SHORT:
            segments = self.segments = deque(segments)
        segments.extend(fragments)

    def take(self, count: int) -> list[Fragment] | deque[Fragment]:
        """
        Takes the first segments out, to send them.

        @param count: how many of those that wait, at least one.
        """
        segments = self.segments
        if count == len(segments):
            self.segments = _NOTHING
            self.bytes = 0
            return segments
        if isinstance(segments, list):
            taken = segments[:count]
            del segments[:count]
        else:
            popleft = segments.popleft
            taken = [popleft() for _ in range(count)]
        self.bytes -= sum([len(data) for _, data in taken])
        return taken

    def recut(self) -> None:
        """
        Cuts what waits of a stream anew, by C{mss}.  Messages stay as they are.
        """
        waiting = self.segments
        if not self._stream or not waiting:
            return
        self.segments = _NOTHING
        pieces: list[bytes] = []
        size = 0
        # A stream may be long: it is not joined as a whole.
        for _, data in waiting:
            pieces.append(data)
            size += len(data)
            if size >= RUN:
                self._append(self._cutStream(b"".join(pieces)))
                pieces = []
                size = 0
        if pieces:
            self._append(self._cutStream(b"".join(pieces)))

    def splitFirst(self, size: int, frg: int) -> None:
        """
        Cuts the first segment in two.

        @param size: payload bytes of the first part, less than the segment has.
        @param frg: that of the first part; the second keeps the segment's.
        """
        segments = self.segments
        last, data = segments[0]
        segments[0] = last, data[size:]
        segments.insert(0, (frg, data[:size]))

    def discard(self) -> None:
        """
        Forgets what waits.
        """
        self.segments = _NOTHING
        self.bytes = 0
