"""
How long to wait before a worker that has ended is replaced.
"""

from __future__ import annotations

#: Seconds after which a worker has not died young.
STABLE_AFTER = 10.0

#: Seconds of the first pause and of the longest.
FIRST_RESTART_DELAY = 1.0
LONGEST_RESTART_DELAY = 30.0


class RestartDelays:
    """
    The pauses of one worker: none at first, and growing ones when it dies young again and again.
    """

    def __init__(self) -> None:
        self._next = 0.0

    def pauseAfter(self, lived: float) -> float:
        """
        Returns how many seconds to wait before the worker is replaced.

        @param lived: seconds that the worker lived.
        """
        pause = 0.0 if lived >= STABLE_AFTER else self._next
        self._next = min(max(2 * pause, FIRST_RESTART_DELAY), LONGEST_RESTART_DELAY)
        return pause
