"""
Why a smux session or stream ended, or could not begin.
"""

from __future__ import annotations

from twisted.internet import error

__all__ = [
    "SmuxIdsExhausted",
    "SmuxKeepAliveTimeout",
    "SmuxLingerTimeout",
    "SmuxProtocolError",
    "SmuxSessionClosed",
    "SmuxSessionLost",
]

# MESSAGE is what Twisted's base classes show.


class SmuxProtocolError(error.ConnectionLost):
    """
    The peer sent what no peer may send: both ends may not use the same version, or the bytes are
    not smux's.
    """

    MESSAGE = "The peer does not keep to the smux protocol"


class SmuxKeepAliveTimeout(error.TimeoutError):
    """
    Nothing came from the peer for C{keepAliveTimeout} seconds.
    """

    MESSAGE = "Nothing came from the smux peer for too long"


class SmuxLingerTimeout(error.ConnectionLost):
    """
    The stream was closed, and the peer took nothing of what was written before for
    C{keepAliveTimeout} seconds.
    """

    MESSAGE = "The peer did not take what was written before the stream was closed"


class SmuxSessionLost(error.ConnectionLost):
    """
    The session's connection was closed in the middle of the stream.
    """

    MESSAGE = "The smux session was closed in the middle of the stream"


class SmuxSessionClosed(error.ConnectError):
    """
    A stream was to be opened in a session that is not connected, is being closed or has ended.
    """

    MESSAGE = "The smux session opens no more streams"


class SmuxIdsExhausted(SmuxSessionClosed):
    """
    The session has opened as many streams as there are ids.  Its streams go on.
    """

    MESSAGE = "The smux session has used all stream ids"
