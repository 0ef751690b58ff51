"""
As much of what kcptun puts into a KCP stream as it takes to read recordings: snappy's framing
format and smux frames.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

SYN, FIN, PSH, NOP = range(4)


class Frame(NamedTuple):
    """
    A smux frame.
    """

    version: int
    command: int
    stream: int
    payload: bytes


def frames(data: bytes) -> Iterator[Frame]:
    """
    Take whole frames apart.
    """
    while data:
        version, command, length, stream = struct.unpack_from("<BBHI", data)
        yield Frame(version, command, stream, data[8 : 8 + length])
        data = data[8 + length :]


def unframe(data: bytes) -> bytes:
    """
    Undo snappy's framing; checksums are not looked at.
    """
    plain = b""
    while data:
        kind, length = data[0], int.from_bytes(data[1:4], "little")
        body, data = data[4 : 4 + length], data[4 + length :]
        if kind == 0xFF:
            assert body == b"sNaPpY"
        elif kind == 1:
            plain += body[4:]
        else:
            assert kind == 0
            plain += decompress(body[4:])
    return plain


def decompress(data: bytes) -> bytes:
    """
    Undo snappy's block format.
    """
    total, at = _varint(data)
    plain = bytearray()
    while at < len(data):
        tag = data[at]
        high = tag >> 2
        # How many bytes of a length or an offset follow the tag.
        follow = max(high - 59, 0) if tag & 3 == 0 else (1, 2, 4)[(tag & 3) - 1]
        number = int.from_bytes(data[at + 1 : at + 1 + follow], "little")
        at += 1 + follow
        if tag & 3 == 0:
            length = (number if follow else high) + 1
            plain += data[at : at + length]
            at += length
            continue
        length, offset = high + 1, number
        if tag & 3 == 1:
            length, offset = (high & 7) + 4, number | tag >> 5 << 8
        for _ in range(length):
            plain.append(plain[-offset])
    assert len(plain) == total
    return bytes(plain)


def _varint(data: bytes) -> tuple[int, int]:
    """
    @return: the number, and how many bytes it took.
    """
    number = 0
    for position, byte in enumerate(data):
        number |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            return number, position + 1
    raise ValueError("no end")
