"""
Tests for L{kcptwisted.crypt.lanes}.
"""

from __future__ import annotations

import struct

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.crypt.lanes import LANE_BYTES, ones, rotateLeft
from tests.properties import given, strategies

WORDS = strategies.lists(strategies.integers(0, 0xFFFFFFFF), max_size=9)


def _lanes(words: list[int]) -> int:
    return int.from_bytes(struct.pack(f"<{len(words)}Q", *words), "little")


class LanesTests(SynchronousTestCase):
    """
    Each lane holds a word, and knows nothing of the others.
    """

    @given(WORDS, strategies.integers(0, 0xFFFFFFFF))
    def test_ones(self, words: list[int], word: int) -> None:
        """
        Multiplied by a word they hold it in every lane.
        """
        count = len(words)
        self.assertEqual(ones(count) * word, _lanes([word] * count))
        self.assertLessEqual(ones(count).bit_length(), 8 * LANE_BYTES * count)

    @given(WORDS, strategies.integers(1, 31))
    def test_rotateLeft(self, words: list[int], distance: int) -> None:
        """
        Words are rotated: what leaves a word above comes back below.
        """
        rotated = [word << distance & 0xFFFFFFFF | word >> 32 - distance for word in words]
        low = ones(len(words)) * 0xFFFFFFFF
        self.assertEqual(rotateLeft(_lanes(words), distance, low), _lanes(rotated))
