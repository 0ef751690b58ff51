"""
The server's end: which session a datagram is for, and which newcomers are taken.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.departed import DepartedSessions
from kcptwisted.errors import PeerRestarted
from kcptwisted.fec.packet import peekConversation
from kcptwisted.hub import SessionHub, SocketLayer
from kcptwisted.interfaces import Address, IKCPListeningPort
from kcptwisted.options import KCPOptions
from kcptwisted.session import KCPSession
from kcptwisted.stats import PortStats


class KCPListener(SessionHub):
    """
    Opens a session for each address that a conversation comes from.

    @ivar factory: makes the protocols.
    """

    def __init__(self, reactor: Any, options: KCPOptions, factory: IProtocolFactory) -> None:
        """
        @param factory: makes a protocol for each session.
        """
        super().__init__(reactor, options)
        self.factory = factory
        self._accepting = True
        self._departed = DepartedSessions()
        self._emptied: Deferred[None] | None = None

    def strangeDatagrams(self, datagrams: list[bytes], address: Address) -> None:
        """
        Open a session for the first datagram that says which conversation it is of.
        """
        if self._accepting:
            now = self.clock.now()
            for position, datagram in enumerate(datagrams):
                found = peekConversation(datagram)
                if found is not None and not self._departed.isLate(address, found[0], now):
                    self.stats.InErrs += position
                    self._accept(found[0], address, datagrams[position:])
                    return
        self.stats.InErrs += len(datagrams)

    def _accept(self, conv: int, address: Address, datagrams: list[bytes]) -> None:
        session = self.addSession(conv, address)
        self.stats.PassiveOpens += 1
        session.assumeEstablished()
        if address in self.sessions:
            self.datagramsReceived(datagrams, address)

    def sessionEstablished(self, session: KCPSession) -> None:
        """
        Give the session its protocol, if the factory makes one.
        """
        try:
            protocol = self.factory.buildProtocol(session.getPeer())
        except Exception:
            failure = Failure()
            self._log.failure("buildProtocol of {factory!r} failed", failure, factory=self.factory)
            session.connectionLost(failure)
            return
        if protocol is None:
            session.abortConnection()
        else:
            session.startProtocol(protocol)

    def otherConversation(self, session: KCPSession, datagrams: list[bytes]) -> None:
        """
        A peer that begins another conversation at its first segment has restarted; all else is a
        leftover.
        """
        now = self.clock.now()
        for position, datagram in enumerate(datagrams):
            conv, sn = peekConversation(datagram) or (session.conv, None)
            if (
                conv != session.conv
                and sn == 0
                and not self._departed.isLate(session.address, conv, now)
            ):
                session.connectionLost(Failure(PeerRestarted()))
                self.stats.InErrs += position
                self.strangeDatagrams(datagrams[position:], session.address)
                return
        super().otherConversation(session, datagrams)

    def sessionEnded(self, session: KCPSession, reason: Failure) -> None:
        """
        Forget the session but for its name; after L{stop} the last one takes the port with it.
        """
        super().sessionEnded(session, reason)
        self._departed.add(session.address, session.conv, self.clock.now())
        if self._emptied is not None and not self.sessions:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def stop(self) -> Deferred[None]:
        """
        Take no newcomers, close the sessions, each of which may deliver what was written, and then
        the port.

        @return: fires when the socket is closed.
        """
        self._accepting = False
        emptied: Deferred[None] = Deferred()
        for session in list(self.sessions.values()):
            session.loseConnection()
        if self.sessions:
            self._emptied = emptied
        else:
            emptied.callback(None)
        return emptied.addCallback(lambda _: self.closePort())


@implementer(IKCPListeningPort)
class KCPListeningPort:
    """
    What C{listen} gives: the listener as a port.
    """

    _log = Logger()

    def __init__(
        self, listener: KCPListener, bind: Address, layers: tuple[SocketLayer, ...] = ()
    ) -> None:
        """
        @param bind: where to listen.
        @param layers: the user's own, outside the cipher.
        """
        self._listener = listener
        self._bind = bind
        self._layers = layers
        self._listening = False
        self._stopped: Deferred[None] | None = None

    @property
    def stats(self) -> PortStats:
        """
        Counts of the socket and all its sessions.
        """
        return self._listener.stats

    @property
    def sessions(self) -> list[KCPSession]:
        """
        The live sessions.
        """
        return list(self._listener.sessions.values())

    def startListening(self) -> None:
        """
        Open the port.

        @raise CannotListenError: if it is open already, or the address cannot be had.
        """
        if self._listening:
            raise CannotListenError(*self._bind[:2], "already listening")
        self._listener.openPort(self._bind, None, self._layers)
        self._listening = True
        self._log.info(
            "{factory} starting on {host}", factory=self._listener.factory, host=self.getHost()
        )
        self._listener.factory.doStart()

    def stopListening(self) -> Deferred[None]:
        """
        Take no new connections, close those that are there (what was written is delivered within
        their C{linger}), then close the socket.

        @return: fires when the socket is closed.
        """
        if not self._listening:
            return succeed(None)
        if self._stopped is None:
            self._stopped = self._listener.stop()
            self._stopped.addCallback(lambda _: self._listener.factory.doStop())
        finished: Deferred[None] = Deferred()
        self._stopped.chainDeferred(finished)
        return finished

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        @return: the address listened on.
        """
        return self._listener.getHost()
