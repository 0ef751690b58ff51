"""
Turns the events of a connection into calls of its application and of its holder.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.connection.connection import Connection
from kcptwisted.connection.events import (
    AnotherGreeted,
    AnyEvent,
    Ended,
    Event,
    ProbeAnswered,
    Unread,
)
from kcptwisted.interfaces import Address
from kcptwisted.session.application import Application
from kcptwisted.session.holder import SessionHolder, SessionSocket
from kcptwisted.session.reasons import failureOf
from kcptwisted.session.report import reportEnd
from kcptwisted.session.sizes import sendProbe
from kcptwisted.session.stream import Stream
from kcptwisted.stats import SessionStats
from kcptwisted.udp.addresses import toAddress

# The name that docs/transports.md gives, wherever the code is.
_log = Logger(namespace="kcptwisted.session.KCPTransport")


class IDispatchSession(Protocol):
    """
    A session, as far as it concerns L{dispatch}.
    """

    address: Address
    socket: SessionSocket
    stats: SessionStats
    connection: Connection
    application: Application
    stream: Stream

    def end(self, reason: Failure) -> None: ...

    def parked(self) -> None: ...

    def over(self, reason: Failure) -> None: ...


_Session = TypeVar("_Session", bound=IDispatchSession)


def dispatch(
    session: _Session,
    holder: SessionHolder[_Session],
    event: AnyEvent,
    now: int,
) -> None:
    """
    Makes the calls that an event leads to.

    @param now: milliseconds.
    """
    connection, application = session.connection, session.application
    if event is Event.READABLE:
        application.deliver(connection, session.stream, session.stats)
    elif event is Event.ESTABLISHED:
        holder.sessionEstablished(session)
    elif event is Event.GREETED:
        holder.sessionGreeted(session)
    elif event is Event.PATH_SILENT:
        holder.pathSilent(session)
    elif event is Event.PEER_FINISHED:
        application.inputEnded(connection, session.stream)
    elif event is Event.OUTPUT_DELIVERED:
        application.writeConnectionLost()
    elif event is Event.MODES_DIFFER:
        _log.warn(
            "KCP connection {conv} with {peer}: one end has stream=yes and the other stream=no;"
            " messages are not kept apart",
            conv=connection.conv,
            peer=toAddress(session.address),
        )
    elif event is Event.PROBE_MTU:
        sendProbe(session, now)
    elif isinstance(event, ProbeAnswered):
        if connection.search is not None:
            connection.search.answered(event.number, now)
    elif event is Event.PATH_CHANGED:
        if connection.search is not None:
            connection.search.reset(now)
    elif isinstance(event, AnotherGreeted):
        if not connection.lifecycle.isOver:
            holder.anotherGreeted(session, event.block)
    elif isinstance(event, Unread):
        session.parked()
        if session.stream.gate is not None:
            # The application may read again only when it need not write any more.
            application.call("stopProducing", session.stream.gate.stop)
        holder.sessionUnread(session, failureOf(event.end))
    elif isinstance(event, Ended):
        session.over(failureOf(event.end))


def dispatchEnd(
    session: _Session, holder: SessionHolder[_Session], reason: Failure, duration: int
) -> None:
    """
    Tells application and holder that the connection has ended.

    @param duration: how long it lasted, milliseconds.
    """
    application = session.application
    protocol, application.protocol = application.protocol, None
    if holder.logsEnds:
        peer = toAddress(session.address)
        reportEnd(_log, session.connection, session.stats, peer, duration, reason)
    if session.stream.gate is not None:
        application.call("stopProducing", session.stream.gate.stop, protocol=protocol)
    application.connectionLost(protocol, reason)
    holder.sessionEnded(session, reason)
