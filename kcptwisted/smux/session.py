"""
A smux session without I/O: bytes of the connection go in; streams with news, and bytes for the
connection, come out.
"""

from __future__ import annotations

from collections import deque

from kcptwisted.smux.counters import SmuxStats
from kcptwisted.smux.frames import (
    FIN,
    NOP,
    PSH,
    SYN,
    UPD,
    Frame,
    FrameError,
    FrameParser,
    header,
    update,
)
from kcptwisted.smux.options import SmuxOptions
from kcptwisted.smux.stream import Stream

_LAST_ID = 0xFFFFFFFF

#: Nothing more is read while so many answers wait: the peer does not read them.
MOST_CONTROLS = 4096


class NoMoreIds(Exception):
    """
    All ids have been used.
    """


class Session:
    """
    The streams of one session.

    What concerns a stream is noted in lists, which the driver takes: L{takeNews}, of what has come,
    and L{takeSent}, of what has left.

    @ivar acceptsStreams: whether the peer may open streams.
    @ivar streams: the streams by their ids.
    @ivar isHeard: something has come since this was last set to False.
    @ivar room: bytes that applications may leave unread beyond those that they have; below 0 by at
        most a frame.
    @ivar stats: counts.
    """

    def __init__(
        self, options: SmuxOptions, isClient: bool, acceptsStreams: bool, stats: SmuxStats
    ) -> None:
        """
        @param isClient: which ids are this end's.
        """
        self._options = options
        self.acceptsStreams = acceptsStreams
        self._parser = FrameParser(options.version)
        self._nextId = 3 if isClient else 2
        self._accepted = 0
        self.stats = stats
        self.streams: dict[int, Stream] = {}
        self.isHeard = False
        self.room = options.sessionBuffer
        self._news: list[Stream] = []
        self._sent: list[Stream] = []
        self._waiting: list[Frame] = []
        self._controls: list[bytes | memoryview] = []
        self._pingWanted = False
        self._ready: deque[Stream] = deque()

    # Receiving.

    def receive(self, data: bytes) -> None:
        """
        Takes what came.
        """
        self.isHeard = True
        frames = self._parser.parse(data)
        if self._waiting:
            self._waiting += frames
        else:
            self._take(frames)

    def proceed(self) -> None:
        """
        Takes what came while the session was full, as far as it now can.
        """
        if self._waiting and not self.isFull:
            frames, self._waiting = self._waiting, []
            self._take(frames)

    @property
    def isFull(self) -> bool:
        """
        Whether nothing more may come: applications have left the budget unread, or the peer does
        not take the answers.
        """
        return self.room <= 0 or len(self._controls) > MOST_CONTROLS

    @property
    def hasWork(self) -> bool:
        """
        Whether there is something for L{proceed}, L{takeNews} or L{takeSent} to find.
        """
        return bool(self._news or self._sent or (self._waiting and not self.isFull))

    @property
    def isHeld(self) -> bool:
        """
        Whether something that came waits for L{proceed}.
        """
        return bool(self._waiting)

    @property
    def error(self) -> FrameError | None:
        """
        What is wrong with the bytes that came, when all before it has been taken.
        """
        return None if self._waiting else self._parser.error

    def _take(self, frames: list[Frame]) -> None:
        streams = self.streams
        for index, frame in enumerate(frames):
            if self.room <= 0 or len(self._controls) > MOST_CONTROLS:
                self._waiting = frames[index:]
                return
            command, number, payload, consumed, window = frame
            if command == NOP:
                continue
            stream = streams.get(number)
            if command == SYN:
                if stream is None:
                    self._open(number)
            elif stream is None or (stream.finReceived and command != UPD):
                # That FIN and UPD come for a stream that is closed here is the rule.
                if command == PSH:
                    self.stats.strayFrames += 1
            elif command == PSH:
                if not stream.isNews:
                    if stream.unread:
                        stream.isBehind = True
                    stream.isNews = True
                    self._news.append(stream)
                stream.received(payload)
                self.room -= len(payload)
            elif command == FIN:
                stream.finReceived = True
                self._note(stream)
            else:
                stream.updated(consumed, window)
                self._wake(stream)
                if stream.error:
                    self.stats.protocolErrors += 1
                    self._note(stream)

    def _note(self, stream: Stream) -> None:
        if not stream.isNews:
            stream.isNews = True
            self._news.append(stream)

    def _open(self, number: int) -> None:
        if not self.acceptsStreams or self._accepted >= self._options.maxStreams:
            self.stats.refused += 1
            self._control(FIN, number)
            return
        self._accepted += 1
        self._note(self._add(number, True))

    def _add(self, number: int, isAccepted: bool) -> Stream:
        window = self._options.streamBuffer if self._options.version == 2 else 0
        stream = Stream(number, isAccepted, window)
        self.streams[number] = stream
        return stream

    def takeNews(self) -> list[Stream]:
        """
        Returns the streams that were opened by the peer, or have something to read, their end or an
        error, since the last call.
        """
        news, self._news = self._news, []
        for stream in news:
            stream.isNews = False
        return news

    def read(self, stream: Stream) -> bytes:
        """
        Returns what a stream has for its application, which thereby takes it.  There may be more.
        """
        data = stream.take()
        count = len(data)
        if count:
            if self.room <= 0:
                # Nobody could be heard meanwhile.
                self.isHeard = True
            self.room += count
            if stream.consume(count):
                options = self._options
                # All streams together are not given more than half of the budget beyond the least.
                share = options.sessionBuffer // (2 * max(len(self.streams), 1))
                least = options.streamBuffer
                window = stream.announce(least, max(least, share))
                self._controls.append(update(stream.id, stream.consumed, window))
        return data

    # Sending.

    @property
    def hasIds(self) -> bool:
        """
        Whether a stream can be opened.
        """
        return self._nextId <= _LAST_ID

    def open(self) -> Stream:
        """
        Opens a stream.

        @raise NoMoreIds: if there have been as many as there are ids.
        """
        while self._nextId in self.streams:
            # The peer has used an id of this end's.
            self._nextId += 2
        if self._nextId > _LAST_ID:
            raise NoMoreIds
        stream = self._add(self._nextId, False)
        self._nextId += 2
        self.stats.opened += 1
        self._control(SYN, stream.id)
        return stream

    def _control(self, command: int, number: int) -> None:
        self._controls.append(header(self._options.version, command, 0, number))

    def write(self, stream: Stream, data: bytes) -> None:
        """
        Sends data on a stream, unless FIN has been sent.
        """
        if data and not stream.finSent:
            stream.write(data)
            self._wake(stream)

    def finish(self, stream: Stream) -> None:
        """
        Sends FIN after what was written.
        """
        stream.finWanted = True
        self._wake(stream)

    def ping(self) -> None:
        """
        Sends a NOP.
        """
        self._pingWanted = True

    def drop(self, stream: Stream) -> None:
        """
        Forgets a stream and what waits in it, and sends FIN if it was not sent.
        """
        if not stream.isOpen:
            return
        stream.isOpen = False
        if self.room <= 0 < self.room + stream.unread:
            self.isHeard = True
        self.room += stream.unread
        stream.clear()
        if not stream.finSent:
            stream.finSent = True
            self._control(FIN, stream.id)
        if stream.isAccepted:
            self._accepted -= 1
        del self.streams[stream.id]

    def _wake(self, stream: Stream) -> None:
        if not stream.isReady and stream.canSend:
            stream.isReady = True
            self._ready.append(stream)

    @property
    def hasOutput(self) -> bool:
        """
        Whether L{dataToSend} would return something.
        """
        return bool(self._ready or self._controls or self._pingWanted)

    def dataToSend(self, limit: int) -> list[bytes | memoryview]:
        """
        Returns pieces of bytes for the lower transport: SYN, UPD and NOP first, then a frame of
        each stream in turn, until C{limit} bytes are passed.
        """
        pieces, self._controls = self._controls, []
        options = self._options
        version, frameSize = options.version, options.frameSize
        if self._pingWanted:
            self._pingWanted = False
            pieces.append(header(version, NOP, 0, 0))
        ready, size = self._ready, 0
        while ready and size < limit:
            stream = ready.popleft()
            size += stream.frame(version, frameSize, pieces)
            if stream.canSend:
                ready.append(stream)
                continue
            stream.isReady = False
            if stream.finSent or (stream.wantsRoom and stream.queued <= stream.low):
                stream.wantsRoom = False
                self._sent.append(stream)
        return pieces

    @property
    def hasSent(self) -> bool:
        """
        Whether L{takeSent} would return something.
        """
        return bool(self._sent)

    def takeSent(self) -> list[Stream]:
        """
        Returns the streams whose queue has become short, or whose FIN has left, since the last
        call.
        """
        sent, self._sent = self._sent, []
        return sent
