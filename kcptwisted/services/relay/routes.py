"""
A route: where connections come from, and where they go to.
"""

from __future__ import annotations

from dataclasses import dataclass

#: The default of C{--stop-timeout}, in seconds.
STOP_TIMEOUT = 30.0

#: The default of C{--flow-idle}, in seconds.  A NAT keeps a binding of UDP for two minutes at least
#: (RFC 4787, REQ-5).
FLOW_IDLE = 120.0

#: The default of C{--max-flows}.  Each takes a socket at the KCP client and at the UDP target, and
#: most systems allow a process 1,024 of them.
MAX_FLOWS = 512


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
    @ivar proxyProtocol: the version of the PROXY protocol that the target is to get, "v1" or "v2";
        empty for none.
    @ivar reliable: True if datagrams are carried as messages, in order and none lost.
    @ivar flowIdle: seconds without a datagram after which a flow is over.
    @ivar maxFlows: the most flows at once.
    """

    source: str
    target: str
    stopTimeout: float = STOP_TIMEOUT
    maxConnections: int = 0
    reconnect: float = 0.0
    quiet: bool = False
    proxyProtocol: str = ""
    reliable: bool = False
    flowIdle: float = FLOW_IDLE
    maxFlows: int = MAX_FLOWS

    @property
    def dialled(self) -> tuple[object, ...]:
        """
        All that the client endpoint is made from.
        """
        limits = (self.flowIdle, self.maxFlows)
        return (self.target, self.proxyProtocol, self.reliable, limits)
