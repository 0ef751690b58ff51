"""
What a session does about news of its socket.
"""

from __future__ import annotations


class IgnoredNews:
    """
    Does nothing: the socket's clock flushes, and the holder decides about the rest.
    """

    __slots__ = ()

    def batchFinished(self) -> None:
        """
        Does nothing.
        """

    def connectionRefused(self) -> None:
        """
        Does nothing.
        """

    def peerUnreachable(self, problem: OSError) -> None:
        """
        Does nothing.
        """

    def sendingFailed(self, problem: OSError) -> None:
        """
        Does nothing.
        """
