"""
Tests for L{kcptwisted.testing.clock}.
"""

from __future__ import annotations

from random import Random

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.testing.clock import SimulatedClock


def story(clock: Clock, seed: int) -> list[tuple[float, int]]:
    """
    Schedules, cancels, hastens and puts off calls, which do the same.

    @return: when each was called.
    """
    random = Random(seed)
    called: list[tuple[float, int]] = []
    pending = []

    def call(number: int) -> None:
        called.append((clock.seconds(), number))
        for other in range(random.randrange(3)):
            if number < 2000:
                pending.append(clock.callLater(random.random(), call, 3 * number + other))
        victim = random.choice(pending)
        if victim.active():
            kind = random.randrange(6)
            if kind == 0:
                victim.cancel()
            elif kind == 1:
                victim.reset(random.random())
            elif kind == 2:
                victim.delay(random.random() - 0.5)

    pending += [clock.callLater(random.random(), call, number) for number in range(1, 30)]
    while clock.calls and clock.seconds() < 50:
        clock.advance(0.001)
    return called


class SimulatedClockTests(SynchronousTestCase):
    """
    A clock that keeps its calls in order.
    """

    def test_asClock(self) -> None:
        """
        All happens when it happens on Twisted's clock.
        """
        for seed in range(20):
            expected = story(Clock(), seed)
            self.assertGreater(len(expected), 20)
            self.assertEqual(story(SimulatedClock(), seed), expected)

    def test_order(self) -> None:
        """
        Calls of one time come in the order in which they were scheduled.
        """
        clock = SimulatedClock()
        called: list[int] = []
        for number in range(9):
            clock.callLater(1 + number % 2, called.append, number)
        clock.advance(5)
        self.assertEqual(called, [0, 2, 4, 6, 8, 1, 3, 5, 7])

    def test_withdrawn(self) -> None:
        """
        A call that is taken out is not called, can be put off, hastened and put back.
        """
        clock = SimulatedClock()
        called: list[float] = []
        calls = [clock.callLater(2, lambda: called.append(clock.seconds())) for _ in range(3)]
        withdrawn = clock.calls[:]
        for call in withdrawn:
            clock.withdraw(call)
        calls[0].reset(1)
        calls[1].reset(3)
        self.assertIsNone(clock.upcoming())
        clock.run(0.5)
        for call in withdrawn:
            clock.restore(call)
        self.assertEqual(clock.upcoming(), 1)
        clock.run(9)
        self.assertEqual(called, [1, 2, 3])
