"""
What ACKs take out of the segments in flight.
"""

from __future__ import annotations

from kcptwisted.arq.sendqueue import Fragment
from kcptwisted.wire.segment import HALF, MASK, OVERHEAD

#: What a batch of datagrams acknowledged: the first sn that is not acknowledged; whether there was
#: anything new; (sn, when the acknowledged copy left) of each ACK that was news; bytes newly
#: acknowledged, headers included, if they were counted; how many datagrams moved una; how many said
#: what cannot be.
Acknowledged = tuple[int, bool, list[tuple[int, int]], int, int, int]


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
    newly: list[tuple[int, int]] = []
    if all:
        for sn, ts in acks:
            position = una + ((sn - una) & MASK)
            if position in inFlight:
                newly.append((position, now - ((clock - ts) & MASK)))
    base, size, arrivals, errors = una, 0, 0, 0
    for each in unas:
        advance = (each - base) & MASK
        if not advance or advance >= HALF:
            continue
        if advance > following - base:
            errors += 1
            continue
        arrivals += 1
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
            errors += 1
    if selective or base != una:
        while base < following and base not in inFlight:
            base += 1
    return base, selective or base != una, newly, size, arrivals, errors


def _takeOut(inFlight: dict[int, Fragment], first: int, stop: int) -> int:
    size = 0
    for sn in range(first, stop):
        fragment = inFlight.pop(sn, None)
        if fragment is not None:
            size += OVERHEAD + len(fragment[1])
    return size
