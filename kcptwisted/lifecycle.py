"""
The states of a connection, and the deadlines that belong to them.
"""

from __future__ import annotations

from enum import Enum

#: Milliseconds until a WASK that opens a connection is sent again; doubles up to the second.
FIRST_RETRY = 250
LAST_RETRY = 4000

#: WASKs with a hello that a peer gets which answers, but never with a hello of its own.
HELLOES = 3

#: What arrives keeps a close waiting for so many times its linger at most.
PATIENCE = 10


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

    __slots__ = ("_asked", "_closedAt", "_lingerEnds", "_retry", "_retryAt", "state")

    def __init__(self) -> None:
        self.state = State.CONNECTING
        self._asked = 0
        self._closedAt: int | None = None
        self._retry = FIRST_RETRY
        self._retryAt: int | None = None
        self._lingerEnds: int | None = None

    @property
    def deadline(self) -> int | None:
        """
        The earlier of the two deadlines, milliseconds.
        """
        retry, linger = self._retryAt, self._lingerEnds
        if retry is None or linger is None:
            return linger if retry is None else retry
        return min(retry, linger)

    def begin(self, now: int) -> None:
        """
        The peer has been asked for a sign of life, and told hello.

        @param now: milliseconds.
        """
        self._asked += 1
        self._retryAt = now + self._retry

    def retryIsDue(self, now: int) -> bool:
        """
        Whether to ask again; if so, the next time is set.

        @param now: milliseconds.
        """
        if self._retryAt is None or now < self._retryAt:
            return False
        if self.state is not State.CONNECTING and self._asked >= HELLOES:
            self._retryAt = None
            return False
        self._retry = min(self._retry * 2, LAST_RETRY)
        self.begin(now)
        return True

    def establish(self) -> bool:
        """
        The peer is there, or is taken to be.  It may yet be asked again for its hello.

        @return: whether this is news.
        """
        if self.state is not State.CONNECTING:
            return False
        self.state = State.ESTABLISHED
        return True

    @property
    def asking(self) -> bool:
        """
        Whether the peer is, or will be, asked for its hello.
        """
        return self._retryAt is not None

    def closesLong(self, now: int, linger: float) -> bool:
        """
        Whether a close has gone on for so long that the peer may be playing for time.

        @param now: milliseconds.
        @param linger: how long delivery may stand still, seconds.
        """
        return self._closedAt is not None and now - self._closedAt > PATIENCE * linger * 1000

    def greeted(self) -> None:
        """
        The peer has said hello: no need to ask any more.
        """
        self._retryAt = None

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
        self._closedAt = now
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
