"""
What the clock flushes.
"""

from __future__ import annotations

from twisted.python.failure import Failure
from zope.interface import Attribute, Interface


class IFlushed(Interface):
    """
    Has a deadline, and is flushed when that comes: a session, or a layer of one.
    """

    due: int | None = Attribute(
        """
        When it must be flushed next, milliseconds of the clock; None if never.  Whoever makes it
        earlier calls L{FlushClock.schedule<kcptwisted.timing.clock.FlushClock.schedule>}.  It may
        become later without a call.
        """
    )

    scheduled: int | None = Attribute(
        "The deadline under which the clock keeps it, or None.  Only the clock sets this."
    )

    def flush(now: int) -> None:
        """
        Sends what is due, and sets C{due} to the next deadline.

        @param now: milliseconds.
        """

    def failed(reason: Failure) -> None:
        """
        Ends the connection: C{flush} or C{due} raised, and the clock has forgotten this.

        @param reason: what was raised.
        """
