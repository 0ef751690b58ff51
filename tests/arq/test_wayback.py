"""
Tests for L{kcptwisted.arq.wayback}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.wayback import FRESH, MEMORY, WayBack
from kcptwisted.wire.segment import MASK


class WayBackTests(SynchronousTestCase):
    """
    How long ACKs wait behind what the peer sends.
    """

    def hear(self, way: WayBack, now: int, took: int, clock: int = 7_000) -> int:
        """
        Something comes that was underway for so long.

        @param clock: the peer's clock at 0, modulo 2**32.
        @return: how much longer that was than it must.
        """
        way.heard(now, (now, (clock + now - took) & MASK))
        return way.delay(now)

    def test_delay(self) -> None:
        """
        It is what comes on top of the shortest time, wherever the clocks are.
        """
        for clock in (0, 7_000, MASK, 1 << 31, MASK - 1_000):
            way = WayBack()
            found = [
                self.hear(way, 1_000 + number * 10, took, clock)
                for number, took in enumerate((30, 45, 25, 70, 25))
            ]
            self.assertEqual(found, [0, 15, 0, 45, 0])

    def test_silent(self) -> None:
        """
        It is not known if the peer has sent nothing, or nothing lately, or nothing new.
        """
        way = WayBack()
        self.assertEqual(way.delay(1_000), 0)
        self.hear(way, 1_000, 30)
        self.hear(way, 1_010, 60)
        self.assertEqual(way.delay(1_010 + FRESH), 30)
        self.assertEqual(way.delay(1_010 + FRESH + 1), 0)
        last = (5, 7_000 + 1_020 - 30)
        way.heard(1_020, last)
        way.heard(1_500, last)
        self.assertEqual(way.delay(1_500), 0)

    def test_longer(self) -> None:
        """
        A way that has become longer, or a clock that goes otherwise, is taken as it is after a
        while.
        """
        way = WayBack()
        self.hear(way, 0, 30)
        found = [self.hear(way, now, 90) for now in range(100, 2 * MEMORY + 200, 100)]
        self.assertEqual(found[0], 60)
        self.assertEqual(found[-1], 0)
