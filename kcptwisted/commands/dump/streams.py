"""
What the byte stream of one direction holds: smux frames, if it begins with one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kcptwisted.smux.frames import HEADER, NOP, PSH, SYN, UPD, VERSIONS, Frame, FrameParser

#: Bytes that wait for a segment before them, at most; with more the stream is given up.
MOST_WAITING = 4 << 20

#: kcptun's compression begins so.
SNAPPY = b"\xff\x06\x00\x00sNaPpY"

_UPDATE = 8


@dataclass
class SmuxCounts:
    """
    What has been read of a direction's smux.

    @ivar version: of the frames.
    @ivar frames: complete frames other than PSH, by command.
    @ivar data: bytes in PSH frames.
    @ivar problem: why no more is read; empty if more is.
    """

    version: int
    frames: dict[int, int] = field(default_factory=dict)
    data: int = 0
    problem: str = ""


class StreamReader:
    """
    Puts segments in order and reads smux frames.  It needs the first segment of all, and gives up
    what is no smux.

    @ivar smux: what has been read; None if it is not known to be smux.
    @ivar isCompressed: it is compressed by snappy, as kcptun does.
    """

    __slots__ = (
        "_ahead",
        "_begun",
        "_isOver",
        "_next",
        "_parser",
        "_waiting",
        "isCompressed",
        "smux",
    )

    def __init__(self, version: int | None, isOff: bool = False) -> None:
        """
        @param version: of smux; None to find out whether it is smux.
        @param isOff: nothing is to be read.
        """
        self.smux: SmuxCounts | None = None
        self.isCompressed = False
        self._parser: FrameParser | None = None
        self._isOver = isOff
        self._next = 0
        self._ahead: dict[int, bytes] = {}
        self._waiting = 0
        # The first bytes, until there are enough of them.
        self._begun = b""
        if version is not None:
            self._use(version)

    def _use(self, version: int) -> None:
        self.smux = SmuxCounts(version)
        self._parser = FrameParser(version)

    def take(self, sn: int, data: bytes, isWhole: bool) -> list[Frame]:
        """
        Takes the first copy of a segment.

        @param isWhole: the capture has all of it, and it is no part of a message.
        @return: the smux frames that it completes; of a PSH that is longer, the part of it.
        """
        if self._isOver:
            return []
        if not isWhole:
            return self._stop("a segment is not whole")
        if sn != self._next:
            if sn < self._next:
                return []
            self._ahead[sn] = data
            self._waiting += len(data)
            return self._stop("too much is missing") if self._waiting > MOST_WAITING else []
        frames = self._read(data)
        self._next += 1
        while not self._isOver and self._next in self._ahead:
            data = self._ahead.pop(self._next)
            self._waiting -= len(data)
            frames += self._read(data)
            self._next += 1
        return frames

    def _read(self, data: bytes) -> list[Frame]:
        if self._parser is None:
            data = self._begun = self._begun + data
            if len(data) < len(SNAPPY) and SNAPPY.startswith(data):
                return []
            if data.startswith(SNAPPY):
                self.isCompressed = True
                return self._stop("")
            if len(data) < HEADER:
                return []
            if not _isHeader(data):
                return self._stop("")
            self._use(data[0])
            self._begun = b""
        assert self._parser is not None and self.smux is not None
        frames = self._parser.parse(data)
        for frame in frames:
            if frame.command == PSH:
                self.smux.data += len(frame.payload)
            else:
                self.smux.frames[frame.command] = self.smux.frames.get(frame.command, 0) + 1
        if self._parser.error is not None:
            self._stop(str(self._parser.error))
        return frames

    def _stop(self, problem: str) -> list[Frame]:
        self._isOver = True
        self._ahead.clear()
        self._begun = b""
        if self.smux is not None:
            self.smux.problem = problem
        return []


def _isHeader(data: bytes) -> bool:
    """
    Returns whether a byte stream looks as if it began with a smux frame.
    """
    version, command = data[0], data[1]
    length, stream = int.from_bytes(data[2:4], "little"), int.from_bytes(data[4:8], "little")
    if version not in VERSIONS:
        return False
    if command == NOP:
        return length == 0 and stream == 0
    if command == UPD:
        return version == 2 and length == _UPDATE and stream > 0
    return stream > 0 and (command == PSH or (command == SYN and length == 0))
