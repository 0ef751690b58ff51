"""
The events of a connection, for its driver, and the causes of its end.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from kcptwisted.wire.control import Block, ResetReason


class Cause(Enum):
    """
    Why a connection ended.
    """

    #: It was closed, and everything was delivered.
    CLOSED = auto()
    #: The application aborted it.
    ABORTED = auto()
    #: Something failed at this end; the driver knows what.
    FAILED = auto()
    #: The peer did not acknowledge in time what was written before the close.
    LINGER = auto()
    #: The application moved no data for too long.
    IDLE = auto()
    #: The peer gave no sign of life.
    PEER_TIMEOUT = auto()
    #: The peer acknowledged none of many copies of a segment.
    DEAD_LINK = auto()
    #: The peer reset the connection.
    PEER_RESET = auto()
    #: The peer has begun anew, or knows nothing of this connection.
    PEER_RESTARTED = auto()
    #: The peer's host says that nothing listens there.
    REFUSED = auto()

    @property
    def isPeers(self) -> bool:
        """
        Whether the peer or the path caused it.  What arrived before was acknowledged, so the
        application gets it first.
        """
        return self in _PEERS


_PEERS = frozenset(
    (
        Cause.PEER_TIMEOUT,
        Cause.DEAD_LINK,
        Cause.PEER_RESET,
        Cause.PEER_RESTARTED,
        Cause.REFUSED,
    )
)

#: The reason that a reset gives to the peer; of other causes it says that this end failed.
RESET_REASONS = {
    Cause.ABORTED: ResetReason.ABORTED,
    Cause.IDLE: ResetReason.IDLE,
    Cause.CLOSED: ResetReason.SHUTDOWN,
}


class End(NamedTuple):
    """
    The end of a connection.

    @ivar cause: why.
    @ivar detail: more about it, for people; may be empty.
    @ivar origin: what the driver gave with it; the connection does not look at it.
    """

    cause: Cause
    detail: str = ""
    origin: object = None


class Event(Enum):
    """
    An event that says no more than its name.
    """

    #: The peer is there.
    ESTABLISHED = auto()
    #: The peer takes control frames.
    GREETED = auto()
    #: There is data to read.
    READABLE = auto()
    #: One end keeps messages apart and the other does not.
    MODES_DIFFER = auto()
    #: The application has been given everything that the peer sent before its FIN.
    PEER_FINISHED = auto()
    #: The peer has everything that was written before the output was closed.
    OUTPUT_DELIVERED = auto()
    #: The peer, which can follow this end to another address, does not answer.
    PATH_SILENT = auto()
    #: This end is at another address.
    PATH_CHANGED = auto()
    #: A probe of the path's MTU is to be sent.
    PROBE_MTU = auto()


class AnotherGreeted(NamedTuple):
    """
    Somebody with the peer's address and conversation id says hello, and is not the peer.
    """

    block: Block


class ProbeAnswered(NamedTuple):
    """
    The peer has got a probe of the path's MTU.

    @ivar number: that of the probe.
    """

    number: int


class Unread(NamedTuple):
    """
    The peer or the path ended the connection, and the application has yet to read what arrived.
    """

    end: End


class Ended(NamedTuple):
    """
    The connection is over.
    """

    end: End


AnyEvent = Event | AnotherGreeted | ProbeAnswered | Unread | Ended

Events = list[AnyEvent]
