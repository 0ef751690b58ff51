"""
Tests for L{kcptwisted.connection.opening}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.connection.opening import HELLOS, Opening, fromAnswer
from kcptwisted.connection.timers import NEVER, TimerTable
from kcptwisted.wire.control import NO_TOKEN, Hello, Retry, encodeBlock
from kcptwisted.wire.segment import ACK, PUSH, WASK, WINS
from tests.connection.datagrams import CONV, segment
from tests.properties import given, strategies

TOKEN = b"our name"


class OpeningTests(SynchronousTestCase):
    """
    Tests for L{Opening}.
    """

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.timers = TimerTable()
        self.opening = Opening(self.timers)

    def test_beginning(self) -> None:
        """
        Before a hello has left nothing is due, and nothing was asked.
        """
        self.assertEqual(self.timers.earliest, NEVER)
        self.assertFalse(self.opening.isDue(10**9, True))
        self.assertFalse(self.opening.hasAsked or self.opening.asking or self.opening.deferred)

    def test_deferred(self) -> None:
        """
        A hello that waits for the first data waits no more when it leaves.
        """
        self.opening.deferred = True
        self.opening.sent(0)
        self.assertFalse(self.opening.deferred)
        self.assertTrue(self.opening.hasAsked and self.opening.asking)

    def test_retries(self) -> None:
        """
        The peer is asked again after 250 ms, then after twice as long each time, up to 4 s.
        """
        self.opening.sent(100)
        now = 100
        distances = []
        for _ in range(7):
            deadline = self.timers.earliest
            self.assertFalse(self.opening.isDue(deadline - 1, True))
            self.assertTrue(self.opening.isDue(deadline, True))
            self.assertFalse(self.opening.isDue(deadline, True))
            distances.append(deadline - now)
            now = deadline
        self.assertEqual(distances, [250, 500, 1000, 2000, 4000, 4000, 4000])

    def test_lateRetry(self) -> None:
        """
        The distance counts from when the peer was asked.
        """
        self.opening.sent(0)
        self.assertTrue(self.opening.isDue(5000, True))
        self.assertEqual(self.timers.earliest, 5500)

    def questions(self) -> list[int]:
        """
        @return: when a peer that has answered is asked again until it is not any more,
            milliseconds.
        """
        times: list[int] = []
        while (deadline := self.timers.earliest) != NEVER and len(times) < 20:
            if self.opening.isDue(deadline, False):
                times.append(deadline)
        return times

    def test_answered(self) -> None:
        """
        A peer that has answered, but not with a hello, is asked three times in all.
        """
        self.opening.sent(0)
        self.assertEqual(self.questions(), [250, 750])
        self.assertEqual(self.timers.earliest, NEVER)
        self.assertFalse(self.opening.asking)
        self.assertFalse(self.opening.isDue(10**9, False))

    def test_answeredLate(self) -> None:
        """
        One that has been asked more often by then is not asked again.
        """
        self.opening.sent(0)
        for _ in range(4):
            self.assertTrue(self.opening.isDue(self.timers.earliest, True))
        self.assertEqual(self.questions(), [])
        self.assertEqual(self.timers.earliest, NEVER)

    def test_stop(self) -> None:
        """
        When the peer has said hello it is not asked any more.
        """
        self.opening.sent(0)
        self.opening.stop()
        self.assertEqual(self.timers.earliest, NEVER)
        self.assertFalse(self.opening.isDue(10**9, True))
        self.assertTrue(self.opening.hasAsked)
        self.assertFalse(self.opening.asking)

    @given(
        strategies.lists(
            strategies.tuples(
                strategies.sampled_from(["ask", "establish", "stop"]),
                strategies.integers(0, 10_000),
            ),
            max_size=20,
        )
    )
    def test_whatever(self, events: list[tuple[str, int]]) -> None:
        """
        Whatever happens: a peer that has answered is asked three times at most, one that has said
        hello is not asked, and the next hello is never due at once.
        """
        timers = TimerTable()
        opening = Opening(timers)
        opening.sent(0)
        now, count, connecting = 0, 1, True
        for event, step in events:
            now += step
            if event == "establish":
                connecting = False
            elif event == "stop":
                opening.stop()
            elif opening.isDue(now, connecting):
                count += 1
                self.assertTrue(connecting or count <= HELLOS)
                self.assertTrue(opening.asking)
            self.assertTrue(opening.hasAsked)
            self.assertEqual(opening.asking, timers.earliest != NEVER)
            if event == "ask":
                self.assertGreater(timers.earliest, now)


class FromAnswerTests(SynchronousTestCase):
    """
    Tests for L{fromAnswer}.
    """

    def test_nothing(self) -> None:
        """
        Before the answer no segments are taken: they may be for a program that was here before.
        """
        early = [segment(cmd) for cmd in (PUSH, ACK, WASK)]
        self.assertEqual(fromAnswer(early, CONV, TOKEN), [])
        self.assertEqual(fromAnswer(early, CONV, None), [])

    def test_answer(self) -> None:
        """
        The answer is a WINS, alone or behind others in its datagram, and all that follows is
        taken, whatever it is.
        """
        early, answer, later = segment(PUSH), segment(WINS), segment(PUSH, 1)
        for first in (answer, segment(ACK) + answer):
            datagrams = [early, first, later, b"short"]
            self.assertEqual(fromAnswer(datagrams, CONV, None), datagrams[1:])

    def test_token(self) -> None:
        """
        What carries this end's token is for it, whatever it is.
        """
        reset = segment(WASK, data=encodeBlock(TOKEN, b"its name"))
        self.assertEqual(fromAnswer([segment(PUSH), reset], CONV, TOKEN), [reset])
        self.assertEqual(fromAnswer([segment(PUSH), reset], CONV, None), [])

    def test_hello(self) -> None:
        """
        What follows the peer's hello in the same batch is for this end as well.
        """
        hello = segment(WINS, data=encodeBlock(TOKEN, b"its name", [Hello(0, 32)]))
        data = [segment(PUSH), segment(PUSH, 1)]
        self.assertEqual(fromAnswer([segment(ACK), hello, *data], CONV, TOKEN), [hello, *data])

    def test_retry(self) -> None:
        """
        What follows a retry is not: no session is there yet.
        """
        retry = segment(WINS, data=encodeBlock(TOKEN, NO_TOKEN, [Retry(b"a cookie")]))
        self.assertEqual(fromAnswer([retry, segment(PUSH)], CONV, TOKEN), [retry])

    def test_others(self) -> None:
        """
        What begins with no segment of the conversation is handed on, and is no answer.
        """
        others = [b"", b"short", segment(WINS, conv=CONV + 1), segment(99)]
        self.assertEqual(fromAnswer([segment(PUSH), *others], CONV, TOKEN), others)
