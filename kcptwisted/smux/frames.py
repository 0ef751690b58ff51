"""
smux frames: a header of 8 bytes (version u8, command u8, length u16, stream id u32, little-endian),
then so many bytes.  Versions 1 and 2 differ in the first byte and in UPD, which only 2 has.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

SYN = 0
FIN = 1
PSH = 2
NOP = 3
UPD = 4

NAMES = ("SYN", "FIN", "PSH", "NOP", "UPD")

VERSIONS = (1, 2)

#: Bytes of a header.
HEADER = 8

#: Bytes that a header can announce.
LONGEST = 0xFFFF

_header = Struct("<BBHI")
_update = Struct("<BBHIII")
_window = Struct("<II")

#: Bytes that follow the header of UPD.
_UPDATE = _window.size


class FrameError(Exception):
    """
    Bytes that are no frame of the session's version.  The message says what is wrong.
    """


class Frame(NamedTuple):
    """
    A frame, or of a PSH as much as has come.

    @ivar payload: of a PSH.
    @ivar consumed: of a UPD, the bytes of the stream that the peer's application has taken.
    @ivar window: of a UPD, the bytes beyond these that the peer has room for.
    """

    command: int
    stream: int
    payload: bytes = b""
    consumed: int = 0
    window: int = 0


def header(version: int, command: int, length: int, stream: int) -> bytes:
    """
    Returns the header of a frame; all of it, if C{length} is 0.
    """
    return _header.pack(version, command, length, stream)


def update(stream: int, consumed: int, window: int) -> bytes:
    """
    Returns a UPD frame.

    @param consumed: modulo 2**32.
    """
    return _update.pack(2, UPD, _UPDATE, stream, consumed, window)


class FrameParser:
    """
    Cuts a byte stream into frames.  Bytes of a PSH are passed on as they come, since a stream is
    bytes, too: at most a header, or a UPD, is kept.

    @ivar error: what is wrong with the byte stream, after which nothing more is read; None at
        first.
    """

    __slots__ = ("_kept", "_missing", "_stream", "_version", "error")

    def __init__(self, version: int) -> None:
        """
        @param version: 1 or 2; another one in a frame is an error.
        """
        self._version = version
        self._kept = b""
        # Of the PSH that has begun: bytes to come, and its stream.
        self._missing = 0
        self._stream = 0
        self.error: FrameError | None = None

    def parse(self, data: bytes) -> list[Frame]:
        """
        Returns the frames that C{data} completes, in order; those before an error as well.
        """
        frames: list[Frame] = []
        if self.error is not None:
            return frames
        position = self._missing
        if position:
            if position >= len(data):
                self._missing = position - len(data)
                return [Frame(PSH, self._stream, data)] if data else frames
            self._missing = 0
            frames.append(Frame(PSH, self._stream, data[:position]))
        elif self._kept:
            data = self._kept + data
        end = len(data)
        version = self._version
        unpack = _header.unpack_from
        while end - position >= HEADER:
            given, command, length, stream = unpack(data, position)
            if given != version or command != PSH:
                problem = self._problem(given, command, length)
                if problem:
                    self.error = FrameError(problem)
                    break
                after = position + HEADER + length
                if after > end:
                    break
                if command == UPD:
                    consumed, window = _window.unpack_from(data, position + HEADER)
                    frames.append(Frame(UPD, stream, b"", consumed, window))
                else:
                    frames.append(Frame(command, stream))
                position = after
                continue
            position += HEADER
            after = position + length
            if after > end:
                self._missing = after - end
                self._stream = stream
                after = end
            if after > position:
                frames.append(Frame(PSH, stream, data[position:after]))
                position = after
        self._kept = data[position:]
        return frames

    def _problem(self, given: int, command: int, length: int) -> str:
        """
        Returns what is wrong with a header; empty if nothing is.
        """
        if given != self._version:
            return f"a frame of version {given} in a session of version {self._version}"
        if command > UPD:
            return f"a frame with the unknown command {command}"
        if command == UPD and given == 1:
            return "a UPD frame in a session of version 1"
        if command != PSH and length != (_UPDATE if command == UPD else 0):
            return f"a {NAMES[command]} frame with a length of {length}"
        return ""
