"""
Tests for L{kcptwisted.timing.turns}, and for how the clock gives sessions their turns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.timing.turns import ALONE, SHARE, TURN, Turn
from tests.clocks import ClockTestCase, Flushed


class TurnTests(SynchronousTestCase):
    """
    How much a session may send.
    """

    def test_alone(self) -> None:
        """
        A session that has no company may send all that a turn has.
        """
        turn = Turn()
        self.assertEqual((turn.burst, turn.isUsed, turn.isOver), (ALONE, False, False))

    def test_several(self) -> None:
        """
        Of several that have waited each may send an equal part, but enough for long runs of
        datagrams.
        """
        turn = Turn()
        turn.goOn(1)
        self.assertEqual(turn.burst, ALONE)
        turn.goOn(2)
        self.assertEqual(turn.burst, TURN // 2)
        turn.goOn(1000)
        self.assertEqual(turn.burst, SHARE)

    def test_used(self) -> None:
        """
        When all is used up the turn is over.  The first of those that have waited gets its share
        all the same.
        """
        turn = Turn()
        for _ in range(ALONE // SHARE):
            self.assertEqual(turn.isOver, False)
            turn.spend(SHARE)
            self.assertLessEqual(turn.burst, ALONE - SHARE)
        self.assertEqual(turn.burst, SHARE)
        self.assertTrue(turn.isOver)
        turn.goOn(10)
        self.assertEqual((turn.burst, turn.isOver), (SHARE, False))
        turn.spend(1)
        self.assertTrue(turn.isOver)
        turn.begin()
        self.assertEqual((turn.burst, turn.isUsed, turn.isOver), (TURN, False, False))
        turn.goOn(1)
        turn.begin()
        self.assertEqual(turn.burst, ALONE)


class CrowdTests(ClockTestCase):
    """
    Many sessions that want to send much.
    """

    def setUp(self) -> None:
        """
        There are ten.
        """
        super().setUp()
        self.sent: list[tuple[Flushed, int]] = []
        self.greedy = [self.make() for _ in range(10)]
        for session in self.greedy:
            session.meanwhile = partial(self.send, session)

    def send(self, session: Flushed) -> None:
        """
        Send a burst, and have more.
        """
        turn = self.clock.turn
        if turn.isOver:
            self.clock.wantFlushNextTurn(session)
            return
        self.sent.append((session, turn.burst))
        turn.spend(turn.burst)
        self.clock.wantFlushNextTurn(session)

    def endTurn(self) -> None:
        """
        Have the reactor make the call that is due, and not what that asks for.
        """
        (call,) = self.reactor.calls
        self.assertEqual(call.getTime(), self.reactor.seconds())
        end: Callable[[], object] = call.func
        call.cancel()
        end()

    def test_bounded(self) -> None:
        """
        A turn has an end however many want to send.
        """
        for session in self.greedy:
            self.clock.wantFlush(session)
        self.clock.flush()
        self.assertEqual([count for _, count in self.sent], [ALONE])
        for _ in range(10):
            self.sent.clear()
            self.endTurn()
            self.assertEqual([count for _, count in self.sent], [SHARE] * (TURN // SHARE))

    def test_equal(self) -> None:
        """
        They take turns, so that none gets more than the others.
        """
        for session in self.greedy:
            self.clock.wantFlushNextTurn(session)
        for _ in range(10 * 10 * SHARE // TURN):
            self.endTurn()
        shares: Counter[Flushed] = Counter()
        for session, count in self.sent:
            shares[session] += count
        self.assertEqual(set(shares.values()), {10 * SHARE})

    def test_small(self) -> None:
        """
        A session that wants to send now and then is flushed in the same turn, before them.
        """
        for session in self.greedy:
            self.clock.wantFlushNextTurn(session)
        before: list[int] = []
        for _ in range(20):
            self.sent.clear()
            small = self.make()
            small.meanwhile = lambda: before.append(len(self.sent))
            self.clock.wantFlush(small)
            self.endTurn()
            self.assertEqual(len(self.sent), TURN // SHARE)
        self.assertEqual(before, [0] * 20)

    def test_notStarved(self) -> None:
        """
        One of those that wait gets its turn, too, if others use a turn up.
        """
        others = [self.make() for _ in range(10)]
        for session in others:
            session.meanwhile = partial(self.clock.turn.spend, SHARE)
        self.clock.wantFlushNextTurn(self.greedy[0])
        self.clock.wantFlushNextTurn(self.greedy[1])
        for number in range(10):
            for session in others:
                self.clock.wantFlush(session)
            self.endTurn()
            self.assertIs(self.sent[-1][0], self.greedy[number % 2])
            self.assertEqual(len(self.sent), number + 1)

    def test_alone(self) -> None:
        """
        One that is left alone sends as much as a turn takes.
        """
        self.clock.wantFlushNextTurn(self.greedy[0])
        for _ in range(3):
            self.endTurn()
        self.assertEqual([count for _, count in self.sent], [ALONE] * 3)
