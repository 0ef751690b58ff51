"""
Tests for L{KCPOptions.changed}: what can be changed on a live connection.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from kcptwisted.options import KCPOptions
from kcptwisted.options.checks import LIVE
from kcptwisted.options.table import MODES, OPTIONS, Mode
from tests.optionvalues import BOUNDS, TEXTS, TRUTHS, OptionsTestCase, make

#: A value of each option that can be changed, which is not the default.
VALUES: dict[str, Any] = {
    "mode": "fast3",
    "nodelay": True,
    "interval": 50,
    "resend": 5,
    "congestion": "kcp",
    "nc": False,
    "mtu": 1200,
    "sendWindow": 64,
    "receiveWindow": 128,
    "ackNoDelay": True,
    "writeDelay": True,
    "rateLimit": 100_000,
    "pacing": False,
}


def valuesOf(options: KCPOptions) -> dict[str, Any]:
    """
    @return: all options by name, and what follows from them.
    """
    values = {option.name: getattr(options, option.name) for option in OPTIONS}
    settings = options.connectionSettings(options.overhead)
    return values | {"timing": options.timing, "settings": settings, "key": options.cipherKey}


class TakenTests(OptionsTestCase):
    """
    Changes that are taken.
    """

    def test_all(self) -> None:
        """
        The values above are for all options that can be changed, and none is the default.
        """
        self.assertEqual(set(VALUES), set(LIVE))
        for name, value in VALUES.items():
            self.assertNotEqual(getattr(KCPOptions, name), value, name)

    def test_one(self) -> None:
        """
        The option has its new value, all others keep theirs, and so do the options that were asked.
        """
        options = make(key="sesame", dataShards=10, parityShards=3)
        before = valuesOf(options)
        for name, value in VALUES.items():
            changed = options.changed(**{name: value})
            for item in fields(KCPOptions):
                if item.name.startswith("_"):
                    continue
                expected = value if item.name == name else getattr(options, item.name)
                self.assertEqual(getattr(changed, item.name), expected, item.name)
            self.assertEqual(valuesOf(options), before)

    def test_sameAsGiven(self) -> None:
        """
        What follows from them is as if the values had been given at first, also for layers of which
        it had been asked before.
        """
        options = make(crypt="null", dataShards=10, parityShards=3)
        for overhead in (8, 36):
            options.connectionSettings(overhead)
            options.arqSettings(overhead)
        changes = {**VALUES, "interval": None}
        changed = options.changed(**changes)
        given = make(crypt="null", dataShards=10, parityShards=3, **changes)
        self.assertEqual(changed, given)
        self.assertEqual(changed.timing, given.timing)
        for overhead in (8, 36):
            self.assertEqual(changed.arqSettings(overhead), given.arqSettings(overhead))
            self.assertEqual(
                changed.connectionSettings(overhead), given.connectionSettings(overhead)
            )

    def test_nothing(self) -> None:
        """
        Without changes the options are the same.
        """
        options = make(crypt="null")
        self.assertEqual(options.changed(), options)

    def test_again(self) -> None:
        """
        Changes add up.
        """
        options = make(crypt="null").changed(mtu=1200).changed(sendWindow=9).changed(mtu=600)
        self.assertEqual((options.mtu, options.sendWindow), (600, 9))

    def test_mode(self) -> None:
        """
        A mode leaves alone what was given beside it; None gives that up.
        """
        options = make(crypt="null", interval=50).changed(mode="fast3")
        self.assertEqual(options.timing, Mode(True, 50, 2))
        self.assertEqual(options.changed(interval=None).timing, MODES["fast3"])

    def test_bounds(self) -> None:
        """
        The smallest and the largest value are taken, for the mtu what is the smallest with the
        cipher and FEC.
        """
        options = make(key="sesame", dataShards=10, parityShards=3)
        for name in set(BOUNDS) & set(LIVE):
            low, high = BOUNDS[name]
            if name == "mtu":
                low += options.overhead
            for value in (low, high):
                self.assertEqual(getattr(options.changed(**{name: value}), name), value)


class RefusedTests(OptionsTestCase):
    """
    Changes that are refused.
    """

    def check(self, options: KCPOptions, changes: dict[str, Any], *mentioned: object) -> None:
        """
        The error mentions certain things, and the options stay as they are.
        """
        before = valuesOf(options)
        text = str(self.assertRaises(ValueError, options.changed, **changes))
        for thing in mentioned:
            self.assertIn(str(thing), text)
        self.assertEqual(valuesOf(options), before)

    def test_others(self) -> None:
        """
        Any other option, and what is none, is named, and what can be changed instead.
        """
        names = {option.name for option in OPTIONS} - set(LIVE)
        for name in (*names, "MTU", "cipherKey", "environ", "_settings"):
            self.check(make(crypt="null"), {"sendWindow": 5, name: 1}, f"{name} cannot", *LIVE)

    def test_outOfBounds(self) -> None:
        """
        A number that is too small or too large, with its bounds and unit.
        """
        for option in OPTIONS:
            if option.name in LIVE and option.name in BOUNDS:
                low, high = BOUNDS[option.name]
                for value in (low - 1, high + 1):
                    changes = {"ackNoDelay": True, option.name: value}
                    self.check(make(crypt="null"), changes, option.name, option.bounds, value)

    def test_type(self) -> None:
        """
        A value of another type, with the right one.
        """
        for name in LIVE:
            kind = "bool" if name in TRUTHS else "str" if name in TEXTS else "int"
            for value in (2.5, b"1", [1], "x" if kind != "str" else 1):
                self.check(make(crypt="null"), {name: value}, f"{name} must be {kind}")

    def test_none(self) -> None:
        """
        None where the default is another.
        """
        for name in LIVE:
            if getattr(KCPOptions, name) is not None:
                self.check(make(crypt="null"), {name: None}, name)

    def test_mode(self) -> None:
        """
        A mode that there is not, with those that there are.
        """
        self.check(make(crypt="null"), {"mtu": 600, "mode": "fast4"}, "mode", *MODES)

    def test_mtu(self) -> None:
        """
        An mtu that leaves no room for a byte beside what cipher and FEC take.
        """
        options = make(key="sesame", dataShards=10, parityShards=3)
        least = 25 + options.overhead
        self.check(options, {"interval": 50, "mtu": least - 1}, "mtu", f"{least} to 1500")
