"""
Tests for L{kcptwisted.crypt.cutting}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.crypt.cutting import cut, uniform
from tests.crypt.backends import NO_ACCELERATOR, native
from tests.properties import example, given, strategies


def joined(packets: list[bytes], block: int) -> bytes:
    """
    @return: the packets, padded with what is not in them.
    """
    return b"".join([packet + b"#" * (-len(packet) % block) for packet in packets])


class CutTests(SynchronousTestCase):
    """
    Tests for L{cut}.
    """

    @given(
        strategies.lists(strategies.sampled_from([0, 1, 7, 8, 20, 20, 20, 21, 40]), max_size=9),
        strategies.sampled_from([0, 8, 20]),
        strategies.sampled_from([1, 8, 16]),
    )
    @example([20] * 5, 20, 8)
    @example([20] * 5 + [7], 8, 16)
    @example([20] * 5 + [40], 8, 16)
    @example([7] * 5, 8, 1)
    @example([20, 7, 20], 8, 1)
    @example([], 0, 1)
    def test_cut(self, lengths: list[int], head: int, block: int) -> None:
        """
        Packets of any lengths come back in order, without their heads.
        """
        packets = [bytes([65 + number]) * length for number, length in enumerate(lengths)]
        expected = [packet[head:] for packet in packets]
        self.assertEqual(cut(joined(packets, block), lengths, head, block), expected)

    def test_uniform(self) -> None:
        """
        Only the last may differ.
        """
        for lengths, expected in (
            ([], False),
            ([3], True),
            ([3, 4], True),
            ([3, 3, 3], True),
            ([3, 3, 4], True),
            ([4, 3, 3], False),
            ([3, 4, 3], False),
            ([3, 4, 3, 3], False),
            ([3, 3, 4, 5], False),
        ):
            self.assertIs(uniform(lengths), expected)

    def test_buffer(self) -> None:
        """
        Memory of the accelerator is cut into bytes that stay as they are.
        """
        memory = native().ffi.new("uint8_t[]", b"aabbc--")
        found = cut(native().ffi.buffer(memory), [2, 2, 1])
        memory[0] = 0
        self.assertEqual(found, [b"aa", b"bb", b"c"])
        self.assertEqual({type(one) for one in found}, {bytes})

    test_buffer.skip = NO_ACCELERATOR  # type: ignore[attr-defined]
