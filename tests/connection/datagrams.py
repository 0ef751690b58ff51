"""
Datagrams of a connection, made and read by tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from kcptwisted.wire.control import TOKEN, Block, Frame, decodeBlock
from kcptwisted.wire.segment import SEGMENT_HEADER, WASK, WINS, decodeSegments

CONV = 0x01020304


def tokens(seed: int) -> Callable[[], bytes]:
    """
    @return: what gives tokens that are the same in each run.
    """
    random = Random(seed)
    return lambda: random.randbytes(TOKEN)


def segment(
    cmd: int,
    sn: int = 0,
    una: int = 0,
    data: bytes = b"",
    *,
    frg: int = 0,
    window: int = 512,
    ts: int = 0,
    conv: int = CONV,
) -> bytes:
    """
    @return: a datagram of one segment.
    """
    return SEGMENT_HEADER.pack(conv, cmd, frg, window, ts, sn, una, len(data)) + data


def blocks(datagrams: Sequence[bytes]) -> list[Block]:
    """
    @return: the control blocks in some datagrams.
    """
    found = [
        decodeBlock(each.data)
        for datagram in datagrams
        for each in decodeSegments(datagram)
        if each.cmd in (WASK, WINS)
    ]
    return [block for block in found if block is not None]


def frames(datagrams: Sequence[bytes]) -> list[Frame]:
    """
    @return: the control frames in some datagrams.
    """
    return [frame for block in blocks(datagrams) for frame in block.frames]


def commands(datagrams: Sequence[bytes]) -> list[int]:
    """
    @return: the cmd of each segment in some datagrams.
    """
    return [each.cmd for datagram in datagrams for each in decodeSegments(datagram)]
