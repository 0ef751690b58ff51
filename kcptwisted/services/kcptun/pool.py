"""
The client's sessions: which of them takes the next connection, and how long they live.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import (
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import implementer


class Session(Protocol):
    """
    A session, as the pool uses it.
    """

    @property
    def isUsable(self) -> bool:
        """
        Whether it opens streams.
        """

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Opens a stream.
        """

    def close(self) -> None:
        """
        Ends the session and its streams.
        """


class _Slot:
    """
    A place for a session.

    @ivar session: the one that takes connections; None if there is none.
    @ivar born: when it was dialled, seconds.
    @ivar dialling: while one is being dialled.
    @ivar waiting: who waits for it.
    """

    def __init__(self) -> None:
        self.session: Session | None = None
        self.born = 0.0
        self.dialling: Deferred[Session] | None = None
        self.waiting: list[Deferred[Session]] = []


@implementer(IStreamClientEndpoint)
class SessionPool:
    """
    Opens each connection as a stream of the next session in turn.  A session is dialled when the
    first connection needs it, and again when it has ended or expired.
    """

    def __init__(
        self,
        reactor: Any,
        dial: Callable[[], Deferred[Any]],
        count: int,
        autoExpire: float,
        scavengeAfter: float,
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param dial: makes a L{Session}.
        @param count: how many sessions there are.
        @param autoExpire: seconds after which a session takes no more connections; 0 means never.
        @param scavengeAfter: seconds from then until it is closed, with all its streams.
        """
        self._reactor = reactor
        self._dial = dial
        self._autoExpire = autoExpire
        self._scavengeAfter = scavengeAfter
        self._slots = [_Slot() for _ in range(count)]
        self._turn = 0
        self._living: dict[Session, IDelayedCall | None] = {}
        self._isStopped = False

    @property
    def sessions(self) -> list[Session]:
        """
        The sessions that have not ended, expired ones included.
        """
        return list(self._living)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Opens a stream in the next session.

        @return: fires with the protocol, or fails as dialling or opening a stream does.  It can be
            cancelled.
        """
        if self._isStopped:
            return fail(ConnectionAborted())
        slot = self._slots[self._turn % len(self._slots)]
        self._turn += 1
        session = slot.session
        if session is not None and session.isUsable and not self._isExpired(slot):
            return session.connect(protocolFactory)
        ready: Deferred[Session] = Deferred(lambda ready: self._cancel(slot, ready))
        slot.waiting.append(ready)
        if slot.dialling is None:
            slot.session = None
            slot.born = self._reactor.seconds()
            dialling = slot.dialling = self._dial()
            dialling.addCallbacks(self._dialled, self._failed, (slot,), {}, (slot,))
        return ready.addCallback(lambda session: session.connect(protocolFactory))

    def _isExpired(self, slot: _Slot) -> bool:
        age = self._reactor.seconds() - slot.born
        return self._autoExpire > 0 and age >= self._autoExpire

    def _cancel(self, slot: _Slot, ready: Deferred[Session]) -> None:
        slot.waiting.remove(ready)

    def _dialled(self, session: Session, slot: _Slot) -> None:
        slot.dialling = None
        slot.session = session
        scavenge = None
        if self._autoExpire:
            left = slot.born + self._autoExpire + self._scavengeAfter - self._reactor.seconds()
            scavenge = self._reactor.callLater(max(left, 0), session.close)
        self._living[session] = scavenge
        waiting, slot.waiting = slot.waiting, []
        for ready in waiting:
            ready.callback(session)

    def _failed(self, reason: Failure, slot: _Slot) -> None:
        slot.dialling = None
        waiting, slot.waiting = slot.waiting, []
        for ready in waiting:
            ready.errback(reason)

    def ended(self, session: Session) -> None:
        """
        Takes note that a session has ended.
        """
        scavenge = self._living.pop(session, None)
        if scavenge is not None and scavenge.active():
            scavenge.cancel()

    def stop(self) -> None:
        """
        Dials no more sessions; those that there are go on.
        """
        self._isStopped = True
        for slot in self._slots:
            if slot.dialling is not None:
                slot.dialling.cancel()
