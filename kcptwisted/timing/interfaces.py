"""
What flushes, and what is flushed.
"""

from __future__ import annotations

from typing import Protocol

from twisted.python.failure import Failure


class IFlushed(Protocol):
    """
    Has a deadline, and is flushed when that comes: a session, or a layer of one.
    """

    __slots__ = ()

    @property
    def scheduled(self) -> int | None:
        """
        The deadline under which the clock keeps it, or None.  Only the clock sets this.
        """

    @scheduled.setter
    def scheduled(self, due: int | None) -> None: ...

    @property
    def due(self) -> int | None:
        """
        When it must be flushed next, milliseconds of the clock; None if never.  Whoever makes it
        earlier calls L{FlushClock.schedule<kcptwisted.timing.clock.FlushClock.schedule>}.  It may
        become later without a call.
        """

    def flush(self, now: int) -> None:
        """
        Sends what is due, and sets C{due} to the next deadline.

        @param now: milliseconds.
        """

    def failed(self, reason: Failure) -> None:
        """
        Ends the connection: C{flush} or C{due} raised, and the clock has forgotten this.

        @param reason: what was raised.
        """


class IClock(Protocol):
    """
    Flushes when it is wanted, and when it is time.
    """

    __slots__ = ()

    def now(self) -> int:
        """
        Returns milliseconds since the clock was made.
        """

    def wantFlush(self, session: IFlushed) -> None:
        """
        Flushes C{session} at the end of the batch, or else of the reactor turn.
        """

    def wantFlushNextTurn(self, session: IFlushed) -> None:
        """
        Flushes C{session} in the next reactor turn that has room, and not before.
        """

    def schedule(self, session: IFlushed) -> None:
        """
        Sees that C{session}'s deadline is met, which may have become earlier.
        """

    def forget(self, session: IFlushed) -> None:
        """
        Flushes C{session} no more: it is over.
        """
