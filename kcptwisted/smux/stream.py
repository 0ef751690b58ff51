"""
One stream of a session: what waits in either direction, and how much may be sent.
"""

from __future__ import annotations

from collections import deque

from kcptwisted.smux.frames import FIN, HEADER, PSH, header

_MASK = 0xFFFFFFFF
_HALF = 0x80000000

#: The window of version 2 before the first UPD.
INITIAL_WINDOW = 262144

#: Pieces of so many bytes are passed on one by one.
LARGE = 4096

#: So many small pieces that nobody takes are joined: each one by itself costs more than it holds.
SMALL_PIECES = 64

#: What a stream of version 1 may send.
_NO_LIMIT = 1 << 62


class Stream:
    """
    A stream as the session keeps it.

    @ivar holder: who drives the stream; the session only keeps it.  None before there is one, and
        after the end.
    @ivar isAccepted: the peer has opened it.
    @ivar unread: bytes that have come and that the application has not taken.
    @ivar consumed: bytes that it has taken, modulo 2**32.
    @ivar isBehind: something came while something earlier was unread, since the last UPD.
    @ivar window: what the last UPD said that the peer may send ahead.
    @ivar finReceived: the peer sends no more.
    @ivar error: what the peer did to this stream that no peer may; empty if nothing.
    @ivar queued: bytes that were written and not sent.
    @ivar finSent: FIN has been sent, or the stream has been dropped.
    @ivar wantsRoom: the holder is to be told when L{queued} is at most C{low}.
    @ivar low: see L{wantsRoom}.
    @ivar isOpen: the session knows it.
    @ivar isNews: it is in the session's C{news}.
    @ivar isReady: it is in the session's queue of those that can send.
    @ivar progress: bytes sent; the same number twice means that nothing was.
    """

    __slots__ = (
        "_chunks",
        "_peerConsumed",
        "_peerWindow",
        "_pieces",
        "_small",
        "_unannounced",
        "consumed",
        "error",
        "finReceived",
        "finSent",
        "finWanted",
        "holder",
        "id",
        "isAccepted",
        "isBehind",
        "isNews",
        "isOpen",
        "isReady",
        "isWindowed",
        "low",
        "progress",
        "queued",
        "unread",
        "wantsRoom",
        "window",
    )

    def __init__(self, number: int, isAccepted: bool, window: int) -> None:
        """
        @param window: what the peer may send ahead; 0 for version 1, which has no windows.
        """
        self.id = number
        self.isAccepted = isAccepted
        self.isWindowed = window > 0
        self.holder: object = None
        self.isOpen = True
        self.isNews = self.isReady = False
        self.error = ""
        # Receiving.
        self._chunks: list[bytes] = []
        # How many of the last chunks are small.
        self._small = 0
        self.unread = 0
        self.finReceived = False
        self.consumed = 0
        self._unannounced = 0
        self.window = window
        self.isBehind = False
        # Sending.
        self._pieces: deque[bytes | memoryview] = deque()
        self.queued = 0
        self.finWanted = self.finSent = False
        self.wantsRoom = False
        self.low = 0
        self.progress = 0
        self._peerConsumed = 0
        self._peerWindow = INITIAL_WINDOW

    # Receiving.

    def received(self, data: bytes) -> None:
        """
        Keeps data for the application.
        """
        chunks = self._chunks
        chunks.append(data)
        self.unread += len(data)
        if len(data) >= LARGE // SMALL_PIECES:
            self._small = 0
            return
        self._small += 1
        if self._small == SMALL_PIECES:
            chunks[-SMALL_PIECES:] = [b"".join(chunks[-SMALL_PIECES:])]
            self._small = 0

    def take(self) -> bytes:
        """
        Returns what is unread; of what came in large pieces one of them, since to join them would
        be to copy them.
        """
        chunks = self._chunks
        if len(chunks) == 1 or (chunks and len(chunks[0]) >= LARGE):
            data = chunks.pop(0)
        else:
            data = b"".join(chunks)
            chunks.clear()
        self._small = min(self._small, len(chunks))
        self.unread -= len(data)
        return data

    def consume(self, count: int) -> bool:
        """
        Counts bytes that the application has taken.

        @return: whether it is time for a UPD: after the first bytes, and after half of what the
            peer may send ahead.
        """
        isFirst = not (self.consumed or self._unannounced)
        self.consumed = (self.consumed + count) & _MASK
        self._unannounced += count
        if not self.isWindowed or self.finReceived:
            return False
        return isFirst or self._unannounced >= (self.window + 1) // 2

    def announce(self, least: int, most: int) -> int:
        """
        Returns the window for a UPD that is sent now: twice that of the one before, as long as
        the application takes what comes when it comes, so that a window is no limit to a reader
        that keeps up.

        @param least: bytes; what a reader that does not keep up is given.
        @param most: bytes.
        """
        self._unannounced = 0
        self.window = least if self.isBehind else min(2 * self.window, most)
        self.isBehind = False
        return self.window

    # Sending.

    def updated(self, consumed: int, window: int) -> None:
        """
        Takes what the peer says of its application and its room.
        """
        self._peerConsumed = consumed
        self._peerWindow = min(window, _HALF - 1)
        ahead = (consumed - self.progress) & _MASK
        if 0 < ahead < _HALF:
            self.error = f"a UPD frame for {ahead} bytes more than were sent"

    def room(self) -> int:
        """
        Returns the bytes that may be sent now; not positive if none may.

        @note: Sets L{error} if the peer says that it has taken what was not sent.
        """
        if not self.isWindowed:
            return _NO_LIMIT
        return self._peerWindow - ((self.progress - self._peerConsumed) & _MASK)

    def write(self, data: bytes) -> None:
        """
        Queues data.
        """
        self._pieces.append(data)
        self.queued += len(data)

    @property
    def canSend(self) -> bool:
        """
        Whether there is a frame to send now.
        """
        if self.queued:
            return self.room() > 0
        return self.finWanted and not self.finSent

    def frame(self, version: int, frameSize: int, into: list[bytes | memoryview]) -> int:
        """
        Appends the pieces of the next frame: data, or FIN when there is no more.

        @param frameSize: the most data.
        @return: the length of the frame, 0 if there is none.
        """
        if not self.queued:
            if not self.finWanted or self.finSent:
                return 0
            self.finSent = True
            into.append(header(version, FIN, 0, self.id))
            return HEADER
        count = min(frameSize, self.queued, self.room())
        if count <= 0:
            return 0
        into.append(header(version, PSH, count, self.id))
        pieces, left = self._pieces, count
        while left:
            piece = pieces[0]
            size = len(piece)
            if size <= left:
                into.append(pieces.popleft())
                left -= size
            else:
                view = memoryview(piece)
                into.append(view[:left])
                pieces[0] = view[left:]
                left = 0
        self.queued -= count
        self.progress += count
        return count + HEADER

    def clear(self) -> None:
        """
        Drops what waits in either direction.
        """
        self._chunks.clear()
        self._pieces.clear()
        self._small = 0
        self.unread = self.queued = 0
