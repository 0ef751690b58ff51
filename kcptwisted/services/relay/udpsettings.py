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

    @ivar idle: seconds after which a flow in which nothing moved is over.
    @ivar most: flows at once.
    """

    idle: float
    most: int


def ended(aborts: bool) -> Failure:
    """
    Returns the reason of a flow's end at this end's own wish.
    """
    return Failure(ConnectionAborted() if aborts else ConnectionDone())
