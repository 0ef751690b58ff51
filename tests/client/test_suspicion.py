"""
Tests for L{kcptwisted.client.suspicion}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.client.suspicion import SUSPICION_INTERVAL, UNANSWERED_QUESTIONS, Suspicion
from kcptwisted.errors import PeerRefused, PeerUnreachable


class FakeSession:
    """
    Notes what it is asked to do.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.heard = 0
        # What a session has behind these names.
        self.connection: Any = self
        self.liveness = self
        self.asked: list[float] = []
        self.ended: list[Failure] = []

    def askAgain(self) -> None:
        """
        Note when.
        """
        self.asked.append(self._clock.seconds())

    def end(self, reason: Failure) -> None:
        """
        Note why.
        """
        self.ended.append(reason)


class SuspicionTests(SynchronousTestCase):
    """
    A peer that the network calls gone.
    """

    def setUp(self) -> None:
        """
        Have a session.
        """
        self.clock = Clock()
        self.session = FakeSession(self.clock)
        self.suspicion = Suspicion(self.clock, self.session, 30)
        self.reason = Failure(PeerRefused())

    def wait(self, pauses: int) -> None:
        """
        Let time pass.
        """
        self.clock.pump([SUSPICION_INTERVAL] * pauses)

    def test_silent(self) -> None:
        """
        It is asked so many times, whatever the network says meanwhile; then the connection ends
        with what the network said first.
        """
        self.suspicion.raiseBy(self.reason)
        self.wait(1)
        self.suspicion.raiseBy(Failure(PeerUnreachable()))
        self.wait(UNANSWERED_QUESTIONS - 2)
        self.assertEqual(self.session.ended, [])
        self.wait(1)
        self.assertEqual(
            self.session.asked,
            [number * SUSPICION_INTERVAL for number in range(UNANSWERED_QUESTIONS)],
        )
        self.assertEqual(self.session.ended, [self.reason])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_answers(self) -> None:
        """
        An answer ends the suspicion, not the connection.
        """
        self.suspicion.raiseBy(self.reason)
        self.wait(UNANSWERED_QUESTIONS - 1)
        self.session.heard = 3000
        self.wait(UNANSWERED_QUESTIONS)
        self.assertEqual((self.session.ended, self.clock.getDelayedCalls()), ([], []))
        self.suspicion.raiseBy(self.reason)
        self.assertEqual(len(self.session.asked), UNANSWERED_QUESTIONS + 1)

    def test_impatient(self) -> None:
        """
        The questions take less than C{deadAfter}, so that the connection ends for the better
        known reason.
        """
        suspicion = Suspicion(self.clock, self.session, 1.2)
        suspicion.raiseBy(self.reason)
        self.clock.pump([0.2] * UNANSWERED_QUESTIONS)
        self.assertEqual(len(self.session.asked), UNANSWERED_QUESTIONS)
        self.assertEqual(self.session.ended, [self.reason])

    def test_stop(self) -> None:
        """
        Nobody is asked when the session is over.
        """
        self.suspicion.stop()
        self.suspicion.raiseBy(self.reason)
        self.suspicion.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
