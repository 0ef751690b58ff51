"""
Counts that outlive what they count: sums over the sessions and sockets that are gone, and the last
ends with their reasons.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol
from weakref import WeakValueDictionary

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from kcptwisted.interfaces import Address
from kcptwisted.session.session import KCPSession
from kcptwisted.stats import PortStats, SessionStats
from kcptwisted.timing.clock import FlushClock

#: How many ends an account remembers.
RECENT = 50

#: The account of all sockets of clients, each of which has one session.
CLIENTS = "clients"


class End(NamedTuple):
    """
    How a session ended.

    @ivar when: seconds, by the reactor's clock.
    @ivar peer: where its peer was last.
    @ivar conv: its conversation id.
    @ivar reason: the name of the exception's class.
    @ivar text: what the exception says.
    @ivar lived: for how long, seconds.
    @ivar stats: what the session counted.
    """

    when: float
    peer: Address
    conv: int
    reason: str
    text: str
    lived: float
    stats: SessionStats


class CountedSocket(Protocol):
    """
    A socket, as an account counts it.

    @ivar clock: gives the time by which its sessions began.
    """

    stats: PortStats
    clock: FlushClock

    def counted(self) -> list[KCPSession]:
        """
        Returns the live sessions.
        """


class Elsewhere(Protocol):
    """
    The workers of a port, which have accounts of their own.
    """

    def count(self) -> Deferred[list[Any]]:
        """
        Asks for their counts.

        @return: fires with L{kcptwisted.metrics.snapshot.Snapshot}s.
        """

    def look(self, question: bytes) -> list[Deferred[list[bytes]]]:
        """
        Asks each what L{kcptwisted.status.elsewhere.Looks} is to answer.

        @return: each fires with the lines of an answer, or fails if there is none.
        """


class Account:
    """
    The counts of one listening port, or of all sockets of clients.

    @ivar name: where the port listens, or L{CLIENTS}.
    @ivar sockets: those that are open.
    @ivar ended: sums over the sessions that are over.
    @ivar ends: how many sessions ended for which reason.
    @ivar recent: the last ones, the last of them at the end.
    """

    def __init__(self, name: str, seconds: Callable[[], float]) -> None:
        """
        @param seconds: gives the time.
        """
        self.name = name
        self.sockets: set[CountedSocket] = set()
        self.ended = SessionStats()
        self.ends: Counter[str] = Counter()
        self.recent: deque[End] = deque(maxlen=RECENT)
        self._closed = PortStats()
        self._seconds = seconds

    def sessions(self) -> list[KCPSession]:
        """
        Returns the live sessions.
        """
        return [session for socket in self.sockets for session in socket.counted()]

    def portTotal(self, counter: str) -> int:
        """
        Returns the sum of one counter of L{PortStats} over all sockets, those included that are
        closed.
        """
        counted = [self._closed, *(socket.stats for socket in self.sockets)]
        total: int = sum(getattr(stats, counter) for stats in counted)
        return total

    def portTotals(self) -> PortStats:
        """
        Returns the sums over all sockets, those included that are closed.
        """
        totals = PortStats()
        totals.add(self._closed)
        for socket in self.sockets:
            totals.add(socket.stats)
        return totals

    def sessionTotals(self) -> SessionStats:
        """
        Returns the sums over all sessions, those included that are over.
        """
        totals = SessionStats()
        totals.add(self.ended)
        for session in self.sessions():
            totals.add(session.stats)
        return totals

    def opened(self, socket: CountedSocket) -> None:
        """
        Takes note of a socket that is open.
        """
        self.sockets.add(socket)

    def closed(self, socket: CountedSocket) -> None:
        """
        Takes note of a socket that is closed, after its sessions have ended.
        """
        if socket in self.sockets:
            self.sockets.remove(socket)
            self._closed.add(socket.stats)

    def sessionEnded(self, session: KCPSession, reason: Failure, lived: float) -> None:
        """
        Takes note of a session that is over.

        @param lived: for how long there was one, seconds.
        """
        self.ended.add(session.stats)
        name = type(reason.value).__name__
        self.ends[name] += 1
        self.recent.append(
            End(
                self._seconds(),
                session.address,
                session.conv,
                name,
                reason.getErrorMessage(),
                lived,
                session.stats,
            )
        )


class Accounts:
    """
    The accounts of one reactor.

    @ivar elsewhere: the workers of this program.
    """

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: tells the time.
        """
        self._reactor = reactor
        self._accounts: dict[str, Account] = {}
        self.elsewhere: set[Elsewhere] = set()

    def account(self, name: str) -> Account:
        """
        Returns the account of that name.  It is made if there is none.
        """
        account = self._accounts.get(name)
        if account is None:
            account = self._accounts[name] = Account(name, self._reactor.seconds)
        return account

    def all(self) -> list[Account]:
        """
        Returns all accounts, in the order in which they were made.
        """
        return list(self._accounts.values())


# See clockOf for why it is by id.
_accounts: WeakValueDictionary[int, Accounts] = WeakValueDictionary()


def accountsOf(reactor: Any) -> Accounts:
    """
    Returns the accounts that all ports of C{reactor} share.  They are there as long as a port is
    open or somebody else holds them; then this begins others.
    """
    accounts = _accounts.get(id(reactor))
    if accounts is None:
        accounts = _accounts[id(reactor)] = Accounts(reactor)
    return accounts
