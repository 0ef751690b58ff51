"""
Tests for L{kcptwisted.workers.delays}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.workers.delays import (
    FIRST_RESTART_DELAY,
    LONGEST_RESTART_DELAY,
    STABLE_AFTER,
    RestartDelays,
)


class RestartDelaysTests(SynchronousTestCase):
    """
    How long the next worker is waited for.
    """

    def test_first(self) -> None:
        """
        The first death is made good at once, however early.
        """
        self.assertEqual(RestartDelays().pauseAfter(0.1), 0)

    def test_young(self) -> None:
        """
        With further early deaths the pauses double, up to a longest one.
        """
        delays = RestartDelays()
        pauses = [delays.pauseAfter(STABLE_AFTER / 2) for _ in range(9)]
        self.assertEqual(
            pauses,
            [
                0,
                FIRST_RESTART_DELAY,
                2,
                4,
                8,
                16,
                LONGEST_RESTART_DELAY,
                LONGEST_RESTART_DELAY,
                LONGEST_RESTART_DELAY,
            ],
        )

    def test_steady(self) -> None:
        """
        One that has lived for long is replaced at once, and the pauses begin anew.
        """
        delays = RestartDelays()
        for _ in range(5):
            delays.pauseAfter(0)
        self.assertEqual(delays.pauseAfter(STABLE_AFTER), 0)
        self.assertEqual(delays.pauseAfter(0), FIRST_RESTART_DELAY)
        self.assertEqual(delays.pauseAfter(0), 2 * FIRST_RESTART_DELAY)
