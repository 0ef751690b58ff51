"""
A flush clock whose time the test makes pass, and what it drives.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from kcptwisted.timing.clock import FlushClock, IFlushed


@implementer(IFlushed)
class Flushed:
    """
    What the clock drives.

    @ivar dueAt: when it is to be flushed next.
    @ivar flushed: when it was.
    """

    scheduled: int | None = None
    dueAt: int | None = None

    def __init__(self, clock: FlushClock) -> None:
        self._clock = clock
        self.flushed: list[int] = []
        #: After how long there is another deadline.
        self.repeats: list[int] = []
        #: What happens in a flush, beside that the deadline is over.
        self.meanwhile: Callable[[], None] = lambda: None
        self.failures: list[Failure] = []

    def deadline(self) -> int | None:
        """
        @return: C{dueAt}.
        """
        return self.dueAt

    def flush(self, now: int) -> None:
        """
        Note it, and schedule what comes next.
        """
        self.flushed.append(now)
        if self.dueAt is not None and self.dueAt <= now:
            self.dueAt = now + self.repeats.pop() if self.repeats else None
        self.meanwhile()
        self._clock.schedule(self)

    def failed(self, reason: Failure) -> None:
        """
        Note it.
        """
        self.failures.append(reason)

    def due(self, at: int | None) -> None:
        """
        Have a deadline from now on.
        """
        self.dueAt = at
        self._clock.schedule(self)


class ClockTestCase(SynchronousTestCase):
    """
    Holds a clock whose time the test makes pass.
    """

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.reactor = Clock()
        self.clock = FlushClock(self.reactor)

    def make(self) -> Flushed:
        """
        Something to be driven.
        """
        return Flushed(self.clock)

    def calls(self) -> int:
        """
        @return: how many delayed calls there are.
        """
        return len(self.reactor.getDelayedCalls())

    def passTime(self, milliseconds: int) -> None:
        """
        Let time pass in steps of five milliseconds.
        """
        self.reactor.pump([0.005] * (milliseconds // 5))

    def assertStill(self) -> None:
        """
        Nothing waits, so nothing runs.
        """
        self.assertEqual(self.calls(), 0)
