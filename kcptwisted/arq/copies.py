"""
What is known of a segment that was taken for lost, or sent again.
"""

from __future__ import annotations

from enum import IntEnum


class Cause(IntEnum):
    """
    Why a segment is sent again.
    """

    #: A later one was acknowledged.
    OVERTAKEN = 0
    #: Nothing had been acknowledged for a while: to see whether the path is alive.
    PROBE = 1
    #: Nothing was acknowledged for longer than that.
    TIMEOUT = 2
    #: The caller said so.
    EXPIRED = 3


class Copy:
    """
    What is known of one segment.

    @ivar sent: when its last copy left, milliseconds.
    @ivar since: when it was last sent because of its C{cause}; C{sent} is later if the copy was
        repeated.
    @ivar transmissions: copies sent, but for repeated ones.
    @ivar waiting: bytes, header included, if it is taken for lost and waits to be sent again; else
        0.
    @ivar cause: why it is, or was, sent again.
    """

    __slots__ = ("cause", "sent", "since", "transmissions", "waiting")

    def __init__(self, sent: int) -> None:
        self.sent = self.since = sent
        self.transmissions = 1
        self.waiting = 0
        self.cause = Cause.PROBE
