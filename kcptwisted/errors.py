"""
Why a connection failed or a call was refused.
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
    The peer acknowledged none of many copies of a segment: it or the path to it is gone.
    """

    MESSAGE = "The peer acknowledged none of many copies of a segment"


class Evicted(error.ConnectionLost):
    """
    The listener had no room for another connection, and this one's peer had not shown that it is at
    its address and had been silent for seconds, so it went first.
    """

    MESSAGE = "The peer did not show where it is, and another needed the place"


class IdleTimeout(error.TimeoutError):
    """
    There was no data of the application, in either direction, for C{idleTimeout} seconds.
    """

    MESSAGE = "There was no data of the application for too long"


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


class PeerReset(error.ConnectionLost):
    """
    The peer ended the connection without delivering what was under way.
    """

    MESSAGE = "The peer reset the connection"


class PeerRestarted(error.ConnectionLost):
    """
    The peer has restarted: it began anew from the same address and port, or knows no more of what
    it had acknowledged.
    """

    MESSAGE = "The peer has restarted"


class PeerTimeout(error.TimeoutError):
    """
    The peer was asked for a sign of life and gave none for C{deadAfter} seconds.
    """

    MESSAGE = "The peer gave no sign of life for too long"


class PeerUnreachable(error.NoRouteError):
    """
    The network says, when connecting or later, that the peer cannot be reached: a firewall
    prohibits it, or there is no way there.
    """

    MESSAGE = "The network says that the peer cannot be reached"


class SendQueueFull(error.ConnectionLost):
    """
    More than C{sendQueueLimit} bytes waited to be sent.
    """

    MESSAGE = "Too many bytes waited to be sent"
