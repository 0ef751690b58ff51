"""
What follows from the network's report that an established connection's peer is gone.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from kcptwisted.connection.connection import Connection

#: Seconds between two questions at most.
SUSPICION_INTERVAL = 1.0

#: Questions that the peer may leave unanswered.
UNANSWERED_QUESTIONS = 5


class Suspect(Protocol):
    """
    A session, as far as it concerns L{Suspicion}.

    @ivar connection: what decides about it.
    """

    connection: Connection

    def askAgain(self) -> None:
        """
        Asks the peer for a sign of life.
        """

    def end(self, reason: Failure) -> None:
        """
        Ends the connection.
        """


class Suspicion:
    """
    Asks a peer that the network reports as unreachable for a sign of life, at once and every
    second.  The report may be wrong or forged (ICMP), and the peer's program may be starting again.
    So the connection ends only if none of L{UNANSWERED_QUESTIONS} is answered.
    """

    def __init__(self, reactor: IReactorTime, session: Suspect, deadAfter: float) -> None:
        """
        @param reactor: calls later.
        @param deadAfter: seconds; the questions take less.
        """
        self._pause = min(SUSPICION_INTERVAL, deadAfter / (UNANSWERED_QUESTIONS + 1))
        self._reactor = reactor
        self._session = session
        self._reason: Failure | None = None
        self._heard = 0
        self._asked = 0
        self._call: IDelayedCall | None = None

    def raiseBy(self, reason: Failure) -> None:
        """
        Begins to ask the peer, which the network reports to be gone.  Does nothing if the peer is
        being asked already.

        @param reason: what the connection ends with if the peer does not answer.
        """
        if self._reason is None:
            self._reason = reason
            self._heard = self._session.connection.liveness.heard
            self._asked = 0
            self._look()

    def _look(self) -> None:
        self._call = None
        reason = self._reason
        if reason is None:
            return
        if self._session.connection.liveness.heard != self._heard:
            self._reason = None
        elif self._asked < UNANSWERED_QUESTIONS:
            self._asked += 1
            self._call = self._reactor.callLater(self._pause, self._look)
            self._session.askAgain()
        else:
            self._reason = None
            self._session.end(reason)

    def stop(self) -> None:
        """
        Asks no more: the session is over.
        """
        self._reason = None
        if self._call is not None:
            self._call.cancel()
            self._call = None
