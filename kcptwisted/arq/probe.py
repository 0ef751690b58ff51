"""
Asking a peer whose window is shut whether it has opened.
"""

from __future__ import annotations

INITIAL_WAIT = 500
MAXIMUM_WAIT = 120_000


class WindowProbe:
    """
    Says when to send a WASK: after 500 ms of a shut window, then at growing distances.  One is made
    when the peer's window keeps segments from leaving, and dropped when it no longer does.

    @ivar deadline: when the next WASK is due, milliseconds.
    """

    __slots__ = ("_wait", "deadline")

    def __init__(self, now: int) -> None:
        """
        @param now: milliseconds.
        """
        self._wait = INITIAL_WAIT
        self.deadline = now + INITIAL_WAIT

    def isDue(self, now: int) -> bool:
        """
        Returns True if a WASK is due, and sets the time of the next one.

        @param now: milliseconds.
        """
        if now < self.deadline:
            return False
        self._wait = min(self._wait * 3 // 2, MAXIMUM_WAIT)
        self.deadline = now + self._wait
        return True
