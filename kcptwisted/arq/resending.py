"""
Taking what is to be sent again, and telling the congestion control what that shows.
"""

from __future__ import annotations

from kcptwisted.arq.limits import SendLimits
from kcptwisted.arq.recovery import Recovery
from kcptwisted.arq.sendqueue import Fragment


def takeAgain(
    recovery: Recovery,
    limits: SendLimits,
    inFlight: dict[int, Fragment],
    now: int,
    una: int,
    progress: int,
    waiting: int,
    free: int,
    full: int,
    peerWindow: int,
) -> list[int]:
    """
    Returns the sns to send again, ascending.

    @param inFlight: the segments in flight by sn.
    @param now: milliseconds.
    @param una: the first sn in flight.
    @param progress: see L{Recovery.take}.
    @param waiting: segments that were never sent.
    @param free: how many of them the windows let leave.
    @param full: bytes of a full segment.
    @param peerWindow: the peer's free window, segments.
    """
    governor, lost = limits.governor, recovery.lost
    fresh, room = waiting > 0 and free > 0, limits.room(lost)
    blocked = governor is not None and waiting > free and room >= free * full
    again = recovery.take(now, una, progress, fresh, room, blocked)
    if governor is None:
        if again:
            limits.noteLoss(len(again), now, inFlight)
        return again
    found = recovery.newlyLost
    if recovery.timedOut:
        governor.control.onTimeout(now, governor.inFlight(lost))
    elif found:
        prior = governor.inFlight(lost)
        governor.acknowledged(now, [], 0, 0, found, recovery.lost, prior, peerWindow)
    if found and recovery.lost:
        # What was in flight before is not any more.
        isExhausted = recovery.exhausted
        again += recovery.take(now, una, progress, fresh, limits.room(recovery.lost), blocked)
        recovery.exhausted = recovery.exhausted or isExhausted
    return again
