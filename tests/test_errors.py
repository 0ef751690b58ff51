"""
Tests for L{kcptwisted.errors}.
"""

from __future__ import annotations

from twisted.internet import error
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted import errors
from kcptwisted.errors import (
    DeadLink,
    Evicted,
    IdleTimeout,
    KeyExhausted,
    LingerTimeout,
    MessageTooLong,
    OutOfBandRefused,
    PeerRefused,
    PeerReset,
    PeerRestarted,
    PeerTimeout,
    SendQueueFull,
)


class ErrorTests(SynchronousTestCase):
    """
    What the exceptions are and say.
    """

    def test_kinds(self) -> None:
        """
        Each is a kind of the exception that Twisted programs expect there.
        """
        lost = {
            DeadLink,
            Evicted,
            KeyExhausted,
            LingerTimeout,
            PeerReset,
            PeerRestarted,
            SendQueueFull,
        }
        for kind in lost:
            self.assertTrue(issubclass(kind, error.ConnectionLost), kind)
        for timeout in (IdleTimeout, PeerTimeout):
            self.assertTrue(issubclass(timeout, error.TimeoutError), timeout)
            self.assertFalse(issubclass(timeout, error.ConnectionLost), timeout)
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
            Evicted(): "The peer did not show where it is, and another needed the place.",
            IdleTimeout(): "There was no data of the application for too long.",
            PeerReset("aborted"): "The peer reset the connection: aborted.",
            PeerTimeout(): "The peer gave no sign of life for too long.",
            SendQueueFull("9 with sendQueueLimit=8"): (
                "Too many bytes waited to be sent: 9 with sendQueueLimit=8."
            ),
            OutOfBandRefused("too long"): "too long",
            PeerRefused(): "Nothing listens at the peer's port.",
            PeerRestarted(): "The peer has restarted.",
            MessageTooLong(9, 8): "a message of 9 bytes exceeds the limit of 8 bytes",
        }.items():
            self.assertEqual(str(problem), text)
        # A time-out says which, and the option that set it.
        text = str(PeerTimeout(string="deadAfter=30 seconds"))
        self.assertEqual(text, "The peer gave no sign of life for too long: deadAfter=30 seconds.")
        self.assertIn("did not acknowledge in time", str(LingerTimeout()))
        self.assertIn("it has to be changed: 5 were sent.", str(KeyExhausted("5 were sent")))
