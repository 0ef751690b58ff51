"""
The ports that C{listen} gives where this process serves none itself.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from zope.interface import implementer

from kcptwisted.addresses import showAddress, toAddress
from kcptwisted.interfaces import Address, IKCPListeningPort
from kcptwisted.listener import Ending
from kcptwisted.session import KCPSession
from kcptwisted.stats import PortStats
from kcptwisted.workers.supervisor import Supervisor


@implementer(IKCPListeningPort)
class AbsentPort:
    """
    A port that other processes serve.

    @ivar stats: all zero.
    @ivar sessions: none.
    """

    def __init__(self, address: Address) -> None:
        """
        @param address: where they listen.
        """
        self._address = address
        self.stats = PortStats()
        self.sessions: list[KCPSession] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {showAddress(self.getHost())}>"

    def startListening(self) -> None:
        """
        The others listen.

        @raise CannotListenError: always.
        """
        raise CannotListenError(*self._address[:2], "already listening")

    def stopListening(self, sessions: str = "close") -> Deferred[None]:
        """
        Of no concern to the others.
        """
        Ending.parse(sessions)
        return succeed(None)

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        @return: the address listened on.
        """
        return toAddress(self._address)


class MasterPort(AbsentPort):
    """
    The port of the workers that this process has started.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        """
        @param supervisor: of workers that listen.
        """
        super().__init__(supervisor.address)
        self._supervisor = supervisor

    def stopListening(self, sessions: str = "close") -> Deferred[None]:
        """
        See L{IKCPListeningPort.stopListening}.  Fires when all workers have ended.
        """
        return self._supervisor.stop(Ending.parse(sessions))
