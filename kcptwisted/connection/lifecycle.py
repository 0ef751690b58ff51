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

#: How often a peer is asked within the linger of a close that its shut window holds up.
ASKS = 4


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
    """

    __slots__ = ("_askAt", "_asked", "_closedAt", "_lingerEnds", "_retry", "_retryAt", "state")

    def __init__(self) -> None:
        self.state = State.CONNECTING
        self._asked = 0
        self._closedAt: int | None = None
        self._retry = FIRST_RETRY
        self._retryAt: int | None = None
        self._lingerEnds: int | None = None
        # When a peer whose window is shut is asked whether it still is.
        self._askAt: int | None = None

    @property
    def deadline(self) -> int | None:
        """
        When L{retryIsDue}, L{askIsDue} or L{lingerIsOver} may become true, milliseconds, or None.
        """
        retry, closing = self._retryAt, self._lingerEnds
        if closing is None:
            return retry
        if self._askAt is not None and self._askAt < closing:
            closing = self._askAt
        return closing if retry is None or closing < retry else retry

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
        self.progress(now, linger)
        return True

    def progress(self, now: int, linger: float) -> None:
        """
        The peer acknowledged something, or says that it cannot yet: a close waits anew.

        @param now: milliseconds.
        @param linger: seconds.
        """
        if self.state is State.CLOSING:
            wait = int(linger * 1000)
            self._lingerEnds = now + wait
            self._askAt = now + max(wait // ASKS, 1)

    def askIsDue(self, now: int, linger: float) -> bool:
        """
        Whether a close has waited for so long that a peer whose window is shut should be asked; if
        so, the next time is set.

        @param now: milliseconds.
        @param linger: seconds.
        """
        if self._askAt is None or now < self._askAt:
            return False
        self._askAt = now + max(int(linger * 1000) // ASKS, 1)
        return True

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
        self._retryAt = self._askAt = self._lingerEnds = None
        return True
