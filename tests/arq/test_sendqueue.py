"""
Tests for L{kcptwisted.arq.sendqueue}; how writes are cut is tested with the sender.
"""

from __future__ import annotations

from collections import deque

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.sendqueue import SHORT, MessageTooLong, SendQueue
from tests.properties import given, strategies

MSS = 10


class TakeTests(SynchronousTestCase):
    """
    Tests for L{SendQueue.take} and the rest.
    """

    def test_all(self) -> None:
        """
        All that waits is taken at once, and later writes begin anew.
        """
        queue = SendQueue(MSS, True)
        queue.write(bytes(25))
        taken = queue.take(3)
        queue.write(b"next")
        self.assertEqual([len(data) for _, data in taken], [10, 10, 5])
        self.assertEqual((list(queue.segments), queue.bytes), ([(0, b"next")], 4))

    def test_short(self) -> None:
        """
        A short queue is a list, a longer one a deque until all of it has been taken.
        """
        queue = SendQueue(MSS, True)
        queue.write(bytes(SHORT * MSS))
        self.assertIsInstance(queue.segments, list)
        queue.write(b"x")
        self.assertIsInstance(queue.segments, deque)
        queue.take(SHORT)
        self.assertIsInstance(queue.segments, deque)
        queue.take(1)
        self.assertEqual(queue.segments, [])

    @given(
        strategies.lists(
            strategies.one_of(
                strategies.binary(max_size=3 * MSS),
                strategies.sampled_from([bytes(SHORT * MSS), bytes(3000)]),
                strategies.integers(1, 2 * SHORT),
            ),
            max_size=12,
        )
    )
    def test_order(self, actions: list[bytes | int]) -> None:
        """
        However it is filled and emptied, the bytes leave in order, and are counted.
        """
        queue = SendQueue(MSS, True)
        written = taken = b""
        for action in actions:
            if isinstance(action, bytes):
                written += action
                queue.write(action)
            elif queue.segments:
                parts = queue.take(min(action, len(queue.segments)))
                taken += b"".join([data for _, data in parts])
            self.assertEqual(queue.bytes, len(written) - len(taken))
        left = b"".join([data for _, data in queue.segments])
        self.assertEqual(taken + left, written)

    def test_splitFirst(self) -> None:
        """
        The second part keeps the segment's frg.
        """
        for count in (1, SHORT + 1):
            queue = SendQueue(MSS, False)
            for _ in range(count):
                queue.write(b"abcd")
            queue.splitFirst(1, 1)
            self.assertEqual(list(queue.segments)[:2], [(1, b"a"), (0, b"bcd")])
            self.assertEqual((len(queue.segments), queue.bytes), (count + 1, 4 * count))

    def test_peerWindow(self) -> None:
        """
        No message exceeds the peer's whole window.
        """
        queue = SendQueue(MSS, False)
        queue.peerWindow = 3
        queue.write(bytes(30))
        error = self.assertRaises(MessageTooLong, queue.write, bytes(31))
        self.assertEqual((error.limit, len(queue.segments)), (30, 3))

    def test_smallerSegments(self) -> None:
        """
        A segment that was cut when segments were larger is left as it is.
        """
        queue = SendQueue(MSS, True)
        queue.write(bytes(8))
        queue.mss = 4
        queue.write(b"abcdef")
        self.assertEqual([data for _, data in queue.segments], [bytes(8), b"abcd", b"ef"])

    def test_discard(self) -> None:
        """
        Nothing is left.
        """
        queue = SendQueue(MSS, True)
        queue.write(bytes(25))
        queue.discard()
        self.assertEqual((list(queue.segments), queue.bytes), ([], 0))
