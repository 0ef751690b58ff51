"""
Tests for L{kcptwisted.commands.bench.stream}.
"""

from __future__ import annotations

from hashlib import shake_128

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.bench.stream import SESSION_SHIFT, STREAM_PERIOD, Pattern
from tests.properties import given, settings, strategies

#: Three periods of the stream of seed 5.
STREAM = shake_128((5).to_bytes(8, "little")).digest(STREAM_PERIOD) * 3

#: Lengths of pieces: small ones, and such that pass the end of the period once or twice.
LENGTHS = strategies.one_of(
    strategies.integers(0, 70_000), strategies.integers(STREAM_PERIOD - 2, 2 * STREAM_PERIOD)
)


class PatternTests(SynchronousTestCase):
    """
    Tests for L{Pattern}.
    """

    @settings(max_examples=30)
    @given(strategies.lists(LENGTHS, max_size=5), strategies.integers(0, 300))
    def test_take(self, lengths: list[int], session: int) -> None:
        """
        Whatever is taken is the stream from where the session begins.
        """
        pattern = Pattern(5, session)
        at = session * SESSION_SHIFT % STREAM_PERIOD
        for length in lengths:
            expected = (STREAM * 4)[at : at + length]
            self.assertTrue(pattern.take(length) == expected, (at, length))
            at = (at + length) % STREAM_PERIOD

    @settings(max_examples=30)
    @given(strategies.lists(LENGTHS, max_size=5), strategies.integers(0, 300))
    def test_matches(self, lengths: list[int], session: int) -> None:
        """
        What one takes another recognises, in pieces of the same length or not.
        """
        taking, looking, whole = (Pattern(5, session) for _ in range(3))
        pieces = [taking.take(length) for length in lengths]
        for piece in pieces:
            self.assertTrue(looking.matches(piece))
        self.assertTrue(whole.matches(b"".join(pieces)))

    def test_differs(self) -> None:
        """
        A byte that is wrong, missing or there twice is seen, also around the end of the period.
        """
        for at in (0, 40_000, STREAM_PERIOD - 100, STREAM_PERIOD - 50):
            right = STREAM[at : at + 100]
            for wrong in (
                right[:70] + bytes([right[70] ^ 1]) + right[71:],
                right[:60] + right[61:],
                right[:60] + right[59:],
            ):
                pattern = Pattern(5)
                self.assertTrue(pattern.matches(STREAM[:at]))
                self.assertFalse(pattern.matches(wrong), at)

    def test_sessions(self) -> None:
        """
        Sessions do not send the same, nor do seeds.
        """
        beginnings = {Pattern(1, session).take(16) for session in range(1000)}
        self.assertEqual(len(beginnings), 1000)
        self.assertNotEqual(Pattern(1).take(16), Pattern(2).take(16))
