"""
How large a session's datagrams are: the search for the MTU of its path, on its socket.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from twisted.internet import error

from kcptwisted.connection.connection import Connection
from kcptwisted.connection.mtusearch import tooBig
from kcptwisted.connection.settings import ConnectionSettings
from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.session.holder import SessionSocket
from kcptwisted.session.stream import Stream
from kcptwisted.udp.fragmentation import Fragments


class ISizedSession(Protocol):
    """
    A session, as far as it concerns this.

    @ivar address: the peer's.
    """

    address: Address
    socket: SessionSocket
    connection: Connection


def settingsOn(socket: SessionSocket, options: KCPOptions, overhead: int) -> ConnectionSettings:
    """
    Returns the settings of a connection on a socket.

    @param overhead: bytes of a UDP payload that the layers below KCP take.
    """
    settings = options.connectionSettings(overhead)
    if settings.searchesMtu is socket.forbidsFragments:
        return settings
    # No search where fragments would bring what is too large; and no limit for a connection that
    # was given another mtu than the others on its socket.
    return replace(settings, searchesMtu=False, fragments=not settings.searchesMtu)


class IConfiguredSession(ISizedSession, Protocol):
    """
    A session, as far as it concerns L{reconfigure}.
    """

    options: KCPOptions
    stream: Stream


def reconfigure(session: IConfiguredSession, options: KCPOptions, overhead: int, now: int) -> None:
    """
    Has a session use other options from now on.

    @param overhead: bytes of a UDP payload that the layers below KCP take.
    @param now: milliseconds.
    @raise ValueError: if the mtu is too small for the layers, or for control frames.
    """
    options.checkMtu(overhead + session.connection.controls.leastRoom)
    session.connection.configure(settingsOn(session.socket, options, overhead), now)
    session.options = options
    session.stream.configure(options)


def mtuOf(options: KCPOptions, connection: Connection) -> int:
    """
    Returns the largest UDP payload that a connection sends now, bytes.
    """
    return options.firstMtu if connection.search is None else connection.search.path.size


def sendProbe(session: ISizedSession, now: int) -> None:
    """
    Sends a probe of the path's MTU.  It is not to be fragmented, and is in no FEC group.

    @param now: milliseconds.
    """
    search, socket = session.connection.search, session.socket
    if search is not None and search.path.isAwaiting:
        socket.useFragments(Fragments.NONE)
        try:
            with suppress(error.ConnectionLost):
                probe = search.datagram(socket.overhead, now)
                session.connection.conversation.sender.limits.pacer.take(len(probe))
                socket.writeDatagrams([probe], session.address)
        finally:
            socket.useFragments(Fragments.REFUSED)


def datagramTooBig(session: ISizedSession, limit: int, isExact: bool, now: int) -> None:
    """
    Takes note of what the system says of a session's path.

    @param limit: no larger UDP payload can pass, bytes.
    @param isExact: whether the path is said to carry one of this size.
    @param now: milliseconds.
    """
    if not session.connection.lifecycle.isOver:
        tooBig(session.connection, limit, isExact, now)
