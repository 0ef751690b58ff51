"""
Bytes to begin with, that reach what raw ones seldom do.
"""

from __future__ import annotations

from random import Random

from kcptwisted.fec.encoder import FECEncoder
from kcptwisted.wire.control import (
    NO_TOKEN,
    Challenge,
    Cookie,
    Fin,
    FinAck,
    Frame,
    Hello,
    Reset,
    ResetReason,
    Response,
    Retry,
    encodeBlock,
)
from kcptwisted.wire.fec import outOfBandPacket
from kcptwisted.wire.segment import PUSH, SEGMENT_HEADER, WASK

EIGHT = bytes(range(8))


def _segment(kind: int, sn: int) -> bytes:
    """
    @return: what has L{tests.fuzz.decoders.fuzzConversation} hand over one segment.
    """
    return bytes([3, kind, 0, 32, 0, 125, sn, 125, 1, 0])


def seeds(target: str) -> list[bytes]:
    """
    @return: bytes for a target.
    """
    frames: list[list[Frame]] = [
        [Hello(1, 1024), Cookie(EIGHT)],
        [Retry(EIGHT)],
        [Fin(3, True)],
        [FinAck(3, False)],
        [Reset(ResetReason.ABORTED)],
        [Challenge(EIGHT), Response(EIGHT)],
    ]
    blocks = [encodeBlock(NO_TOKEN, EIGHT, some) for some in frames]
    push = SEGMENT_HEADER.pack(1, PUSH, 0, 32, 0, 0, 0, 4) + b"data"
    wask = SEGMENT_HEADER.pack(1, WASK, 0, 32, 0, 0, 0, len(blocks[0])) + blocks[0]
    if target == "block":
        return [some[start:] for some in blocks for start in (0, 3, 19)]
    if target == "opening":
        coded = FECEncoder(1, 1).encode([push, wask], 0)
        return [push, wask, *coded, outOfBandPacket(1, b"x")]
    if target == "endpoints":
        return [
            b"key=x:crypt=aes",
            b"mode=fast2:mtu=1400:stream=no:retry=1",
            b"linger=nan:dscp=9",
            b"reactor=x:self=x",
        ]
    if target == "conversation":
        # Segments beyond a gap, with and beyond the window, and more questions than are kept.
        beyond = [_segment(0, 126 + number) for number in range(100)]
        questions = [_segment(2, 125) for _ in range(40)]
        return [b"\1" + b"".join(some) for some in (beyond, questions, beyond + questions)]
    if target == "fec":
        # Many groups, some of whose data shards are lost, of the counts in use and of others.
        shards = b"".join([bytes([number % 5 == 0, 2, 7, number]) for number in range(150)])
        return [bytes([2, counts, 125]) + shards for counts in range(4)]
    # Stories: long enough for much to happen.
    return [Random(number).randbytes(400) for number in range(8)]
