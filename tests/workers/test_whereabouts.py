"""
Tests for L{kcptwisted.workers.whereabouts}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.workers import whereabouts
from kcptwisted.workers.whereabouts import Whereabouts

HERE, THERE = ("10.0.0.1", 1), ("10.0.0.1", 2)


class WhereaboutsTests(SynchronousTestCase):
    """
    What one worker knows of the others' sessions.
    """

    def setUp(self) -> None:
        """
        Know of two conversations and an address.
        """
        self.known = Whereabouts()
        self.known.add(1, [5, 6])
        self.known.settle(HERE, 1)

    def test_conversations(self) -> None:
        """
        A conversation is of who said so first, until it says that it is over.
        """
        self.known.add(2, [6, 7])
        self.assertEqual(
            [self.known.ofConversation(conv) for conv in (4, 5, 6, 7)], [None, 1, 1, 2]
        )
        self.known.remove(2, [6, 8])
        self.assertEqual(self.known.ofConversation(6), 1)
        self.known.remove(1, [6])
        self.assertIs(self.known.ofConversation(6), None)

    def test_addresses(self) -> None:
        """
        An address is of the worker that its datagrams were passed to last, until that one gives
        them back.
        """
        self.assertEqual((self.known.ofAddress(HERE), self.known.ofAddress(THERE)), (1, None))
        self.known.settle(HERE, 2)
        self.known.leave(HERE, 1)
        self.assertEqual(self.known.ofAddress(HERE), 2)
        self.known.leave(HERE, 2)
        self.assertIs(self.known.ofAddress(HERE), None)

    def test_forget(self) -> None:
        """
        Of a worker that begins anew nothing is known.
        """
        self.known.add(2, [7])
        self.known.settle(THERE, 2)
        self.known.forget(1)
        self.assertEqual((self.known.ofConversation(5), self.known.ofAddress(HERE)), (None, None))
        self.assertEqual((self.known.ofConversation(7), self.known.ofAddress(THERE)), (2, 2))

    def test_bound(self) -> None:
        """
        Of too many addresses those are forgotten that nothing came from for longest.
        """
        self.patch(whereabouts, "MAXIMUM_ADDRESSES", 3)
        for port in (11, 12):
            self.known.settle(("10.0.0.2", port), 1)
        self.known.ofAddress(HERE)
        self.known.settle(THERE, 2)
        self.assertEqual(self.known.ofAddress(HERE), 1)
        self.assertIs(self.known.ofAddress(("10.0.0.2", 11)), None)
        self.assertEqual(self.known.ofAddress(("10.0.0.2", 12)), 1)
