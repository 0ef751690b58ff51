"""
Connecting to the first of several addresses that answers (RFC 8305, "Happy Eyeballs").
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import (
    CannotListenError,
    ConnectError,
    ConnectionRefusedError,
    TimeoutError,
)
from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocol, IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.client.connector import KCPConnector
from kcptwisted.interfaces import Address
from kcptwisted.stack.socketstack import SocketLayer
from kcptwisted.udp.addresses import isIPv6, toAddress

#: Seconds from one attempt to the next, as L{twisted.internet.endpoints.HostnameEndpoint} has it.
ATTEMPT_DELAY = 0.3

#: Where to send from, and where to.
Route = tuple[Address, Address]

#: Makes the connector of one address, given the factory of its protocol.
MakeConnector = Callable[[IProtocolFactory], KCPConnector]

# The failures that say least, in the order of what they say: a host has answered; nobody has;
# nothing could be sent.  All other failures say more, such as what a KCP server has answered.
_LEAST_TELLING = (ConnectionRefusedError, TimeoutError, ConnectError, CannotListenError)


def interleave(peers: Iterable[Address]) -> list[Address]:
    """
    Returns IPv4 and IPv6 in turns, beginning with the first one's family.

    @param peers: in the resolver's order.
    """
    families: dict[bool, deque[Address]] = {}
    for peer in peers:
        families.setdefault(isIPv6(peer), deque()).append(peer)
    ordered: list[Address] = []
    while any(families.values()):
        ordered += [family.popleft() for family in families.values() if family]
    return ordered


def routes(binds: Sequence[Address], peers: Iterable[Address]) -> list[Route]:
    """
    Returns where to connect from and to, in the order of the attempts; without the peers of a
    family that there is no address to send from.

    @param binds: addresses to send from; of each family the first one counts.
    @param peers: addresses to connect to, in the resolver's order.
    """
    found: list[Route] = []
    for peer in interleave(peers):
        bind = next((bind for bind in binds if isIPv6(bind) == isIPv6(peer)), None)
        if bind is not None:
            found.append((bind, peer))
    return found


def mostTelling(failures: Sequence[Failure]) -> Failure:
    """
    Returns the failure that says most about why there is no connection.

    @param failures: of all attempts, at least one.
    """

    def rank(failure: Failure) -> int:
        kinds = enumerate(_LEAST_TELLING, 1)
        return next((place for place, kind in kinds if failure.check(kind)), 0)

    return min(failures, key=rank)


class Attempts:
    """
    Makes one connection, over whichever route is answered first.

    The attempts begin one after the other, L{ATTEMPT_DELAY} apart or as soon as one fails.  The
    first that is answered wins: the others end before its protocol is built.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        makeConnector: MakeConnector,
        layers: Sequence[SocketLayer],
        factory: IProtocolFactory,
        end: float,
    ) -> None:
        """
        @param reactor: tells the time.
        @param makeConnector: makes the connector of each attempt.
        @param layers: the user's own layers, for each attempt's socket.
        @param factory: makes the protocol.  It is started once, with the first socket, and stopped
            when there is no socket left, and none to come.
        @param end: when to give up, in the reactor's seconds.
        """
        self._reactor = reactor
        self._makeConnector = makeConnector
        self._layers = layers
        self.factory = factory
        self.logsEnds = bool(getattr(factory, "logsEnds", True))
        self._end = end
        self._routes: deque[Route] = deque()
        self._delay = ATTEMPT_DELAY
        self._next: IDelayedCall | None = None
        self._pending: dict[_Attempt, Deferred[IProtocol]] = {}
        self._failures: list[Failure] = []
        self._beginning = False
        # Nothing more is begun: somebody has answered, or nobody will.
        self._decided = False
        self._sockets = 0
        self._started = False
        self._result: Deferred[IProtocol] = Deferred(self._cancel)

    def connect(self, routes: Sequence[Route]) -> Deferred[IProtocol]:
        """
        Begins the attempts.

        @param routes: at least one.
        @return: fires with the protocol, or fails with the most telling of the failures.
        """
        self._routes.extend(routes)
        # The last attempt is to have half of the time.
        left = self._end - self._reactor.seconds()
        self._delay = max(min(ATTEMPT_DELAY, left / 2 / len(routes)), 0)
        self._proceed()
        return self._result

    def _proceed(self) -> None:
        """
        Begins attempts until one is under way.  If none is left, the connection has failed.
        """
        self._stopTimer()
        self._beginning = True
        underWay = False
        while self._routes and not underWay and not self._decided:
            underWay = self._begin(*self._routes.popleft())
        self._beginning = False
        if self._decided:
            return
        if self._routes:
            self._next = self._reactor.callLater(self._delay, self._proceed)
        elif not self._pending:
            self._decided = True
            self._settle()
            self._result.errback(mostTelling(self._failures))

    def _begin(self, bind: Address, peer: Address) -> bool:
        """
        Returns True if the attempt is under way.
        """
        left = self._end - self._reactor.seconds()
        if self._failures and left <= 0:
            self._routes.clear()
            return False
        attempt = _Attempt(self, peer)
        try:
            connecting = self._makeConnector(attempt).connect(
                bind, peer, self._layers, max(left, 0)
            )
        except Exception:
            # No other address would change it: a layer that leaves no room for data, for example.
            self._over(Failure())
            return False
        self._pending[attempt] = connecting
        connecting.addCallbacks(
            self._connected, self._failed, callbackArgs=(attempt,), errbackArgs=(attempt,)
        )
        return attempt in self._pending

    def _connected(self, protocol: IProtocol, attempt: _Attempt) -> None:
        del self._pending[attempt]
        self._result.callback(protocol)

    def _failed(self, reason: Failure, attempt: _Attempt) -> None:
        del self._pending[attempt]
        if attempt.won:
            self._over(reason)
        if self._decided:
            return
        if self.logsEnds:
            self._log.debug(
                "No KCP connection to {peer}: {why}",
                peer=toAddress(attempt.peer),
                why=reason.getErrorMessage(),
                reason=reason,
            )
        self._failures.append(reason)
        if not self._beginning:
            self._proceed()

    def _over(self, reason: Failure) -> None:
        """
        Gives up, and tries no further address.
        """
        self.decide(None)
        if not self._result.called:
            self._result.errback(reason)

    def _cancel(self, _: Deferred[IProtocol]) -> None:
        self.decide(None)

    # For the attempts.

    def decide(self, winner: _Attempt | None) -> None:
        """
        Begins no more attempts, and ends those under way.

        @param winner: the one that goes on, if any.
        """
        self._decided = True
        self._stopTimer()
        for attempt, connecting in list(self._pending.items()):
            if attempt is not winner:
                connecting.cancel()
        self._settle()

    def opened(self) -> None:
        """
        An attempt has a socket.
        """
        self._sockets += 1
        if not self._started:
            self._started = True
            self.factory.doStart()

    def closed(self) -> None:
        """
        An attempt, or the connection, has closed its socket.
        """
        self._sockets -= 1
        self._settle()

    def _settle(self) -> None:
        if self._decided and self._started and not self._sockets:
            self._started = False
            self.factory.doStop()

    def _stopTimer(self) -> None:
        call, self._next = self._next, None
        if call is not None and call.active():
            call.cancel()


@implementer(IProtocolFactory)
class _Attempt:
    """
    The factory of one attempt's connector.

    @ivar peer: the address that it connects to.
    @ivar won: whether it was answered first.
    @ivar logsEnds: that of the caller's factory.
    """

    def __init__(self, attempts: Attempts, peer: Address) -> None:
        self._attempts = attempts
        self.peer = peer
        self.won = False
        self.logsEnds = attempts.logsEnds

    def __repr__(self) -> str:
        return repr(self._attempts.factory)

    def doStart(self) -> None:
        self._attempts.opened()

    def doStop(self) -> None:
        self._attempts.closed()

    def buildProtocol(self, addr: IAddress) -> IProtocol | None:
        self.won = True
        self._attempts.decide(self)
        return self._attempts.factory.buildProtocol(addr)
