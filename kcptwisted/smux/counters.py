"""
What is counted of smux sessions.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass
class SmuxStats:
    """
    Counts of a session, or of all sessions of an endpoint.

    @ivar sessions: sessions that began.
    @ivar opened: streams that this end opened.
    @ivar accepted: streams that the peer opened and that were taken.
    @ivar refused: streams that the peer opened and that were answered with FIN: nobody takes
        streams here, the factory made no protocol, or there were C{maxStreams} already.
    @ivar strayFrames: PSH frames for streams that are not open here; they are dropped, as by smux.
    @ivar protocolErrors: what no peer may send.
    @ivar keepAliveTimeouts: sessions that ended because nothing came.
    @ivar readingStopped: how often C{sessionBuffer} was used up, so that nothing more was read.
    """

    sessions: int = 0
    opened: int = 0
    accepted: int = 0
    refused: int = 0
    strayFrames: int = 0
    protocolErrors: int = 0
    keepAliveTimeouts: int = 0
    readingStopped: int = 0

    def asDict(self) -> dict[str, int]:
        """
        Returns the counts by name.
        """
        return asdict(self)
