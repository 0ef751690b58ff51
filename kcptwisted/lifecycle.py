"""
The states of a connection, and the deadlines that belong to them.
"""

from __future__ import annotations

from enum import Enum

#: Milliseconds until a WASK that opens a connection is sent again; doubles up to the second.
FIRST_RETRY = 250
LAST_RETRY = 4000


class State(Enum):
    """
    Where a connection stands.
    """

    #: The peer has not answered yet.
    CONNECTING = "connecting"
    ESTABLISHED = "established"
    #: Closed here; what was written is still being delivered.
    CLOSING = "closing"
    CLOSED = "closed"


class Lifecycle:
    """
    One connection's life.  Without clock and I/O.

    @ivar state: where it stands.
    @ivar deadline: when L{retryIsDue} or L{lingerIsOver} may become true, milliseconds, or None.
    """

    __slots__ = ("_lingerEnds", "_retry", "_retryAt", "state")

    def __init__(self) -> None:
        self.state = State.CONNECTING
        self._retry = FIRST_RETRY
        self._retryAt: int | None = None
        self._lingerEnds: int | None = None

    @property
    def deadline(self) -> int | None:
        """
        The earlier of the two deadlines, milliseconds.
        """
        return self._retryAt if self._lingerEnds is None else self._lingerEnds

    def begin(self, now: int) -> None:
        """
        The peer has been asked for a sign of life.

        @param now: milliseconds.
        """
        self._retryAt = now + self._retry

    def retryIsDue(self, now: int) -> bool:
        """
        Whether to ask again; if so, the next time is set.

        @param now: milliseconds.
        """
        if self.state is not State.CONNECTING or self._retryAt is None or now < self._retryAt:
            return False
        self._retry = min(self._retry * 2, LAST_RETRY)
        self._retryAt = now + self._retry
        return True

    def establish(self) -> bool:
        """
        The peer is there, or is taken to be.

        @return: whether this is news.
        """
        if self.state is not State.CONNECTING:
            return False
        self.state = State.ESTABLISHED
        self._retryAt = None
        return True

    def close(self, now: int, linger: float) -> bool:
        """
        The application is done.

        @param now: milliseconds.
        @param linger: how long delivery may stand still, seconds.
        @return: whether this is news.
        """
        if self.state in (State.CLOSING, State.CLOSED):
            return False
        self.state = State.CLOSING
        self._retryAt = None
        self._lingerEnds = now + int(linger * 1000)
        return True

    def progress(self, now: int, linger: float) -> None:
        """
        The peer acknowledged something: a close waits anew.

        @param now: milliseconds.
        @param linger: seconds.
        """
        if self.state is State.CLOSING:
            self._lingerEnds = now + int(linger * 1000)

    def lingerIsOver(self, now: int) -> bool:
        """
        Whether a close has waited long enough.

        @param now: milliseconds.
        """
        return (
            self.state is State.CLOSING and self._lingerEnds is not None and now >= self._lingerEnds
        )

    def end(self) -> bool:
        """
        The connection is over.

        @return: whether this is news.
        """
        if self.state is State.CLOSED:
            return False
        self.state = State.CLOSED
        self._retryAt = self._lingerEnds = None
        return True
