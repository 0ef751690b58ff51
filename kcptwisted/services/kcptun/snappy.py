"""
Snappy's framing format, as a stream that is written and read piece by piece.
"""

from __future__ import annotations

import importlib
from typing import Any

#: The chunk that a stream begins with.
IDENTIFIER = b"\xff\x06\x00\x00sNaPpY"

_HEADER = 4
_FIRST_SKIPPABLE = 0x80

#: The most bytes of a chunk that is not skipped: 65536 of data that do not compress, as the format
#: bounds them, and the checksum.
_LONGEST = 76490 + 4

#: A longer chunk that is to be skipped is not kept until it is complete.
_LONG = 65536


class CompressionError(Exception):
    """
    What arrives is not what the peer's compressor has written.
    """


class CompressionMissing(Exception):
    """
    The library that compresses is not installed.
    """


def findLibrary() -> Any:
    """
    Returns cramjam's snappy.

    @raise CompressionMissing: if it is not installed.
    """
    try:
        return importlib.import_module("cramjam").snappy
    except ImportError:
        raise CompressionMissing(
            "compression needs cramjam: pip install 'kcptwisted[kcptun]', or give --nocomp at both"
            " ends"
        ) from None


class Framer:
    """
    Compresses one direction.
    """

    def __init__(self) -> None:
        """
        @raise CompressionMissing: if the library is not installed.
        """
        self._compressor: Any = findLibrary().Compressor()

    def compress(self, data: bytes) -> bytes:
        """
        Returns C{data} as chunks that the peer can read at once; before the first of all, the
        identifier.
        """
        self._compressor.compress(data)
        return bytes(self._compressor.flush())


class Unframer:
    """
    Decompresses one direction.
    """

    def __init__(self) -> None:
        """
        @raise CompressionMissing: if the library is not installed.
        """
        self._snappy: Any = findLibrary()
        self._buffer = bytearray()
        self._begun = False
        self._skip = 0

    def decompress(self, data: bytes) -> bytes:
        """
        Takes what has arrived.

        @return: the data of all chunks that are complete now.
        @raise CompressionError: if it is no such stream, or a checksum is wrong.
        """
        buffer = self._buffer
        buffer += data
        if not self._begun:
            head = bytes(buffer[: len(IDENTIFIER)])
            if not IDENTIFIER.startswith(head):
                raise CompressionError("the stream does not begin with snappy's identifier")
            if len(head) < len(IDENTIFIER):
                return b""
            self._begun = True
        end = self._complete()
        if not end:
            return b""
        chunks = bytes(buffer[:end])
        del buffer[:end]
        try:
            return bytes(self._snappy.decompress(IDENTIFIER + chunks))
        except Exception as problem:
            raise CompressionError(str(problem)) from None

    def _complete(self) -> int:
        """
        Drops the long ones of the chunks that are to be skipped, also in parts, and returns the
        length of the chunks at the beginning that are complete.
        """
        buffer, at = self._buffer, 0
        while True:
            if self._skip:
                skipped = min(self._skip, len(buffer) - at)
                del buffer[at : at + skipped]
                self._skip -= skipped
            if len(buffer) - at < _HEADER:
                return at
            end = at + _HEADER + int.from_bytes(buffer[at + 1 : at + _HEADER], "little")
            isSkipped = _FIRST_SKIPPABLE <= buffer[at] < IDENTIFIER[0]
            if isSkipped and end - at > _LONG:
                self._skip = end - at
            elif end - at > _HEADER + _LONGEST:
                raise CompressionError(f"a chunk of {end - at} bytes is longer than any may be")
            elif end > len(buffer):
                return at
            else:
                at = end
