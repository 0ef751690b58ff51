"""
Why a connection failed or a call was refused.
"""

from __future__ import annotations

from twisted.internet import error


class MessageTooLong(ValueError):
    """
    A message that no KCP peer could ever take.
    """

    def __init__(self, length: int, limit: int) -> None:
        """
        @param length: bytes of the message.
        @param limit: the most bytes that a message may have here.
        """
        super().__init__(f"a message of {length} bytes exceeds the limit of {limit} bytes")
        self.length = length
        self.limit = limit


class DeadLink(error.ConnectionLost):
    """
    A segment was sent many times and never acknowledged: the peer or the path is gone.
    """


class LingerTimeout(error.ConnectionLost):
    """
    The connection was closed, and the peer did not acknowledge all that was written in time.
    """


class PeerRefused(error.ConnectionRefusedError):
    """
    The peer's host says that nothing listens on the port (any more).
    """


class PeerRestarted(error.ConnectionLost):
    """
    The peer began a new conversation from the same address and port.
    """
