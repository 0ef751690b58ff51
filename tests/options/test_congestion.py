"""
Options about congestion control, and what follows from them.
"""

from __future__ import annotations

from typing import Any

from kcptwisted.congestion.registry import CONTROLS, CongestionSpec
from kcptwisted.congestion.spec import ControlSpec
from kcptwisted.options.table import LARGE_WINDOWS, MODES, SMALL_WINDOWS
from tests.optionvalues import OptionsTestCase, make, parse


class NameTests(OptionsTestCase):
    """
    Which congestion control it is.
    """

    def test_default(self) -> None:
        """
        It is bbr, whatever the mode.
        """
        self.assertEqual(make().congestionName, "bbr")
        for mode in MODES:
            self.assertEqual(make(mode=mode).congestionName, "bbr")
            self.assertEqual(parse(mode=mode).congestionName, "bbr")

    def test_given(self) -> None:
        """
        Each known name is taken.
        """
        for name in (*CONTROLS, "none"):
            self.assertEqual(make(congestion=name).congestionName, name)
            self.assertEqual(parse(congestion=name).congestionName, name)

    def test_nc(self) -> None:
        """
        C{nc} says it in kcp-go's words, with a mode or without.
        """
        for mode in ({}, {"mode": "normal"}, {"mode": "fast3"}):
            self.assertEqual(parse(nc="yes", **mode).congestionName, "none")
            self.assertEqual(parse(nc="1", **mode).congestionName, "none")
            self.assertEqual(parse(nc="no", **mode).congestionName, "kcp")
            self.assertEqual(make(nc=True, **mode).congestionName, "none")

    def test_both(self) -> None:
        """
        Both may be given if they mean the same.
        """
        self.assertEqual(make(nc=True, congestion="none").congestionName, "none")
        self.assertEqual(make(nc=False, congestion="kcp").congestionName, "kcp")

    def test_conflict(self) -> None:
        """
        Else the error names both, and what is allowed.
        """
        for nc, meant, others in ((True, "none", ("bbr", "kcp")), (False, "kcp", ("bbr", "none"))):
            for other in others:
                said = f"nc={'yes' if nc else 'no'}"
                allowed = f"congestion must be {meant} or left out"
                self.refused(said, allowed, other, nc=nc, congestion=other)

    def test_unknown(self) -> None:
        """
        For an unknown name the error lists those that there are.
        """
        for name in ("", "BBR", "cubic", "bbr "):
            self.refused("congestion must be one of bbr, kcp, none", repr(name), congestion=name)
        self.refused("congestion", "int", congestion=1)


class FollowingTests(OptionsTestCase):
    """
    What follows for windows and recovery.
    """

    def settings(self, **given: Any) -> tuple[int, int, int, bool, ControlSpec | None]:
        """
        @return: the windows, whether losses are found by time, and the congestion control.
        """
        found = make(**given).arqSettings(0)
        return (
            found.sendWindow,
            found.receiveWindow,
            found.mostReceiveWindow,
            found.detectsLossByTime,
            found.congestion,
        )

    def test_findsPath(self) -> None:
        """
        Where the control finds the path the windows are large, and losses are found by time.
        """
        self.assertEqual(self.settings(), (*LARGE_WINDOWS, True, CONTROLS["bbr"]))
        self.assertEqual(self.settings(mode="fast3"), self.settings())

    def test_asKCP(self) -> None:
        """
        Else all is as kcp-go has it.
        """
        kcp = CONTROLS["kcp"]
        self.assertEqual(self.settings(congestion="kcp"), (*SMALL_WINDOWS, False, kcp))
        self.assertEqual(self.settings(congestion="none"), (*SMALL_WINDOWS, False, None))
        self.assertEqual(self.settings(nc=True), self.settings(congestion="none"))

    def test_own(self) -> None:
        """
        A control of the user's says which of both it is.
        """
        for finds, windows in ((True, LARGE_WINDOWS), (False, SMALL_WINDOWS)):
            spec = CongestionSpec("own", CONTROLS["kcp"].factory, findsPath=finds)
            CONTROLS["own"] = spec
            self.addCleanup(CONTROLS.pop, "own", None)
            self.assertEqual(self.settings(congestion="own"), (*windows, finds, spec))

    def test_windowsGiven(self) -> None:
        """
        Windows that are given stay, each by itself, and do not grow.
        """
        for congestion, default in (("bbr", LARGE_WINDOWS), ("none", SMALL_WINDOWS)):
            sent = self.settings(congestion=congestion, sendWindow=77)[:3]
            self.assertEqual(sent, default._replace(send=77))
            held = self.settings(congestion=congestion, receiveWindow=77)[:3]
            self.assertEqual(held, (default.send, 77, 0))

    def test_resendGiven(self) -> None:
        """
        C{resend}, if it is given, counts ACKs with any control; a mode's does not.
        """
        for resend in (0, 2, 8):
            self.assertFalse(self.settings(resend=resend)[3])
            self.assertEqual(make(resend=resend).arqSettings(0).resend, resend)

    def test_changed(self) -> None:
        """
        A change takes windows and recovery along, and takes the place of what was said before.
        """
        options = make()
        self.assertEqual(options.windows, LARGE_WINDOWS)
        changed = options.changed(congestion="none")
        self.assertEqual(changed.windows, SMALL_WINDOWS)
        self.assertEqual(options.windows, LARGE_WINDOWS)
        self.assertFalse(changed.arqSettings(0).detectsLossByTime)
        self.assertEqual(changed.changed(nc=False).congestionName, "kcp")
        self.assertEqual(make(nc=True).changed(congestion="bbr").congestionName, "bbr")
        self.assertEqual(make(nc=True).changed(congestion="bbr").windows, LARGE_WINDOWS)
        self.assertEqual(
            make(sendWindow=99).changed(nc=True).windows, SMALL_WINDOWS._replace(send=99)
        )

    def test_changedBoth(self) -> None:
        """
        A change to what contradicts itself is refused.
        """
        for first in ({}, {"nc": True}, {"congestion": "kcp"}):
            options = make(**first)
            problem = self.assertRaises(ValueError, options.changed, nc=True, congestion="bbr")
            self.assertIn("congestion must be none or left out with nc=yes", str(problem))
            problem = self.assertRaises(ValueError, options.changed, congestion="cubic")
            self.assertIn("congestion must be one of", str(problem))
