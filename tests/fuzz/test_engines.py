"""
Two connections against each other, in a bounded run; C{python -m tests.fuzz connections} runs more.
"""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.connection.events import Cause
from tests.fuzz.engines import TOTALS, Enemy, Story
from tests.properties import FACTOR

#: Stories of each kind in the usual run.
STORIES = 60


class StoryTests(SynchronousTestCase):
    """
    Tests for what L{Story} tells.
    """

    def tell(self, enemy: Enemy) -> None:
        """
        Tell some stories; the bytes that one fails with are in the failure.
        """
        random = Random() if FACTOR else Random(enemy)
        before = TOTALS.passed
        TOTALS.ended.clear()
        for _ in range(STORIES * max(FACTOR, 1)):
            data = random.randbytes(12)
            try:
                Story(data, enemy).tell()
            except AssertionError as problem:
                raise AssertionError(f"Story({data!r}, {enemy!r}): {problem}") from problem
        # They were no stories of nothing.
        self.assertGreater(TOTALS.passed - before, 10 * STORIES)
        self.assertGreaterEqual(
            set(TOTALS.ended), {Cause.CLOSED, Cause.ABORTED, Cause.LINGER, Cause.PEER_TIMEOUT}
        )

    def test_alone(self) -> None:
        """
        Over any path, what an end reads is what the other wrote, all of it arrives before an
        orderly close, both end, and nothing grows.
        """
        self.tell(Enemy.NONE)

    def test_blind(self) -> None:
        """
        Who knows the conversation id has an end read nothing that was not written.
        """
        self.tell(Enemy.BLIND)

    def test_reading(self) -> None:
        """
        Nor has who knows the tokens and sns as well.
        """
        self.tell(Enemy.READING)

    def test_writing(self) -> None:
        """
        Who writes as he likes brings nothing but the connection to its end.
        """
        self.tell(Enemy.WRITING)
