"""
Tests for L{kcptwisted.connection.pathmtu}.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.connection.mtusizes import BASE_MTU, LARGEST_MTU, LARGEST_PLAIN_MTU, SIZES
from kcptwisted.connection.pathmtu import (
    ENOUGH,
    LEAST_PATIENCE,
    LONGEST_PROBE_TIMER,
    MAX_PROBES,
    PLAIN_ANSWERS,
    PROBE_TIMER,
    RAISE_TIMER,
    PathMTU,
    Phase,
)
from kcptwisted.connection.timers import NEVER
from tests.properties import given, strategies

START = 100_000

#: The retransmission timeout, milliseconds.
TIMEOUT = 100

#: Milliseconds from a probe to its answer.
TRIP = 20


class Searched:
    """
    The search on a path, with data in flight all the time.

    @ivar path: the search.
    @ivar carries: the largest datagram that passes unfragmented.
    @ivar probes: the sizes that were probed.
    @ivar hears: whether anything comes from the peer.
    @ivar answers: whether it answers probes.
    @ivar plain: whether its answers say nothing of what they answer.
    @ivar acknowledges: whether it acknowledges data that arrive.
    """

    def __init__(self, carries: int = LARGEST_MTU, plain: bool = False) -> None:
        self.now = START
        self.path = PathMTU(BASE_MTU, 0, START)
        self.carries = carries
        self.plain = plain
        self.questions = 0
        self.probes: list[int] = []
        self.hears = self.answers = self.acknowledges = True
        self.una = 0
        self.answered: Callable[[int], bool] = lambda size: size <= self.carries

    def flush(self) -> None:
        """
        Sends, and takes what comes of it, as a connection does.
        """
        path = self.path
        passes = path.size <= self.carries or path.fragments
        if self.acknowledges and self.hears and passes:
            self.una += 1
        path.progress(self.una, True, TIMEOUT, self.now)
        if self.now >= path.expires:
            path.timedOut(self.hears, self.now)
        if self.now < path.due:
            return
        size = path.probe(self.plain, self.questions, TIMEOUT, self.now)
        if not size:
            return
        self.probes.append(size)
        if self.hears and self.answers and self.answered(size):
            self.now += TRIP
            if self.plain:
                path.answeredPlainly(self.questions, TRIP / 2, TIMEOUT, self.now)
            else:
                path.answered(path.number, self.now)

    def run(self, milliseconds: int) -> Searched:
        """
        Lets so much time pass.

        @return: itself.
        """
        end = self.now + milliseconds
        while self.now < end:
            self.flush()
            self.now += 10
        return self

    def complete(self) -> Searched:
        """
        Lets time pass until the search is complete.

        @return: itself.
        """
        for _ in range(10_000):
            if self.path.phase is Phase.COMPLETE:
                return self
            self.run(10)
        raise AssertionError(f"not complete: {self.path.phase}, {self.probes}")


class SearchTests(SynchronousTestCase):
    """
    Searching.
    """

    def test_base(self) -> None:
        """
        At first datagrams have the base size, and none larger is probed before some of it have been
        acknowledged.
        """
        searched = Searched()
        searched.acknowledges = False
        searched.run(LEAST_PATIENCE // 2)
        self.assertEqual((searched.path.size, searched.probes), (BASE_MTU, []))
        searched.acknowledges = True
        searched.run(10 * (ENOUGH - 1))
        self.assertEqual(searched.probes, [])
        searched.run(20)
        self.assertEqual(searched.probes[:1], [LARGEST_MTU])

    def test_largest(self) -> None:
        """
        The largest size is probed first: one probe is enough where it passes.
        """
        searched = Searched().complete()
        self.assertEqual((searched.path.size, searched.probes), (LARGEST_MTU, [LARGEST_MTU]))

    def test_plain(self) -> None:
        """
        To a peer whose answers say nothing of what they answer, nothing larger than kcp-go takes is
        probed, and each size more than once.
        """
        searched = Searched(plain=True).complete()
        self.assertEqual(searched.path.size, LARGEST_PLAIN_MTU)
        self.assertEqual(searched.probes, [LARGEST_PLAIN_MTU] * PLAIN_ANSWERS)

    def test_each(self) -> None:
        """
        Whatever a path carries, the largest size of those tried that passes is found, and no larger
        one is used.
        """
        for plain in (False, True):
            for carries in range(BASE_MTU, LARGEST_MTU + 1):
                searched = Searched(carries, plain).complete()
                most = LARGEST_PLAIN_MTU if plain else LARGEST_MTU
                passing = [size for size in (BASE_MTU, *SIZES) if size <= min(carries, most)]
                self.assertEqual(searched.path.size, passing[-1], carries)
                self.assertLess(len(set(searched.probes)), 7)

    def test_lost(self) -> None:
        """
        A size counts as too large when some probes of it in a row have been lost.
        """
        searched = Searched(SIZES[0]).complete()
        for size in set(searched.probes) - {SIZES[0]}:
            self.assertEqual(searched.probes.count(size), MAX_PROBES)

    def test_oneLost(self) -> None:
        """
        Fewer that are lost by chance make no difference.
        """
        for plain in (False, True):
            searched = Searched(plain=plain)
            losses = iter([True] * (MAX_PROBES - 1))
            searched.answered = lambda size, losses=losses: not next(losses, False)  # type: ignore[misc]
            largest = LARGEST_PLAIN_MTU if plain else LARGEST_MTU
            self.assertEqual(searched.complete().path.size, largest)

    def test_timer(self) -> None:
        """
        A probe waits for its answer for so long that no answer comes later, within bounds.
        """
        for timeout, waits in (
            (30, PROBE_TIMER),
            (3000, 6000),
            (60_000, LONGEST_PROBE_TIMER),
        ):
            path = PathMTU(BASE_MTU, 0, START)
            path.progress(ENOUGH, True, timeout, START)
            self.assertEqual(path.probe(False, 0, timeout, START), LARGEST_MTU)
            self.assertEqual((path.due, path.expires), (NEVER, START + waits))
            self.assertEqual(path.probe(False, 0, timeout, START), 0)

    def test_later(self) -> None:
        """
        After a while it is tried whether the path carries more by now.
        """
        searched = Searched(1392).complete()
        self.assertEqual(searched.path.size, 1392)
        searched.carries = 1472
        searched.run(RAISE_TIMER - 1000)
        self.assertEqual(searched.path.size, 1392)
        searched.run(20_000)
        self.assertEqual(searched.path.size, 1472)

    def test_noAnswers(self) -> None:
        """
        To a peer that answers no question, datagrams keep the base size, and it is not asked for
        ever.
        """
        for plain in (False, True):
            searched = Searched(plain=plain)
            searched.answers = False
            searched.complete()
            self.assertEqual(searched.path.size, BASE_MTU)
            self.assertLess(len(searched.probes), 6 * MAX_PROBES + 1)
            self.assertFalse(searched.path.fragments)

    def test_silence(self) -> None:
        """
        A peer from which nothing comes is not asked again until there are data to send; no size is
        taken for too large.
        """
        searched = Searched().run(50)
        path = searched.path
        path.progress(ENOUGH, True, TIMEOUT, searched.now)
        self.assertEqual(path.probe(False, 0, TIMEOUT, searched.now), LARGEST_MTU)
        self.assertFalse(path.timedOut(False, path.expires))
        self.assertEqual(path.probed, 0)
        self.assertEqual(path.probe(False, 0, TIMEOUT, path.due), LARGEST_MTU)

    def test_otherQuestions(self) -> None:
        """
        A plain answer counts only if nothing else was asked meanwhile, and not if it comes sooner
        than any.
        """
        path = PathMTU(BASE_MTU, 0, START)
        path.progress(ENOUGH, True, TIMEOUT, START)
        self.assertEqual(path.probe(True, 0, TIMEOUT, START), 0)
        now = path.due
        self.assertEqual(path.probe(True, 0, TIMEOUT, now), LARGEST_PLAIN_MTU)
        self.assertFalse(path.answeredPlainly(0, 10, TIMEOUT, now + 9))
        self.assertTrue(path.isAwaiting)
        self.assertFalse(path.answeredPlainly(1, 10, TIMEOUT, now + 10))
        self.assertFalse(path.isAwaiting)
        self.assertEqual(path.probe(True, 1, TIMEOUT, now + 10), 0)
        now = path.due
        for answer in range(PLAIN_ANSWERS):
            self.assertEqual(path.probe(True, 1, TIMEOUT, now), LARGEST_PLAIN_MTU)
            now += 10
            isLast = answer == PLAIN_ANSWERS - 1
            self.assertEqual(path.answeredPlainly(1, 10, TIMEOUT, now), isLast)
            # A copy of the answer may come yet.
            self.assertEqual(path.due, now + 2 * TIMEOUT)
            now = path.due
        self.assertEqual(path.size, LARGEST_PLAIN_MTU)

    def test_numbers(self) -> None:
        """
        An answer counts if it names a probe of the present size; those before and those that were
        never sent do not.
        """
        path = PathMTU(BASE_MTU, 0, START)
        path.progress(ENOUGH, True, TIMEOUT, START)
        now = START
        for _ in range(MAX_PROBES):
            path.probe(False, 0, TIMEOUT, now)
            now = path.expires
            path.timedOut(True, now)
        former = path.number
        path.probe(False, 0, TIMEOUT, now)
        path.timedOut(True, path.expires)
        path.probe(False, 0, TIMEOUT, path.due)
        for number in (former, path.number + 1, 0):
            self.assertFalse(path.answered(number, now))
        self.assertTrue(path.answered(former + 1, now))
        self.assertEqual(path.size, SIZES[-2])


class LimitTests(SynchronousTestCase):
    """
    What the system says.
    """

    def test_smaller(self) -> None:
        """
        Datagrams are smaller at once, and the size that the path is said to carry is probed next.
        """
        searched = Searched().complete()
        searched.carries = 1409
        self.assertTrue(searched.path.tooBig(1409, True, searched.now))
        self.assertEqual(searched.path.size, BASE_MTU)
        searched.probes.clear()
        searched.complete()
        self.assertEqual(searched.path.size, 1409)
        self.assertEqual(searched.probes[0], 1409)

    def test_inexact(self) -> None:
        """
        If it is only known what does not pass, smaller sizes are searched.
        """
        searched = Searched().complete()
        searched.carries = 1400
        searched.path.tooBig(1499, False, searched.now)
        searched.complete()
        self.assertEqual(searched.path.size, 1392)

    def test_probe(self) -> None:
        """
        A probe that is refused is not sent again, and what is used stays.
        """
        searched = Searched(BASE_MTU).run(10 * ENOUGH + 10)
        self.assertEqual(searched.probes, [LARGEST_MTU])
        self.assertFalse(searched.path.tooBig(1392, True, searched.now))
        self.assertFalse(searched.path.isAwaiting)
        self.assertEqual(searched.path.phase, Phase.SEARCHING)
        searched.carries = 1392
        searched.complete()
        self.assertEqual((searched.probes[1:], searched.path.size), ([1392], 1392))

    def test_larger(self) -> None:
        """
        Nothing new is learnt from a limit that is no smaller than what is known.
        """
        searched = Searched(1392).complete()
        for limit in (1500, 1472, 1392):
            self.assertFalse(searched.path.tooBig(limit, True, searched.now))
        self.assertEqual(searched.path.phase, Phase.COMPLETE)
        # In the middle of a search, too.
        searched = Searched(1392)
        while searched.path.size == BASE_MTU:
            searched.run(10)
        searched.path.tooBig(LARGEST_MTU, True, searched.now)
        searched.complete()
        self.assertEqual(searched.probes.count(LARGEST_MTU), MAX_PROBES)

    def test_belowBase(self) -> None:
        """
        Where the base size does not pass either, it is sent in fragments, and nothing is probed for
        a while.
        """
        searched = Searched().complete()
        searched.carries = 548
        self.assertTrue(searched.path.tooBig(548, True, searched.now))
        self.assertEqual(searched.path.size, BASE_MTU)
        self.assertTrue(searched.path.fragments)
        searched.probes.clear()
        searched.run(60_000)
        self.assertEqual(searched.probes, [])
        self.assertGreater(searched.una, 1000)


class DoubtTests(SynchronousTestCase):
    """
    What was carried is carried no more, or nothing is.
    """

    def test_blackHole(self) -> None:
        """
        When full datagrams vanish they may be fragmented, then they are smaller, and a new size is
        found.
        """
        for plain in (False, True):
            searched = Searched(plain=plain).complete()
            searched.carries = 1300
            una = searched.una
            searched.run(LEAST_PATIENCE - 50)
            self.assertEqual((searched.una, searched.path.fragments), (una, False))
            searched.run(100)
            self.assertTrue(searched.path.fragments)
            self.assertGreater(searched.una, una)
            searched.run(MAX_PROBES * PROBE_TIMER + 100)
            self.assertLess(searched.path.size, 1300)
            searched.complete()
            self.assertEqual(searched.path.size, 1292)
            self.assertFalse(searched.path.fragments)

    def test_longTimeout(self) -> None:
        """
        Where a round trip takes long, patience is as long.
        """
        path = PathMTU(BASE_MTU, 0, START)
        path.progress(1, True, 2000, START)
        path.progress(1, True, 2000, START + 8000)
        self.assertFalse(path.inDoubt)
        path.progress(1, True, 2000, START + 8001)
        self.assertTrue(path.inDoubt)

    def test_idle(self) -> None:
        """
        Who has nothing in flight has no doubts.
        """
        path = PathMTU(BASE_MTU, 0, START)
        path.progress(1, False, TIMEOUT, START)
        path.progress(1, False, TIMEOUT, START + 60_000)
        path.progress(1, True, TIMEOUT, START + 60_001)
        self.assertFalse(path.inDoubt)

    def test_loss(self) -> None:
        """
        A doubt that a probe clears changes nothing.
        """
        for plain in (False, True):
            searched = Searched(plain=plain).complete()
            size = searched.path.size
            searched.acknowledges = False
            searched.run(LEAST_PATIENCE + 50)
            searched.acknowledges = True
            searched.run(5000)
            self.assertEqual((searched.path.size, searched.path.phase), (size, Phase.COMPLETE))
            self.assertFalse(searched.path.fragments)

    def test_outage(self) -> None:
        """
        While nothing is heard no size is taken for too large, however long that is.
        """
        for plain in (False, True):
            for before in (0, 5000):
                searched = Searched(plain=plain).run(before)
                size = searched.path.size
                searched.hears = False
                searched.run(60_000)
                self.assertEqual(searched.path.size, size)
                searched.hears = True
                searched.run(20_000)
                self.assertGreater(searched.path.size, 1400)
                self.assertFalse(searched.path.fragments)

    def test_base(self) -> None:
        """
        Where not even the base size passes, it is fragmented; after a while the search begins
        again.
        """
        searched = Searched(1000).run(30_000)
        self.assertEqual((searched.path.phase, searched.path.size), (Phase.ERROR, BASE_MTU))
        self.assertTrue(searched.path.fragments)
        self.assertGreater(searched.una, 2000)
        searched.carries = 1500
        searched.run(RAISE_TIMER)
        self.assertEqual(searched.path.size, LARGEST_MTU)
        self.assertFalse(searched.path.fragments)

    def test_falseAnswers(self) -> None:
        """
        Answers to what never arrived, as of a peer that says them all the time, do not hold
        datagrams at a size that vanishes.
        """
        searched = Searched(1300, plain=True)
        searched.answered = lambda size: True
        searched.run(3000)
        # Only fragments pass, of what was sent before the size was known to be wrong.
        searched.run(5000)
        self.assertEqual((searched.path.size, searched.path.phase), (BASE_MTU, Phase.COMPLETE))
        una = searched.una
        searched.run(60_000)
        self.assertEqual(searched.path.size, BASE_MTU)
        self.assertGreaterEqual(searched.una - una, 5900)

    def test_inFlight(self) -> None:
        """
        What is in flight with a larger size may be fragmented until it is acknowledged.
        """
        path = PathMTU(BASE_MTU, 0, START)
        path.resized(10)
        path.progress(9, True, TIMEOUT, START)
        self.assertTrue(path.fragments)
        path.progress(10, True, TIMEOUT, START)
        self.assertFalse(path.fragments)

    def test_reset(self) -> None:
        """
        On another path all begins anew; answers from the former one do not count.
        """
        searched = Searched(1472).complete()
        searched.run(RAISE_TIMER)
        path = searched.path
        number = path.number
        path.reset(searched.una, searched.now)
        self.assertEqual((path.size, path.phase, path.due), (BASE_MTU, Phase.BASE, NEVER))
        self.assertFalse(path.answered(number, searched.now))
        searched.carries = 1372
        searched.complete()
        self.assertEqual(path.size, 1372)


class AlwaysTests(SynchronousTestCase):
    """
    Whatever happens.
    """

    @given(
        strategies.lists(
            strategies.tuples(
                strategies.integers(500, 1600),
                strategies.integers(0, 8000),
                strategies.sampled_from(["", "silent", "limit", "reset", "mute"]),
            ),
            max_size=8,
        ),
        strategies.booleans(),
    )
    def test_progress(self, events: list[tuple[int, int, str]], plain: bool) -> None:
        """
        Sizes stay in their bounds, and once the path is left alone, data arrive.
        """
        searched = Searched(plain=plain)
        for carries, milliseconds, what in events:
            searched.carries = carries
            searched.hears = what != "silent"
            searched.answers = what != "mute"
            if what == "limit":
                searched.path.tooBig(carries, True, searched.now)
            elif what == "reset":
                searched.path.reset(searched.una, searched.now)
            searched.run(milliseconds)
            self.assertTrue(BASE_MTU <= searched.path.size <= LARGEST_MTU)
        searched.hears = searched.answers = True
        searched.run(20_000)
        una = searched.una
        searched.run(1000)
        self.assertGreater(searched.una, una + 50)
