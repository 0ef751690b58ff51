"""
How a session's datagrams leave.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from twisted.internet import error
from twisted.python.failure import Failure

from kcptwisted.connection.connection import Connection
from kcptwisted.interfaces import Address, IDatagramTransport
from kcptwisted.session.application import Application
from kcptwisted.session.holder import SessionSocket
from kcptwisted.udp.fragmentation import Fragments


class IEgressSession(Protocol):
    """
    A session, as far as it concerns L{send}.

    @ivar address: the peer's.
    """

    address: Address
    socket: SessionSocket
    connection: Connection
    application: Application

    def end(self, reason: Failure) -> None: ...


def send(
    session: IEgressSession,
    below: IDatagramTransport | SessionSocket,
    datagrams: list[bytes],
) -> None:
    """
    Sends datagrams, if there are any.  A layer that raises ends the session, and no other.
    """
    if not datagrams:
        return
    fragments = session.connection.fragments
    if fragments:
        session.socket.useFragments(Fragments.ALL)
    try:
        below.writeDatagrams(datagrams, session.address)
    except error.ConnectionLost:
        # A layer's way to end the connection.
        session.end(Failure())
    except Exception:
        session.application.failed("writeDatagrams of a layer below")
    finally:
        if fragments:
            session.socket.useFragments(Fragments.REFUSED)


def sendOutbox(session: IEgressSession, below: IDatagramTransport) -> None:
    """
    Sends what a connection has said to send at once, or, if it is over, last.
    """
    datagrams = list(session.connection.outbox)
    session.connection.outbox = ()
    if not session.connection.lifecycle.isOver:
        send(session, below, datagrams)
        return
    # A layer that fails has been reported before.
    with suppress(Exception):
        below.writeDatagrams(datagrams, session.address)
