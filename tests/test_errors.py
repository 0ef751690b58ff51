"""
Tests for L{kcptwisted.errors}.
"""

from __future__ import annotations

from twisted.internet import error
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.errors import DeadLink, LingerTimeout, MessageTooLong, PeerRefused, PeerRestarted


class ErrorTests(SynchronousTestCase):
    """
    What the exceptions are and say.
    """

    def test_kinds(self) -> None:
        """
        Each is a kind of the exception that Twisted programs expect there.
        """
        for kind in (DeadLink, LingerTimeout, PeerRestarted):
            self.assertTrue(issubclass(kind, error.ConnectionLost))
        self.assertTrue(issubclass(PeerRefused, error.ConnectionRefusedError))
        self.assertTrue(issubclass(MessageTooLong, ValueError))

    def test_texts(self) -> None:
        """
        Each says in a sentence what happened.
        """
        for problem, text in {
            DeadLink(): "The peer acknowledged none of many copies of a segment.",
            PeerRefused(): "Nothing listens at the peer's port.",
            PeerRestarted(): "The peer began a new conversation.",
            MessageTooLong(9, 8): "a message of 9 bytes exceeds the limit of 8 bytes",
        }.items():
            self.assertEqual(str(problem), text)
        self.assertIn("did not acknowledge in time", str(LingerTimeout()))
