"""
Arithmetic on many 32-bit words at once, in plain Python.  A large integer is divided into lanes of
64 bits, with a word in each, so no carry and no shift reaches the word of the next lane.
"""

from __future__ import annotations

LANE_BYTES = 8


def ones(count: int) -> int:
    """
    Returns C{count} lanes that hold 1.  Multiplied by a word, they become lanes that hold the word.
    """
    return int.from_bytes((b"\1" + bytes(LANE_BYTES - 1)) * count, "little")


def rotateLeft(words: int, distance: int, low: int) -> int:
    """
    Rotates each word to the left.

    @param words: lanes.
    @param distance: bits.
    @param low: lanes that hold 0xFFFFFFFF.
    """
    return (words << distance | words >> (32 - distance)) & low
