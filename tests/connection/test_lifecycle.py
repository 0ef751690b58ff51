"""
Tests for L{kcptwisted.connection.lifecycle}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.connection.lifecycle import ASKS, HELLOES, Lifecycle, State
from tests.properties import given, strategies


class LifecycleTests(SynchronousTestCase):
    """
    Tests for L{Lifecycle}.
    """

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.lifecycle = Lifecycle()

    def test_beginning(self) -> None:
        """
        A connection begins by waiting for the peer, without a deadline of its own.
        """
        self.assertIs(self.lifecycle.state, State.CONNECTING)
        self.assertIs(self.lifecycle.deadline, None)
        self.assertFalse(self.lifecycle.retryIsDue(10**9))
        self.assertFalse(self.lifecycle.lingerIsOver(10**9))

    def test_establish(self) -> None:
        """
        That the peer is there is news once.
        """
        self.assertTrue(self.lifecycle.establish())
        self.assertIs(self.lifecycle.state, State.ESTABLISHED)
        self.assertFalse(self.lifecycle.establish())

    def test_close(self) -> None:
        """
        That the application is done is news once, before or after the peer is there.
        """
        other = Lifecycle()
        other.establish()
        for lifecycle in (self.lifecycle, other):
            self.assertTrue(lifecycle.close(0, 1.0))
            self.assertIs(lifecycle.state, State.CLOSING)
            self.assertFalse(lifecycle.close(500, 1.0))
            self.assertEqual(lifecycle.deadline, 250)

    def test_closeThenAnswer(self) -> None:
        """
        A closed connection is not established any more.
        """
        self.lifecycle.close(0, 1.0)
        self.assertFalse(self.lifecycle.establish())
        self.assertIs(self.lifecycle.state, State.CLOSING)

    def test_end(self) -> None:
        """
        The end is news once, and nothing follows it.
        """
        self.lifecycle.begin(0)
        self.assertTrue(self.lifecycle.end())
        self.assertIs(self.lifecycle.state, State.CLOSED)
        self.assertIs(self.lifecycle.deadline, None)
        self.assertFalse(self.lifecycle.end())
        self.assertFalse(self.lifecycle.establish())
        self.assertFalse(self.lifecycle.close(0, 1.0))
        self.assertFalse(self.lifecycle.retryIsDue(10**9))
        self.assertFalse(self.lifecycle.lingerIsOver(10**9))

    def test_retries(self) -> None:
        """
        The peer is asked again after 250 ms, then after twice as long each time, up to 4 s.
        """
        self.lifecycle.begin(100)
        now = 100
        distances = []
        for _ in range(7):
            deadline = self.lifecycle.deadline
            assert deadline is not None
            self.assertFalse(self.lifecycle.retryIsDue(deadline - 1))
            self.assertTrue(self.lifecycle.retryIsDue(deadline))
            self.assertFalse(self.lifecycle.retryIsDue(deadline))
            distances.append(deadline - now)
            now = deadline
        self.assertEqual(distances, [250, 500, 1000, 2000, 4000, 4000, 4000])

    def test_lateRetry(self) -> None:
        """
        The distance counts from when the peer was asked.
        """
        self.lifecycle.begin(0)
        self.assertTrue(self.lifecycle.retryIsDue(5000))
        self.assertEqual(self.lifecycle.deadline, 5500)

    def asks(self) -> list[int]:
        """
        @return: when the peer is asked again until it is not any more, milliseconds.
        """
        times: list[int] = []
        while (deadline := self.lifecycle.deadline) is not None and len(times) < 20:
            if self.lifecycle.retryIsDue(deadline):
                times.append(deadline)
            elif self.lifecycle.deadline == deadline:
                break
        return times

    def test_answered(self) -> None:
        """
        A peer that has answered, but not with a hello, is asked three times in all.
        """
        self.lifecycle.begin(0)
        self.lifecycle.establish()
        self.assertEqual(self.asks(), [250, 750])
        self.assertIs(self.lifecycle.deadline, None)
        self.assertFalse(self.lifecycle.retryIsDue(10**9))

    def test_answeredLate(self) -> None:
        """
        One that has been asked more often by then is not asked again.
        """
        self.lifecycle.begin(0)
        for _ in range(4):
            deadline = self.lifecycle.deadline
            assert deadline is not None
            self.assertTrue(self.lifecycle.retryIsDue(deadline))
        self.lifecycle.establish()
        self.assertEqual(self.asks(), [])
        self.assertIs(self.lifecycle.deadline, None)

    def test_greeted(self) -> None:
        """
        When the peer has said hello it is not asked any more.
        """
        self.lifecycle.begin(0)
        self.lifecycle.establish()
        self.lifecycle.greeted()
        self.assertIs(self.lifecycle.deadline, None)
        self.assertFalse(self.lifecycle.retryIsDue(10**9))

    def test_closedUnanswered(self) -> None:
        """
        Nor more than three times in all when the application is done: what remains is the linger
        time.
        """
        self.lifecycle.begin(0)
        self.lifecycle.close(10, 30.0)
        self.assertEqual(self.lifecycle.deadline, 250)
        self.assertEqual(self.asks(), [250, 750])
        self.assertEqual(self.lifecycle.deadline, 10 + 30_000 // ASKS)
        self.assertFalse(self.lifecycle.retryIsDue(10_000))

    def test_earlierDeadline(self) -> None:
        """
        The deadline is the earlier one of those that there are.
        """
        self.lifecycle.begin(0)
        self.lifecycle.close(0, 0.1)
        self.assertEqual(self.lifecycle.deadline, 25)
        self.lifecycle.progress(240, 0.1)
        self.assertEqual(self.lifecycle.deadline, 250)

    def test_asks(self) -> None:
        """
        A peer whose window is shut is asked several times until the linger is over, and as often
        after it has shown that it is there.
        """
        self.assertFalse(self.lifecycle.askIsDue(0, 4.0))
        self.lifecycle.close(0, 4.0)
        due = [now for now in range(0, 4000, 100) if self.lifecycle.askIsDue(now, 4.0)]
        self.assertEqual(due, [1000, 2000, 3000])
        self.lifecycle.progress(3500, 4.0)
        self.assertFalse(self.lifecycle.askIsDue(4400, 4.0))
        self.assertTrue(self.lifecycle.askIsDue(4500, 4.0))
        self.lifecycle.end()
        self.assertFalse(self.lifecycle.askIsDue(9000, 4.0))

    def test_progress(self) -> None:
        """
        A close begins to wait anew when the peer has acknowledged something; nothing else does.
        """
        self.lifecycle.progress(0, 1.0)
        self.assertIs(self.lifecycle.deadline, None)
        self.lifecycle.close(0, 1.0)
        self.lifecycle.progress(700, 1.0)
        self.assertFalse(self.lifecycle.lingerIsOver(1699))
        self.assertTrue(self.lifecycle.lingerIsOver(1700))

    def test_linger(self) -> None:
        """
        A close waits as long as it was told to, in seconds.
        """
        self.lifecycle.establish()
        self.lifecycle.close(1000, 2.5)
        self.assertFalse(self.lifecycle.lingerIsOver(3499))
        self.assertTrue(self.lifecycle.lingerIsOver(3500))

    def test_noLinger(self) -> None:
        """
        With no time to wait a close is over at once.
        """
        self.lifecycle.close(1000, 0)
        self.assertTrue(self.lifecycle.lingerIsOver(1000))

    @given(
        strategies.lists(
            strategies.sampled_from(["begin", "retry", "establish", "greeted", "close", "end"]),
            max_size=12,
        )
    )
    def test_onlyForward(self, events: list[str]) -> None:
        """
        Whatever happens, a connection never goes back to an earlier state; when it is closed
        nothing is due; and a peer that has answered is asked three times at most.
        """
        lifecycle = Lifecycle()
        order = [State.CONNECTING, State.ESTABLISHED, State.CLOSING, State.CLOSED]
        asked = 0
        for number, event in enumerate(events):
            now = 1000 * number
            before = order.index(lifecycle.state)
            if event == "begin" and not asked and lifecycle.state is not State.CLOSED:
                lifecycle.begin(now)
                asked = 1
            elif event == "retry" and lifecycle.retryIsDue(now):
                asked += 1
                self.assertTrue(lifecycle.state is State.CONNECTING or asked <= HELLOES)
            elif event == "establish":
                lifecycle.establish()
            elif event == "greeted":
                lifecycle.greeted()
            elif event == "close":
                lifecycle.close(now, 1.0)
            elif event == "end":
                lifecycle.end()
            self.assertGreaterEqual(order.index(lifecycle.state), before)
            if lifecycle.state is State.CLOSED:
                self.assertIs(lifecycle.deadline, None)
