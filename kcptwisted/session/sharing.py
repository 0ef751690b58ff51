"""
A session that shares its port's rate limit with others.
"""

from __future__ import annotations

from typing import Protocol

from kcptwisted.arq.pacing import fitting
from kcptwisted.interfaces import IDatagramTransport
from kcptwisted.session.egress import IEgressSession, send
from kcptwisted.stats import SessionStats
from kcptwisted.timing.interfaces import IFlushed
from kcptwisted.timing.portlimit import PortLimit


class ISharingSession(IEgressSession, Protocol):
    """
    A session, as far as it concerns L{sendShare}.
    """

    stats: SessionStats


def sendShare(
    session: ISharingSession,
    flushed: IFlushed,
    below: IDatagramTransport,
    limit: PortLimit,
    burst: int,
    now: int,
) -> int:
    """
    Sends what is due of a session that has something queued, and of that no more than its share.

    @param flushed: the session, as the clock knows it.
    @param burst: the most new segments.
    @param now: milliseconds.
    @return: how many datagrams it sent.
    """
    connection, stats = session.connection, session.stats
    sender = connection.conversation.sender
    room = limit.room(flushed, now)
    count = min(burst, len(sender.queue))
    if room < count * connection.settings.arq.mtu:
        count = fitting(sender.queue, count, room) or int(room > 0)
    before, packets = stats.OutBytes, stats.OutPkts
    datagrams = connection.datagramsToSend(now, count)
    send(session, below, datagrams)
    sent = stats.OutBytes - before + (stats.OutPkts - packets) * session.socket.overhead
    # What its own windows and pacer hold up does not wait for the port.
    waits = not connection.lifecycle.isOver and bool(sender.queue) and sender.wantsFlush
    if waits:
        sender.heldBack()
    limit.flushed(flushed, sent, waits, now)
    connection.hasMore = False
    return len(datagrams)
