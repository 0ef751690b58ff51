"""
Tests for L{kcptwisted.commands.demo} and L{kcptwisted.__main__}.
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.defer import inlineCallbacks
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SynchronousTestCase, TestCase

from kcptwisted.__main__ import buildParser
from kcptwisted.commands.demo import FileFetcher, ProgressBar

ROOT = str(Path(__file__).resolve().parents[2])


class CommandTests(TestCase):
    """
    C{python -m kcptwisted}, in a process of its own.
    """

    timeout = 90

    @inlineCallbacks
    def run_(self, *arguments: str) -> Any:
        """
        @return: a Deferred of what is printed, and the exit status.
        """
        output, errors, status = yield getProcessOutputAndValue(
            sys.executable, ["-m", "kcptwisted", *arguments], os.environ, ROOT
        )
        return (output + errors).decode(), status

    @inlineCallbacks
    def test_demo(self) -> Any:
        """
        The demonstration shows progress and figures, and its bytes are right.
        """
        output, status = yield self.run_("demo", "--megabytes", "3", "--delay", "5")
        self.assertEqual(status, 0, output)
        for expected in ("100%", "3.0 MB", "throughput", "retransmissions", "FEC recovered"):
            self.assertIn(expected, output)
        self.assertIn("SHA-256 matches", output)

    @inlineCallbacks
    def test_bottleneck(self) -> Any:
        """
        The link can have a rate and a queue.
        """
        arguments = ("--megabytes", "1", "--loss", "0", "--mbit", "20", "--queue", "60")
        output, status = yield self.run_("demo", *arguments)
        self.assertEqual(status, 0, output)
        self.assertRegex(output, r"bottleneck +\d+ of \d{3,} datagrams dropped; queueing delay")

    @inlineCallbacks
    def test_file(self) -> Any:
        """
        A named file is served, an empty one too.
        """
        for length in (100_000, 0):
            path = self.mktemp()
            Path(path).write_bytes(Random(1).randbytes(length))
            output, status = yield self.run_("demo", "--file", os.path.abspath(path))
            self.assertEqual(status, 0, output)

    @inlineCallbacks
    def test_failures(self) -> Any:
        """
        What cannot be done is said in a line, and the exit status is not 0.
        """
        for arguments, expected in {
            ("demo", "--file", "/nowhere"): "No such file",
            ("demo", "--options", "mode=warp"): "mode must be one of normal",
            ("demo", "--loss", "100"): "must be 0 to 99 percent",
            ("demo", "--loss", "x"): "must be 0 to 99 percent, not x",
            ("demo", "--delay", "x"): "must be 0 to 10000 ms, not x",
            ("demo", "--megabytes", "inf"): "must be a whole number, at least 1, not inf",
            ("demo", "--mbit", "0"): "must be more than 0",
            ("dance",): "invalid choice",
        }.items():
            output, status = yield self.run_(*arguments)
            self.assertNotEqual(status, 0)
            self.assertIn(expected, output)
            self.assertNotIn("Traceback", output)


class DefaultTests(SynchronousTestCase):
    """
    What the demonstration does unless told otherwise.
    """

    def test_defaults(self) -> None:
        """
        20 MB, 10 % loss, 25 ms each way.
        """
        parsed = buildParser().parse_args(["demo"])
        self.assertEqual((parsed.megabytes, parsed.loss, parsed.delay), (20, 0.1, 0.025))


class FetcherTests(SynchronousTestCase):
    """
    The client's protocol.
    """

    def test_pieces(self) -> None:
        """
        The length may come in pieces, with or without the beginning of the file.
        """
        fetcher = FileFetcher()
        for piece in (b"\x05", b"\0\0\0\0\0\0", b"\0he", b"llo"):
            self.assertNoResult(fetcher.finished)
            fetcher.dataReceived(piece)
        self.successResultOf(fetcher.finished)
        self.assertEqual(fetcher.digest.hexdigest(), sha256(b"hello").hexdigest())

    def test_brokenOff(self) -> None:
        """
        A connection that ends too soon is a failure.
        """
        fetcher = FileFetcher()
        fetcher.connectionLost()
        self.failureResultOf(fetcher.finished)

    def test_progress(self) -> None:
        """
        The bar grows with the share that has come.
        """
        fetcher = FileFetcher()
        output = StringIO()
        bar = ProgressBar(fetcher, output)
        bar.draw()
        fetcher.length, fetcher.received = 4_000_000, 1_000_000
        bar.draw()
        _, before, after = output.getvalue().split("\r")
        self.assertIn("[" + "." * 40 + "]   0%", before)
        self.assertIn("[" + "#" * 10 + "." * 30 + "]  25%     1.0 MB", after)
