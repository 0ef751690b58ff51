"""
The exceptions: why a connection ended, or why a call was refused.
"""

from __future__ import annotations

from twisted.internet import error

from kcptwisted.arq.sendqueue import MessageTooLong

__all__ = [
    "DeadLink",
    "Evicted",
    "IdleTimeout",
    "KeyExhausted",
    "LingerTimeout",
    "MessageTooLong",
    "OutOfBandRefused",
    "PeerRefused",
    "PeerReset",
    "PeerRestarted",
    "PeerTimeout",
    "PeerUnreachable",
    "SendQueueFull",
]

# MESSAGE is what Twisted's base classes show.


class DeadLink(error.ConnectionLost):
    """
    The peer acknowledged none of many copies of a segment: the peer or the path to it is gone.
    """

    MESSAGE = "The peer acknowledged none of many copies of a segment"


class Evicted(error.ConnectionLost):
    """
    The listener needed room for another connection.  It ended this one because its peer had not
    shown that it is at its address, and had been silent for seconds.
    """

    MESSAGE = "The peer did not show where it is, and another needed the place"


class IdleTimeout(error.TimeoutError):
    """
    No data of the application was transferred in either direction for C{idleTimeout} seconds.
    """

    MESSAGE = "There was no data of the application for too long"


class KeyExhausted(error.ConnectionLost):
    """
    The cipher's key has sealed as many datagrams as is safe: the next could repeat a nonce.  All
    connections of the socket end with this error, until the socket is opened again with another
    key.
    """

    MESSAGE = "The key has sealed as many datagrams as is safe: it has to be changed"


class OutOfBandRefused(Exception):
    """
    C{sendOutOfBand} was called with more data than a datagram holds, or while FEC is off.
    """


class LingerTimeout(error.ConnectionLost):
    """
    The connection was closed, and the peer did not acknowledge all that was written before within
    C{linger} seconds.
    """

    MESSAGE = "The peer did not acknowledge in time all that was written before the close"


class PeerRefused(error.ConnectionRefusedError):
    """
    The peer's host reported, during connect or later, that nothing listens at the port.
    """

    MESSAGE = "Nothing listens at the peer's port"


class PeerReset(error.ConnectionLost):
    """
    The peer ended the connection at once.  Data that was under way is lost.
    """

    MESSAGE = "The peer reset the connection"


class PeerRestarted(error.ConnectionLost):
    """
    The peer has restarted: it began a new connection from the same address and port, or it has
    forgotten what it had acknowledged.
    """

    MESSAGE = "The peer has restarted"


class PeerTimeout(error.TimeoutError):
    """
    The peer was asked for a sign of life, and sent none for C{deadAfter} seconds.
    """

    MESSAGE = "The peer gave no sign of life for too long"


class PeerUnreachable(error.NoRouteError):
    """
    The network reported, during connect or later, that the peer cannot be reached: a firewall
    prohibits it, or there is no route.
    """

    MESSAGE = "The network says that the peer cannot be reached"


class SendQueueFull(error.ConnectionLost):
    """
    More than C{sendQueueLimit} bytes waited to be sent.
    """

    MESSAGE = "Too many bytes waited to be sent"
