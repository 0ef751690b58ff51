"""
A route: where connections come from, and where they go to.
"""

from __future__ import annotations

from dataclasses import dataclass

#: The default of C{--stop-timeout}, in seconds.
STOP_TIMEOUT = 30.0


@dataclass(frozen=True)
class Route:
    """
    One C{--from} with its C{--to} and its options.

    @ivar source: the server endpoint, as a string.
    @ivar target: the client endpoint, as a string.
    @ivar stopTimeout: seconds that a stop may take to deliver what was read.
    @ivar maxConnections: the most connections at once; 0 means no limit.
    @ivar reconnect: seconds for which a target that cannot be reached is dialled again.
    @ivar quiet: True if there is no line in the log for a connection.
    """

    source: str
    target: str
    stopTimeout: float = STOP_TIMEOUT
    maxConnections: int = 0
    reconnect: float = 0.0
    quiet: bool = False

    @property
    def dialled(self) -> tuple[object, ...]:
        """
        All that the client endpoint is made from.
        """
        return (self.target,)
