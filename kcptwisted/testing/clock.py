"""
The clock of a simulated network.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from typing import cast

from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock


class SimulatedClock(Clock):
    """
    A L{Clock} that stays fast with thousands of delayed calls: it keeps them in order, where
    L{Clock} sorts them at each event.
    """

    def callLater(
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
    ) -> IDelayedCall:
        """
        Schedules a call.  See L{twisted.internet.interfaces.IReactorTime}.
        """
        call = DelayedCall(
            self.rightNow + delay,
            callable,
            args,
            kw,
            self.withdraw,
            self._hasten,
            self.seconds,
        )
        insort(self.calls, call)
        return cast(IDelayedCall, call)

    def withdraw(self, call: DelayedCall) -> None:
        """
        Takes a delayed call out.
        """
        self.calls.remove(call)

    def restore(self, call: DelayedCall) -> None:
        """
        Puts a delayed call back that L{withdraw} has taken out.
        """
        insort(self.calls, call)

    def _hasten(self, call: DelayedCall) -> None:
        if call in self.calls:
            self.withdraw(call)
            self.restore(call)

    def _sortCalls(self) -> None:
        # A call that was put off keeps its place until it is the first, as in a reactor.
        while self.calls and self.calls[0].delayed_time:
            call = self.calls.pop(0)
            call.activate_delay()
            self.restore(call)

    def upcoming(self) -> float | None:
        """
        Returns the time of the next call in seconds; None if there is none.
        """
        self._sortCalls()
        return self.calls[0].getTime() if self.calls else None

    def run(self, seconds: float) -> None:
        """
        Lets time pass, from event to event.
        """
        end = self.rightNow + seconds
        while (upcoming := self.upcoming()) is not None and upcoming < end:
            self.advance(max(upcoming - self.rightNow, 0))
        self.advance(max(end - self.rightNow, 0))

    def runUntil(self, done: Callable[[], bool], limit: float) -> None:
        """
        Lets time pass until C{done()} returns True.

        @param limit: seconds.
        @raise AssertionError: if it does not return True within C{limit}, or before the last
            delayed call.
        """
        end = self.rightNow + limit
        while not done():
            upcoming = self.upcoming()
            if upcoming is None or upcoming > end:
                raise AssertionError(
                    f"not done at {self.rightNow:g} s, and "
                    + ("nothing is left to happen" if upcoming is None else "the limit is reached")
                )
            self.advance(max(upcoming - self.rightNow, 0))
