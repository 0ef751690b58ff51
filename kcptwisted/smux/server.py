"""
The server endpoint: each connection of the endpoint below is a session, whose streams are the
connections.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from zope.interface import implementer

from kcptwisted.interfaces import IGracefulPort
from kcptwisted.smux.counters import SmuxStats
from kcptwisted.smux.factory import SmuxSessionFactory
from kcptwisted.smux.interfaces import ISmuxListeningPort
from kcptwisted.smux.options import SmuxOptions
from kcptwisted.smux.protocol import SmuxProtocol

#: What becomes of sessions when their port stops.
ENDS = {
    "finish": SmuxProtocol.finish,
    "close": SmuxProtocol.loseConnection,
    "abort": SmuxProtocol.abortConnection,
}


@implementer(ISmuxListeningPort)
class SmuxListeningPort:
    """
    The port of the endpoint below, and its sessions.

    @ivar stats: counts of all sessions.
    """

    def __init__(self, port: IListeningPort, factory: SmuxSessionFactory, stats: SmuxStats) -> None:
        self._port = port
        self._factory = factory
        # Fires when a port that leaves its connections alone is closed, and the sessions are over.
        self._stopped: Deferred[None] | None = None
        self.stats = stats

    def __repr__(self) -> str:
        return f"<SmuxListeningPort of {self._port!r}>"

    @property
    def sessions(self) -> list[SmuxProtocol]:
        """
        The sessions that are connected.
        """
        return [session for session in self._factory.sessions if session.isConnected]

    def getHost(self) -> IAddress:
        """
        Returns the address of the port below.
        """
        return self._port.getHost()

    def startListening(self) -> None:
        """
        Has the port below listen again.
        """
        self._port.startListening()

    def stopListening(self, sessions: str = "close") -> Deferred[None]:
        """
        See L{ISmuxListeningPort.stopListening}.
        """
        if sessions not in ENDS:
            raise ValueError(f"sessions must be one of {', '.join(ENDS)}, not {sessions!r}")
        for session in self.sessions:
            ENDS[sessions](session)
        if IGracefulPort.providedBy(self._port):
            # What is left for it are connections that are not sessions yet, or any more.
            return IGracefulPort(self._port).stopListening(sessions)
        if self._stopped is None:
            closed: Deferred[Any] = maybeDeferred(self._port.stopListening)
            self._stopped = closed.addCallback(self._closed)
        stopped: Deferred[None] = Deferred()
        self._stopped.chainDeferred(stopped)
        return stopped

    def _closed(self, _: object) -> Deferred[None]:
        ended = [session.whenEnded() for session in self.sessions]
        return gatherResults(ended).addCallback(lambda _: None)


@implementer(IStreamServerEndpoint)
class SmuxServerEndpoint:
    """
    Listens for sessions.
    """

    def __init__(
        self, reactor: Any, endpoint: IStreamServerEndpoint, options: SmuxOptions | None = None
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param endpoint: listens for connections, each of which is a session.
        @param options: the defaults if None.
        """
        self._reactor = reactor
        self._endpoint = endpoint
        self._options = options or SmuxOptions()

    def __repr__(self) -> str:
        return f"<SmuxServerEndpoint of {self._endpoint!r}>"

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Listens.

        @param protocolFactory: makes the protocols of the streams; gets
            L{SmuxAddress<kcptwisted.smux.addresses.SmuxAddress>}es.
        @return: fires with an L{ISmuxListeningPort}; fails as the endpoint below does.
        """
        stats = SmuxStats()
        factory = SmuxSessionFactory(self._reactor, self._options, stats, protocolFactory)
        listening = self._endpoint.listen(factory)
        return listening.addCallback(SmuxListeningPort, factory, stats)
