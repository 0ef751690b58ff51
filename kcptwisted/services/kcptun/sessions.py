"""
The factory of sessions: smux over what L{kcptwisted.services.kcptun.carrier} does, over KCP.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import error
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.policies import WrappingFactory

from kcptwisted.errors import PeerReset, PeerRestarted
from kcptwisted.services.kcptun.carrier import Carrier
from kcptwisted.services.kcptun.mismatch import SILENT
from kcptwisted.services.kcptun.showing import showPeer
from kcptwisted.services.kcptun.snmp import Totals
from kcptwisted.smux.errors import SmuxKeepAliveTimeout
from kcptwisted.smux.options import SmuxOptions
from kcptwisted.smux.protocol import SmuxProtocol

#: Ends that need no line of their own: KCP's says it all.
_ORDERLY = (error.ConnectionDone, error.ConnectionAborted)

#: How a session ends whose peer could not read what it was sent.
_UNHEARD = (SmuxKeepAliveTimeout, PeerReset, PeerRestarted)


class SessionFactory(WrappingFactory[Any]):
    """
    Makes a session of each KCP connection, and counts.

    @ivar totals: the counters of the sessions that have ended.
    @ivar most: the most sessions at once.
    """

    noisy = False
    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        options: SmuxOptions,
        isCompressed: bool,
        streams: IProtocolFactory | None,
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param options: smux's.
        @param isCompressed: whether both directions are compressed.
        @param streams: at the server, makes the protocols of the streams; None at the client.
        """
        unused = Factory()
        unused.noisy = False
        super().__init__(unused)  # type: ignore[no-untyped-call]
        self._reactor = reactor
        self._options = options
        self._isCompressed = isCompressed
        self._streams = streams
        self.totals = Totals()
        self.most = 0

    def __repr__(self) -> str:
        return "kcptun"

    def buildProtocol(self, addr: IAddress | None) -> Carrier:
        """
        Makes a session.
        """
        session = SmuxProtocol(
            self._reactor,
            self._options,
            isClient=self._streams is None,
            factory=self._streams,
        )
        carrier = Carrier(self, session, self._isCompressed, self._options.version)
        session.whenEnded().addCallback(self._ended, carrier, addr)
        return carrier

    def registerProtocol(self, p: Any) -> None:
        """
        Takes note that a session has begun.
        """
        super().registerProtocol(p)  # type: ignore[no-untyped-call]
        self.most = max(self.most, len(self.protocols))

    def _ended(self, problem: BaseException, carrier: Carrier, peer: IAddress | None) -> None:
        self.totals.retire(carrier.counters())
        if isinstance(problem, _ORDERLY):
            return
        hint = SILENT if not carrier.heard and isinstance(problem, _UNHEARD) else ""
        self._log.warn(
            "The session with {peer} has ended: {why}{hint}",
            peer=showPeer(peer),
            why=str(problem).rstrip("."),
            hint=hint and f"; {hint}",
        )

    @property
    def carriers(self) -> list[Carrier]:
        """
        The sessions that are connected.
        """
        return list(self.protocols)

    def close(self) -> Deferred[Any]:
        """
        Closes all sessions, which delivers what was written.

        @return: fires when all have ended.
        """
        ended = []
        for carrier in self.carriers:
            ended.append(carrier.session.whenEnded())
            carrier.session.loseConnection()
        return DeferredList(ended)

    def abort(self) -> None:
        """
        Ends all sessions now.
        """
        for carrier in self.carriers:
            carrier.session.abortConnection()

    def counters(self) -> dict[str, int]:
        """
        Returns the counters of all sessions that there are and were.
        """
        total = self.totals.sum(carrier.counters() for carrier in self.carriers)
        return total | {"MaxConn": self.most, "CurrEstab": len(self.protocols)}


class ClientSession:
    """
    A session, as the pool uses it.
    """

    def __init__(self, carrier: Carrier) -> None:
        """
        @param carrier: whose session it is.
        """
        self._session = carrier.session

    @property
    def isUsable(self) -> bool:
        """
        Whether it opens streams.
        """
        return self._session.isOpen

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Opens a stream.
        """
        return self._session.openStream(protocolFactory)

    def close(self) -> None:
        """
        Ends the session and its streams, with what was written.
        """
        self._session.loseConnection()

    def whenEnded(self) -> Deferred[BaseException]:
        """
        Returns a Deferred that fires when the session has ended.
        """
        return self._session.whenEnded()
