"""
Raw bytes as a source of decisions, so that a fuzzer of bytes can make up whole stories.
"""

from __future__ import annotations

from kcptwisted.wire.segment import PUSH, SEGMENT_HEADER


class Choices:
    """
    Takes decisions off the front of some bytes; zeros once they are used up.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = 0

    @property
    def left(self) -> int:
        """
        Bytes that are not used up.
        """
        return max(len(self._data) - self._offset, 0)

    def take(self, count: int) -> bytes:
        """
        @return: so many bytes, or fewer at the end.
        """
        self._offset += count
        return self._data[self._offset - count : self._offset]

    def number(self, size: int = 1) -> int:
        """
        @return: a number of so many bytes.
        """
        return int.from_bytes(self.take(size), "little")

    def near(self, base: int) -> int:
        """
        @return: a 32-bit number, most often close to C{base}.
        """
        kind = self.number()
        return self.number(4) if kind > 250 else (base + kind - 125) & 0xFFFFFFFF

    def piece(self) -> bytes:
        """
        @return: up to 255 bytes.
        """
        return self.take(self.number())

    def segment(self, conv: int, sn: int, una: int) -> bytes:
        """
        @param sn: what the segment's is close to.
        @param una: likewise.
        @return: a segment of C{conv}, or nearly one.
        """
        kind = self.number()
        frg, window = self.number(), self.number(2)
        ts, sn, una = self.near(0), self.near(sn), self.near(una)
        data = self.piece()
        length = self.number(4) if kind > 250 else len(data)
        cmd = kind if kind > 240 else PUSH + kind % 4
        return SEGMENT_HEADER.pack(conv, cmd, frg, window, ts, sn, una, length) + data

    def mutated(self, datagram: bytes) -> bytes:
        """
        @return: C{datagram} with a few bytes changed, cut out or put in.
        """
        changed = bytearray(datagram)
        for _ in range(self.number() % 4):
            at = self.number() % (len(changed) + 1)
            kind = self.number() % 3
            if kind == 0:
                changed[at : at + 1] = self.take(1)
            elif kind == 1:
                del changed[at : at + self.number()]
            else:
                changed[at:at] = self.piece()
        return bytes(changed)
