"""
Which sizes of datagrams a path carries.
"""

from __future__ import annotations

import math

#: UDP payloads that common paths carry, bytes: of PPPoE, tunnels, IPv6's least, IPv4's.
COMMON = (548, 1024, 1172, 1232, 1252, 1280, 1352, 1372, 1392, 1400, 1432, 1452, 1464, 1472, 1500)

#: Sizes that are tried together, after these.
_TOGETHER = 7

#: Tries of a size, at least and at most.
TRIES, MOST_TRIES = 3, 12

#: How likely all tries of a size may be lost though the path carries it.
_DOUBT = 0.001


def triesFor(loss: float) -> int:
    """
    Returns how often to try each size.

    @param loss: the share of probes that are not answered.
    """
    if loss <= 0:
        return TRIES
    if loss >= 1:
        return MOST_TRIES
    return min(max(TRIES, math.ceil(math.log(_DOUBT) / math.log(loss))), MOST_TRIES)


class SizeSearch:
    """
    Finds the largest size that passes, between rounds of probes.

    @ivar passes: the largest that is known to pass, bytes.
    @ivar fails: the smallest above that which is known not to; one more than is tried at first.
    """

    def __init__(self, passes: int, largest: int) -> None:
        """
        @param passes: a size that is known to pass.
        @param largest: no larger one is tried.
        """
        self.passes = passes
        self.fails = largest + 1
        self._largest = largest
        self._first = True

    @property
    def isDone(self) -> bool:
        """
        Whether there is nothing left to try.
        """
        return self.fails - self.passes <= 1

    @property
    def isLargest(self) -> bool:
        """
        Whether the largest that was to be tried passes.
        """
        return self.passes >= self._largest

    def sizes(self) -> list[int]:
        """
        Returns what to try in the next round, the largest first.
        """
        if self._first:
            common = {size for size in COMMON if self.passes < size < self.fails}
            return sorted(common | {self.fails - 1}, reverse=True)
        between = self.fails - self.passes
        count = min(_TOGETHER, between - 1)
        steps = range(count, 0, -1)
        return [self.passes + between * step // (count + 1) for step in steps]

    def tried(self, sizes: list[int], passed: set[int]) -> None:
        """
        Takes note of a round.

        @param sizes: what was tried.
        @param passed: of these, what was answered.
        """
        self._first = False
        self.passes = max({self.passes, *passed})
        failed = [size for size in sizes if size > self.passes]
        self.fails = min([self.fails, *failed])
