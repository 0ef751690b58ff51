"""
What both UDP ends of a relay need.
"""

from __future__ import annotations

from typing import NamedTuple

from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.python.failure import Failure

#: Bytes of the longest UDP payload.
LONGEST = 65535

#: Seconds that looking up a name may take.
LOOKUP_TIMEOUT = 30.0


class FlowLimits(NamedTuple):
    """
    How long and how many.

    @ivar idle: seconds after which a flow in which nothing moved is over.  A NAT keeps a binding of
        UDP for two minutes at least (RFC 4787, REQ-5).
    @ivar most: flows at once.  Each takes a socket at the KCP client and at the UDP target, and
        most systems allow a process 1,024 of them.
    """

    idle: float = 120.0
    most: int = 512


def ended(aborts: bool) -> Failure:
    """
    Returns the reason of a flow's end at this end's own wish.
    """
    return Failure(ConnectionAborted() if aborts else ConnectionDone())
