"""
A flush clock whose time the test makes pass, and what it drives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakSet

from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.timing.clock import FlushClock


class Flushed:
    """
    What the clock drives.

    @ivar due: when it is to be flushed next.
    @ivar flushed: when it was.
    """

    scheduled: int | None = None
    due: int | None = None

    def __init__(self, clock: FlushClock) -> None:
        self._clock = clock
        self.flushed: list[int] = []
        #: After how long there is another deadline.
        self.repeats: list[int] = []
        #: What happens in a flush, beside that the deadline is over.
        self.meanwhile: Callable[[], None] = lambda: None
        self.failures: list[Failure] = []

    def flush(self, now: int) -> None:
        """
        Note it, and schedule what comes next.
        """
        self.flushed.append(now)
        if self.due is not None and self.due <= now:
            self.due = now + self.repeats.pop() if self.repeats else None
        self.meanwhile()
        self._clock.schedule(self)

    def failed(self, reason: Failure) -> None:
        """
        Note it.
        """
        self.failures.append(reason)

    def setDue(self, at: int | None) -> None:
        """
        Have a deadline from now on.
        """
        self.due = at
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
        self._made: WeakSet[Flushed] = WeakSet()

    def make(self) -> Flushed:
        """
        Something to be driven.
        """
        made = Flushed(self.clock)
        self._made.add(made)
        return made

    @contextmanager
    def batch(self) -> Iterator[None]:
        """
        A port hands datagrams over, and then finishes the batch.
        """
        self.clock.held = True
        yield
        self.clock.held = False
        self.clock.flush()

    def forgetAll(self) -> None:
        """
        All connections end.
        """
        for made in list(self._made):
            self.clock.forget(made)

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
