"""
What ACKs take out of the segments in flight.
"""

from __future__ import annotations

from kcptwisted.arq.sendqueue import Fragment
from kcptwisted.wire.segment import HALF, MASK, OVERHEAD


class Acknowledged:
    """
    What a batch of datagrams acknowledged.

    @ivar una: the first sn that is not acknowledged.
    @ivar newly: (sn, when the acknowledged copy left) of each ACK that was news.
    @ivar size: bytes newly acknowledged, headers included, if they were to be counted.
    @ivar arrivals: how many datagrams moved una.
    @ivar any: whether anything was newly acknowledged.
    @ivar errors: how many said what cannot be.
    """

    __slots__ = ("any", "arrivals", "errors", "newly", "size", "una")

    def __init__(self, una: int) -> None:
        self.una = una
        self.newly: list[tuple[int, int]] = []
        self.size = 0
        self.arrivals = 0
        self.any = False
        self.errors = 0


def takeAcknowledged(
    inFlight: dict[int, Fragment],
    una: int,
    following: int,
    unas: list[int],
    acks: list[tuple[int, int]],
    now: int,
    clock: int,
    all: bool,
    measured: bool,
) -> Acknowledged:
    """
    Takes out of the segments in flight what a batch acknowledges.

    @param inFlight: the segments in flight by sn.
    @param una: the first sn in flight.
    @param following: the next sn to be sent.
    @param unas: the una values seen, as on the wire, runs of equal ones once.
    @param acks: (sn, ts) of the ACK segments, as on the wire, in order.
    @param now: milliseconds.
    @param clock: what a ts of now is.
    @param all: whether to report ACKs that una covers too.
    @param measured: whether to count bytes.
    """
    result = Acknowledged(una)
    newly = result.newly
    if all:
        for sn, ts in acks:
            position = una + ((sn - una) & MASK)
            if position in inFlight:
                newly.append((position, now - ((clock - ts) & MASK)))
    base, size = una, 0
    for each in unas:
        advance = (each - base) & MASK
        if not advance or advance >= HALF:
            continue
        if advance > following - base:
            result.errors += 1
            continue
        result.arrivals += 1
        if measured:
            size += _takeOut(inFlight, base, base + advance)
        else:
            for sn in range(base, base + advance):
                inFlight.pop(sn, None)
        base += advance
    span = following - base
    selective = False
    for sn, ts in acks:
        distance = (sn - base) & MASK
        if distance < span:
            fragment = inFlight.pop(base + distance, None)
            if fragment is not None:
                selective = True
                size += OVERHEAD + len(fragment[1])
                if not all:
                    newly.append((base + distance, now - ((clock - ts) & MASK)))
        elif distance < HALF:
            result.errors += 1
    if selective:
        while base < following and base not in inFlight:
            base += 1
    result.any = selective or base != una
    result.una = base
    result.size = size
    return result


def _takeOut(inFlight: dict[int, Fragment], first: int, stop: int) -> int:
    size = 0
    for sn in range(first, stop):
        fragment = inFlight.pop(sn, None)
        if fragment is not None:
            size += OVERHEAD + len(fragment[1])
    return size
