"""
Tests for L{kcptwisted.workers.process}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.workers.process import LAST_OUTPUT, LONGEST_LINE, Lines, WorkerProcess
from tests.workers.fakes import FakeProcess


class LinesTests(SynchronousTestCase):
    """
    Cutting what comes into lines.
    """

    def setUp(self) -> None:
        """
        Gather.
        """
        self.taken: list[bytes] = []
        self.lines = Lines(self.taken.append)

    def test_pieces(self) -> None:
        """
        Lines are whole however they come, and empty ones count.
        """
        for piece in (b"on", b"e\ntwo\n\nthr", b"ee\n"):
            self.lines.feed(piece)
        self.assertEqual(self.taken, [b"one", b"two", b"", b"three"])

    def test_last(self) -> None:
        """
        A last line may lack its end; without one there is nothing.
        """
        self.lines.feed(b"one\ntwo")
        self.lines.end()
        self.lines.end()
        self.assertEqual(self.taken, [b"one", b"two"])

    def test_endless(self) -> None:
        """
        What never ends a line is not kept for ever.
        """
        self.lines.feed(bytes(LONGEST_LINE))
        self.assertEqual(self.taken, [])
        self.lines.feed(b"x")
        self.assertEqual(self.taken, [bytes(LONGEST_LINE) + b"x"])


class WorkerProcessTests(SynchronousTestCase):
    """
    One process.
    """

    def setUp(self) -> None:
        """
        Start it.
        """
        self.clock = Clock()
        self.reported: list[bytes] = []
        self.said: list[tuple[str, bool]] = []
        self.ends: list[str] = []
        self.protocol = WorkerProcess(
            self.clock,
            self.reported.append,
            lambda line, error: self.said.append((line, error)),
            self.ends.append,
        )
        self.process = FakeProcess(self.protocol)

    def test_says(self) -> None:
        """
        Reports, output and errors are told apart; what is no UTF-8 can be read all the same.
        """
        self.process.report(b"listening")
        self.process.print("grüß dich\n".encode())
        self.process.print(b"\xff\n", error=True)
        self.assertEqual(self.reported, [b"listening"])
        self.assertEqual(self.said, [("grüß dich", False), ("\\xff", True)])

    def test_ends(self) -> None:
        """
        It has ended when all that it said is there; what lacks the end of its line is said then.
        """
        self.process.exit(1, wholly=False)
        self.process.print(b"Error: too bad", error=True)
        self.assertEqual((self.ends, self.said), ([], []))
        self.process.exit(1)
        self.assertEqual(self.said, [("Error: too bad", True)])
        (how,) = self.ends
        self.assertIn("exit code 1", how)

    def test_outlived(self) -> None:
        """
        If somebody else holds its output open, that is waited for only a moment.
        """
        self.process.exit(wholly=False)
        self.clock.advance(LAST_OUTPUT / 2)
        self.assertEqual(self.ends, [])
        self.clock.advance(LAST_OUTPUT / 2)
        self.assertEqual(len(self.ends), 1)
        self.process.exit()
        self.assertEqual(len(self.ends), 1)

    def test_gone(self) -> None:
        """
        Orders and signals for one that is gone do no harm.
        """
        self.protocol.order(b"stop")
        self.protocol.signal("TERM")
        self.process.reads = self.process.alive = False
        self.protocol.order(b"stop")
        self.protocol.signal("KILL")
        self.assertEqual((self.process.orders, self.process.signals), (b"stop\n", ["TERM"]))
