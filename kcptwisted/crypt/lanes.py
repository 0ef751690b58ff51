"""
Arithmetic on many 32-bit words at once in plain Python: one large integer holds a word in each of
its lanes of 64 bits, so that neither a carry nor a shift reaches the next lane's word.
"""

from __future__ import annotations

LANE_BYTES = 8


def ones(count: int) -> int:
    """
    @return: C{count} lanes that hold 1; multiplied by a word, lanes that hold that word.
    """
    return int.from_bytes((b"\1" + bytes(LANE_BYTES - 1)) * count, "little")


def rotateLeft(words: int, distance: int, low: int) -> int:
    """
    @param words: lanes.
    @param low: lanes that hold 0xFFFFFFFF.
    @return: each word rotated by C{distance} bits.
    """
    return (words << distance | words >> (32 - distance)) & low
