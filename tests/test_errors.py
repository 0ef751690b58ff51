"""
Tests for L{kcptwisted.errors}.
"""

from __future__ import annotations

from twisted.internet import error
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted import errors
from kcptwisted.errors import (
    DeadLink,
    KeyExhausted,
    LingerTimeout,
    MessageTooLong,
    OutOfBandRefused,
    PeerRefused,
    PeerRestarted,
)


class ErrorTests(SynchronousTestCase):
    """
    What the exceptions are and say.
    """

    def test_kinds(self) -> None:
        """
        Each is a kind of the exception that Twisted programs expect there.
        """
        for kind in (DeadLink, KeyExhausted, LingerTimeout, PeerRestarted):
            self.assertTrue(issubclass(kind, error.ConnectionLost))
        self.assertTrue(issubclass(PeerRefused, error.ConnectionRefusedError))
        self.assertTrue(issubclass(MessageTooLong, ValueError))
        # A call is refused, no connection ends.
        self.assertFalse(issubclass(OutOfBandRefused, (error.ConnectionLost, error.ConnectError)))

    def test_all(self) -> None:
        """
        Each that is defined is exported.
        """
        defined = {
            name
            for name, value in vars(errors).items()
            if isinstance(value, type) and issubclass(value, Exception)
        }
        self.assertEqual(defined, set(errors.__all__))

    def test_texts(self) -> None:
        """
        Each says in a sentence what happened.
        """
        for problem, text in {
            DeadLink(): "The peer acknowledged none of many copies of a segment.",
            OutOfBandRefused("too long"): "too long",
            PeerRefused(): "Nothing listens at the peer's port.",
            PeerRestarted(): "The peer has restarted.",
            MessageTooLong(9, 8): "a message of 9 bytes exceeds the limit of 8 bytes",
        }.items():
            self.assertEqual(str(problem), text)
        self.assertIn("did not acknowledge in time", str(LingerTimeout()))
        self.assertIn("it has to be changed: 5 were sent.", str(KeyExhausted("5 were sent")))
