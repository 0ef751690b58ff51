"""
Why a connection failed or a call was refused.
"""

from __future__ import annotations

from twisted.internet import error

from kcptwisted.arq.sender import MessageTooLong

__all__ = [
    "DeadLink",
    "KeyExhausted",
    "LingerTimeout",
    "MessageTooLong",
    "OutOfBandRefused",
    "PeerRefused",
    "PeerRestarted",
]

# MESSAGE is what Twisted's base classes show.


class DeadLink(error.ConnectionLost):
    """
    The peer acknowledged none of many copies of a segment: it or the path to it is gone.
    """

    MESSAGE = "The peer acknowledged none of many copies of a segment"


class KeyExhausted(error.ConnectionLost):
    """
    The cipher's key has sealed as many datagrams as is safe: the next might repeat a nonce.  All
    connections of the socket end like this, until it is opened anew with another key.
    """

    MESSAGE = "The key has sealed as many datagrams as is safe: it has to be changed"


class OutOfBandRefused(Exception):
    """
    C{sendOutOfBand} was called with more than a datagram holds, or without FEC.
    """


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
