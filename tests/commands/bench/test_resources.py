"""
Tests for L{kcptwisted.commands.bench.resources}.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from time import process_time

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.bench import resources
from kcptwisted.commands.bench.resources import SPARE, allowDescriptors, usage


class UsageTests(SynchronousTestCase):
    """
    Tests for L{usage}.
    """

    def test_cpu(self) -> None:
        """
        The CPU time is that of this process.
        """
        before, used, after = process_time(), usage()["cpu"], process_time()
        self.assertTrue(before <= used <= after)

    def test_memory(self) -> None:
        """
        Memory that is taken and written to shows, and goes when it is given back.
        """
        size = 64 << 20
        before = usage()["rss"]
        taken = bytearray(b"x") * size
        during = usage()["rss"]
        del taken
        self.assertGreater(during - before, size // 2)
        self.assertGreater(during - usage()["rss"], size // 2)

    def test_elsewhere(self) -> None:
        """
        Without proc(5) it is the most so far.
        """
        now = usage()["rss"]
        self.patch(resources, "_STATM", Path("/nowhere"))
        self.assertGreaterEqual(usage()["rss"], now - (4 << 20))

    if not sys.platform.startswith("linux"):
        test_memory.skip = "the present memory is known on Linux"  # type: ignore[attr-defined]


class DescriptorTests(SynchronousTestCase):
    """
    Tests for L{allowDescriptors}.
    """

    def limit(self, soft: int, hard: int) -> list[tuple[int, int]]:
        """
        Have the limits seem to be these.

        @return: what they are set to.
        """
        made: list[tuple[int, int]] = []
        self.patch(resource, "getrlimit", lambda which: (soft, hard))
        self.patch(resource, "setrlimit", lambda which, limits: made.append(limits))
        return made

    def test_raised(self) -> None:
        """
        The soft limit becomes the hard one.
        """
        made = self.limit(1024, 4096)
        allowDescriptors(4096 - SPARE)
        self.assertEqual(made, [(4096, 4096)])

    def test_enough(self) -> None:
        """
        One that is as high as it may be is left alone, and no limit is no problem.
        """
        self.assertEqual(self.limit(4096, 4096), [])
        allowDescriptors(100)
        infinity = resource.RLIM_INFINITY
        made = self.limit(1024, infinity)
        allowDescriptors(10_000_000)
        self.assertEqual(made, [(infinity, infinity)])

    def test_tooFew(self) -> None:
        """
        Too many sessions are an error that says how many there may be.
        """
        self.limit(1024, 4096)
        error = self.assertRaises(ValueError, allowDescriptors, 4096 - SPARE + 1)
        self.assertIn(f"at most {4096 - SPARE} sessions", str(error))
        self.assertIn("ulimit -Hn", str(error))
