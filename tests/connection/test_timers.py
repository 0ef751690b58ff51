"""
Tests for L{kcptwisted.connection.timers}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.connection.timers import NEVER, Timer, TimerTable
from tests.properties import given, strategies

_timers = strategies.sampled_from(list(Timer))
#: Few different times, so that several timers have the same.
_times = strategies.one_of(strategies.integers(0, 5), strategies.integers(0, 2**40))


class TimerTableTests(SynchronousTestCase):
    """
    Tests for L{TimerTable}.
    """

    def setUp(self) -> None:
        """
        Make one.
        """
        self.timers = TimerTable()

    def test_beginning(self) -> None:
        """
        At first nothing is due, ever.
        """
        self.assertEqual(self.timers.earliest, NEVER)
        self.assertFalse(any(self.timers.isDue(timer, NEVER - 1) for timer in Timer))

    def test_set(self) -> None:
        """
        A timer is due from its time on, and the first counts.
        """
        self.timers.set(Timer.FIN, 200)
        self.timers.set(Timer.HELLO, 100)
        self.assertEqual(self.timers.earliest, 100)
        self.assertFalse(self.timers.isDue(Timer.HELLO, 99))
        self.assertTrue(self.timers.isDue(Timer.HELLO, 100))
        self.assertTrue(self.timers.isDue(Timer.HELLO, 101))
        self.assertFalse(self.timers.isDue(Timer.FIN, 101))

    def test_putOff(self) -> None:
        """
        When the first is set to a later time, another one may be the first.
        """
        self.timers.set(Timer.FIN, 200)
        self.timers.set(Timer.HELLO, 100)
        self.timers.set(Timer.HELLO, 300)
        self.assertEqual(self.timers.earliest, 200)
        self.timers.clear(Timer.FIN)
        self.assertEqual(self.timers.earliest, 300)
        self.timers.clear(Timer.HELLO)
        self.assertEqual(self.timers.earliest, NEVER)

    def test_same(self) -> None:
        """
        Of two timers with one time, the other remains when one is stopped.
        """
        self.timers.set(Timer.FIN, 100)
        self.timers.set(Timer.LINGER, 100)
        self.timers.clear(Timer.FIN)
        self.assertEqual(self.timers.earliest, 100)

    def test_clearAll(self) -> None:
        """
        All can be stopped at once.
        """
        for timer in Timer:
            self.timers.set(timer, 100)
        self.timers.clearAll()
        self.assertEqual(self.timers.earliest, NEVER)
        self.assertFalse(any(self.timers.isDue(timer, 1000) for timer in Timer))

    @given(
        strategies.lists(
            strategies.one_of(
                strategies.tuples(_timers, strategies.one_of(strategies.none(), _times)),
                strategies.none(),
            ),
            max_size=50,
        ),
        _times,
    )
    def test_whatever(self, steps: list[tuple[Timer, int | None] | None], now: int) -> None:
        """
        Whatever is set and stopped, it is as with a dictionary: the first time of all is the least,
        and a timer is due if its own time has come.
        """
        timers, plain = TimerTable(), dict.fromkeys(Timer, NEVER)
        for step in steps:
            if step is None:
                timers.clearAll()
                plain = dict.fromkeys(Timer, NEVER)
            elif step[1] is None:
                timers.clear(step[0])
                plain[step[0]] = NEVER
            else:
                timers.set(step[0], step[1])
                plain[step[0]] = step[1]
            self.assertEqual(timers.earliest, min(plain.values()))
            due = [timer for timer in Timer if timers.isDue(timer, now)]
            self.assertEqual(due, [timer for timer in Timer if plain[timer] <= now])
