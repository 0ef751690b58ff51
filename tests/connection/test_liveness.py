"""
Tests for L{kcptwisted.connection.liveness}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.connection.liveness import (
    LEAST_QUESTIONS,
    LONGEST_TOLERANCE,
    NEWCOMER_SILENCE,
    QUESTIONS,
    TOLERANCE,
    Finding,
    Liveness,
)
from kcptwisted.connection.timers import NEVER, TimerTable
from tests.connection.driving import SETTINGS, changed
from tests.connection.peers import established
from tests.properties import given, strategies

#: Milliseconds, and what happens then: nothing but a look, a sign of life, or application data.
Events = list[tuple[int, str]]

EVENTS = strategies.lists(
    strategies.tuples(
        strategies.integers(0, 20_000), strategies.sampled_from(["look", "look", "heard", "active"])
    ),
    max_size=60,
)


class LivenessTests(SynchronousTestCase):
    """
    Tests for L{Liveness}.
    """

    def setUp(self) -> None:
        """
        Nothing is due yet.
        """
        self.timers = TimerTable()

    @property
    def deadline(self) -> int | None:
        """
        When the next look is due.
        """
        earliest = self.timers.earliest
        return None if earliest == NEVER else earliest

    def watch(
        self, keepAlive: float = 10, deadAfter: float = 30, idleTimeout: float = 0
    ) -> Liveness:
        """
        @return: one that has been started at 1000 ms.
        """
        self.timers = TimerTable()
        liveness = Liveness(keepAlive, deadAfter, idleTimeout, self.timers)
        self.assertIs(self.deadline, None)
        liveness.start(1000)
        return liveness

    def asks(self, liveness: Liveness) -> list[int]:
        """
        @return: when a peer that is not heard any more is asked, and at the end when it is found
            dead.
        """
        times = []
        while True:
            now = self.deadline
            assert now is not None
            self.assertIs(liveness.look(now - 1), Finding.WELL)
            finding = liveness.look(now)
            times.append(now)
            if finding is Finding.DEAD:
                return times
            self.assertIs(finding, Finding.SILENT)

    def test_refreshed(self) -> None:
        """
        A peer that is heard when half of the silence has passed puts the timer off; one that is
        heard sooner need not, and one that has been asked does not.
        """
        liveness = self.watch()
        first = self.deadline
        assert first is not None
        self.assertEqual(liveness.refreshAt, 6000)
        liveness.heard = 6000
        liveness.setTimer()
        self.assertEqual((self.deadline, liveness.refreshAt), (first + 5000, 11_000))
        liveness.look(first + 5000)
        self.assertEqual((liveness.unanswered, liveness.refreshAt), (1, NEVER))

    def test_neverRefreshed(self) -> None:
        """
        Nothing is put off where nothing is asked.
        """
        self.assertEqual(self.watch(keepAlive=0).refreshAt, NEVER)

    def test_silence(self) -> None:
        """
        After C{keepAlive} seconds of silence the peer is asked, six times within C{deadAfter}
        seconds; then it is dead.
        """
        times = self.asks(self.watch())
        self.assertEqual(times, [11_000 + 5000 * number for number in range(QUESTIONS + 1)])

    def test_heard(self) -> None:
        """
        A sign of life moves the next ask, without a call; the look that comes too early then sets
        the timer.
        """
        liveness = self.watch()
        liveness.heard = 9000
        self.assertEqual(self.deadline, 11_000)
        self.assertEqual((liveness.look(11_000), self.deadline), (Finding.WELL, 19_000))
        self.assertIs(liveness.look(19_000), Finding.SILENT)

    def test_answered(self) -> None:
        """
        A sign of life after an ask begins everything anew.
        """
        liveness = self.watch()
        for now in (11_000, 16_000, 21_000, 26_000):
            self.assertIs(liveness.look(now), Finding.SILENT)
        self.assertEqual(liveness.unanswered, 4)
        liveness.heard = 30_000
        self.assertEqual((liveness.look(31_000), liveness.unanswered), (Finding.WELL, 0))
        self.assertEqual(self.asks(liveness)[:2], [40_000, 45_000])

    def test_revived(self) -> None:
        """
        The same when somebody says so.
        """
        liveness = self.watch()
        liveness.look(11_000)
        liveness.heard = 11_000
        liveness.revived()
        self.assertEqual((liveness.unanswered, self.deadline), (0, 21_000))
        self.assertEqual((liveness.look(16_000), self.deadline), (Finding.WELL, 21_000))

    def test_never(self) -> None:
        """
        With C{keepAlive} 0 there is nothing to look for.
        """
        liveness = self.watch(keepAlive=0)
        self.assertIs(self.deadline, None)
        self.assertIs(liveness.look(10**9), Finding.WELL)
        liveness.letPeerAsk(True)
        self.assertIs(liveness.look(10**9), Finding.WELL)

    def test_asksAtLeast(self) -> None:
        """
        Nobody is dead who has not been asked three times, however late the looks come.
        """
        liveness = self.watch()
        findings = [liveness.look(now) for now in (100_000, 200_000, 300_000, 400_000)]
        self.assertEqual(findings, [Finding.SILENT] * LEAST_QUESTIONS + [Finding.DEAD])

    def test_idle(self) -> None:
        """
        Without application data for C{idleTimeout} seconds the connection is idle, whether the
        peer is heard or not.
        """
        liveness = self.watch(idleTimeout=20)
        liveness.heard = 20_000
        self.assertIs(liveness.look(20_999), Finding.WELL)
        self.assertEqual(self.deadline, 21_000)
        self.assertIs(liveness.look(21_000), Finding.IDLE)

    def test_active(self) -> None:
        """
        Application data move that: whoever moves some says so, or says how much has moved by now.
        """
        liveness = self.watch(keepAlive=0, idleTimeout=20)
        liveness.active = 15_000
        self.assertEqual((liveness.look(21_000), self.deadline), (Finding.WELL, 35_000))
        liveness.noteActivity(7, 30_000)
        self.assertEqual((liveness.look(35_000), self.deadline), (Finding.WELL, 50_000))
        liveness.noteActivity(7, 49_000)
        self.assertIs(liveness.look(50_000), Finding.IDLE)

    def test_timesIdleness(self) -> None:
        """
        Nobody need say what has moved where nothing is too long.
        """
        self.assertFalse(self.watch().timesIdleness)
        liveness = self.watch(idleTimeout=20)
        self.assertTrue(liveness.timesIdleness)

    def test_together(self) -> None:
        """
        Connections that were last heard within a twentieth of C{keepAlive} are asked at the same
        time, which is no sooner than after C{keepAlive} and no more than that twentieth later.
        """
        for keepAlive, grid in ((10, 500), (4, 200), (1000, LONGEST_TOLERANCE), (0.01, 1)):
            liveness = self.watch(keepAlive)
            silence = int(keepAlive * 1000)
            deadlines = set()
            for heard in range(1, 10 * grid + 1):
                liveness.heard = heard
                self.assertIs(liveness.look(heard), Finding.WELL)
                assert self.deadline is not None
                self.assertTrue(0 <= self.deadline - heard - silence < grid)
                deadlines.add(self.deadline)
            self.assertEqual(len(deadlines), 10)

    def test_repeatedTogether(self) -> None:
        """
        So are those that do not answer, and they are found dead together.
        """
        ends = set()
        for delay in range(0, 250, 10):
            liveness = self.watch(deadAfter=30)
            self.assertIs(liveness.look(11_000 + delay), Finding.SILENT)
            ends.add(self.asks(liveness)[-1])
        self.assertEqual(ends, {41_000, 41_250})

    @given(strategies.floats(0.1, 1000), strategies.floats(0.1, 1000))
    def test_inTime(self, keepAlive: float, deadAfter: float) -> None:
        """
        Whatever the options, who is looked after at the deadlines is asked, and found dead, in
        time: no sooner than they say, and a twentieth later at most, a question more included.
        """
        liveness = self.watch(keepAlive, deadAfter)
        times: list[int] = []
        finding = Finding.WELL
        while finding is not Finding.DEAD:
            assert self.deadline is not None
            times.append(self.deadline)
            finding = liveness.look(times[-1])
        silence, limit = int(keepAlive * 1000), int(deadAfter * 1000)
        self.assertTrue(silence <= times[0] - 1000 <= silence + silence // TOLERANCE)
        self.assertGreaterEqual(times[-1] - times[0], limit)
        self.assertLessEqual(
            times[-1] - times[0], limit + limit // TOLERANCE + limit // QUESTIONS + 1
        )

    def test_letPeerAsk(self) -> None:
        """
        The end that was called waits a tenth longer, each time, and a twentieth of that at most.
        """
        liveness = Liveness(10, 30, 0, self.timers)
        liveness.letPeerAsk(False)
        liveness.start(1000)
        self.assertEqual(self.deadline, 12_100)
        liveness.look(12_100)
        liveness.heard = 12_500
        self.assertEqual((liveness.look(17_100), self.deadline), (Finding.WELL, 23_650))

    def test_unproven(self) -> None:
        """
        A caller that has yet to show itself is asked after a second, and later like others.
        """
        liveness = Liveness(10, 30, 0, self.timers)
        liveness.letPeerAsk(True)
        liveness.start(1000)
        self.assertEqual(self.deadline, 1000 + NEWCOMER_SILENCE)
        self.assertIs(liveness.look(2000), Finding.SILENT)
        liveness.heard = 2100
        self.assertEqual((liveness.look(7000), self.deadline), (Finding.WELL, 13_200))

    def test_unprovenButQuick(self) -> None:
        """
        Not later than it would be anyway.
        """
        liveness = Liveness(0.5, 30, 0, self.timers)
        liveness.letPeerAsk(True)
        liveness.start(1000)
        # A multiple of 550 / 20, rounded down to a whole number.
        self.assertEqual(self.deadline, 58 * 27)

    def test_stop(self) -> None:
        """
        When it is stopped it finds nothing any more.
        """
        liveness = self.watch(idleTimeout=20)
        liveness.stop()
        self.assertEqual((self.deadline, liveness.look(10**9)), (None, Finding.WELL))
        liveness.revived()
        self.assertIs(self.deadline, None)

    def test_setKeepAlive(self) -> None:
        """
        The silence can be set on a live connection, and a question that was asked is forgotten.
        """
        liveness = self.watch()
        self.assertIs(liveness.look(11_000), Finding.SILENT)
        liveness.setKeepAlive(40)
        self.assertEqual((self.deadline, liveness.unanswered), (41_000, 0))
        self.assertIs(liveness.look(41_000), Finding.SILENT)
        liveness.setKeepAlive(0)
        self.assertEqual((self.deadline, liveness.look(10**9)), (None, Finding.WELL))

    def test_setKeepAliveBefore(self) -> None:
        """
        Before the connection is up nothing is due by it.
        """
        liveness = Liveness(0, 30, 0, self.timers)
        liveness.setKeepAlive(10)
        self.assertIs(self.deadline, None)
        liveness.start(1000)
        self.assertEqual(self.deadline, 11_000)

    def test_askSoon(self) -> None:
        """
        A peer whose words are doubtful is asked after a second of silence, and later like others.
        """
        liveness = self.watch()
        liveness.heard = 5000
        liveness.askSoon()
        self.assertEqual(self.deadline, 5000 + NEWCOMER_SILENCE)
        self.assertIs(liveness.look(6000), Finding.SILENT)
        liveness.heard = 6100
        liveness.revived()
        self.assertEqual(self.deadline, 16_500)
        never = self.watch(keepAlive=0)
        never.askSoon()
        self.assertIs(self.deadline, None)

    @given(
        strategies.sampled_from([0, 0.3, 1, 10, 60]),
        strategies.sampled_from([0.1, 1, 30]),
        strategies.sampled_from([0, 5, 100]),
        EVENTS,
    )
    def test_whatever(
        self, keepAlive: float, deadAfter: float, idleTimeout: float, events: Events
    ) -> None:
        """
        Whatever happens: nobody is dead sooner than C{deadAfter} after the first unanswered ask,
        with fewer than three asks, or when heard since; nothing is idle that was active; and the
        next look is never due at once.
        """
        self.timers = TimerTable()
        liveness = Liveness(keepAlive, deadAfter, idleTimeout, self.timers)
        now = active = 0
        asks: list[int] = []
        liveness.start(now)
        for step, event in events:
            now += step + 1
            if event == "heard":
                liveness.heard = now
                asks.clear()
                continue
            if event == "active":
                liveness.active = active = now
                continue
            finding = liveness.look(now)
            if finding is Finding.IDLE:
                self.assertGreaterEqual(now - active, 1000 * idleTimeout)
                self.assertTrue(idleTimeout)
                return
            if finding is Finding.DEAD:
                self.assertGreaterEqual(len(asks), LEAST_QUESTIONS)
                self.assertGreaterEqual(now - asks[0], 1000 * deadAfter)
                return
            if finding is Finding.SILENT:
                self.assertGreaterEqual(now - liveness.heard, 1000 * keepAlive)
                asks.append(now)
            self.assertEqual(liveness.unanswered, len(asks))
            self.assertEqual(self.deadline is None, not (keepAlive or idleTimeout))
            if self.deadline is not None:
                self.assertGreater(self.deadline, now)


class TrafficTests(SynchronousTestCase):
    """
    The watch over a connection whose peer sends data.
    """

    def test_acknowledgements(self) -> None:
        """
        A look that is not due any more, since the peer was heard, does not make ACKs leave before
        their time.
        """
        party, peer = established(changed(keepAlive=10.0))
        due = party.deadline()
        assert due is not None
        party.passTo(due - 500)
        party.receive([peer.push(0, b"data")])
        self.assertEqual(len(party.passTo(due - 5)), 1)
        party.receive([peer.push(1, b"data")])
        self.assertEqual(party.passTo(due), [])
        self.assertEqual(len(party.passTo(due + SETTINGS.arq.interval)), 1)
