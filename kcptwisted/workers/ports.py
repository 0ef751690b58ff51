"""
The ports that C{listen} gives where this process serves none itself.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from zope.interface import implementer

from kcptwisted.accounts import accountsOf
from kcptwisted.interfaces import Address, IKCPListeningPort, IKCPTransport
from kcptwisted.options.checks import checkPortChanges
from kcptwisted.server.secondsignal import onSecondSignal
from kcptwisted.server.stopping import Ending
from kcptwisted.stats import PortStats
from kcptwisted.udp.addresses import showAddress, toAddress
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
        self.sessions: list[IKCPTransport] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {showAddress(self.getHost())}>"

    def startListening(self) -> None:
        """
        Does nothing: the other processes listen.

        @raise CannotListenError: always.
        """
        raise CannotListenError(*self._address[:2], "already listening")

    def configure(self, **changes: Any) -> None:
        """
        Refuses: what each worker's port is to do is for that worker to say.

        @raise ValueError: always.
        """
        checkPortChanges(changes)
        raise ValueError(
            f"{', '.join(changes)} can be changed by the workers only, each for its own port"
        )

    def networkChanged(self) -> None:
        """
        Does nothing: there is no connection here.
        """

    def stopListening(self, sessions: str = "close") -> Deferred[None]:
        """
        Of no concern to the others.
        """
        Ending.parse(sessions)
        return succeed(None)

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Returns the address listened on.
        """
        return toAddress(self._address)


class MasterPort(AbsentPort):
    """
    The port of the workers that this process has started.
    """

    def __init__(self, supervisor: Supervisor, reactor: Any) -> None:
        """
        @param supervisor: of workers that listen.
        @param reactor: whose second signal ends them at once.
        """
        super().__init__(supervisor.address)
        self._supervisor = supervisor
        self._accounts = accountsOf(reactor)
        self._accounts.elsewhere.add(supervisor)
        self._forgetSignal = onSecondSignal(reactor, lambda: supervisor.stop(Ending.ABORT))

    def signalWorkers(self, name: str) -> None:
        """
        Sends a signal to each worker, such as one that makes it read its configuration again.

        @param name: without C{SIG}, as in C{HUP}.
        """
        self._supervisor.signal(name)

    def stopListening(self, sessions: str = "close") -> Deferred[None]:
        """
        See L{IKCPListeningPort.stopListening}.  Fires when all workers have ended.
        """
        stopped = self._supervisor.stop(Ending.parse(sessions))
        return stopped.addCallback(lambda _: self._gone())

    def _gone(self) -> None:
        self._accounts.elsewhere.discard(self._supervisor)
        self._forgetSignal()
