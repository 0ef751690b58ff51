"""
Tests for L{kcptwisted.congestion.spec}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.congestion.control import CongestionControl
from kcptwisted.congestion.kcp import KCPWindow
from kcptwisted.congestion.registry import CONTROLS
from kcptwisted.congestion.spec import ControlSpec


class MakeTests(SynchronousTestCase):
    """
    Tests for L{ControlSpec.make}.
    """

    def test_function(self) -> None:
        """
        A function is called with the size of a full segment and the round trip.
        """
        given: list[tuple[int, int]] = []

        def make(segment: int, roundTrip: int) -> CongestionControl:
            given.append((segment, roundTrip))
            return KCPWindow(segment)

        made = ControlSpec("x", make).make(1400, 25)
        self.assertIsInstance(made, KCPWindow)
        self.assertEqual(given, [(1400, 25)])

    def test_text(self) -> None:
        """
        A module and a function's name are imported when a control is made, not before.
        """
        spec = ControlSpec("x", "kcptwisted.congestion.kcp:KCPWindow")
        self.assertIsInstance(spec.make(1400, 0), KCPWindow)
        for wrong in ("kcptwisted.congestion.missing:make", "kcptwisted.congestion.kcp:missing"):
            self.assertRaises((ImportError, AttributeError), ControlSpec("x", wrong).make, 1, 0)

    def test_another(self) -> None:
        """
        Each connection has a control of its own.
        """
        for spec in CONTROLS.values():
            self.assertIsNot(spec.make(1400, 0), spec.make(1400, 0))

    def test_fullSegment(self) -> None:
        """
        Each control lets at least one full segment leave, whatever its size and the round trip.
        """
        for spec in CONTROLS.values():
            for segment in (25, 1400, 1500):
                for roundTrip in (0, 1, 50, 60_000):
                    control = spec.make(segment, roundTrip)
                    self.assertGreaterEqual(control.window, segment, spec.name)
                    self.assertGreaterEqual(control.pacingRate, 0, spec.name)

    def test_byName(self) -> None:
        """
        The factories of the registry are named by text, so that importing it imports no control.
        """
        for name, spec in CONTROLS.items():
            self.assertIsInstance(spec.factory, str, name)
