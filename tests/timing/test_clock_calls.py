"""
Tests for L{kcptwisted.timing.clock}: how many calls it makes, which each datagram pays for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

from tests.clocks import ClockTestCase, Flushed
from tests.plain import needsPlain


class Plain(Flushed):
    """
    Makes no calls of its own.
    """

    def flush(self, now: int) -> None:
        """
        Nothing is to be sent.
        """


class CallsTests(ClockTestCase):
    """
    The calls of functions, counted by the interpreter.
    """

    def count(self, function: Callable[..., object], *arguments: object) -> tuple[int, int]:
        """
        @return: how many functions in Python, and how many in C, C{function} is and calls.
        """
        seen: list[str] = []

        def note(frame: FrameType, event: str, argument: object) -> None:
            seen.append(event)

        sys.setprofile(note)
        try:
            function(*arguments)
        finally:
            sys.setprofile(None)
        # The last is that of sys.setprofile itself.
        return seen.count("call"), seen.count("c_call") - 1

    def setUp(self) -> None:
        """
        A session with a deadline.
        """
        super().setUp()
        self.session = Plain(self.clock)
        self.session.setDue(1000)

    def test_schedule(self) -> None:
        """
        A deadline that is the same, or later, takes one call.
        """
        needsPlain()
        for due in (1000, 2000):
            self.session.due = due
            self.assertEqual(self.count(self.clock.schedule, self.session), (1, 0))

    def test_wantFlush(self) -> None:
        """
        In a batch, or a second time in a turn, so does the wish to be flushed.
        """
        needsPlain()
        self.clock.held = True
        self.assertEqual(self.count(self.clock.wantFlush, self.session), (1, 0))
        self.clock.held = False
        self.clock.wantFlush(self.session)
        self.clock.wantFlush(self.session)
        self.assertEqual(self.count(self.clock.wantFlush, self.session), (1, 0))

    def test_flush(self) -> None:
        """
        The end of a batch with one session is two calls beside that session's, one of which reads
        the time, and an iterator; that of one with none is one.
        """
        needsPlain()
        self.clock.held = True
        self.clock.wantFlush(self.session)
        self.clock.held = False
        reads = self.count(self.reactor.seconds)
        python, c = self.count(self.clock.flush)
        self.assertEqual((python - reads[0], c - reads[1]), (3, 1))
        self.assertEqual(self.count(self.clock.flush), (1, 0))
