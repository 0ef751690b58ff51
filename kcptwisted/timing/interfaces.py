"""
What the clock flushes.
"""

from __future__ import annotations

from typing import Protocol

from twisted.python.failure import Failure


class IFlushed(Protocol):
    """
    Has a deadline, and is flushed when that comes: a session, or a layer of one.

    @ivar scheduled: the deadline under which the clock keeps it, or None.  Only the clock sets
        this.
    """

    scheduled: int | None

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
