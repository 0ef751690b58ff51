"""
Tests for L{kcptwisted.commands.bench.machine}.
"""

from __future__ import annotations

import platform

import cryptography
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import twisted
from kcptwisted import __version__
from kcptwisted.commands.bench.machine import machine
from kcptwisted.native import describe


class MachineTests(SynchronousTestCase):
    """
    Tests for L{machine}.
    """

    def test_versions(self) -> None:
        """
        It tells all that a result depends on, and not whose machine it is.
        """
        found = machine(Clock())
        self.assertEqual(found["kcptwisted"], f"{__version__} ({describe()})")
        self.assertIn(platform.python_version(), found["Python"])
        self.assertEqual(found["Twisted"], twisted.__version__)
        self.assertEqual(found["cryptography"], cryptography.__version__)
        self.assertEqual(found["reactor"], "Clock")
        self.assertIn(platform.release(), found["kernel"])
        self.assertGreaterEqual(int(found["CPUs"]), 1)
        self.assertNotIn(platform.node(), " ".join(found.values()))
