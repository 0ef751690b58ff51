"""
The server endpoint: each connection of the endpoint below is a session, whose streams are the
connections.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from zope.interface import implementer

from kcptwisted.interfaces import IKCPListeningPort
from kcptwisted.smux.client import SmuxSessionFactory
from kcptwisted.smux.counters import SmuxStats
from kcptwisted.smux.interfaces import ISmuxListeningPort
from kcptwisted.smux.options import SmuxOptions
from kcptwisted.smux.protocol import SmuxProtocol


@implementer(ISmuxListeningPort)
class SmuxListeningPort:
    """
    The port of the endpoint below, and its sessions.

    @ivar stats: counts of all sessions.
    """

    def __init__(self, port: IListeningPort, factory: SmuxSessionFactory, stats: SmuxStats) -> None:
        self._port = port
        self._factory = factory
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

    def stopListening(self) -> Deferred[None] | None:
        """
        Stops the port below.  Sessions go on where connections of that port do, as with TCP; where
        it closes its connections, as with KCP, they are closed first, so that streams deliver what
        was written.

        @return: fires as the port below's does.
        """
        if IKCPListeningPort.providedBy(self._port):
            for session in self.sessions:
                session.loseConnection()
        return self._port.stopListening()


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
