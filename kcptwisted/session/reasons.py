"""
Why a connection ended: causes of the connection, and exceptions for the application.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet import error
from twisted.python.failure import Failure

from kcptwisted.connection.events import Cause, End
from kcptwisted.errors import (
    DeadLink,
    IdleTimeout,
    LingerTimeout,
    PeerRefused,
    PeerReset,
    PeerRestarted,
    PeerTimeout,
)

_EXCEPTIONS: dict[Cause, Callable[[str], Exception]] = {
    Cause.CLOSED: lambda _: error.ConnectionDone(),
    Cause.ABORTED: lambda _: error.ConnectionAborted(),
    Cause.FAILED: error.ConnectionLost,
    Cause.LINGER: lambda _: LingerTimeout(),
    Cause.IDLE: lambda detail: IdleTimeout(string=detail),
    Cause.PEER_TIMEOUT: lambda detail: PeerTimeout(string=detail),
    Cause.DEAD_LINK: lambda _: DeadLink(),
    Cause.PEER_RESET: PeerReset,
    Cause.PEER_RESTARTED: PeerRestarted,
    Cause.REFUSED: lambda _: PeerRefused(),
}

_CAUSES: list[tuple[type[Exception], Cause]] = [
    (error.ConnectionDone, Cause.CLOSED),
    (error.ConnectionAborted, Cause.ABORTED),
    (IdleTimeout, Cause.IDLE),
    (PeerTimeout, Cause.PEER_TIMEOUT),
    (DeadLink, Cause.DEAD_LINK),
    (PeerReset, Cause.PEER_RESET),
    (PeerRestarted, Cause.PEER_RESTARTED),
    (error.ConnectionRefusedError, Cause.REFUSED),
]


def failureOf(end: End) -> Failure:
    """
    Returns the failure that an end is for the application.
    """
    if isinstance(end.origin, Failure):
        return end.origin
    return Failure(_EXCEPTIONS[end.cause](end.detail))


def endOf(reason: Failure) -> End:
    """
    Returns an end that something outside the connection causes.
    """
    for kind, cause in _CAUSES:
        if reason.check(kind):
            return End(cause, origin=reason)
    return End(Cause.FAILED, origin=reason)
