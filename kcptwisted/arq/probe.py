"""
Asking a peer whose window is shut whether it has opened.
"""

from __future__ import annotations

INITIAL_WAIT = 500
MAXIMUM_WAIT = 120_000


class WindowProbe:
    """
    Says when to send a WASK: after 500 ms of a shut window, then at growing distances.
    """

    __slots__ = ("_wait", "deadline")

    def __init__(self) -> None:
        self._wait = 0
        #: When the next WASK is due, milliseconds; None while none is needed.
        self.deadline: int | None = None

    def update(self, shut: bool, now: int) -> bool:
        """
        @param shut: whether the peer's window keeps segments from leaving.
        @param now: milliseconds.
        @return: whether a WASK is due.
        """
        if not shut:
            self.deadline = None
            return False
        if self.deadline is None:
            self._wait = INITIAL_WAIT
        elif now >= self.deadline:
            self._wait = min(self._wait * 3 // 2, MAXIMUM_WAIT)
        else:
            return False
        due = self.deadline is not None
        self.deadline = now + self._wait
        return due
