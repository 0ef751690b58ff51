"""
The line in the log at a connection's end.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.connection.connection import Connection
from kcptwisted.stats import SessionStats


def reportEnd(
    log: Logger,
    connection: Connection,
    stats: SessionStats,
    peer: IPv4Address | IPv6Address,
    duration: int,
    reason: Failure,
) -> None:
    """
    Logs how a connection went.

    @param duration: how long it has been there, milliseconds.
    @param reason: why it ended.
    """
    log.info(
        "KCP connection {conv} with {peer} ended after {duration:.1f} s: {why}"
        " {sent} bytes sent, {received} received, round trip {rtt:.0f} ms,"
        " {retransmitted:.1%} sent again",
        conv=connection.conv,
        peer=peer,
        duration=duration / 1000,
        why=reason.getErrorMessage(),
        sent=stats.BytesSent,
        received=stats.BytesReceived,
        rtt=connection.conversation.sender.rtt.smoothed,
        retransmitted=stats.RetransSegs / max(stats.OutSegs, 1),
        reason=reason,
    )
