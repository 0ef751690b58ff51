"""
The client endpoint: streams of sessions that are dialled when they are needed.
"""

from __future__ import annotations

from itertools import cycle
from typing import Any, cast

from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred, gatherResults, succeed
from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.smux.counters import SmuxStats
from kcptwisted.smux.factory import SmuxSessionFactory
from kcptwisted.smux.options import SmuxOptions
from kcptwisted.smux.protocol import SmuxProtocol


class _Slot:
    """
    One session at a time, and those who wait for it.
    """

    def __init__(self, endpoint: IStreamClientEndpoint, sessions: SmuxSessionFactory) -> None:
        self._endpoint = endpoint
        self._sessions = sessions
        self._session: SmuxProtocol | None = None
        self._dialling: Deferred[IProtocol] | None = None
        self._waiting: list[Deferred[SmuxProtocol]] = []

    def session(self) -> Deferred[SmuxProtocol]:
        """
        Returns the session, which is dialled if there is none that opens streams.
        """
        if self._session is not None and self._session.isOpen:
            return succeed(self._session)
        waiting: Deferred[SmuxProtocol] = Deferred(self._cancel)
        self._waiting.append(waiting)
        if self._dialling is None:
            self._dial()
        return waiting

    def _dial(self) -> None:
        dialling = self._dialling = self._endpoint.connect(self._sessions)
        dialling.addCallbacks(self._connected, self._failed)

    def _connected(self, protocol: IProtocol) -> None:
        self._dialling = None
        self._session = cast(SmuxProtocol, protocol)
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(self._session)

    def _failed(self, reason: Failure) -> None:
        self._dialling = None
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.errback(reason)

    def _cancel(self, waiting: Deferred[SmuxProtocol]) -> None:
        self._waiting.remove(waiting)
        if not self._waiting and self._dialling is not None:
            self._dialling.cancel()

    def stop(self) -> None:
        """
        Dials no more for those who wait.
        """
        if self._dialling is not None:
            self._dialling.cancel()


@implementer(IStreamClientEndpoint)
class SmuxClientEndpoint:
    """
    Connects by opening a stream in one of a few sessions, in turn.  A session is dialled on first
    use, and again when it is lost.

    @ivar stats: counts of all sessions.
    """

    def __init__(
        self,
        reactor: Any,
        endpoint: IStreamClientEndpoint,
        options: SmuxOptions | None = None,
        connections: int = 1,
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param endpoint: connects to a smux server.
        @param options: the defaults if None.
        @param connections: how many sessions there are at most.
        @raise ValueError: if C{connections} is less than 1.
        """
        if not isinstance(connections, int) or connections < 1:
            raise ValueError(f"connections must be at least 1, not {connections!r}")
        self._endpoint = endpoint
        self.stats = SmuxStats()
        self._factory = SmuxSessionFactory(reactor, options or SmuxOptions(), self.stats)
        self._slots = [_Slot(endpoint, self._factory) for _ in range(connections)]
        self._turns = cycle(self._slots)

    def __repr__(self) -> str:
        return f"<SmuxClientEndpoint of {self._endpoint!r} connections={len(self._slots)}>"

    @property
    def sessions(self) -> list[SmuxProtocol]:
        """
        The sessions that are connected.
        """
        return [session for session in self._factory.sessions if session.isConnected]

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Opens a stream in the next session.

        @return: fires with the protocol when the session is connected: smux peers do not answer.
            Fails as the endpoint below does.  It can be cancelled, and then fails with
            L{twisted.internet.error.ConnectingCancelledError}.
        """
        connected = next(self._turns).session().addCallback(_open, protocolFactory)
        return connected.addErrback(self._cancelled)

    def _cancelled(self, reason: Failure) -> Failure:
        if reason.check(CancelledError):
            return Failure(error.ConnectingCancelledError(cast(IAddress, self)))
        return reason

    def close(self) -> Deferred[None]:
        """
        Closes all sessions, and dials no more for those who wait.  L{connect} dials again.

        @return: fires when the sessions are over.
        """
        for slot in self._slots:
            slot.stop()
        sessions = self.sessions
        ended = [session.whenEnded() for session in sessions]
        for session in sessions:
            session.loseConnection()
        return gatherResults(ended).addCallback(lambda _: None)


def _open(session: SmuxProtocol, factory: IProtocolFactory) -> Deferred[IProtocol]:
    return session.openStream(factory)
