"""
The options of smux.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.smux.options import SMUX_OPTIONS, SmuxOptions


class OptionsTests(SynchronousTestCase):
    """
    L{SmuxOptions}.
    """

    def refused(self, **given: Any) -> str:
        """
        @return: what is wrong.
        """
        return str(self.assertRaises(ValueError, lambda: SmuxOptions(**given)))

    def test_defaults(self) -> None:
        """
        They are smux's, but for the version.
        """
        options = SmuxOptions()
        self.assertEqual(
            (options.version, options.keepAliveInterval, options.keepAliveTimeout),
            (2, 10.0, 30.0),
        )
        self.assertEqual(
            (options.frameSize, options.sessionBuffer, options.streamBuffer),
            (32768, 4194304, 65536),
        )
        self.assertRaises(FrozenInstanceError, setattr, options, "version", 1)

    def test_table(self) -> None:
        """
        Each has its line.
        """
        self.assertEqual(
            [option.name for option in SMUX_OPTIONS], [field.name for field in fields(SmuxOptions)]
        )

    def test_bounds(self) -> None:
        """
        What is wrong is named, with what is allowed.
        """
        self.assertEqual(self.refused(version=3), "version must be 1 to 2, not 3")
        self.assertEqual(
            self.refused(frameSize=65536), "frameSize must be 1 to 65535 bytes, not 65536"
        )
        self.assertEqual(self.refused(version="2"), "version must be int, not str")
        self.assertEqual(self.refused(frameSize=True), "frameSize must be int, not bool")
        self.assertEqual(
            self.refused(keepAliveInterval="x"), "keepAliveInterval must be float, not str"
        )
        self.assertEqual(
            self.refused(keepAliveTimeout=float("nan")),
            "keepAliveTimeout must be 0 to 86400 seconds, not nan",
        )

    def test_interval(self) -> None:
        """
        NOP frames do not fill the line.
        """
        self.assertEqual(
            self.refused(keepAliveInterval=0.01),
            "keepAliveInterval must be 0, or at least 0.1 seconds, not 0.01",
        )
        SmuxOptions(keepAliveInterval=0.1)

    def test_together(self) -> None:
        """
        So is what does not go together.
        """
        self.assertEqual(
            self.refused(keepAliveInterval=31),
            "keepAliveTimeout must be at least keepAliveInterval, 31 seconds, not 30",
        )
        self.assertEqual(
            self.refused(streamBuffer=101, sessionBuffer=100),
            "streamBuffer must be at most sessionBuffer, 100 bytes, not 101",
        )
        SmuxOptions(keepAliveInterval=0, keepAliveTimeout=0)

    def test_strings(self) -> None:
        """
        Numbers are written as such.
        """
        self.assertEqual(
            SmuxOptions.fromStrings({"version": "1", "keepAliveInterval": "0.5"}),
            SmuxOptions(version=1, keepAliveInterval=0.5),
        )
        for name, text in (
            ("version", "two"),
            ("frameSize", "1_000"),
            ("frameSize", "1.5"),
            ("frameSize", ""),
            ("keepAliveTimeout", "."),
            ("keepAliveTimeout", "-1"),
        ):
            problem = self.assertRaises(ValueError, SmuxOptions.fromStrings, {name: text})
            self.assertIn(f"{name} must be a number, ", str(problem))
            self.assertIn(f"not {text!r}", str(problem))
