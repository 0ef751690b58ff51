"""
Why a connection failed or a call was refused.
"""

from __future__ import annotations

from twisted.internet import error

from kcptwisted.arq.sender import MessageTooLong

__all__ = ["DeadLink", "LingerTimeout", "MessageTooLong", "PeerRefused", "PeerRestarted"]

# MESSAGE is what Twisted's base classes show.


class DeadLink(error.ConnectionLost):
    """
    The peer acknowledged none of many copies of a segment: it or the path to it is gone.
    """

    MESSAGE = "The peer acknowledged none of many copies of a segment"


class LingerTimeout(error.ConnectionLost):
    """
    The connection was closed, and the peer did not acknowledge within C{linger} seconds all that
    was written before.
    """

    MESSAGE = "The peer did not acknowledge in time all that was written before the close"


class PeerRefused(error.ConnectionRefusedError):
    """
    The peer's host says, when connecting or later, that nothing listens at the port.
    """

    MESSAGE = "Nothing listens at the peer's port"


class PeerRestarted(error.ConnectionLost):
    """
    The peer began a new conversation from the same address and port.
    """

    MESSAGE = "The peer began a new conversation"
